import type { SafeText } from './text.ts';

/** A process that has a socket open, in whatever namespace that process is. */
export interface SocketProcess {
  readonly pid: number;
  readonly fd: number;
  readonly comm: SafeText;
}

/** A socket. Its inode tells it apart from others of its namespace; 0 for one that no process has open any more. */
export interface Socket {
  readonly family: 'inet' | 'inet6' | 'unix' | 'packet' | 'netlink' | 'vsock';
  readonly type: 'stream' | 'dgram' | 'raw' | 'seqpacket' | 'rdm';
  /**
   * `tcp`, `udp`, `udplite`, `icmp`…; for `packet` the protocol it receives (`all`, `ipv4`, `0x88cc`), for `netlink` the
   * family it speaks (`route`), for `unix` empty.
   */
  readonly protocol: string;
  /** TCP_… (include/net/tcp_states.h), lower case: `established`, `time-wait`, `listen`; `close` for unconnected. */
  readonly state: string;
  /** IP address, path (`@` for the abstract namespace), or null. */
  readonly localAddress: SafeText | null;
  readonly rawLocalAddress?: string;
  /** Port; of netlink the port id. */
  readonly localPort: number | null;
  readonly remoteAddress: SafeText | null;
  readonly remotePort: number | null;
  /** Bytes not read yet; of a listening socket connections not accepted yet. */
  readonly receiveQueue: number | null;
  /** Bytes not sent or not acknowledged yet; of a listening socket how many may wait. */
  readonly sendQueue: number | null;
  readonly uid: number | null;
  readonly inode: number;
  /** The kernel's own number of the socket, never reused; decimal. Null where not told. */
  readonly cookie: string | null;
  /** The device it is bound to, or receives from; null for any. */
  readonly ifindex: number | null;
  /** Inode of the other end of a unix socket. */
  readonly peerInode: number | null;
  /** Packet rings, fanout, multicast groups…: what else deserves a word. */
  readonly notes: readonly string[];
  /** Who has it open; null where that could not be read. */
  readonly processes: readonly SocketProcess[] | null;
}
