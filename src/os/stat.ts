import { AT_FDCWD, errno, SYS, syscallWithBytes, syscallWithString } from './libc.ts';

const AT_EMPTY_PATH = 0x1000;
const AT_STATX_DONT_SYNC = 0x4000;
const STATX_BASIC = 0x7ff;

/** What statx(2) says, as far as telling one file from another needs it. */
export interface FileIdentity {
  /** Filesystem's device as `major << 20 | minor`, the way fdinfo's `sdev` and mountinfo mean it. */
  readonly device: number;
  readonly ino: number;
  /** Device number of a device node, encoded likewise. */
  readonly rdev: number;
  readonly mode: number;
  readonly uid: number;
}

const result = Buffer.alloc(256);

/**
 * statx(2) without asking a network or FUSE server (AT_STATX_DONT_SYNC), so a dead one cannot block the scan.
 * An empty path means the descriptor itself.
 *
 * @returns null with errno set when it fails.
 */
export function statxAt(dirfd: number, path: string): FileIdentity | null {
  const flags = AT_STATX_DONT_SYNC | (path === '' ? AT_EMPTY_PATH : 0);
  return syscallWithString(SYS.statx, dirfd, path, flags, STATX_BASIC, result) < 0 ? null : identity();
}

/** `statxAt` for a path that need not be UTF-8. */
export function statxAtBytes(dirfd: number, path: Uint8Array): FileIdentity | null {
  const terminated = Buffer.concat([path, Buffer.from([0])]);
  return syscallWithBytes(SYS.statx, dirfd, terminated, AT_STATX_DONT_SYNC, STATX_BASIC, result) < 0
    ? null
    : identity();
}

function identity(): FileIdentity {
  return {
    // Offsets: struct statx in include/uapi/linux/stat.h, unchanged since 4.11.
    uid: result.readUInt32LE(0x14),
    mode: result.readUInt16LE(0x1c),
    ino: Number(result.readBigUInt64LE(0x20)),
    rdev: result.readUInt32LE(0x80) * 0x100000 + result.readUInt32LE(0x84),
    device: result.readUInt32LE(0x88) * 0x100000 + result.readUInt32LE(0x8c),
  };
}

const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_MNT_ID = 0x1000;
const STATX_ATTR_MOUNT_ROOT = 0x2000;

/** What is mounted where a path leads to. */
export interface MountedThere {
  /** Id of the mount: with several in one place that of the topmost, which is the one umount(2) takes away. */
  readonly mountId: number;
  /** Whether the path is where it is mounted, not a place inside it. */
  readonly isRoot: boolean;
}

/**
 * The mount a path leads to, the last component not followed if it is a link (STATX_MNT_ID and STATX_ATTR_MOUNT_ROOT,
 * Linux 5.8).
 *
 * @param path bytes, ending in NUL.
 * @returns null with errno set when it cannot be told; errno 0 where the kernel does not tell it.
 */
export function mountAt(dirfd: number, path: Uint8Array): MountedThere | null {
  const flags = AT_STATX_DONT_SYNC | AT_SYMLINK_NOFOLLOW;
  if (syscallWithBytes(SYS.statx, dirfd, path, flags, STATX_MNT_ID, result) < 0) return null;
  errno(0);
  // Offsets: struct statx in include/uapi/linux/stat.h.
  if ((result.readUInt32LE(0) & STATX_MNT_ID) === 0) return null;
  const attributes = result.readUInt32LE(0x08);
  const known = result.readUInt32LE(0x38);
  if ((known & STATX_ATTR_MOUNT_ROOT) === 0) return null;
  return { mountId: Number(result.readBigUInt64LE(0x90)), isRoot: (attributes & STATX_ATTR_MOUNT_ROOT) !== 0 };
}

/** `statxAt` for a path from this thread's root or working directory. */
export function statxPath(path: string): FileIdentity | null {
  return statxAt(AT_FDCWD, path);
}
