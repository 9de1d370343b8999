/** Changing mounts (mount(2), umount(2)) in the mount namespace this thread is in. Paths are bytes, one character each. */
import { ENOENT, SystemError } from './errors.ts';
import { AT_FDCWD, cString, errno, mount, umount2 } from './libc.ts';
import { mountAt } from './stat.ts';

// include/uapi/linux/mount.h, umount(2)
const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_SHARED = 0x10_0000;
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

function path(bytes: string): Buffer {
  return cString(Buffer.from(bytes, 'latin1'));
}

/** Whether anything may be mounted at a path: false only where nothing is. Cheap, where reading mountinfo is not. */
export function mayBeMountPoint(target: string): boolean {
  const there = mountAt(AT_FDCWD, path(target));
  return there === null ? errno() !== ENOENT : there.isRoot;
}

/**
 * Takes the topmost mount at a path away, if it is one of these.
 *
 * @param lazy detach it though it is busy (MNT_DETACH).
 * @returns the id of another mount that is there instead, and was left alone; null when it is gone, `absent` where
 * nothing is mounted there any more.
 * @throws SystemError EBUSY, EPERM…
 */
export function unmountExactly(target: string, mountIds: ReadonlySet<number>, lazy: boolean): number | 'absent' | null {
  const there = mountAt(AT_FDCWD, path(target));
  if (there === null && errno() !== 0) {
    if (errno() === ENOENT) return 'absent';
    throw new SystemError('statx', target, errno());
  }
  if (there !== null && !there.isRoot) return 'absent';
  if (there !== null && !mountIds.has(there.mountId)) return there.mountId;
  if (umount2(path(target), UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) < 0) {
    throw new SystemError('umount', target, errno());
  }
  return null;
}

/** Binds what a descriptor stands for to a path. @throws SystemError */
export function bindDescriptor(fd: number, target: string): void {
  if (mount(path(`/proc/self/fd/${fd}`), path(target), path('none'), MS_BIND, null) < 0) {
    throw new SystemError('mount', target, errno());
  }
}

/**
 * Makes a directory a mount of its own whose mounts reach all mount namespaces that have it, as ip-netns(8) does with
 * `/run/netns`, so that a name given in one of them is known and can be deleted in all. @throws SystemError
 */
export function shareDirectory(target: string): void {
  if (mount(path(''), path(target), path('none'), MS_SHARED | MS_REC, null) === 0) return;
  // EINVAL: it is no mount point yet.
  if (mount(path(target), path(target), path('none'), MS_BIND | MS_REC, null) < 0) {
    throw new SystemError('mount', target, errno());
  }
  if (mount(path(''), path(target), path('none'), MS_SHARED | MS_REC, null) < 0) {
    throw new SystemError('mount', target, errno());
  }
}
