/**
 * libc through koffi: raw calls that return -1 and leave errno, for callers that make thousands of them.
 *
 * A koffi call costs ~0.3 µs and needs no path resolution from `/`, so walking `/proc` by descriptor is about
 * three times as fast as `node:fs`, and a directory descriptor of `/proc/<pid>` cannot slip to another process
 * that got the same pid.
 */
import { koffi } from './koffi.ts';

const libc = koffi.load(null);

export const AT_FDCWD = -100;
export const O_RDONLY = 0;
export const O_NONBLOCK = 0o4000;
/** Differs between architectures: arm64 follows the generic ARM numbering. */
export const O_DIRECTORY = process.arch === 'arm64' || process.arch === 'arm' ? 0o40000 : 0o200000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

export const openat = libc.func('int openat(int dirfd, const char *path, int flags)') as (
  dirfd: number,
  path: string,
  flags: number,
) => number;

/** openat(2) for a path that need not be UTF-8: its bytes, ending in NUL. */
export const openatBytes = libc.func('int openat(int dirfd, const void *path, int flags)') as (
  dirfd: number,
  path: Uint8Array,
  flags: number,
) => number;

export const read = libc.func('long read(int fd, void *buffer, size_t count)') as (
  fd: number,
  buffer: Uint8Array,
  count: number,
) => number;

export const close = libc.func('int close(int fd)') as (fd: number) => number;

export const readlinkat = libc.func('long readlinkat(int dirfd, const char *path, void *buffer, size_t size)') as (
  dirfd: number,
  path: string,
  buffer: Uint8Array,
  size: number,
) => number;

/** ioctl(2) with a pointer argument. */
export const ioctlPointer = libc.func('int ioctl(int fd, unsigned long request, void *argument)') as (
  fd: number,
  request: number,
  argument: Uint8Array,
) => number;

/** ioctl(2) with an integer argument or none. */
export const ioctlNumber = libc.func('int ioctl(int fd, unsigned long request, long argument)') as (
  fd: number,
  request: number,
  argument: number,
) => number;

export const getsockopt = libc.func('int getsockopt(int fd, int level, int name, void *value, void *length)') as (
  fd: number,
  level: number,
  name: number,
  value: Uint8Array,
  length: Uint8Array,
) => number;

export const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const void *value, int length)') as (
  fd: number,
  level: number,
  name: number,
  value: Uint8Array,
  length: number,
) => number;

export const send = libc.func('long send(int fd, const void *bytes, size_t size, int flags)') as (
  fd: number,
  bytes: Uint8Array,
  size: number,
  flags: number,
) => number;

export const recv = libc.func('long recv(int fd, void *buffer, size_t size, int flags)') as (
  fd: number,
  buffer: Uint8Array,
  size: number,
  flags: number,
) => number;

export const lseek = libc.func('long lseek(int fd, long offset, int whence)') as (
  fd: number,
  offset: number,
  whence: number,
) => number;

export const socket = libc.func('int socket(int family, int type, int protocol)') as (
  family: number,
  type: number,
  protocol: number,
) => number;

export const setns = libc.func('int setns(int fd, int type)') as (fd: number, type: number) => number;

/** close(2) on a thread of libuv's pool, for what takes its time to go. Nobody waits for it. */
export function closeElsewhere(fd: number): void {
  const call = close as unknown as { readonly async: (fd: number, done: () => void) => void };
  call.async(fd, () => {});
}

export const unshare = libc.func('int unshare(int flags)') as (flags: number) => number;
export const fchdir = libc.func('int fchdir(int fd)') as (fd: number) => number;
export const chroot = libc.func('int chroot(const char *path)') as (path: string) => number;
export const fstatfs = libc.func('int fstatfs(int fd, void *buffer)') as (fd: number, buffer: Uint8Array) => number;

/** mount(2). Strings as `cString` makes them: paths need not be UTF-8. */
export const mount = libc.func(
  'int mount(const void *source, const void *target, const void *type, unsigned long flags, const void *data)',
) as (
  source: Uint8Array | null,
  target: Uint8Array,
  type: Uint8Array | null,
  flags: number,
  data: Uint8Array | null,
) => number;
export const umount2 = libc.func('int umount2(const void *target, int flags)') as (
  target: Uint8Array,
  flags: number,
) => number;

/** poll(2) on an array of struct pollfd. */
export const poll = libc.func('int poll(void *fds, unsigned long count, int timeout)') as (
  fds: Uint8Array,
  count: number,
  timeout: number,
) => number;

/** getpriority(2) can answer -1 without failing: set errno to 0 first. */
export const getpriority = libc.func('int getpriority(int which, unsigned int who)') as (
  which: number,
  who: number,
) => number;
export const setpriority = libc.func('int setpriority(int which, unsigned int who, int priority)') as (
  which: number,
  who: number,
  priority: number,
) => number;

/** A string that need not be UTF-8, as libc wants it: its bytes and the NUL that ends them. */
export function cString(text: string | Uint8Array): Buffer {
  return Buffer.concat([typeof text === 'string' ? Buffer.from(text) : text, Buffer.alloc(1)]);
}

/** fcntl(2) with an integer argument. */
export const fcntl = libc.func('int fcntl(int fd, int command, long argument)') as (
  fd: number,
  command: number,
  argument: number,
) => number;

/** signal(2), which only ever gives a signal its default disposition here: SIG_DFL is a null pointer. */
export const defaultSignal = libc.func('signal', 'void *', ['int', 'void *']) as (
  signal: number,
  disposition: null,
) => unknown;

