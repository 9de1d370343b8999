/**
 * Holds a network namespace where the usual tools do not look: `node hidden.mjs KIND [ARGUMENT]`.
 *
 * Like holder.ts, with kinds whose namespace cannot be told from any process: no task is in it, and no descriptor or
 * mount leads there. Everything it holds ends with it, but for `tcp-orphan` and `nf-link`: those need no process.
 */
import { writeFileSync } from 'node:fs';
import { koffi } from '../../../src/os/koffi.ts';
import { close, ioctlPointer, socket, syscallWithBuffer } from '../../../src/os/libc.ts';
import { inodeOf } from '../../../src/os/nsfs.ts';
import {
  AF,
  accept,
  bind,
  connect,
  inNew,
  listen,
  mapPacketRing,
  must,
  openOwn,
  queue,
  registerMapped,
  SOCK,
  setsockopt,
  socketPair,
  unixAddress,
} from './lib/hold.ts';

const SOL_SOCKET = 1;
const SO_LINGER = 13;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;

// include/uapi/linux/bpf.h
const SYS_bpf = process.arch === 'x64' ? 321 : 280;
const BPF_PROG_LOAD = 5;
const BPF_OBJ_PIN = 6;
const BPF_LINK_CREATE = 28;
const BPF_PROG_TYPE_NETFILTER = 32;
const BPF_NETFILTER = 45;
const NFPROTO_IPV4 = 2;
const NF_INET_LOCAL_IN = 1;

const send = koffi.load(null).func('long send(int, void *, size_t, int)') as (
  fd: number, data: Uint8Array, length: number, flags: number,
) => number; // biome-ignore format: a prototype

/** Queues a descriptor, opened inside, in a unix socket that has nothing to do with the namespace. */
function inflight(open: () => number): object {
  const pair = socketPair();
  return { ...inNew(() => queue(open(), pair)), inode: inodeOf(pair[1]) };
}

/** Sets the flags of this thread's lo. */
function setLoopback(flags: number): void {
  const request = Buffer.alloc(40); // struct ifreq
  request.write('lo', 0, 'latin1');
  request.writeInt16LE(flags, 16);
  const fd = must(socket(AF.inet, SOCK.dgram, 0), 'socket');
  must(ioctlPointer(fd, SIOCSIFFLAGS, request), 'SIOCSIFFLAGS');
  close(fd);
}

/** 127.0.0.1 and a port. */
function inetAddress(port: number): Buffer {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF.inet, 0);
  address.writeUInt16BE(port, 2);
  address.set([127, 0, 0, 1], 4);
  return address;
}

/**
 * A connection over lo that waits for an acknowledgement which cannot come: lo is down before anything is sent.
 * The end that sent is left in FIN_WAIT1; the other one is reset, and gone.
 */
function leaveOrphan(): void {
  setLoopback(IFF_UP);
  const address = inetAddress(7777);
  const server = must(socket(AF.inet, SOCK.stream, 0), 'socket');
  must(bind(server, address, address.length), 'bind');
  must(listen(server, 1), 'listen');
  const client = must(socket(AF.inet, SOCK.stream, 0), 'socket');
  must(connect(client, address, address.length), 'connect');
  const accepted = must(accept(server, null, null), 'accept');
  setLoopback(0);

  must(send(client, Buffer.from('unheard'), 7, 0), 'send');
  const reset = Buffer.alloc(8); // struct linger: on, 0 seconds
  reset.writeInt32LE(1, 0);
  must(setsockopt(accepted, SOL_SOCKET, SO_LINGER, reset, reset.length), 'SO_LINGER');
  for (const fd of [client, accepted, server]) close(fd);
}

/** bpf(2), its attributes given by offset: numbers of 32 bits, and buffers, as addresses of 64. */
function bpf(command: number, what: string, fields: readonly (readonly [offset: number, value: number | Buffer])[]) {
  const attributes = Buffer.alloc(128);
  for (const [offset, value] of fields) {
    if (typeof value === 'number') attributes.writeInt32LE(value, offset);
    else {
      const copy = koffi.alloc('uint8_t', value.length); // stays where it is
      koffi.encode(copy, koffi.array('uint8_t', value.length), [...value]);
      attributes.writeBigUInt64LE(koffi.address(copy), offset);
    }
  }
  return must(syscallWithBuffer(SYS_bpf, command, attributes, attributes.length, 0, 0), what);
}

const KINDS: Record<string, (argument: string) => object> = {
  'inflight-descriptor': () => inflight(openOwn),
  'inflight-socket': () => inflight(() => must(socket(AF.inet, SOCK.dgram, 0), 'socket')),
  'packet-ring': () => inNew(() => mapPacketRing((fd) => ({ inode: inodeOf(fd) }))),
  'iouring-mapped': () =>
    inNew(() => {
      registerMapped(openOwn());
      return {};
    }),
  /**
   * Outlives this process. Unless given another number of retries (`tcp_orphan_retries`), the kernel makes eight:
   * about 107 s; seven are 54 s, six 26 s (6.18).
   */
  'tcp-orphan': (retries) =>
    inNew(() => {
      if (retries !== '') writeFileSync('/proc/sys/net/ipv4/tcp_orphan_retries', retries);
      leaveOrphan();
      return {};
    }),
  /**
   * A server here on the path given, which accepts nobody. Its client, in the namespace, is gone: what waits to be
   * accepted is a socket of the client's namespace. (A path, because abstract names belong to one namespace.)
   */
  unaccepted: (path) => {
    const fd = must(socket(AF.unix, SOCK.stream, 0), 'socket');
    const address = unixAddress(path);
    must(bind(fd, address, address.length), 'bind');
    must(listen(fd, 1), 'listen');
    const held = inNew(() => {
      const client = must(socket(AF.unix, SOCK.stream, 0), 'socket');
      must(connect(client, address, address.length), 'connect');
      close(client);
      return {};
    });
    return { ...held, fd, inode: inodeOf(fd) };
  },
  /** A program in a netfilter hook, its link pinned at the path given: outlives this process, until that is removed. */
  'nf-link': (path) =>
    inNew(() => {
      const program = bpf(BPF_PROG_LOAD, 'BPF_PROG_LOAD', [
        [0, BPF_PROG_TYPE_NETFILTER],
        [4, 2],
        [8, Buffer.from('b7000000010000009500000000000000', 'hex')], // r0 = NF_ACCEPT; exit
        [16, Buffer.from('GPL\0')],
        [68, BPF_NETFILTER],
      ]);
      const link = bpf(BPF_LINK_CREATE, 'BPF_LINK_CREATE', [
        [0, program],
        [8, BPF_NETFILTER],
        [16, NFPROTO_IPV4],
        [20, NF_INET_LOCAL_IN],
        [24, 1], // priority
      ]);
      bpf(BPF_OBJ_PIN, 'BPF_OBJ_PIN', [
        [0, Buffer.from(`${path}\0`)],
        [8, link],
      ]);
      for (const fd of [link, program]) close(fd);
      return {};
    }),
};

const [kind = '', argument = ''] = process.argv.slice(2);
const hold = KINDS[kind];
if (hold === undefined) throw new Error(`no kind ${kind}`);
process.stdin.on('end', () => process.exit(0)).resume();
process.stdout.write(`${JSON.stringify({ pid: process.pid, ...hold(argument) })}\n`);
