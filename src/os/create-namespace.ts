import { endProcess } from './end-process.ts';
import { errnoName, SystemError } from './errors.ts';
import { close, errno, O_CLOEXEC, O_RDONLY, openat, setns, unshare } from './libc.ts';
import { CLONE_NEWNET } from './nsfs.ts';

/**
 * Makes a network namespace (unshare(2)) and comes home. Only ever called on the collecting thread.
 *
 * @returns a descriptor of it, which keeps it alive; the caller closes it.
 * @throws SystemError EPERM without CAP_SYS_ADMIN, ENOSPC at the limit of the user namespace.
 */
export function createNetworkNamespace(procFd: number): number {
  const home = openat(procFd, 'thread-self/ns/net', O_RDONLY | O_CLOEXEC);
  if (home < 0) throw new SystemError('open', 'thread-self/ns/net', errno());
  try {
    if (unshare(CLONE_NEWNET) < 0) throw new SystemError('unshare', 'a network namespace', errno());
    const made = openat(procFd, 'thread-self/ns/net', O_RDONLY | O_CLOEXEC);
    const failure = made < 0 ? errno() : 0;
    if (setns(home, CLONE_NEWNET) < 0) endProcess(`cannot return from a new namespace (${errnoName(errno())})`);
    if (made < 0) throw new SystemError('open', 'the new namespace', failure);
    return made;
  } finally {
    close(home);
  }
}
