import type { Address, Issue } from '../../src/model/index.ts';
import { close } from '../../src/os/libc.ts';
import { encodeAttributes } from '../../src/os/netlink/attributes.ts';
import { describeFailure, dumpRequest, NETLINK_ROUTE, type NetlinkSocket } from '../../src/os/netlink/socket.ts';
import { namespaceLink, nsfsDevice } from '../../src/os/nsfs.ts';
import { openNamespace, type Way } from '../../src/os/open-namespace.ts';
import { decodeAddress } from '../addresses.ts';
import type { CollectContext } from '../contract.ts';
import type { Gathered } from '../index.ts';
import { enter } from '../inside/enter.ts';
import { waysIn } from '../ways.ts';
import { askIdOf } from './ask.ts';

// include/uapi/linux/rtnetlink.h, include/uapi/linux/if_addr.h
const RTM_GETADDR = 22;
const IFA_TARGET_NETNSID = 10;

const ROUTE_ONLY = { netlink: [NETLINK_ROUTE], files: [], filesFromOutside: [], filesAfter: () => [] } as const;

/** Questions asked at most in one scan: 3 µs each. */
const MOST_QUESTIONS = 100_000;

/** A namespace that is known only by the id another one has for it. */
export interface Behind {
  /** The namespace that has the id. */
  readonly from: number;
  readonly nsid: number;
  /** Its addresses, asked from there (IFA_TARGET_NETNSID, Linux 4.20). */
  readonly addresses: readonly Address[];
}

export interface NsidResolution {
  /** By the number of the namespace that has the ids: which namespace each stands for. */
  readonly resolved: ReadonlyMap<number, ReadonlyMap<number, number>>;
  /** Ids no known namespace goes by, although every one was asked. */
  readonly behind: readonly Behind[];
  readonly missed: readonly Issue[];
}

/** Opens each namespace once, when it is first asked about. */
class Candidates {
  readonly #context: CollectContext;
  readonly #ways: ReadonlyMap<number, readonly Way[]>;
  readonly #device: number;
  /** Null for one that is gone. */
  readonly #open = new Map<number, number | null>();
  /** Numbers that could not be opened: an id may be theirs. */
  readonly refused = new Set<number>();

  constructor(context: CollectContext, ways: ReadonlyMap<number, readonly Way[]>, device: number) {
    this.#context = context;
    this.#ways = ways;
    this.#device = device;
  }

  /** A descriptor of the namespace, or null. */
  get(ino: number): number | null {
    const known = this.#open.get(ino);
    if (known !== undefined) return known;
    if (this.refused.has(ino)) return null;
    const opened = openNamespace(this.#context.procfs, ino, this.#device, this.#ways.get(ino) ?? []);
    if (opened.fd === null) {
      if (opened.why === 'gone') this.#open.set(ino, null);
      else this.refused.add(ino);
      return null;
    }
    this.#open.set(ino, opened.fd);
    return opened.fd;
  }

  close(): void {
    for (const fd of this.#open.values()) if (fd !== null) close(fd);
  }
}

/**
 * What is behind an id. Its addresses only: a list of its devices would make the kernel assign ids to whatever they
 * are connected to (rtnl_fill_link_netnsid, net/core/rtnetlink.c), and looking must not do that.
 */
function addressesBehind(route: NetlinkSocket, nsid: number): Address[] {
  const body = Buffer.concat([Buffer.alloc(8), encodeAttributes([[IFA_TARGET_NETNSID, nsid]])]);
  return route.ask(dumpRequest('RTM_GETADDR', RTM_GETADDR, body), (_, bytes, at, end) => decodeAddress(bytes, at, end))
    .records;
}

/**
 * In which order namespaces are asked about: those the kernel's view shows one connected to come first, then those that
 * have ids themselves (being connected is mutual), then all others.
 */
function likelyFirst(gathered: Gathered, all: readonly number[]): (ino: number) => Generator<number> {
  const connected = new Map<number, Set<number>>();
  for (const { netns, peer } of gathered.kernel?.devices ?? []) {
    if (peer === null || peer.netns === netns) continue;
    const known = connected.get(netns);
    if (known === undefined) connected.set(netns, new Set([peer.netns]));
    else known.add(peer.netns);
  }
  const hasIds = (ino: number): boolean => (gathered.inside?.get(ino)?.nsids?.ids.length ?? 0) > 0;
  const rest = [...all.filter(hasIds), ...all.filter((ino) => !hasIds(ino))];
  return function* order(ino) {
    const first = connected.get(ino) ?? new Set();
    yield* first;
    for (const other of rest) if (other !== ino && !first.has(other)) yield other;
  };
}

/** Finds out which namespace every id stands for, and what is behind those that stand for none we know. */
export function followNsids(context: CollectContext, gathered: Gathered): NsidResolution {
  const { procfs, signal } = context;
  const resolved = new Map<number, Map<number, number>>();
  const behind: Behind[] = [];
  const missed: Issue[] = [];
  const tables = [...(gathered.inside ?? [])].filter(([, { nsids }]) => (nsids?.ids.length ?? 0) > 0);
  if (tables.length === 0) return { resolved, behind, missed };

  const ways = waysIn(gathered);
  const own = namespaceLink(procfs.fd, 'thread-self/ns/net');
  const device = nsfsDevice(procfs.fd) ?? -1;
  if (own > 0 && !ways.has(own))
    ways.set(own, [{ holder: { kind: 'task', pid: process.pid, tid: process.pid, threads: 1 } }]);
  const candidates = new Candidates(context, ways, device);
  const order = likelyFirst(gathered, [...ways.keys()]);
  let questions = 0;
  try {
    for (const [from, { nsids }] of tables) {
      signal.throwIfAborted();
      const open = new Set(nsids?.ids);
      const known = new Map<number, number>();
      resolved.set(from, known);
      const subject = `net:[${from}]`;
      const entered = enter(context, gathered, { ino: from, ways: ways.get(from) ?? [], own, device }, ROUTE_ONLY);
      if (entered.inside === null) {
        if (entered.why !== 'gone') missed.push({ subject, reason: entered.why });
        continue;
      }
      try {
        const route = entered.inside.netlink(NETLINK_ROUTE);
        for (const ino of order(from)) {
          if (open.size === 0 || questions >= MOST_QUESTIONS) break;
          const fd = candidates.get(ino);
          if (fd === null) continue;
          questions += 1;
          const nsid = askIdOf(route, fd);
          if (nsid === null || !open.delete(nsid)) continue;
          known.set(nsid, ino);
        }
        const unsure = candidates.refused.size > 0 || questions >= MOST_QUESTIONS;
        for (const nsid of open) {
          if (unsure)
            missed.push({
              subject: `${subject} nsid ${nsid}`,
              reason: 'may be of a namespace that could not be asked',
            });
          else behind.push({ from, nsid, addresses: addressesBehind(route, nsid) });
        }
      } catch (error) {
        const reason = describeFailure(error);
        if (reason === null) throw error;
        missed.push({ subject, reason });
      } finally {
        entered.close();
      }
    }
  } finally {
    candidates.close();
  }
  return { resolved, behind, missed };
}
