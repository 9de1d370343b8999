import type { Issue } from '../../src/model/index.ts';
import { ESRCH, errnoName, isGone } from '../../src/os/errors.ts';
import { close, errno, fstatfs } from '../../src/os/libc.ts';
import {
  CLONE_NEWNET,
  CLONE_NEWNS,
  inodeOf,
  namespaceType,
  openSocketNamespace,
  openTunDeviceNamespace,
  parseNamespaceLink,
  tunDeviceName,
} from '../../src/os/nsfs.ts';
import { openIfNamespace } from '../../src/os/open-namespace.ts';
import { duplicateFrom, openPidfd } from '../../src/os/pidfd.ts';
import { type Procfs, readAll, readIfHolding, readLink, readNumbers, readSmall } from '../../src/os/procfs.ts';
import { statxAt } from '../../src/os/stat.ts';
import { sanitise } from '../../src/terminal/sanitise.ts';
import type { CollectDepth } from '../contract.ts';
import {
  isNetfilterLink,
  isTun,
  parseFileFacts,
  parseQueuedDescriptors,
  parseRegisteredFiles,
  parseWatches,
  type Watched,
} from './fdinfo.ts';
import { parseNetPath } from './procfiles.ts';
import type { DescriptorSighting, MountNamespaceDescriptor } from './sightings.ts';
import { type ResolvedSocket, SocketResolver } from './sockets.ts';

const PROC_SUPER_MAGIC = 0x9fa0;
/** Inodes of namespaces count from just below 0xf0000000 up (include/uapi/linux/nsfs.h, proc_alloc_inum). */
const FIRST_NAMESPACE_INODE = 0xefff_fff0;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;

/** Devices every process has open and that are never anything else, unless a namespace is mounted on them. */
const ORDINARY = /^\/dev\/(?:null|zero|full|random|urandom|tty|ptmx|console|pts\/\d+)$/;

/** Where a descriptor was found. */
export interface Place {
  readonly pid: number;
  readonly fd: number;
  readonly tid?: number;
}

/** Found during the walk, understood once everything has been seen. */
export interface Pending {
  readonly watches: { readonly place: Place; readonly mechanism: 'inotify' | 'fanotify'; readonly watched: Watched }[];
  readonly procfiles: { readonly place: Place; readonly path: string; readonly file: string; readonly ino: number }[];
  readonly registered: { readonly place: Place; readonly slot: number; readonly target: string }[];
  readonly mappings: { readonly pid: number; readonly target: string; readonly ringOpen: boolean }[];
}

/** What is mounted where, as far as a descriptor opened through a mount needs it. */
export interface MountFacts {
  readonly nsfsMounts: ReadonlyMap<number, string>;
  readonly paths: ReadonlySet<string>;
}

/** A descriptor table: a process's own, or the private one of a thread. */
interface Table {
  /**
   * Its open `fd` directory. Everything else of the process is read relative to it (`../maps`): it cannot slip to
   * another process that got the same pid.
   */
  readonly fds: number;
  readonly pid: number;
  readonly tid?: number;
}

/** Walks descriptor tables and sorts what it finds. One instance serves one scan. */
export class DescriptorWalk {
  readonly sightings: DescriptorSighting[] = [];
  readonly leads: DescriptorSighting['holder'][] = [];
  readonly mountNamespaces: MountNamespaceDescriptor[] = [];
  readonly pending: Pending = { watches: [], procfiles: [], registered: [], mappings: [] };
  readonly sockets = new SocketResolver();
  readonly missed: Issue[] = [];
  seen = 0;

  readonly #mounts: MountFacts;
  readonly #nsfsDevice: number;
  readonly #procFd: number;
  readonly #live: boolean;
  readonly #leads: boolean;
  readonly #filesystem = Buffer.alloc(128);
  #pidfd = -1;
  #pidfdErrno = 0;

  constructor(procfs: Procfs, mounts: MountFacts, nsfsDevice: number, depth: CollectDepth) {
    this.#mounts = mounts;
    this.#nsfsDevice = nsfsDevice;
    this.#procFd = procfs.fd;
    this.#live = procfs.live;
    this.#leads = depth === 'full';
  }

