import type { Holder } from '../model/index.ts';
import { close, O_CLOEXEC, O_NONBLOCK, O_PATH, O_RDONLY, openat, openatBytes } from './libc.ts';
import { openSocketNamespace } from './nsfs.ts';
import { duplicateFrom, withPidfd } from './pidfd.ts';
import type { Procfs } from './procfs.ts';
import { statxAt } from './stat.ts';

/**
 * Opens a namespace file by path without ever opening anything else that may be there by now (a FIFO, a device):
 * looks without opening (O_PATH), then reopens exactly what was looked at, through `procFd`: inside another mount
 * namespace there need be no `/proc`.
 */
export function openIfNamespace(procFd: number, dirfd: number, path: string, device: number): number {
  const looked = openatBytes(dirfd, Buffer.from(`${path}\0`, 'latin1'), O_PATH | O_CLOEXEC);
  if (looked < 0) return -1;
  try {
    if (statxAt(looked, '')?.device !== device) return -1;
    return openat(procFd, `self/fd/${looked}`, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } finally {
    close(looked);
  }
}

function openThroughSocket(tid: number, thread: boolean, fd: number): number {
  const opened = withPidfd(tid, thread, (pidfd) => {
    const duplicate = duplicateFrom(pidfd, fd);
    if (duplicate < 0) return -1;
    const namespace = openSocketNamespace(duplicate);
    close(duplicate);
    return namespace;
  });
  return typeof opened === 'number' ? opened : -1;
}

/** A way to open a namespace: one of its holders, and for a mount a process that sees it. */
export interface Way {
  readonly holder: Holder;
  readonly seenBy?: number | null;
  /** Mount point as bytes, one character each. */
  readonly mountPoint?: string;
}

function openBy(procfs: Procfs, { holder, seenBy, mountPoint }: Way, device: number): number {
  switch (holder.kind) {
    case 'task':
      return openat(procfs.fd, `${holder.pid}/task/${holder.tid}/ns/net`, O_RDONLY | O_CLOEXEC);
    case 'descriptor':
      return openIfNamespace(procfs.fd, procfs.fd, `${holder.tid ?? holder.pid}/fd/${holder.fd}`, device);
    case 'mount':
      return seenBy != null && mountPoint !== undefined
        ? openIfNamespace(procfs.fd, procfs.fd, `${seenBy}/root${mountPoint}`, device)
        : -1;
    case 'socket':
    case 'tun':
      return procfs.live ? openThroughSocket(holder.tid ?? holder.pid, holder.tid !== undefined, holder.fd) : -1;
    default:
      return -1;
  }
}

/**
 * Opens a network namespace by the first of its holders that still leads to it. What was opened is checked to be
 * that very inode: a process may have moved or been replaced since it was seen.
 *
 * @param device nsfs's device number.
 * @returns a descriptor the caller closes, or -1 when no way works.
 */
export function openNamespace(procfs: Procfs, ino: number, device: number, ways: readonly Way[]): number {
  for (const way of ways) {
    const fd = openBy(procfs, way, device);
    if (fd < 0) continue;
    const identity = statxAt(fd, '');
    if (identity?.ino === ino && identity.device === device) return fd;
    close(fd);
  }
  return -1;
}
