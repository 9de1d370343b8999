import { monotonic } from '../clock.ts';
import type { MountPlace } from '../model/plan.ts';
import { close, O_CLOEXEC, O_RDONLY, openat } from '../os/libc.ts';
import { inMountNamespace } from '../os/mount-namespace.ts';
import { CLONE_NEWNS, inodeOf, namespaceLink, namespaceType, nsfsDevice, parseNamespaceLink } from '../os/nsfs.ts';
import { openIfNamespace } from '../os/open-namespace.ts';
import { listNumbers, type Procfs, readLink } from '../os/procfs.ts';
import { type StepContext, trying } from './contract.ts';

/** How long a search of all descriptors is good for: a plan of many steps asks for many that are gone. */
const FRESH_MS = 1000;

/** Links of procfs that lead into mount namespaces, by their numbers. */
interface Search {
  readonly at: number;
  readonly links: ReadonlyMap<number, readonly string[]>;
}

const searches = new WeakMap<Procfs, Search>();

/** Looks at where every task is and what it has open. */
function search(procfs: Procfs): Search {
  const links = new Map<number, string[]>();
  const add = (ino: number | null, path: string): void => {
    if (ino === null || ino <= 0) return;
    const known = links.get(ino);
    if (known === undefined) links.set(ino, [path]);
    else known.push(path);
  };
  for (const pid of listNumbers(procfs.fd, '.') ?? []) {
    // A thread may have a table of descriptors of its own.
    for (const tid of listNumbers(procfs.fd, `${pid}/task`) ?? []) {
      const task = `${pid}/task/${tid}`;
      add(namespaceLink(procfs.fd, `${task}/ns/mnt`), `${task}/ns/mnt`);
      for (const number of listNumbers(procfs.fd, `${task}/fd`) ?? []) {
        const link = readLink(procfs.fd, `${task}/fd/${number}`);
        if (link?.startsWith('mnt:')) add(parseNamespaceLink(link), `${task}/fd/${number}`);
      }
    }
  }
  return { at: monotonic(), links };
}

/** Opens a mount namespace that nobody of the snapshot lives in any more, by whatever leads there; -1 for nothing. */
function openByAnything(procfs: Procfs, ino: number): number {
  let known = searches.get(procfs);
  if (known === undefined || monotonic() - known.at > FRESH_MS) {
    known = search(procfs);
    searches.set(procfs, known);
  }
  const device = nsfsDevice(procfs.fd) ?? -1;
  for (const path of known.links.get(ino) ?? []) {
    const fd = openIfNamespace(procfs.fd, procfs.fd, path, device);
    if (fd < 0) continue;
    if (inodeOf(fd) === ino && namespaceType(fd) === CLONE_NEWNS) return fd;
    close(fd);
  }
  return -1;
}

function openMountNamespace(procfs: Procfs, ino: number, seenBy: readonly number[]): number {
  for (const pid of seenBy) {
    const fd = openat(procfs.fd, `${pid}/ns/mnt`, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    if (inodeOf(fd) === ino) return fd;
    close(fd);
  }
  return openByAnything(procfs, ino);
}

/** Whether a place is in the mount namespace this thread is in. */
function isHere(procfs: Procfs, { mountNamespace }: Pick<MountPlace, 'mountNamespace'>): boolean {
  return mountNamespace === null || namespaceLink(procfs.fd, 'thread-self/ns/mnt') === mountNamespace;
}

/** Runs a synchronous function in a mount namespace, which may be this thread's own. Null when that is gone. */
export function within<T>(procfs: Procfs, place: Omit<MountPlace, 'mountIds'>, run: () => T): T | null {
  const { mountNamespace: ino, seenBy } = place;
  if (ino === null || isHere(procfs, place)) return run();
  const fd = openMountNamespace(procfs, ino, seenBy);
  if (fd < 0) return null;
  try {
    return trying('CAP_SYS_ADMIN', () => inMountNamespace(procfs.fd, fd, `mnt:[${ino}]`, run));
  } finally {
    close(fd);
  }
}

/**
 * Does something in one mount namespace after the other; one that is gone needs nothing.
 *
 * @param run says whether there was something to do.
 * @returns in how many there was.
 * @throws StepError what `run` throws, once those before it are accounted for.
 */
export function eachPlace(
  context: StepContext,
  places: readonly MountPlace[],
  run: (place: MountPlace) => boolean,
): number {
  let done = 0;
  let gone = 0;
  const account = (): void => {
    if (gone === 0) return;
    const some = gone === 1 ? 'a mount namespace is' : `${gone} mount namespaces are`;
    context.say(`${some} gone, or nothing leads there`);
  };
  try {
    for (const place of places) {
      const was = within(context.procfs, place, () => run(place));
      if (was === null) gone++;
      if (was !== true) continue;
      done++;
      if (places.length > 1) context.say(`done in mount namespace ${place.mountNamespace ?? 'of nsleuth'}`);
    }
  } finally {
    account();
  }
  return done;
}
