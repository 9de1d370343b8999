/**
 * Holds a network namespace in one particular way: `node holder.mjs KIND [ARGUMENT]`.
 *
 * It makes the namespace, keeps it alive by nothing but the wanted kind of holder, goes back to where it came from,
 * prints one line of JSON (its pid, the namespace's inode and cookie, and what the kind has to tell) and waits until
 * its standard input closes. Everything it holds ends with it.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import koffi from 'koffi';
import {
  AT_FDCWD,
  close,
  ioctlPointer,
  O_CLOEXEC,
  O_PATH,
  O_RDONLY,
  openat,
  SYS,
  setns,
  socket,
  syscallWithString,
  unshare,
} from '../../../src/os/libc.ts';
import { CLONE_NEWNET, CLONE_NEWNS, inodeOf } from '../../../src/os/nsfs.ts';
import {
  AF,
  accept,
  bind,
  connect,
  describe,
  inNew,
  listen,
  mapPacketRing,
  must,
  OWN,
  openOwn,
  queue,
  register,
  registerMapped,
  SOCK,
  unixAddress,
} from './lib/hold.ts';

const CLONE_FILES = 0x400;
const O_RDWR = 2;
const OPEN_TREE_CLONE = 1;
const TUNSETIFF = 0x400454ca;
const IFF_TUN_NO_PI = 0x1001;

const libc = koffi.load(null);
const inotify_init1 = libc.func('int inotify_init1(int)') as (flags: number) => number;
const inotify_add_watch = libc.func('int inotify_add_watch(int, const char *, uint)') as (
  fd: number,
  path: string,
  mask: number,
) => number;
const fanotify_init = libc.func('int fanotify_init(uint, uint)') as (flags: number, event: number) => number;
const fanotify_mark = libc.func('int fanotify_mark(int, uint, uint64_t, int, const char *)') as (
  fd: number, flags: number, mask: number, dirfd: number, path: string,
) => number; // biome-ignore format: a prototype
const mount = libc.func('int mount(const char *, const char *, const char *, ulong, const char *)') as (
  source: string, target: string, type: string | null, flags: number, data: string | null,
) => number; // biome-ignore format: a prototype

const gettid = libc.func('int gettid()') as () => number;

function inSocket(family: keyof typeof AF, type: keyof typeof SOCK, protocol = 0): () => { fd: number } {
  return () => ({ fd: must(socket(AF[family], SOCK[type], protocol), `socket ${family}`) });
}

const KINDS: Record<string, (argument: string) => object> = {
  /** The process itself lives there; its helper threads stay where they were. */
  process: () => {
    must(unshare(CLONE_NEWNET), 'unshare');
    return describe();
  },
  descriptor: () => inNew(() => ({ fd: openOwn() })),
  detached: () =>
    inNew(() => ({
      fd: must(syscallWithString(SYS.open_tree, AT_FDCWD, OWN, OPEN_TREE_CLONE | O_CLOEXEC, 0, null), 'open_tree'),
    })),
  /** Opens a mount point given as argument and keeps nothing else. */
  bound: (path) => ({ fd: must(openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC), 'open') }),
  unix: () => inNew(inSocket('unix', 'dgram')),
  inet: () => inNew(inSocket('inet', 'dgram')),
  inet6: () => inNew(inSocket('inet6', 'stream')),
  netlink: () => inNew(inSocket('netlink', 'raw')),
  packet: () => inNew(inSocket('packet', 'raw')),
  raw: () => inNew(inSocket('inet', 'raw', 1)),
  alg: () => inNew(inSocket('alg', 'seqpacket')),
  vsock: () => inNew(inSocket('vsock', 'stream')),
  listening: () =>
    inNew(() => {
      const fd = must(socket(AF.inet, SOCK.stream, 0), 'socket');
      must(listen(fd, 1), 'listen');
      return { fd };
    }),
  /** A server here on the path given, its client in the namespace and gone: the accepted socket pins it. */
  accepted: (path) => {
    const server = must(socket(AF.unix, SOCK.stream, 0), 'socket');
    const address = unixAddress(path);
    must(bind(server, address, address.length), 'bind');
    must(listen(server, 1), 'listen');
    return inNew(() => {
      const client = must(socket(AF.unix, SOCK.stream, 0), 'socket');
      must(connect(client, address, address.length), 'connect');
      const fd = must(accept(server, null, null), 'accept');
      close(client);
      return { fd };
    });
  },
  /** As many TCP sockets as the argument says, each listening on a port of its own. */
  crowd: (count) =>
    inNew(() => {
      const open = () => {
        const fd = must(socket(AF.inet, SOCK.stream, 0), 'socket');
        must(listen(fd, 1), 'listen');
        return fd;
      };
      const [fd = -1] = Array.from({ length: Number(count) }, open);
      return { fd };
    }),
  tun: (name) =>
    inNew(() => {
      const fd = must(openat(AT_FDCWD, '/dev/net/tun', O_RDWR | O_CLOEXEC), 'open tun');
      if (name !== '') {
        const request = Buffer.alloc(40);
        request.write(name, 0, 'latin1');
        request.writeUInt16LE(IFF_TUN_NO_PI, 16);
        must(ioctlPointer(fd, TUNSETIFF, request), 'TUNSETIFF');
      }
      return { fd };
    }),
  /** A tun opened by a name that is anything but its own. */
  'tun-renamed': () => {
    const home = must(openat(AT_FDCWD, '/proc/thread-self/ns/mnt', O_RDONLY), 'open mnt');
    must(unshare(CLONE_NEWNS), 'unshare mnt');
    must(mount('none', '/', null, 0x44000, null), 'make private'); // MS_REC | MS_PRIVATE
    must(mount('/dev/net/tun', '/dev/full', null, 0x1000, null), 'bind'); // MS_BIND
    const held = inNew(() => ({ fd: must(openat(AT_FDCWD, '/dev/full', O_RDWR | O_CLOEXEC), 'open') }));
    must(setns(home, CLONE_NEWNS), 'setns mnt home');
    close(home);
    return held;
  },
  /** Files under /proc/<pid>/net that pin nothing: the namespace is gone when this is printed. */
  'procfile-unpinned': () =>
    inNew(() => ({
      fd: must(openat(AT_FDCWD, '/proc/thread-self/net/softnet_stat', O_RDONLY), 'open'),
      socket: must(openat(AT_FDCWD, '/proc/thread-self/net/tcp', O_PATH), 'open O_PATH'),
    })),
  procfile: () => inNew(() => ({ fd: must(openat(AT_FDCWD, '/proc/thread-self/net/tcp', O_RDONLY), 'open tcp') })),
  /** The same for a namespace that is given by its mount point. */
  'procfile-of': (path) => {
    const home = openOwn();
    const there = must(openat(AT_FDCWD, path, O_RDONLY), 'open');
    must(setns(there, CLONE_NEWNET), 'setns');
    const about = describe();
    const fd = must(openat(AT_FDCWD, '/proc/thread-self/net/netstat', O_RDONLY), 'open netstat');
    must(setns(home, CLONE_NEWNET), 'setns home');
    for (const open of [home, there]) close(open);
    return { ...about, fd };
  },
  inotify: () =>
    inNew(() => {
      const fd = must(inotify_init1(0), 'inotify_init1');
      must(inotify_add_watch(fd, OWN, 2), 'inotify_add_watch');
      return { fd };
    }),
  fanotify: () =>
    inNew(() => {
      // FAN_REPORT_FID: by inode. Kernels whose nsfs has no file handles (6.1) refuse that, and take a plain group.
      const fd = must(fanotify_init(0x200, 0), 'fanotify_init');
      if (fanotify_mark(fd, 1, 2, AT_FDCWD, OWN) === 0) return { fd };
      close(fd);
      const plain = must(fanotify_init(0, 0), 'fanotify_init');
      must(fanotify_mark(plain, 1, 2, AT_FDCWD, OWN), 'fanotify_mark');
      return { fd: plain };
    }),
  iouring: () => inNew(() => register(openOwn())),
  'iouring-socket': () => inNew(() => register(must(socket(AF.unix, SOCK.dgram, 0), 'socket'))),
  inflight: () => inNew(() => queue(openOwn())),
  'packet-ring': () => inNew(() => mapPacketRing(() => ({}))),
  'mapped-iouring': () =>
    inNew(() => {
      registerMapped(openOwn());
      return {};
    }),
  /** A descriptor on a filesystem whose server never answers: stat(2) on it waits for ever. */
  'dead-fuse': (target) => {
    const home = must(openat(AT_FDCWD, '/proc/thread-self/ns/mnt', O_RDONLY), 'open mnt');
    must(unshare(CLONE_NEWNS), 'unshare mnt');
    must(mount('none', '/', null, 0x44000, null), 'make private'); // MS_REC | MS_PRIVATE
    const server = must(openat(AT_FDCWD, '/dev/fuse', O_RDWR | O_CLOEXEC), 'open fuse');
    const options = `fd=${server},rootmode=40000,user_id=0,group_id=0`;
    must(mount('nsleuth-test', target, 'fuse', 0, options), 'mount fuse');
    const fd = must(openat(AT_FDCWD, target, O_PATH | O_CLOEXEC), 'open dead');
    must(setns(home, CLONE_NEWNS), 'setns mnt home');
    close(home);
    return { ...inNew(() => ({ socket: must(socket(AF.unix, SOCK.dgram, 0), 'socket') })), fd };
  },
  /** Holds a mount namespace in which the network namespace is bound to the file given, and nothing else. */
  'mount-namespace': (target) => {
    const home = must(openat(AT_FDCWD, '/proc/thread-self/ns/mnt', O_RDONLY), 'open mnt');
    must(unshare(CLONE_NEWNS), 'unshare mnt');
    must(mount('none', '/', null, 0x44000, null), 'make private'); // MS_REC | MS_PRIVATE
    const about = inNew(() => {
      must(mount(OWN, target, null, 0x1000, null), 'bind'); // MS_BIND
      return {};
    });
    const fd = must(openat(AT_FDCWD, '/proc/thread-self/ns/mnt', O_RDONLY), 'open mnt');
    const mountNamespace = inodeOf(fd);
    must(setns(home, CLONE_NEWNS), 'setns mnt home');
    close(home);
    return { ...about, fd, mountNamespace };
  },
};

