/**
 * What this process was given by whoever started it and Node has changed since, put back before another program takes
 * its place. What is changed, and where it is known from, is in docs/decisions/0013-exec-in-place.md.
 */
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { AT_FDCWD, defaultSignal, fcntl, getrlimit, O_NONBLOCK, setrlimit } from './libc.ts';
import { listNumbers, readLink, readSmall } from './procfs.ts';

const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1;
const RLIMIT_NOFILE = 7;
const SIGPIPE = 13;
const SIGXFSZ = 25;
const STDIO = [0, 1, 2] as const;
/** What libuv's loops are made of, besides pipes. */
const OF_LIBUV: readonly string[] = ['anon_inode:[eventpoll]', 'anon_inode:[eventfd]', 'anon_inode:[io_uring]'];
/** How many nsleuths may have started one another before we stop looking for who started the first. */
const MOST_ANCESTORS = 16;

interface Given {
  /** What each descriptor above the standard ones leads to that was open, and marked close-on-exec, at the start. */
  readonly descriptors: ReadonlyMap<number, string>;
  /** Whether standard input, output and error were in non-blocking mode. */
  readonly nonBlocking: readonly boolean[];
}

/** What the descriptors of a process lead to, by number; empty where that may not be read. */
function linksOf(pid: number | 'self'): Map<number, string> {
  const links = new Map<number, string>();
  for (const fd of listNumbers(AT_FDCWD, `/proc/${pid}/fd`) ?? []) {
    const link = readLink(AT_FDCWD, `/proc/${pid}/fd/${fd}`);
    if (link !== null) links.set(fd, link); // null: the descriptor the directory was read by
  }
  return links;
}

function look(): Given {
  const isMarked = (fd: number): boolean => (fcntl(fd, F_GETFD, 0) & FD_CLOEXEC) !== 0;
  return {
    descriptors: new Map([...linksOf('self')].filter(([fd]) => fd > 2 && isMarked(fd))),
    nonBlocking: STDIO.map((fd) => (fcntl(fd, F_GETFL, 0) & O_NONBLOCK) !== 0),
  };
}

/** As this module is read, which is before anybody has used `process.stdout`: its streams change the mode. */
const given = look();

/**
 * The descriptors that Node has marked close-on-exec, but did not open. It marks the first 16 and those that follow
 * without a gap (uv_disable_stdio_inheritance, libuv), and only then opens its own. Those are told by what they are:
 * event queues, and pipes with both ends in this process. Of such a pipe that the parent has too, Node knows nothing:
 * make(1) hands one to everything it starts.
 */
function inheritedDescriptors(): number[] {
  const now = linksOf('self');
  const ofParent = new Set(linksOf(process.ppid).values());
  const links = [...given.descriptors.values()];
  const isWhole = (link: string): boolean => links.indexOf(link) !== links.lastIndexOf(link);
  const isNodes = (link: string): boolean =>
    OF_LIBUV.includes(link) || (link.startsWith('pipe:') && isWhole(link) && !ofParent.has(link));
  return [...given.descriptors].filter(([fd, link]) => now.get(fd) === link && !isNodes(link)).map(([fd]) => fd);
}

function restoreDescriptors(): void {
  for (const fd of [...STDIO, ...inheritedDescriptors()]) fcntl(fd, F_SETFD, 0);
  for (const fd of STDIO) {
    const flags = fcntl(fd, F_GETFL, 0);
    const wanted = given.nonBlocking[fd] ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (flags >= 0 && wanted !== flags) fcntl(fd, F_SETFL, wanted);
  }
}

/** Whether a process is a nsleuth as well: the same script run by the same Node. */
function isNsleuth(pid: number): boolean {
  if (readLink(AT_FDCWD, `/proc/${pid}/exe`) !== readLink(AT_FDCWD, '/proc/self/exe')) return false;
  const script = readSmall(AT_FDCWD, `/proc/${pid}/cmdline`)?.split('\0')[1];
  const directory = readLink(AT_FDCWD, `/proc/${pid}/cwd`);
  if (!script || directory === null || process.argv[1] === undefined) return false;
  try {
    return realpathSync(resolve(directory, script)) === realpathSync(process.argv[1]);
  } catch {
    return false;
  }
}

/** The process that started nsleuth: not the nsleuth that started this one from its screen. */
function starter(): number {
  let pid = process.ppid;
  for (let depth = 0; depth < MOST_ANCESTORS && isNsleuth(pid); depth++) {
    const parent = /^PPid:\s+(\d+)$/m.exec(readSmall(AT_FDCWD, `/proc/${pid}/status`) ?? '')?.[1];
    if (parent === undefined) break;
    pid = Number(parent);
  }
  return pid;
}

/** Node raises the soft limit of open files to the hard one. What it was is known where the parent has the same hard one. */
function restoreFileLimit(): void {
  const limits = Buffer.alloc(16);
  if (getrlimit(RLIMIT_NOFILE, limits) < 0 || !limits.subarray(0, 8).equals(limits.subarray(8))) return;
  const text = readSmall(AT_FDCWD, `/proc/${starter()}/limits`) ?? '';
  const [, soft, hard] = /^Max open files +(\d+) +(\d+) /m.exec(text) ?? [];
  if (soft === undefined || hard === undefined || BigInt(hard) !== limits.readBigUInt64LE(8)) return;
  limits.writeBigUInt64LE(BigInt(soft), 0);
  setrlimit(RLIMIT_NOFILE, limits);
}

/**
 * Makes this process again what it was started as. Node is not usable afterwards: the next thing it does must be to
 * become another program, or to end.
 */
export function restoreInherited(): void {
  restoreFileLimit();
  restoreDescriptors();
  // The two that Node ignores (ResetSignalHandlers, node.cc). Handlers end with the program they are in.
  for (const signal of [SIGPIPE, SIGXFSZ]) defaultSignal(signal, null);
}
