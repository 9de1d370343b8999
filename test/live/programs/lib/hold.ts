/** What the programs that hold a network namespace have in common. */

import { koffi } from '../../../../src/os/koffi.ts';
import {
  AT_FDCWD,
  close,
  errno,
  O_CLOEXEC,
  O_RDONLY,
  openat,
  setns,
  socket,
  syscallWithBuffer,
  unshare,
} from '../../../../src/os/libc.ts';
import { CLONE_NEWNET, cookieOfOwnNamespace, namespaceLink } from '../../../../src/os/nsfs.ts';

const SYS_io_uring_setup = 425;
const SYS_io_uring_register = 427;
const IORING_REGISTER_FILES = 2;
const IORING_OFF_SQ_RING = 0;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const SOL_PACKET = 263;
const PACKET_RX_RING = 5;
const EAFNOSUPPORT = 97;

export const AF = { unix: 1, inet: 2, inet6: 10, netlink: 16, packet: 17, alg: 38, vsock: 40 } as const;
export const SOCK = { stream: 1, dgram: 2, raw: 3, seqpacket: 5 } as const;

const libc = koffi.load(null);
export const bind = libc.func('int bind(int, void *, int)') as (
  fd: number,
  address: Uint8Array,
  length: number,
) => number;
export const listen = libc.func('int listen(int, int)') as (fd: number, backlog: number) => number;
export const accept = libc.func('int accept(int, void *, void *)') as (fd: number, a: null, b: null) => number;
export const connect = libc.func('int connect(int, void *, int)') as (
  fd: number,
  address: Uint8Array,
  length: number,
) => number;
export const setsockopt = libc.func('int setsockopt(int, int, int, void *, int)') as (
  fd: number, level: number, name: number, value: Uint8Array, length: number,
) => number; // biome-ignore format: a prototype
const socketpair = libc.func('int socketpair(int, int, int, void *)') as (
  f: number,
  t: number,
  p: number,
  fds: Uint8Array,
) => number;
const sendmsg = libc.func('long sendmsg(int, void *, int)') as (fd: number, message: unknown, flags: number) => number;
const mmap = libc.func('intptr_t mmap(void *, size_t, int, int, int, long)') as (
  at: null, length: number, prot: number, flags: number, fd: number, offset: number,
) => number | bigint; // biome-ignore format: a prototype

export function must(result: number, what: string): number {
  if (result < 0 && errno() === EAFNOSUPPORT) process.exit(EAFNOSUPPORT); // the test skips what this kernel lacks
  if (result < 0) throw new Error(`${what}: errno ${errno()}`);
  return result;
}

export const OWN = '/proc/thread-self/ns/net';

export function openOwn(): number {
  return must(openat(AT_FDCWD, OWN, O_RDONLY | O_CLOEXEC), 'open ns');
}

/** What is printed of the namespace itself. */
export function describe(): { ino: number; cookie: string } {
  return { ino: namespaceLink(AT_FDCWD, OWN), cookie: String(cookieOfOwnNamespace()) };
}

/** Makes a namespace, runs `hold` inside it, and comes back. */
export function inNew<T extends object>(hold: () => T): T & { ino: number; cookie: string } {
  const home = openOwn();
  must(unshare(CLONE_NEWNET), 'unshare');
  const about = describe();
  const held = hold();
  must(setns(home, CLONE_NEWNET), 'setns home');
  close(home);
  return { ...about, ...held };
}

export function unixAddress(path: string): Buffer {
  return Buffer.concat([Buffer.from([AF.unix, 0]), Buffer.from(`${path}\0`)]);
}

/** Two connected unix sockets of the namespace that the thread is in. */
export function socketPair(): readonly [number, number] {
  const pair = Buffer.alloc(8);
  must(socketpair(AF.unix, SOCK.stream, 0, pair), 'socketpair');
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}

/** Queues a descriptor in a unix socket (SCM_RIGHTS) and closes every other reference to it. */
export function queue(fd: number, [left, right] = socketPair()): { fd: number } {
  const IoVec = koffi.struct('iovec', { base: 'void *', length: 'size_t' });
  const Message = koffi.struct('msghdr', {
    name: 'void *', namelen: 'uint', iov: 'void *', iovlen: 'size_t', control: 'void *', controllen: 'size_t', flags: 'int',
  }); // biome-ignore format: a struct
  const byte = koffi.alloc('uint8_t', 1);
  const iov = koffi.alloc(IoVec, 1);
  koffi.encode(iov, IoVec, { base: byte, length: 1 });
  const control = koffi.alloc('uint8_t', 24); // cmsg_len 20, SOL_SOCKET, SCM_RIGHTS, one descriptor
  koffi.encode(control, koffi.array('uint32_t', 6), [20, 0, 1, 1, fd, 0]);
  const message = koffi.alloc(Message, 1);
  koffi.encode(message, Message, { name: null, namelen: 0, iov, iovlen: 1, control, controllen: 24, flags: 0 });
  must(sendmsg(left, message, 0), 'sendmsg');
  close(fd);
  return { fd: right };
}

function ring(): number {
  return must(syscallWithBuffer(SYS_io_uring_setup, 4, Buffer.alloc(120), 0, 0, 0), 'io_uring_setup');
}

/** Registers `file` with a new io_uring and closes it. */
export function register(file: number): { fd: number } {
  const fd = ring();
  const files = Buffer.alloc(4);
  files.writeInt32LE(file);
  const registered = libc.func('long syscall(long, long, long, void *, long)')(
    SYS_io_uring_register, fd, IORING_REGISTER_FILES, files, 1,
  ) as number; // biome-ignore format: one call
  must(registered, 'io_uring_register');
  close(file);
  return { fd };
}

/** Maps the first page of a file, for good, and closes the descriptor. */
function mapAndClose(fd: number, offset: number): void {
  must(Number(mmap(null, 4096, PROT_READ_WRITE, MAP_SHARED, fd, offset)), 'mmap');
  close(fd);
}

/** `register`, after which nothing but its mapping keeps the io_uring. */
export function registerMapped(file: number): void {
  mapAndClose(register(file).fd, IORING_OFF_SQ_RING);
}

/** A packet socket kept by nothing but the mapping of its receive ring; `about` is asked while it is still open. */
export function mapPacketRing<T>(about: (fd: number) => T): T {
  const fd = must(socket(AF.packet, SOCK.raw, 0), 'socket');
  const request = Buffer.alloc(16); // tp_block_size, tp_block_nr, tp_frame_size, tp_frame_nr
  for (const [index, value] of [4096, 1, 2048, 2].entries()) request.writeUInt32LE(value, index * 4);
  must(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, request, 16), 'PACKET_RX_RING');
  const told = about(fd);
  mapAndClose(fd, 0);
  return told;
}
