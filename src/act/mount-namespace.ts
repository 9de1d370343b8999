import type { MountPlace } from '../model/plan.ts';
import { close, O_CLOEXEC, O_RDONLY, openat } from '../os/libc.ts';
import { inMountNamespace } from '../os/mount-namespace.ts';
import { CLONE_NEWNS, inodeOf, namespaceLink, namespaceType, nsfsDevice, parseNamespaceLink } from '../os/nsfs.ts';
import { openIfNamespace } from '../os/open-namespace.ts';
import { listNumbers, type Procfs, readLink } from '../os/procfs.ts';
import { type StepContext, trying } from './contract.ts';

/** Opens a mount namespace that nobody of these lives in any more, by a descriptor somebody has of it; -1 for none. */
function openByDescriptor({ fd: procFd }: Procfs, ino: number): number {
  const device = nsfsDevice(procFd) ?? -1;
  for (const pid of listNumbers(procFd, '.') ?? []) {
    for (const number of listNumbers(procFd, `${pid}/fd`) ?? []) {
      const path = `${pid}/fd/${number}`;
      const link = readLink(procFd, path);
      if (link === null || !link.startsWith('mnt:') || parseNamespaceLink(link) !== ino) continue;
      const fd = openIfNamespace(procFd, procFd, path, device);
      if (fd < 0) continue;
      if (inodeOf(fd) === ino && namespaceType(fd) === CLONE_NEWNS) return fd;
      close(fd);
    }
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
  return openByDescriptor(procfs, ino);
}

/** Runs a synchronous function in a mount namespace, which may be this thread's own. Null when that is gone. */
function within<T>({ procfs }: StepContext, { mountNamespace: ino, seenBy }: MountPlace, run: () => T): T | null {
  if (ino === null || namespaceLink(procfs.fd, 'thread-self/ns/mnt') === ino) return run();
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
  for (const place of places) {
    const { mountNamespace } = place;
    const was = within(context, place, () => run(place));
    if (was === null) context.say(`mount namespace ${mountNamespace} is gone, or nothing leads into it`);
    if (was === true) {
      done++;
      if (places.length > 1) context.say(`done in mount namespace ${mountNamespace ?? 'of nsleuth'}`);
    }
  }
  return done;
}
