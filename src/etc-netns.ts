import { mountPointBytes } from './enter.ts';
import type { Namespace } from './model/index.ts';
import { hasEtcFiles } from './os/namespace-mounts.ts';

const NAMES_ARE_IN = ['/run/netns/', '/var/run/netns/'];

/** Which name of a namespace the files in `/etc/netns` are looked for by. */
export interface EtcName {
  /** As it is, not as it is drawn; null where it has none. */
  readonly name: string | null;
  /** The other names there are files for, where nothing told which one is meant. */
  readonly others: readonly string[];
}

/** The names as they are: what is in the model was made safe to draw. */
function exactNames({ names, holders }: Pick<Namespace, 'names' | 'holders'>): readonly string[] {
  const mounts = holders.filter((holder) => holder.kind === 'mount');
  return names.map((name) => {
    const holder = mounts.find(({ path }) => path === `${NAMES_ARE_IN[0]}${name}`);
    const path = holder === undefined ? '' : Buffer.from(mountPointBytes(holder), 'latin1').toString();
    return path.slice(path.lastIndexOf('/') + 1) || name;
  });
}

/** The name it was asked for by, if it is one of its names; else the first that there are files for, or the first. */
export function etcNameOf(
  ns: Pick<Namespace, 'names' | 'holders'>,
  selector: string,
  hasFiles: (name: string) => boolean = hasEtcFiles,
): EtcName {
  const names = exactNames(ns);
  const directory = NAMES_ARE_IN.find((prefix) => selector.startsWith(prefix)) ?? '';
  const asked = selector.slice(directory.length);
  if (names.includes(asked)) return { name: asked, others: [] };
  const [first, ...others] = names.filter((name) => hasFiles(name));
  return { name: first ?? names[0] ?? null, others };
}
