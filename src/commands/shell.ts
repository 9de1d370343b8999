import { type ActOptions, refuseReadOnly } from './act.ts';
import { become, inPlace } from './inside.ts';

/** Where there is no SHELL in the environment. */
const SHELL = '/bin/sh';

/** `nsleuth shell NS`: the user's shell in a namespace, in place of nsleuth. Its prompt can say where it is. */
export async function shell(selector: string, options: ActOptions): Promise<never> {
  refuseReadOnly(options, 'shell');
  return inPlace(selector, options, (place) =>
    become(place, {
      argv: [process.env.SHELL || SHELL],
      env: { NSLEUTH_NETNS: place.name ?? `net:[${place.ns.ino ?? '?'}]` },
    }),
  );
}
