import type { Issue } from '../../src/model/index.ts';
import { errnoName, isGone } from '../../src/os/errors.ts';
import { close, errno, fstatfs, lseek } from '../../src/os/libc.ts';
import { hasInactiveNamespaces } from '../../src/os/namespace-handle.ts';
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
import { type Procfs, readAll, readIfHolding, readLink, readNumbers, readSmall } from '../../src/os/procfs.ts';
import { statxAt } from '../../src/os/stat.ts';
import { sanitise } from '../../src/terminal/sanitise.ts';
import type { CollectDepth } from '../contract.ts';
import { Duplicates, type Table } from './duplicates.ts';
import {
  isNetfilterLink,
  isTun,
  parseFileFacts,
  parseQueuedDescriptors,
  parseRegisteredFiles,
  parseWatches,
  type Watched,
} from './fdinfo.ts';
import { type Mapping, parseMappings, parseTapMajors } from './maps.ts';
import { parseNetPath } from './procfiles.ts';
import type { DescriptorSighting, MountNamespaceDescriptor } from './sightings.ts';
import { type ResolvedSocket, SocketResolver } from './sockets.ts';

const PROC_SUPER_MAGIC = 0x9fa0;
/** Inodes of namespaces count from just below 0xf0000000 up (include/uapi/linux/nsfs.h, proc_alloc_inum). */
const FIRST_NAMESPACE_INODE = 0xefff_fff0;
const LAST_NAMESPACE_INODE = 0xffff_ffff;
const MINORS = 0x100000;
const S_IFCHR = 0o020000;
const SEEK_CUR = 1;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;

/** Devices nearly every process has open, worth one statx instead of a read of fdinfo. */
const ORDINARY_NAME = /^\/dev\/(?:null|zero|full|random|urandom|tty|ptmx|console|pts\/\d+)$/;
/** Memory devices, terminals and pseudo-terminals (Documentation/admin-guide/devices.txt). */
const ORDINARY_MAJORS: ReadonlySet<number> = new Set([1, 4, 5, 136]);

/** Where a descriptor was found. */
export interface Place {
  readonly pid: number;
  readonly fd: number;
  readonly tid?: number;
}

/** A descriptor of a process that is a socket. */
export interface SocketDescriptor {
  readonly pid: number;
  readonly fd: number;
}

/** Found during the walk, understood once everything has been seen. */
export interface Pending {
  readonly watches: { readonly place: Place; readonly mechanism: 'inotify' | 'fanotify'; readonly watched: Watched }[];
  readonly procfiles: { readonly place: Place; readonly path: string; readonly file: string; readonly ino: number }[];
  readonly registered: { readonly place: Place; readonly slot: number; readonly target: string }[];
  readonly mappings: (Mapping & { readonly pid: number })[];
  /** Inodes of io_urings whose descriptor is open somewhere. */
  readonly openRings: Set<number>;
}

/** Walks descriptor tables and sorts what it finds. One instance serves one scan. */
export class DescriptorWalk {
  readonly sightings: DescriptorSighting[] = [];
  readonly leads: DescriptorSighting['holder'][] = [];
  readonly mountNamespaces: MountNamespaceDescriptor[] = [];
  readonly pending: Pending = { watches: [], procfiles: [], registered: [], mappings: [], openRings: new Set() };
  readonly sockets: SocketResolver;
  readonly missed: Issue[] = [];
  /** Who has each socket open, by its inode; null at depth `table`. */
  readonly openSockets: Map<number, SocketDescriptor[]> | null;
  /** Processes that may have more open than was seen. */
  readonly unread = new Set<number>();
  seen = 0;

  readonly #nsfsMounts: ReadonlyMap<number, string>;
  readonly #nsfsDevice: number;
  readonly #procFd: number;
  readonly #live: boolean;
  readonly #leads: boolean;
  /** SIOCGSKNS changes nothing here: before Linux 6.19 there are no inactive namespaces it could make active. */
  readonly #mayAsk: boolean;
  readonly #tapMajors: ReadonlySet<number>;
  readonly #filesystem = Buffer.alloc(128);
  readonly #duplicates = new Duplicates();