/** Kinds that need a thread of their own: the process as a whole is elsewhere. */
const THREAD_KINDS: Record<string, (argument: string) => object> = {
  thread: () => {
    must(unshare(CLONE_NEWNET), 'unshare');
    return { ...describe(), tid: gettid() };
  },
  /** `mount-namespace`, its descriptor in the private table of this thread. */
  'private-mount-namespace': (target) => {
    must(unshare(CLONE_FILES), 'unshare files');
    return { ...KINDS['mount-namespace']?.(target), tid: gettid() };
  },
  'private-table': () => {
    must(unshare(CLONE_FILES), 'unshare files');
    const tid = gettid();
    return { ...inNew(() => ({ fd: openOwn(), socket: must(socket(AF.unix, SOCK.dgram, 0), 'socket') })), tid };
  },
};

const [kind = '', argument = ''] = isMainThread ? process.argv.slice(2) : (workerData as string[]);
const say = (about: object) => process.stdout.write(`${JSON.stringify({ pid: process.pid, ...about })}\n`);

if (!isMainThread) {
  parentPort?.postMessage(THREAD_KINDS[kind]?.(argument));
  // The thread, and with it what it holds, lives as long as something may still be sent to it.
  parentPort?.on('message', () => {});
} else {
  process.stdin.on('end', () => process.exit(0)).resume();
  const hold = KINDS[kind];
  if (hold !== undefined) say(hold(argument));
  else if (THREAD_KINDS[kind] !== undefined) {
    new Worker(new URL(import.meta.url), { workerData: [kind, argument] }).on('message', say).on('error', (error) => {
      throw error;
    });
  } else throw new Error(`no kind ${kind}`);
}
