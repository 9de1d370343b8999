import type { SafeText } from './text.ts';

/** What every holder may carry. */
interface Shown {
  /**
   * The kernel itself names the namespace, and no userland source shows this holder: either none can (a descriptor in
   * flight, a connection nobody accepted), or it is concealed, or it may not be read.
   */
  readonly view?: 'kernel';
}

/** Where a descriptor sits: a process, or one thread that unshared its descriptor table (`unshare(CLONE_FILES)`). */
interface DescriptorPlace extends Shown {
  readonly pid: number;
  readonly fd: number;
  /** Only when the descriptor is in the private table of this thread and not in the process's own. */
  readonly tid?: number;
}

/** Threads of one process that live in the namespace. */
export interface TaskHolder extends Shown {
  readonly kind: 'task';
  readonly pid: number;
  /** The thread-group leader if it is among them, else the lowest such thread id. */
  readonly tid: number;
  /** How many threads of the process are in the namespace. */
  readonly threads: number;
}

/** An nsfs bind mount. */
export interface MountHolder extends Shown {
  readonly kind: 'mount';
  /** As the mount namespace's own processes see it. */
  readonly path: SafeText;
  readonly rawPath?: string;
  /** Inode of the mount namespace; null where it may not be read (without root). */
  readonly mountNamespace: number | null;
  /** Mount id, unique on the host while the mount exists (proc_pid_mountinfo(5)). */
  readonly mountId: number;
}

/** An open nsfs file. */
export interface DescriptorHolder extends DescriptorPlace {
  readonly kind: 'descriptor';
  /**
   * - `nsfs`: opened through `/proc/<pid>/ns/net` or handed out by an ioctl
   * - `bound`: opened through a bind mount, so it reads as an ordinary path
   * - `detached`: opened through a mount that is in no mount namespace (`open_tree`, `umount -l`)
   */
  readonly form: 'nsfs' | 'bound' | 'detached';
}

/** A socket created in the namespace, whoever has it open now. */
export interface SocketHolder extends DescriptorPlace {
  readonly kind: 'socket';
  /** sockfs inode, what `socket:[…]` shows. */
  readonly inode: number;
  /** Address family without its prefix, lower case: `inet`, `unix`, `netlink`, `packet`… */
  readonly family: string;
  /** Socket type, lower case: `stream`, `dgram`, `raw`, `seqpacket`… */
  readonly type: string;
  /** IP protocol, netlink family or ethertype number, as given to socket(2). */
  readonly protocol: number;
  readonly listening: boolean;
}

/** A tun or tap descriptor: it pins the namespace its opener was in, wherever the device is now. */
export interface TunHolder extends DescriptorPlace {
  readonly kind: 'tun';
  /** Device name, null while none is attached. */
  readonly device: SafeText | null;
  readonly rawDevice?: string;
  /** Network namespace the device is in; null when unattached or not readable. */
  readonly deviceNamespace: number | null;
  /** A macvtap or ipvtap: the kernel does not say which namespace it pins. */
  readonly suspected?: true;
}

/** An open file under `/proc/<pid>/net`. */
export interface ProcfileHolder extends DescriptorPlace {
  readonly kind: 'procfile';
  /** What readlink says; its pid may be long dead. */
  readonly path: SafeText;
  readonly rawPath?: string;
}

/** An inotify or fanotify watch on an nsfs file. */
export interface WatchHolder extends DescriptorPlace {
  readonly kind: 'watch';
  readonly mechanism: 'inotify' | 'fanotify';
  /** Inode watched, where it is all that is known. */
  readonly ino?: number;
  /** The kernel did not say which type of namespace the watched inode is, and nothing else told. */
  readonly suspected?: true;
}

/** A file registered with an io_uring: it lives without any descriptor. */
export interface IoUringHolder extends DescriptorPlace {
  readonly kind: 'iouring';
  /** Index in the ring's table of registered files; the first of `count`. */
  readonly slot: number;
  /** How many files of the ring pin this namespace, where there are several. */
  readonly count?: number;
  /** The registered file as fdinfo names it. */
  readonly target: SafeText;
  readonly suspected?: true;
}

/** A packet ring or an io_uring that is mapped; its descriptor may be closed. */
export interface MappingHolder extends Shown {
  readonly kind: 'mapping';
  readonly pid: number;
  /** What `/proc/<pid>/maps` says: `socket:[3333]`, `anon_inode:[io_uring]`. */
  readonly target: SafeText;
  readonly suspected?: true;
}

/** What waits inside a unix socket: descriptors not yet received (SCM_RIGHTS), connections not yet accepted. */
export interface InflightHolder extends DescriptorPlace {
  readonly kind: 'inflight';
  /**
   * What it is that waits, where the kernel tells: an nsfs file, a socket, a tun, a file of `/proc/<pid>/net`, or a
   * connection, which pins its client's namespace.
   */
  readonly content?: 'nsfs' | 'socket' | 'tun' | 'tap' | 'procfile' | 'connection';
  /** Inode of the unix socket they wait in. */
  readonly inode: number;
  /** How many wait (`scm_fds` in fdinfo). */
  readonly count: number;
  readonly suspected?: true;
}

/** A BPF netfilter link: pins its namespace. Link info does not say which, only the kernel's own view does. */
export interface BpfLinkHolder extends Shown {
  readonly kind: 'bpflink';
  /** Where a process has it open. */
  readonly pid?: number;
  readonly fd?: number;
  readonly tid?: number;
  /** Link id, what `bpftool link` shows; it may be pinned in a bpffs, without any process. */
  readonly id?: number;
  readonly suspected?: true;
}

/** A TCP connection that no process has open: it lives until its peer answers or its timers run out. */
export interface OrphanHolder extends Shown {
  readonly kind: 'orphan';
  readonly family: 'inet' | 'inet6';
  /** `FIN_WAIT1`, `LAST_ACK`… */
  readonly state: string;
  /** `10.0.0.1:33982`, `[fe80::1]:80` */
  readonly local: string;
  readonly remote: string;
  /** Bytes. */
  readonly sendQueue: number;
  readonly receiveQueue: number;
}

/** One reference that userspace could drop and that keeps a namespace alive. */
export type Holder =
  | TaskHolder
  | MountHolder
  | DescriptorHolder
  | SocketHolder
  | TunHolder
  | ProcfileHolder
  | WatchHolder
  | IoUringHolder
  | MappingHolder
  | InflightHolder
  | BpfLinkHolder
  | OrphanHolder;

export type HolderKind = Holder['kind'];

/** Whether the kernel says which namespace this holder pins, or it is only a lead. */
export function isCertain(holder: Holder): boolean {
  return !('suspected' in holder && holder.suspected);
}

/** Whether userland's own sources prove that this holds the namespace. */
export function isProvenByUserland(holder: Holder): boolean {
  return isCertain(holder) && holder.view !== 'kernel';
}
