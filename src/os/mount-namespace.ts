import { endProcess } from './end-process.ts';
import { errnoName, SystemError } from './errors.ts';
import {
  AT_FDCWD,
  chroot,
  close,
  errno,
  fchdir,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  openat,
  setns,
  unshare,
} from './libc.ts';
import { CLONE_NEWNS } from './nsfs.ts';

const CLONE_FS = 0x200;

let fsUnshared = false;

function open(dirfd: number, path: string, flags: number): number {
  const fd = openat(dirfd, path, flags | O_CLOEXEC);
  if (fd < 0) throw new SystemError('open', path, errno());
  return fd;
}

/**
 * Runs a synchronous function with this thread inside a mount namespace, and comes home: mount namespace, root and
 * working directory. setns(2) refuses threads that share their filesystem state, so the thread stops sharing it
 * first, once; other threads never notice.
 *
 * A thread that cannot come home must not go on: what it would read or act on afterwards is another namespace's.
 * The process ends.
 *
 * @param procFd the procfs to find the way home by.
 * @param mountNs an open descriptor of the mount namespace.
 * @throws SystemError when it may not be entered (needs CAP_SYS_ADMIN over it and CAP_SYS_CHROOT).
 */
export function inMountNamespace<T>(procFd: number, mountNs: number, subject: string, run: () => T): T {
  const opened: number[] = [];
  const keep = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  try {
    const home = keep(open(procFd, 'thread-self/ns/mnt', O_RDONLY));
    const root = keep(open(AT_FDCWD, '/', O_PATH | O_DIRECTORY));
    const directory = keep(open(AT_FDCWD, '.', O_PATH | O_DIRECTORY));
    if (!fsUnshared) {
      if (unshare(CLONE_FS) < 0) throw new SystemError('unshare(CLONE_FS)', subject, errno());
      fsUnshared = true;
    }
    if (setns(mountNs, CLONE_NEWNS) < 0) throw new SystemError('setns', subject, errno());
    try {
      return run();
    } finally {
      const back = setns(home, CLONE_NEWNS) === 0 && fchdir(root) === 0 && chroot('.') === 0 && fchdir(directory) === 0;
      if (!back) endProcess(`cannot return from ${subject} (${errnoName(errno())})`);
    }
  } finally {
    for (const fd of opened) close(fd);
  }
}
