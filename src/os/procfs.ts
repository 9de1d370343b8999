import { realpathSync } from 'node:fs';
import type { SafeText } from '../model/index.ts';
import { safeText } from '../terminal/sanitise.ts';
import { EFBIG, errnoName, SystemError } from './errors.ts';
import {
  AT_FDCWD,
  close,
  closeElsewhere,
  errno,
  fstatfs,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  openat,
  read,
  readlinkat,
  SYS,
  syscallNamed,
  syscallNumbers,
  syscallWithBuffer,
  syscallWithString,
} from './libc.ts';

const PROC_SUPER_MAGIC = 0x9fa0;
const OPEN_TREE_CLONE = 1;
const FSOPEN_CLOEXEC = 1;
const FSCONFIG_CMD_CREATE = 6;
const FSMOUNT_CLOEXEC = 1;
/** MOUNT_ATTR_RDONLY | NOSUID | NODEV | NOEXEC */
const MOUNT_ATTRIBUTES = 0x1 | 0x2 | 0x4 | 0x8;

const INITIAL_BUFFER = 256 * 1024;
/** A `/proc` file larger than this is not worth an incident's memory: 64 MiB is ~600,000 mounts. */
const LARGEST_FILE = 64 * 1024 * 1024;

let buffer = Buffer.alloc(INITIAL_BUFFER);
const linkBuffer = Buffer.alloc(4096);

/**
 * A procfs to read from, by descriptor.
 *
 * Where allowed (Linux 5.2, CAP_SYS_ADMIN) it is a private mount of procfs that is in no mount namespace: nothing can
 * be mounted over it, so what somebody laid over `/proc/<pid>` hides nothing here.
 */
export interface Procfs {
  /** Resolved, as the kernel has it. */
  readonly root: string;
  /** `root`, safe to draw. */
  readonly name: SafeText;
  readonly fd: number;
  /** Nothing can be mounted over this one. */
  readonly uncovered: boolean;
  /** Why there is no private mount, where one was wanted: an errno name. */
  readonly coveredReason: string | null;
  /**
   * It shows the pids this process itself may act on. False for fixtures and for another pid namespace's procfs:
   * there, pidfds would reach the wrong processes and are not used.
   */
  readonly live: boolean;
  /** It is a procfs at all, so what it tells is about the running kernel: false for a tree of files. */
  readonly ofThisKernel: boolean;
}

/**
 * What is mounted on a directory, without anything mounted below it: a clone of that one mount, in no mount namespace
 * (open_tree(2), Linux 5.2). It shares the kernel's cache of what has been looked up before, which a fresh instance
 * would have to build and to tear down again: ~40 ms for 1000 processes.
 */
function cloneMount(root: string): number {
  return syscallWithString(SYS.open_tree, AT_FDCWD, root, OPEN_TREE_CLONE | O_CLOEXEC, 0, null);
}

