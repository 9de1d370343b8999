import type { Issue } from '../../src/model/index.ts';
import type { NetlinkProtocol, NetlinkSocket } from '../../src/os/netlink/socket.ts';
import type { CollectContext } from '../contract.ts';
import type { Gathered } from '../index.ts';

/** A network namespace that was entered once, seen from home: what was opened inside still speaks for it. */
export interface Inside {
  readonly ino: number;
  /** `net:[4026532177]` */
  readonly subject: string;
  /** It is the namespace nsleuth itself runs in. */
  readonly own: boolean;
  /**
   * A netlink socket of this namespace.
   *
   * @throws SystemError when there is none: the collector did not ask for it, or the kernel has no such protocol.
   */
  readonly netlink: (protocol: NetlinkProtocol) => NetlinkSocket;
  /**
   * What `/proc/net/<name>` said inside, one character a byte (latin1), or null where that file is not there. Read once,
   * while inside or through a process that lives there.
   */
  readonly file: (name: string) => string | null;
  readonly context: CollectContext;
  /** What the sources of the whole host left. */
  readonly gathered: Gathered;
}

/** What a collector saw of one namespace, and what it could not see of it. */
export interface Inspected<Data> {
  readonly data: Data;
  /** How many things were read. */
  readonly seen: number;
  readonly missed?: readonly Issue[];
  readonly notes?: readonly Issue[];
}

/**
 * One source of what is inside a namespace. `inspect` runs at home, never inside; it may throw SystemError or
 * DeadlineError, which becomes a gap of this source for this namespace.
 */
export interface InsideCollector<Name extends string = string, Data = unknown> {
  readonly name: Name;
  readonly view: 'userland';
  /** One line for `doctor`: what it reads and what it finds. */
  readonly reads: string;
  /** What it needs to see everything, in words an admin can act on. */
  readonly needs: string;
  /** Netlink sockets to open inside. A namespace that cannot be entered is not asked then. */
  readonly netlink: readonly NetlinkProtocol[];
  /** Files of `/proc/net` to read inside. */
  readonly files: readonly string[];
  readonly inspect: (inside: Inside) => Inspected<Data>;
}
