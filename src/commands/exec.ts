import { CommandError, EXIT } from '../errors.ts';
import { type ActOptions, refuseReadOnly } from './act.ts';
import { become, inPlace } from './inside.ts';

/** What comes behind NS, without the `--` that may stand in between: it is ours, a second one is the program's. */
export function wordsBehind(words: readonly string[]): readonly string[] {
  return words[0] === '--' ? words.slice(1) : words;
}

/** `nsleuth exec NS -- COMMAND…`: runs a program in a namespace, in place of nsleuth. */
export async function exec(selector: string, words: readonly string[], options: ActOptions): Promise<never> {
  refuseReadOnly(options, 'exec');
  const argv = wordsBehind(words);
  if (argv.length === 0) {
    throw new CommandError('ERR_NO_COMMAND', 'no command given: nsleuth exec NS -- COMMAND [ARGUMENT…]', EXIT.usage);
  }
  return inPlace(selector, options, (place) => become(place, { argv }));
}