/** A fresh instance of procfs (fsopen(2), fsmount(2)): where `/proc` itself is covered, or is another's. */
function mountPrivateProcfs(): number {
  const context = syscallNamed(SYS.fsopen, 'proc', FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  try {
    if (syscallNumbers(SYS.fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0) < 0) return -1;
    return syscallNumbers(SYS.fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTRIBUTES, 0, 0);
  } finally {
    close(context);
  }
}

function isProcfs(fd: number): boolean {
  const facts = Buffer.alloc(128);
  return fstatfs(fd, facts) === 0 && facts.readUInt32LE(0) === PROC_SUPER_MAGIC;
}

/**
 * Whether this procfs numbers processes as we do: `NSpid` of ourselves starts at the procfs's own pid namespace,
 * so in ours it holds exactly one number, our pid (proc_pid_status(5), 4.1).
 */
function showsOurPids(fd: number): boolean {
  const status = isProcfs(fd) ? readSmall(fd, 'self/status') : null;
  const pids = /^NSpid:\s+(.*)$/m
    .exec(status ?? '')?.[1]
    ?.trim()
    .split(/\s+/);
  return pids !== undefined && pids.length === 1 && Number(pids[0]) === process.pid;
}

/** `/proc/` and `/proc/.` are `/proc`; what cannot be resolved is left for open(2) to complain about. */
function canonical(root: string): string {
  try {
    return realpathSync(root);
  } catch {
    return root;
  }
}

/**
 * Opens a procfs: a private mount of it, where allowed.
 *
 * @throws SystemError when `root` cannot be opened as a directory.
 */
export function openProcfs(given: string): Procfs {
  const root = canonical(given);
  const facts = { root, name: safeText(root) };
  let coveredReason: string | null = null;
  for (const open of root === '/proc' ? [() => cloneMount(root), mountPrivateProcfs] : [() => cloneMount(root)]) {
    const fd = open();
    if (fd < 0) {
      coveredReason = errnoName(errno());
      continue;
    }
    const live = showsOurPids(fd);
    // On /proc itself a procfs that is not ours is a cover; elsewhere it is what was asked for.
    if (live || (root !== '/proc' && isProcfs(fd)))
      return { ...facts, fd, uncovered: true, coveredReason: null, live, ofThisKernel: true };
    close(fd);
  }
  const fd = openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw new SystemError('open', given, errno());
  const ofThisKernel = isProcfs(fd);
  return {
    ...facts,
    fd,
    uncovered: false,
    coveredReason: ofThisKernel ? coveredReason : null,
    live: showsOurPids(fd),
    ofThisKernel,
  };
}

export function closeProcfs(procfs: Procfs): void {
  close(procfs.fd);
}

/**
 * Closes it on another thread, and does not wait: a mount that is in no mount namespace goes with its descriptor, after
 * an RCU grace period, which takes up to 10 ms.
 */
export function releaseProcfs(procfs: Procfs): void {
  closeElsewhere(procfs.fd);
}

/** Opens `/proc/<pid>` as a directory to read from; -1 with errno set when there is none. The caller closes it. */
export function openProcess(procfs: Procfs, pid: number): number {
  return openat(procfs.fd, String(pid), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/**
 * Reads a file that the kernel hands out in one piece (`stat`, `status`, `cgroup`, fdinfo).
 *
 * @returns its bytes, one character each (latin1), or null with errno set.
 */
export function readSmall(dirfd: number, path: string): string | null {
  const fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return null;
  const size = read(fd, buffer, buffer.length);
  const failure = size < 0 ? errno() : 0;
  close(fd);
  if (size < 0) {
    errno(failure);
    return null;
  }
  return buffer.toString('latin1', 0, size);
}

/** Reads to the end, and says how many bytes of the shared buffer that took; -1 with errno set. */
function fill(dirfd: number, path: string): number {
  const fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return -1;
  let filled = 0;
  for (;;) {
    if (filled === buffer.length) {
      if (buffer.length >= LARGEST_FILE) {
        close(fd);
        errno(EFBIG);
        return -1;
      }
      const larger = Buffer.alloc(buffer.length * 4);
      buffer.copy(larger);
      buffer = larger;
    }
    const size = read(fd, filled === 0 ? buffer : buffer.subarray(filled), buffer.length - filled);
    if (size < 0) {
      const failure = errno();
      close(fd);
      errno(failure);
      return -1;
    }
    if (size === 0) break;
    filled += size;
  }
  close(fd);
  return filled;
}

/**
 * Reads a file of many records (`mountinfo`) to its end.
 *
 * @returns its bytes, one character each (latin1), or null with errno set.
 */
export function readAll(dirfd: number, path: string): string | null {
  const size = fill(dirfd, path);
  return size < 0 ? null : buffer.toString('latin1', 0, size);
}

/**
 * Reads a file of many records of which hardly any are of interest: text is made of it only when one of the needles
 * is in it (`maps`, the longest file of most processes).
 *
 * @returns the text, '' when no needle is in it, or null with errno set.
 */
export function readIfHolding(dirfd: number, path: string, needles: readonly string[]): string | null {
  const size = fill(dirfd, path);
  if (size < 0) return null;
  const bytes = buffer.subarray(0, size);
  return needles.some((needle) => bytes.includes(needle, 0, 'latin1')) ? buffer.toString('latin1', 0, size) : '';
}

/** What a link says, one character a byte (latin1); null with errno set. */
export function readLink(dirfd: number, path: string): string | null {
  const size = readlinkat(dirfd, path, linkBuffer, linkBuffer.length);
  return size < 0 ? null : linkBuffer.toString('latin1', 0, size);
}

/** Opens a directory below `dirfd` for reading; -1 with errno set. The caller closes it. */
export function openDirectory(dirfd: number, path: string): number {
  return openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/** The numbers among the names in an open directory (`/proc`, `task`, `fd`), in the kernel's order; null with errno set. */
export function readNumbers(directory: number): number[] | null {
  const numbers: number[] = [];
  for (;;) {
    const size = syscallWithBuffer(SYS.getdents64, directory, buffer, buffer.length, 0, 0);
    if (size < 0) return null;
    // Only nothing at all is the end: where a signal waits, the kernel hands out what it has so far (filldir64).
    if (size === 0) return numbers;
    // struct linux_dirent64: u64 ino, s64 off, u16 reclen, u8 type, char name[] (getdents64(2)).
    for (let at = 0; at < size; at += (buffer[at + 16] ?? 0) + (buffer[at + 17] ?? 0) * 256) {
      let number = 0;
      let byte = buffer[at + 19] ?? 0;
      for (let index = at + 19; byte !== 0; byte = buffer[++index] ?? 0) {
        if (byte < 0x30 || byte > 0x39) {
          number = -1;
          break;
        }
        number = number * 10 + byte - 0x30;
      }
      if (number >= 0) numbers.push(number);
    }
  }
}

/** `readNumbers` of a directory given by its path; null with errno set. */
export function listNumbers(dirfd: number, path: string): number[] | null {
  const directory = openDirectory(dirfd, path);
  if (directory < 0) return null;
  const numbers = readNumbers(directory);
  const failure = numbers === null ? errno() : 0;
  close(directory);
  if (numbers === null) errno(failure);
  return numbers;
}
