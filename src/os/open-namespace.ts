import { describeHolder } from '../model/describe.ts';
import type { Holder } from '../model/index.ts';
import { EAGAIN, EBADF, EINVAL, ENOENT, ENOSYS, ESTALE, isGone } from './errors.ts';
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
import { hasInactiveNamespaces, openByHandle } from './namespace-handle.ts';
import { openPidfdNamespace, openSocketNamespace } from './nsfs.ts';
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

/** A way to open a namespace. */
export type Way =
  /** By one of its holders; for a mount by a process that sees it. */
  | {
      readonly holder: Holder;
      readonly seenBy?: number | null;
      /** Mount point as bytes, one character each. */
      readonly mountPoint?: string;
    }
  /** By its nsfs handle (Linux 6.18). */
  | { readonly handle: bigint };

/**
 * Opens a mounted namespace. A mount point that is not in the cache is either no mount point any more, which
 * mountinfo tells, or lies on a filesystem that would have to be asked. On a busy host the next namespace appears in
 * the same place with the same number, so that is looked at again before it counts as refused. A path that leads to
 * something else may lead to what is mounted over it.
 */
function openMount(procfs: Procfs, ino: number, seenBy: number, path: string, device: number): number {
  for (let tries = 1; ; tries++) {
    const fd = openMountedAt(procfs.fd, seenBy, path, device);
    if (fd >= 0 || (errno() !== EAGAIN && !isGone(errno()))) return fd;
    const cached = errno() !== EAGAIN;
    const mounted = readAll(procfs.fd, `${seenBy}/mountinfo`)?.includes(` net:[${ino}] `) ?? false;
    if (mounted && !cached && tries < MOUNT_TRIES) continue;
    errno(mounted ? EAGAIN : ENOENT);
    return -1;
  }
}

/**
 * Opens the namespace of a task: through procfs, or, where a task is concealed there, through a pidfd
 * (PIDFD_GET_NET_NAMESPACE, Linux 6.11).
 */
function openTask(procfs: Procfs, pid: number, tid: number): number {
  const fd = openat(procfs.fd, `${pid}/task/${tid}/ns/net`, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 || !procfs.live) return fd;
  const failure = errno();
  const pidfd = openPidfd(tid, tid !== pid);
  const namespace = pidfd < 0 ? -1 : openPidfdNamespace(pidfd);
  if (pidfd >= 0) close(pidfd);
  if (namespace < 0) errno(failure);
  return namespace;
}

/**
 * What the failure of a way tells: `gone` that it ended at something that is no more, `no way` that it may still lead
 * there, null nothing. A stale handle is that of a namespace that is gone, where it cannot be of an inactive one; before
 * Linux 6.18 there are no handles (EBADF).
 */
function failureOf(way: Way): 'gone' | 'no way' | null {
  const failure = errno();
  if (!('handle' in way)) return isGone(failure) ? 'gone' : 'no way';
  if (failure === EBADF) return null;
  return failure === ESTALE && !hasInactiveNamespaces() ? 'gone' : 'no way';
}

/** Whether opening by this way may change something: see `openNamespace`. */
function activates(way: Way): boolean {
  return 'holder' in way && (way.holder.kind === 'socket' || way.holder.kind === 'tun');
}

/** Opens by one way: a descriptor, -1 with errno set, or null where this kind of holder leads nowhere. */
function openBy(procfs: Procfs, ino: number, way: Way, device: number): number | null {
  if ('handle' in way) return openByHandle(way.handle, ino);
  const { holder, seenBy, mountPoint } = way;
  switch (holder.kind) {
    case 'task':
      return openTask(procfs, holder.pid, holder.tid);
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

/** What came of opening a namespace. */
export type Opened =
  /** The caller closes `fd`. */
  | { readonly fd: number; readonly way: Way }
  /** `gone`: every way ended at something that is no more. `activates`: only a way that changes something is left. */
  | { readonly fd: null; readonly why: 'gone' | 'no way' | 'activates' };

export interface OpenOptions {
  /**
   * Also use ways that change something. On kernels that tell active from inactive namespaces (6.19),
   * SIOCGSKNS on a socket or tun makes an inactive one active: listns(2) and handles then see it for as long as the
   * descriptor is open.
   */
  readonly mayActivate: boolean;
}

/**
 * Opens a network namespace by the first way that still leads to it. What was opened is checked to be that very
 * inode: a process may have moved or been replaced since it was seen.
 *
 * @param device nsfs's device number.
 * @param ways in the order they are tried; those that change nothing come first in any case.
 */
export function openNamespace(
  procfs: Procfs,
  ino: number,
  device: number,
  ways: readonly Way[],
  { mayActivate }: OpenOptions = { mayActivate: false },
): Opened {
  let why: 'gone' | 'no way' | 'activates' | null = null;
  const active = !mayActivate && ways.some(activates) && hasInactiveNamespaces();
  for (const way of [...ways.filter((way) => !activates(way)), ...ways.filter(activates)]) {
    if (active && activates(way)) {
      why = 'activates';
      continue;
    }
    const fd = openBy(procfs, ino, way, device);
    if (fd === null || fd < 0) {
      const failure = fd === null ? 'no way' : failureOf(way);
      if (why === null || (why === 'gone' && failure !== null)) why = failure;
      continue;
    }
    const identity = statxAt(fd, '');
    if (identity?.ino === ino && identity.device === device) return { fd, way };
    // Whatever that was led to another one by now.
    close(fd);
    why ??= 'gone';
  }
  return { fd: null, why: why ?? 'no way' };
}

/** A way in a few words: "nsfs handle", "task 71", "socket, pid 5 fd 6 (SIOCGSKNS)". */
export function describeWay(way: Way): string {
  if ('handle' in way) return 'nsfs handle';
  const text = describeHolder(way.holder);
  return activates(way) ? `${text} (SIOCGSKNS)` : text;
}