  /** Reads one table. Descriptors that vanish meanwhile are nothing to report. */
  walk(table: Table): void {
    const fds = readNumbers(table.fds);
    if (fds === null) {
      const failure = errno();
      if (!isGone(failure)) this.missed.push({ subject: subjectOf(table), reason: errnoName(failure) });
      return;
    }
    let ringOpen = false;
    try {
      for (const fd of fds) {
        const link = readLink(table.fds, String(fd));
        if (link === null) {
          const failure = errno();
          if (isGone(failure)) continue;
          this.missed.push({ subject: subjectOf(table), reason: errnoName(failure) });
          break;
        }
        this.seen++;
        if (this.#descriptor(table, fd, link)) ringOpen = true;
      }
    } finally {
      this.#closePidfd();
    }
    if (this.#leads && table.tid === undefined) this.#mappings(table, ringOpen);
  }

  /** Sorts one descriptor by what readlink says. True for an io_uring. */
  #descriptor(table: Table, fd: number, link: string): boolean {
    switch (link.charCodeAt(0)) {
      case 0x73: // socket:[3333]
        this.#socket(table, fd, link);
        return false;
      case 0x2f: // a path
        this.#path(table, fd, link);
        return false;
      case 0x61: // anon_inode:…
        return this.#anonymous(table, fd, link);
      case 0x6e: // net:[…]
      case 0x6d: // mnt:[…]
        this.#namespace(table, fd, link);
        return false;
      default:
        return false;
    }
  }

  #namespace(table: Table, fd: number, text: string): void {
    const ino = parseNamespaceLink(text);
    if (ino === null) return;
    if (text.startsWith('net:')) this.#found(ino, { kind: 'descriptor', ...place(table, fd), form: 'nsfs' });
    else if (text.startsWith('mnt:')) this.mountNamespaces.push({ ino, pid: table.pid, fd });
  }

