import { AT_FDCWD, SYS, syscallWithString } from './libc.ts';

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
  if (syscallWithString(SYS.statx, dirfd, path, flags, STATX_BASIC, result) < 0) return null;
  return {
    // Offsets: struct statx in include/uapi/linux/stat.h, unchanged since 4.11.
    uid: result.readUInt32LE(0x14),
    mode: result.readUInt16LE(0x1c),
    ino: Number(result.readBigUInt64LE(0x20)),
    rdev: result.readUInt32LE(0x80) * 0x100000 + result.readUInt32LE(0x84),
    device: result.readUInt32LE(0x88) * 0x100000 + result.readUInt32LE(0x8c),
  };
}

/** `statxAt` for a path from this thread's root or working directory. */
export function statxPath(path: string): FileIdentity | null {
  return statxAt(AT_FDCWD, path);
}
