import type { Holder } from '../model/index.ts';
import { EAGAIN, EINVAL, ENOENT, ENOSYS, isGone } from './errors.ts';
import {
  close,
  errno,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  openat,
  openatBytes,
  SYS,
  syscallWithBuffers,
} from './libc.ts';
import { openSocketNamespace } from './nsfs.ts';
import { duplicateFrom, openPidfd } from './pidfd.ts';
import { type Procfs, readAll } from './procfs.ts';
import { statxAt } from './stat.ts';

const RESOLVE_CACHED = 0x20;
/** How often a lookup that lost a race with a rename is tried again before it counts as not cached. */
const CACHED_TRIES = 3;
const MOUNT_TRIES = 5;

/**
 * Looks a mount point up without ever asking a filesystem (openat2(2), RESOLVE_CACHED, Linux 5.12): whatever is
 * mounted on keeps its path in the kernel's cache, and a dead NFS or FUSE server on the way must not block the scan.
 * Before 5.12 it is an ordinary lookup.
 *
 * @param root what the path starts from; the path itself is absolute, one character a byte.
 * @returns an O_PATH descriptor the caller closes, or -1 with errno set.
 */
function lookUpMountPoint(root: number, path: string): number {
  const relative = Buffer.from(`${path.slice(1) || '.'}\0`, 'latin1');
  const how = Buffer.alloc(24); // struct open_how: flags, mode, resolve
  how.writeUInt32LE(O_PATH | O_CLOEXEC, 0);
  how.writeUInt32LE(RESOLVE_CACHED, 16);
  for (let tries = 1; ; tries++) {
    const fd = syscallWithBuffers(SYS.openat2, root, relative, how, how.length);
    if (fd >= 0) return fd;
    const failure = errno();
    if (failure === EAGAIN && tries < CACHED_TRIES) continue;
    if (failure !== EINVAL && failure !== ENOSYS) return -1;
    return openatBytes(root, relative, O_PATH | O_CLOEXEC);
  }
}

/** Opens the namespace that is mounted at a path, starting from `root`; see `openIfNamespace`. */
export function openMountedNamespace(procFd: number, root: number, path: string, device: number): number {
  const looked = lookUpMountPoint(root, path);
  return looked < 0 ? -1 : reopenNamespace(procFd, looked, device);
}

/** Reopens what an O_PATH descriptor stands for if it is a namespace, and closes that descriptor. */
function reopenNamespace(procFd: number, looked: number, device: number): number {
  const isNamespace = statxAt(looked, '')?.device === device;
  const fd = isNamespace ? openat(procFd, `self/fd/${looked}`, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
  const failure = isNamespace ? errno() : ENOENT; // what was there is something else by now
  close(looked);
  if (fd < 0) errno(failure);
  return fd;
}

/**
 * Opens a namespace file by path without ever opening anything else that may be there by now (a FIFO, a device):
 * looks without opening (O_PATH), then reopens exactly what was looked at, through `procFd`: inside another mount
 * namespace there need be no `/proc`.
 */
export function openIfNamespace(procFd: number, dirfd: number, path: string, device: number): number {
  const looked = openat(dirfd, path, O_PATH | O_CLOEXEC);
  return looked < 0 ? -1 : reopenNamespace(procFd, looked, device);
}

/** Opens a mount point as a process sees it: `/proc/<pid>/root` leads to that process's own root. */
export function openMountedAt(procFd: number, seenBy: number, path: string, device: number): number {
  const root = openat(procFd, `${seenBy}/root`, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return -1;
  const fd = openMountedNamespace(procFd, root, path, device);
  const failure = fd < 0 ? errno() : 0;
  close(root);
  if (fd < 0) errno(failure);
  return fd;
}

function openThroughSocket(tid: number, thread: boolean, fd: number): number {
  const pidfd = openPidfd(tid, thread);
  if (pidfd < 0) return -1;
  const duplicate = duplicateFrom(pidfd, fd);
  const namespace = duplicate < 0 ? -1 : openSocketNamespace(duplicate);
  const failure = namespace < 0 ? errno() : 0;
  if (duplicate >= 0) close(duplicate);
  close(pidfd);
  if (namespace < 0) errno(failure);
  return namespace;
}

/** A way to open a namespace: one of its holders, and for a mount a process that sees it. */
export interface Way {
  readonly holder: Holder;
  readonly seenBy?: number | null;
  /** Mount point as bytes, one character each. */
  readonly mountPoint?: string;
}

/**
 * Opens a mounted namespace. A mount point that is not in the cache is either no mount point any more, which
 * mountinfo tells, or lies on a filesystem that would have to be asked. On a busy host the next namespace appears in
 * the same place with the same number, so that is looked at again before it counts as refused.
 */
function openMount(procfs: Procfs, ino: number, seenBy: number, path: string, device: number): number {
  for (let tries = 1; ; tries++) {
    const fd = openMountedAt(procfs.fd, seenBy, path, device);
    if (fd >= 0 || errno() !== EAGAIN) return fd;
    const mounted = readAll(procfs.fd, `${seenBy}/mountinfo`)?.includes(` net:[${ino}] `) ?? false;
    if (mounted && tries < MOUNT_TRIES) continue;
    errno(mounted ? EAGAIN : ENOENT);
    return -1;
  }
}

/** Opens by one way: a descriptor, -1 with errno set, or null where this kind of holder leads nowhere. */
function openBy(procfs: Procfs, ino: number, { holder, seenBy, mountPoint }: Way, device: number): number | null {
  switch (holder.kind) {
    case 'task':
      return openat(procfs.fd, `${holder.pid}/task/${holder.tid}/ns/net`, O_RDONLY | O_CLOEXEC);
    case 'descriptor':
      return openIfNamespace(procfs.fd, procfs.fd, `${holder.tid ?? holder.pid}/fd/${holder.fd}`, device);
    case 'mount':
      return seenBy != null && mountPoint !== undefined ? openMount(procfs, ino, seenBy, mountPoint, device) : null;
    case 'socket':
    case 'tun':
      return procfs.live ? openThroughSocket(holder.tid ?? holder.pid, holder.tid !== undefined, holder.fd) : null;
    default:
      return null;
  }
}

/** `openNamespace`: every holder is gone, and the namespace most likely with them. */
export const GONE = -1;
/** A holder may be there and does not lead to the namespace. */
const NO_WAY = -2;

/**
 * Opens a network namespace by the first of its holders that still leads to it. What was opened is checked to be
 * that very inode: a process may have moved or been replaced since it was seen.
 *
 * @param device nsfs's device number.
 * @returns a descriptor the caller closes, `GONE`, or another negative number when no holder leads there.
 */
export function openNamespace(procfs: Procfs, ino: number, device: number, ways: readonly Way[]): number {
  let failed = GONE;
  for (const way of ways) {
    const fd = openBy(procfs, ino, way, device);
    if (fd === null || (fd < 0 && !isGone(errno()))) {
      failed = NO_WAY;
      continue;
    }
    if (fd < 0) continue;
    const identity = statxAt(fd, '');
    if (identity?.ino === ino && identity.device === device) return fd;
    close(fd);
  }
  return failed;
}