  #found(ino: number, holder: DescriptorSighting['holder']): void {
    this.sightings.push({ ino, holder });
  }

  #fdinfo(table: Table, fd: number): string {
    return readSmall(table.fds, `../fdinfo/${fd}`) ?? '';
  }

  #path(table: Table, fd: number, text: string): void {
    if (ORDINARY.test(text) && !this.#mounts.paths.has(text)) return;
    const info = this.#fdinfo(table, fd);
    const { mountId, ino } = parseFileFacts(info);
    if (isTun(info)) {
      this.#tun(table, fd);
      return;
    }
    const root = mountId === null ? undefined : this.#mounts.nsfsMounts.get(mountId);
    if (root !== undefined) {
      const netns = root.startsWith('net:') ? parseNamespaceLink(root) : null;
      const mountNamespace = root.startsWith('mnt:') ? parseNamespaceLink(root) : null;
      if (netns !== null) this.#found(netns, { kind: 'descriptor', ...place(table, fd), form: 'bound' });
      if (mountNamespace !== null) this.mountNamespaces.push({ ino: mountNamespace, pid: table.pid, fd });
      return;
    }
    const net = parseNetPath(text);
    if (net !== null) {
      this.#procfile(table, fd, text, net.file);
      return;
    }
    // A mount in no mount namespace reads as its own root. Only then is the file itself asked what it is, and
    // only when its inode looks like a namespace's, so that no remote filesystem is ever touched.
    if (text === '/' && (ino === null || ino >= FIRST_NAMESPACE_INODE)) this.#detached(table, fd);
  }

  #detached(table: Table, fd: number): void {
    const namespace = openIfNamespace(this.#procFd, table.fds, String(fd), this.#nsfsDevice);
    if (namespace < 0) return;
    const ino = inodeOf(namespace);
    const type = namespaceType(namespace);
    close(namespace);
    if (ino === null) return;
    if (type === CLONE_NEWNET) this.#found(ino, { kind: 'descriptor', ...place(table, fd), form: 'detached' });
    else if (type === CLONE_NEWNS) this.mountNamespaces.push({ ino, pid: table.pid, fd });
  }

  #anonymous(table: Table, fd: number, text: string): boolean {
    const name = text.slice('anon_inode:'.length);
    if (name === 'inotify' || name === '[fanotify]') {
      const mechanism = name === 'inotify' ? 'inotify' : 'fanotify';
      const info = readAll(table.fds, `../fdinfo/${fd}`) ?? '';
      for (const watched of parseWatches(info, this.#nsfsDevice)) {
        this.pending.watches.push({ place: place(table, fd), mechanism, watched });
      }
    } else if (name === '[io_uring]') {
      const info = readAll(table.fds, `../fdinfo/${fd}`) ?? '';
      for (const { slot, target } of parseRegisteredFiles(info)) {
        this.pending.registered.push({ place: place(table, fd), slot, target });
      }
      return true;
    } else if (name === 'bpf_link' || name === 'bpf-link') {
      if (isNetfilterLink(this.#fdinfo(table, fd))) {
        this.leads.push({ kind: 'bpflink', ...place(table, fd), suspected: true });
      }
    }
    return false;
  }

  /** Duplicates a descriptor to ask it questions; reports a refusal, and nothing when it is gone. */
  #withDuplicate(table: Table, fd: number, use: (duplicate: number) => void): void {
    if (!this.#live) {
      this.#refused(table, fd, 'not this pid namespace');
      return;
    }
    const pidfd = this.#openPidfd(table);
    const duplicate = pidfd < 0 ? -1 : duplicateFrom(pidfd, fd);
    if (duplicate < 0) {
      const failure = pidfd < 0 ? this.#pidfdErrno : errno();
      if (!isGone(failure)) this.#refused(table, fd, errnoName(failure));
      return;
    }
    try {
      use(duplicate);
    } finally {
      close(duplicate);
    }
  }

  #refused(table: Table, fd: number, reason: string): void {
    this.missed.push({ subject: `${subjectOf(table)} fd ${fd}`, reason });
  }

  /** One pidfd serves a whole table. It is known to be of this process: `table.fds` still answers after it is open. */
  #openPidfd(table: Table): number {
    if (this.#pidfd >= 0 || this.#pidfdErrno !== 0) return this.#pidfd;
    this.#pidfd = openPidfd(table.tid ?? table.pid, table.tid !== undefined);
    if (this.#pidfd < 0) this.#pidfdErrno = errno();
    else if (readLink(table.fds, '../ns/net') === null) {
      close(this.#pidfd);
      this.#pidfd = -1;
      this.#pidfdErrno = ESRCH;
    }
    return this.#pidfd;
  }

  #closePidfd(): void {
    if (this.#pidfd >= 0) close(this.#pidfd);
    this.#pidfd = -1;
    this.#pidfdErrno = 0;
  }

  #socket(table: Table, fd: number, link: string): void {
    const inode = Number(link.slice('socket:['.length, -1));
    const known = this.sockets.get(inode);
    if (known !== undefined) {
      this.#foundSocket(table, fd, inode, known);
      return;
    }
    this.#withDuplicate(table, fd, (duplicate) => {
      const socket = this.sockets.resolve(duplicate, inode);
      if (socket === null) return;
      if ('errno' in socket) {
        this.#refused(table, fd, errnoName(socket.errno));
        return;
      }
      this.#foundSocket(table, fd, inode, socket);
      if (!socket.unix) return;
      const count = parseQueuedDescriptors(this.#fdinfo(table, fd));
      if (count > 0) this.leads.push({ kind: 'inflight', ...place(table, fd), inode, count, suspected: true });
    });
  }

  #foundSocket(table: Table, fd: number, inode: number, socket: ResolvedSocket): void {
    const { family, type, protocol, listening } = socket;
    this.#found(socket.netns, { kind: 'socket', ...place(table, fd), inode, family, type, protocol, listening });
  }

  #tun(table: Table, fd: number): void {
    this.#withDuplicate(table, fd, (duplicate) => {
      const held = openSocketNamespace(duplicate);
      if (held < 0) {
        this.#refused(table, fd, errnoName(errno()));
        return;
      }
      const ino = inodeOf(held);
      close(held);
      if (ino === null) return;
      const name = tunDeviceName(duplicate);
      const device = name === null ? null : sanitise(name);
      const elsewhere = openTunDeviceNamespace(duplicate);
      const deviceNamespace = elsewhere < 0 ? null : inodeOf(elsewhere);
      if (elsewhere >= 0) close(elsewhere);
      this.#found(ino, {
        kind: 'tun',
        ...place(table, fd),
        device: device?.text ?? null,
        ...(device?.raw === undefined ? {} : { rawDevice: device.raw }),
        deviceNamespace,
      });
    });
  }

  #procfile(table: Table, fd: number, path: string, file: string): void {
    this.#withDuplicate(table, fd, (duplicate) => {
      const identity = statxAt(duplicate, '');
      // A directory below `/proc/<pid>/net` pins nothing, and a file of that name elsewhere is nobody's procfs.
      if (identity === null || (identity.mode & S_IFMT) !== S_IFREG) return;
      if (fstatfs(duplicate, this.#filesystem) < 0 || this.#filesystem.readUInt32LE(0) !== PROC_SUPER_MAGIC) return;
      this.pending.procfiles.push({ place: place(table, fd), path, file, ino: identity.ino });
    });
  }

  /** Rings and packet rings live on in a mapping after their descriptor is closed. */
  #mappings(table: Table, ringOpen: boolean): void {
    const maps = readIfHolding(table.fds, '../maps', ['socket:[', 'anon_inode:[io_uring]']);
    if (maps === null) {
      const failure = errno();
      if (!isGone(failure)) this.missed.push({ subject: `maps of pid ${table.pid}`, reason: errnoName(failure) });
      return;
    }
    for (const target of parseMappings(maps)) {
      this.pending.mappings.push({ pid: table.pid, target, ringOpen });
    }
  }
}

/** The sockets and io_urings in `/proc/<pid>/maps` (proc_pid_maps(5)), each once. */
export function parseMappings(text: string): string[] {
  const targets = new Set<string>();
  for (const [, target] of text.matchAll(/^\S+ \S+ \S+ \S+ \d+ +(socket:\[\d+\]|anon_inode:\[io_uring\])$/gm)) {
    if (target !== undefined) targets.add(target);
  }
  return [...targets];
}

function place({ pid, tid }: Table, fd: number): Place {
  return tid === undefined ? { pid, fd } : { pid, fd, tid };
}

/** Whose descriptor table it is, as issues name it. */
export function subjectOf({ pid, tid }: { readonly pid: number; readonly tid?: number }): string {
  return tid === undefined ? `pid ${pid}` : `pid ${pid} thread ${tid}`;
}