  constructor(procfs: Procfs, nsfsMounts: ReadonlyMap<number, string>, nsfsDevice: number, depth: CollectDepth) {
    this.#nsfsMounts = nsfsMounts;
    this.#nsfsDevice = nsfsDevice;
    this.#procFd = procfs.fd;
    this.#live = procfs.live;
    this.#mayAsk = !hasInactiveNamespaces();
    this.sockets = new SocketResolver(this.#mayAsk);
    this.#leads = depth === 'full';
    this.openSockets = depth === 'full' ? new Map() : null;
    this.#tapMajors = parseTapMajors(readSmall(procfs.fd, 'devices') ?? '');
  }

  /**
   * Reads one table. Descriptors that vanish meanwhile are nothing to report.
   *
   * @param only those to look at, of those that are listed; all when left out.
   */
  walk(table: Table, only?: readonly number[]): void {
    const listed = readNumbers(table.fds);
    const fds = only === undefined || listed === null ? listed : listed.filter((fd) => only.includes(fd));
    if (fds === null) {
      const failure = errno();
      if (!isGone(failure)) this.refuse(table, errnoName(failure));
      return;
    }
    try {
      for (const fd of fds) {
        const link = readLink(table.fds, String(fd));
        if (link === null) {
          const failure = errno();
          if (isGone(failure)) continue;
          this.refuse(table, errnoName(failure));
          break;
        }
        this.seen++;
        this.#descriptor(table, fd, link);
      }
    } finally {
      this.#duplicates.close();
    }
    if (this.#leads && table.tid === undefined && table.mapped !== false) this.#mappings(table);
  }

  /** Notes that a table, or what is left of it, may not be read. */
  refuse(owner: { readonly pid: number; readonly tid?: number }, reason: string): void {
    this.missed.push({ subject: subjectOf(owner), reason });
    this.unread.add(owner.pid);
  }

  /** Sorts one descriptor by what readlink says. */
  #descriptor(table: Table, fd: number, link: string): void {
    switch (link.charCodeAt(0)) {
      case 0x73: // socket:[3333]
        this.#socket(table, fd, link);
        break;
      case 0x2f: // a path
        this.#path(table, fd, link);
        break;
      case 0x61: // anon_inode:…
        this.#anonymous(table, fd, link);
        break;
      case 0x6e: // net:[…]
      case 0x6d: // mnt:[…]
        this.#namespace(table, fd, link);
        break;
      default:
    }
  }

  #namespace(table: Table, fd: number, text: string): void {
    const ino = parseNamespaceLink(text);
    if (ino === null) return;
    if (text.startsWith('net:')) this.#found(ino, { kind: 'descriptor', ...place(table, fd), form: 'nsfs' });
    else if (text.startsWith('mnt:')) this.mountNamespaces.push({ ino, ...place(table, fd) });
  }