/** getrlimit(2) and setrlimit(2): two 64-bit numbers, the soft and the hard limit. */
export const getrlimit = libc.func('int getrlimit(int resource, void *limits)') as (
  resource: number,
  limits: Uint8Array,
) => number;
export const setrlimit = libc.func('int setrlimit(int resource, const void *limits)') as (
  resource: number,
  limits: Uint8Array,
) => number;

/** execvp(3): strings as `cString` makes them, and a null ends the arguments. Returns only when it failed. */
export const execvp = libc.func('int execvp(const void *file, const void **arguments)') as (
  file: Uint8Array,
  argv: readonly (Uint8Array | null)[],
) => number;

/** Ends the process at once: nothing is flushed, no handler runs. */
export const exitNow = libc.func('_exit', 'void', ['int']) as unknown as (code: number) => never;

/** 0 where this thread's network namespace has no device of that name, which may be an alternative one. */
export const if_nametoindex = libc.func('unsigned int if_nametoindex(const void *name)') as (
  name: Uint8Array,
) => number;

export const getrusage = libc.func('int getrusage(int who, void *usage)') as (who: number, usage: Uint8Array) => number;

/** An address, or one that is -1 (MAP_FAILED) with errno set. */
export const mmap = libc.func(
  'void *mmap(void *address, size_t size, int protection, int flags, int fd, long offset)',
) as (address: null, size: number, protection: number, flags: number, fd: number, offset: number) => object | null;
export const munmap = libc.func('int munmap(void *address, size_t size)') as (address: object, size: number) => number;

// syscall(2) is variadic, but on x86-64 and arm64 integer and pointer arguments of a variadic call travel in the
// same registers as those of an ordinary one, and an ordinary prototype is what koffi calls fastest.
export const syscallNumbers = libc.func('long syscall(long n, long a, long b, long c, long d, long e)') as (
  n: number,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
) => number;

/** The same on a thread of libuv's pool: for calls that take milliseconds. errno stays behind on that thread. */
export function syscallNumbersAsync(...numbers: Parameters<typeof syscallNumbers>): Promise<number> {
  const call = syscallNumbers as unknown as {
    readonly async: (...all: [...typeof numbers, (error: unknown, result: number) => void]) => void;
  };
  return new Promise((resolve, reject) => {
    call.async(...numbers, (error, result) => (error ? reject(error) : resolve(result)));
  });
}

/** For calls whose only string is their first argument: fsopen(2). */
export const syscallNamed = libc.func('long syscall(long n, const char *a, long b)') as (
  n: number,
  a: string,
  b: number,
) => number;

export const syscallWithString = libc.func('long syscall(long n, long a, const char *b, long c, long d, void *e)') as (
  n: number,
  a: number,
  b: string | null,
  c: number,
  d: number,
  e: Uint8Array | null,
) => number;

/** `syscallWithString` for a path that need not be UTF-8: its bytes, ending in NUL. */
export const syscallWithBytes = libc.func('long syscall(long n, long a, const void *b, long c, long d, void *e)') as (
  n: number,
  a: number,
  b: Uint8Array,
  c: number,
  d: number,
  e: Uint8Array | null,
) => number;

export const syscallWithBuffer = libc.func('long syscall(long n, long a, void *b, long c, long d, long e)') as (
  n: number,
  a: number,
  b: Uint8Array,
  c: number,
  d: number,
  e: number,
) => number;

/** For calls that take two pointers: openat2(2). */
export const syscallWithBuffers = libc.func('long syscall(long n, long a, const void *b, void *c, long d)') as (
  n: number,
  a: number,
  b: Uint8Array,
  c: Uint8Array,
  d: number,
) => number;

/** For calls whose first two arguments are pointers: listns(2). */
export const syscallOnBuffers = libc.func('long syscall(long n, void *a, void *b, long c, long d)') as (
  n: number,
  a: Uint8Array,
  b: Uint8Array,
  c: number,
  d: number,
) => number;

/** errno of the last failed call on this thread: read it before any other call. With an argument, sets it. */
export function errno(value?: number): number {
  return value === undefined ? koffi.errno() : koffi.errno(value);
}

interface SyscallTable {
  readonly bpf: number;
  readonly open_by_handle_at: number;
  readonly kcmp: number;
  readonly getdents64: number;
  readonly statx: number;
}

const PER_ARCH: Readonly<Record<string, SyscallTable>> = {
  x64: { bpf: 321, open_by_handle_at: 304, kcmp: 312, getdents64: 217, statx: 332 },
  arm64: { bpf: 280, open_by_handle_at: 265, kcmp: 272, getdents64: 61, statx: 291 },
  riscv64: { bpf: 280, open_by_handle_at: 265, kcmp: 272, getdents64: 61, statx: 291 },
  loong64: { bpf: 280, open_by_handle_at: 265, kcmp: 272, getdents64: 61, statx: 291 },
};

function tableOf(architecture: string): SyscallTable {
  const table = PER_ARCH[architecture];
  // A wrong number is another system call: better none at all.
  if (table === undefined) throw new Error(`nsleuth does not know the system calls of ${architecture}`);
  return table;
}

/** System call numbers: those below 424 differ by architecture, later ones are the same on all. */
export const SYS = {
  ...tableOf(process.arch),
  open_tree: 428,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  pidfd_send_signal: 424,
  pidfd_open: 434,
  openat2: 437,
  pidfd_getfd: 438,
  listns: 470,
} as const;
