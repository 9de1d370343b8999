import { endProcess } from './end-process.ts';
import { errnoName, SystemError } from './errors.ts';
import { close, errno, O_CLOEXEC, O_RDONLY, openat, setns } from './libc.ts';
import { CLONE_NEWNET } from './nsfs.ts';

/**
 * Runs a synchronous function with this thread inside a network namespace, and comes home. Only ever called on the
 * collecting thread. A thread that cannot come home must not go on in the wrong namespace: the process ends.
 *
 * @param procFd the procfs to find the way home by.
 * @param netns an open descriptor of the namespace.
 * @throws SystemError when it may not be entered (needs CAP_SYS_ADMIN over it).
 */
export function inNetworkNamespace<T>(procFd: number, netns: number, subject: string, run: () => T): T {
  const home = openat(procFd, 'thread-self/ns/net', O_RDONLY | O_CLOEXEC);
  if (home < 0) throw new SystemError('open', 'thread-self/ns/net', errno());
  try {
    if (setns(netns, CLONE_NEWNET) < 0) throw new SystemError('setns', subject, errno());
    try {
      return run();
    } finally {
      if (setns(home, CLONE_NEWNET) < 0) {
        endProcess(`cannot return from ${subject} (${errnoName(errno())})`);
      }
    }
  } finally {
    close(home);
  }
}
