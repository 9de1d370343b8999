import type { Issue } from '../../src/model/index.ts';
import type { KernelPart } from '../../src/os/kernel-modules.ts';
import type { NetlinkProtocol, NetlinkSocket } from '../../src/os/netlink/socket.ts';
import type { CollectContext, CollectDepth } from '../contract.ts';
import type { Gathered } from '../index.ts';

/** A network namespace that was entered once, seen from home: what was opened inside still speaks for it. */
export interface Inside {
  readonly ino: number;
  /** `net:[4026532177]` */
  readonly subject: string;
  /** It is the namespace nsleuth itself runs in. */
  readonly own: boolean;
  /** False: nobody may enter it; only tables were read, through a process that lives there. */
  readonly entered: boolean;
  /**
   * A netlink socket of this namespace.
   *
   * @throws SystemError when there is none: the collector did not ask for it, or the kernel has no such protocol.
   */
  readonly netlink: (protocol: NetlinkProtocol) => NetlinkSocket;
  /** Every socket of ours in there, asked for by whichever source: none of what is to be found. */
  readonly ownSockets: readonly NetlinkSocket[];
  /**
   * What `/proc/net/<name>` said inside, one character a byte (latin1), or null where that file is not there. Read once,
   * while inside or through a process that lives there.
   */
  readonly file: (name: string) => string | null;
  /** Why a file that is there could not be read, an errno's name; null where it was read, or is not there. */
  readonly refusal: (name: string) => string | null;
  readonly context: CollectContext;
  /** What the sources of the whole host left. */
  readonly gathered: Gathered;
}

/** Whether the kernel had a part when the scan began: asking for one that it has not would load it. */
export type HasPart = (part: KernelPart) => boolean;

/** What decides which tables of a namespace are worth reading. */
export interface Situation {
  /** It can be entered: netlink tells what it can. */
  readonly entered: boolean;
  readonly depth: CollectDepth;
  readonly has: HasPart;
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
  /** Parts of the kernel that opening or asking those sockets would load: while one is missing, none is opened. */
  readonly parts?: readonly KernelPart[];
  /** Files of `/proc/net` to read inside. A small one takes 10–20 µs, for every namespace. */
  readonly files: readonly string[] | ((situation: Situation) => readonly string[]);
  /** Further ones, by what the first ones say: a large one takes milliseconds. Called inside. */
  readonly filesAfter?: (situation: Situation, file: Inside['file']) => readonly string[];
  readonly inspect: (inside: Inside, has: HasPart) => Inspected<Data>;
  /** What it cannot see in any namespace, said once. */
  readonly once?: (has: HasPart) => Pick<Inspected<Data>, 'missed' | 'notes'>;
}