  #found(ino: number, holder: DescriptorSighting['holder']): void {
    this.sightings.push({ ino, holder });
  }

  #fdinfo(table: Table, fd: number): string {
    return readSmall(table.fds, `../fdinfo/${fd}`) ?? '';
  }

  #path(table: Table, fd: number, text: string): void {
    if (ORDINARY_NAME.test(text) && this.#isOrdinary(table, fd)) return;
    const info = this.#fdinfo(table, fd);
    const { mountId, ino } = parseFileFacts(info);
    if (isTun(info)) {
      this.#tun(table, fd);
      return;
    }
    const root = mountId === null ? undefined : this.#nsfsMounts.get(mountId);
    if (root !== undefined) {
      const netns = root.startsWith('net:') ? parseNamespaceLink(root) : null;
      const mountNamespace = root.startsWith('mnt:') ? parseNamespaceLink(root) : null;
      if (netns !== null) this.#found(netns, { kind: 'descriptor', ...place(table, fd), form: 'bound' });
      if (mountNamespace !== null) this.mountNamespaces.push({ ino: mountNamespace, ...place(table, fd) });
      return;
    }
    const net = parseNetPath(text);
    if (net !== null) {
      this.#procfile(table, fd, text, net.file);
      return;
    }
    // Through a mount that nobody's mountinfo shows (in no mount namespace, or in one that only a descriptor holds)
    // the file itself is asked what it is, and only when its inode can be a namespace's: no remote filesystem is to
    // be touched.
    const possible = ino === null ? text === '/' : ino >= FIRST_NAMESPACE_INODE && ino <= LAST_NAMESPACE_INODE;
    if (possible && this.#unlisted(table, fd, text)) return;
    if (/^\/dev\//.test(text)) this.#tap(table, fd);
  }

  /** Whether it is the device it is called: no name is beyond suspicion, a tun may be bound over /dev/null. */
  #isOrdinary(table: Table, fd: number): boolean {
    const device = statxAt(table.fds, String(fd));
    return (
      device !== null && (device.mode & S_IFMT) === S_IFCHR && ORDINARY_MAJORS.has(Math.floor(device.rdev / MINORS))
    );
  }

  #unlisted(table: Table, fd: number, text: string): boolean {
    const namespace = openIfNamespace(this.#procFd, table.fds, String(fd), this.#nsfsDevice);
    if (namespace < 0) return false;
    const ino = inodeOf(namespace);
    const type = namespaceType(namespace);
    close(namespace);
    if (ino === null) return false;
    const form = text === '/' ? 'detached' : 'bound';
    if (type === CLONE_NEWNET) this.#found(ino, { kind: 'descriptor', ...place(table, fd), form });
    else if (type === CLONE_NEWNS) this.mountNamespaces.push({ ino, ...place(table, fd) });
    return true;
  }

  /** A macvtap or ipvtap pins its opener's namespace, and no call on its descriptor tells which (tap_ioctl). */
  #tap(table: Table, fd: number): void {
    if (this.#tapMajors.size === 0) return;
    const device = statxAt(table.fds, String(fd));
    if (device === null || (device.mode & S_IFMT) !== S_IFCHR) return;
    if (!this.#tapMajors.has(Math.floor(device.rdev / MINORS))) return;
    this.leads.push({ kind: 'tun', ...place(table, fd), device: null, deviceNamespace: null, suspected: true });
  }

  #anonymous(table: Table, fd: number, text: string): void {
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
      const { ino } = parseFileFacts(info);
      if (ino !== null) this.pending.openRings.add(ino);
    } else if (name === 'bpf_link' || name === 'bpf-link') {
      if (isNetfilterLink(this.#fdinfo(table, fd))) {
        this.leads.push({ kind: 'bpflink', ...place(table, fd), suspected: true });
      }
    }
  }

  /** Duplicates a descriptor to ask it questions; reports a refusal, and nothing when it is gone. */
  #withDuplicate(table: Table, fd: number, use: (duplicate: number) => void): void {
    if (!this.#live) {
      this.#refused(table, fd, 'not this pid namespace');
      return;
    }
    const refusal = this.#duplicates.use(table, fd, use);
    if (refusal !== null) this.#refused(table, fd, refusal);
  }

  #refused(table: Table, fd: number, reason: string): void {
    this.missed.push({ subject: `${subjectOf(table)} fd ${fd}`, reason });
  }

  #socket(table: Table, fd: number, link: string): void {
    const inode = Number(link.slice('socket:['.length, -1));
    this.#open(table.pid, fd, inode);
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

  #open(pid: number, fd: number, inode: number): void {
    const descriptors = this.openSockets?.get(inode);
    if (descriptors === undefined) this.openSockets?.set(inode, [{ pid, fd }]);
    else descriptors.push({ pid, fd });
  }

  #foundSocket(table: Table, fd: number, inode: number, socket: ResolvedSocket): void {
    const { family, type, protocol, listening } = socket;
    const holder = { kind: 'socket', ...place(table, fd), inode, family, type, protocol, listening } as const;
    this.sightings.push({ ...socket.namespace, holder });
  }

  #tun(table: Table, fd: number): void {
    if (!this.#mayAsk) {
      // No other call tells where a tun is, so its namespace is left for the kernel's own view to name.
      this.leads.push({ kind: 'tun', ...place(table, fd), device: null, deviceNamespace: null, suspected: true });
      return;
    }
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
      // A descriptor opened with O_PATH pins nothing, nor does one of a file that went with its namespace: neither
      // can be asked where it stands, and every one that pins can (proc_reg_llseek).
      if (lseek(duplicate, 0, SEEK_CUR) < 0) return;
      if (fstatfs(duplicate, this.#filesystem) < 0 || this.#filesystem.readUInt32LE(0) !== PROC_SUPER_MAGIC) return;
      this.pending.procfiles.push({ place: place(table, fd), path, file, ino: identity.ino });
    });
  }

  /** Rings and packet rings live on in a mapping after their descriptor is closed. */
  #mappings(table: Table): void {
    const maps = readIfHolding(table.fds, '../maps', ['socket:[', 'anon_inode:[io_uring]']);
    if (maps === null) {
      const failure = errno();
      if (!isGone(failure)) this.missed.push({ subject: `maps of pid ${table.pid}`, reason: errnoName(failure) });
      return;
    }
    for (const mapping of parseMappings(maps)) this.pending.mappings.push({ pid: table.pid, ...mapping });
  }
}

function place({ pid, tid }: Table, fd: number): Place {
  return tid === undefined ? { pid, fd } : { pid, fd, tid };
}

/** Whose descriptor table it is, as issues name it. */
function subjectOf({ pid, tid }: { readonly pid: number; readonly tid?: number }): string {
  return tid === undefined ? `pid ${pid}` : `pid ${pid} thread ${tid}`;
}
