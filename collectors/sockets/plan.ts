import { oncePer } from '../../src/once-per.ts';
import type { DescriptorsData } from '../descriptors.ts';
import type { Counters } from './counters.ts';
import { INET_QUESTIONS } from './inet.ts';
import { NETLINK_QUESTION } from './netlink.ts';
import { PACKET_QUESTION } from './packet.ts';
import { UNIX_QUESTION } from './unix.ts';
import { VSOCK_QUESTION } from './vsock.ts';

/**
 * Everything that can be asked for. Most dumps walk tables of the whole host, whatever namespace they are for: TCP
 * 200 µs, MPTCP 700 µs, UDP and netlink 15 µs, the latter more with every namespace there is (Linux 6.18).
 */
export const QUESTIONS = {
  ...INET_QUESTIONS,
  unix: UNIX_QUESTION,
  packet: PACKET_QUESTION,
  netlink: NETLINK_QUESTION,
  vsock: VSOCK_QUESTION,
} as const;

export type QuestionName = keyof typeof QUESTIONS;

/** Sockets of one namespace that processes have open, whatever namespace those are in. */
export interface OpenSockets {
  readonly inodes: ReadonlySet<number>;
  readonly mptcp: boolean;
}

/** SO_PROTOCOL of an MPTCP socket. */
const IPPROTO_MPTCP = 262;

const byNamespace = oncePer(({ sightings }: DescriptorsData): ReadonlyMap<number, OpenSockets> => {
  const index = new Map<number, { inodes: Set<number>; mptcp: boolean }>();
  for (const { ino, holder } of sightings) {
    if (ino === null || holder.kind !== 'socket') continue;
    let open = index.get(ino);
    if (open === undefined) {
      open = { inodes: new Set(), mptcp: false };
      index.set(ino, open);
    }
    open.inodes.add(holder.inode);
    if (holder.protocol === IPPROTO_MPTCP && holder.family.startsWith('inet')) open.mptcp = true;
  }
  return index;
});

const NONE: OpenSockets = { inodes: new Set(), mptcp: false };

/** What the walk over descriptors found of a namespace; null where there was none. */
export function openSockets(descriptors: DescriptorsData | undefined, netns: number): OpenSockets | null {
  return descriptors === undefined ? null : (byNamespace(descriptors).get(netns) ?? NONE);
}

/** What there is something of by the kernel's own count, sockets of the kernel itself included. */
export function countedQuestions(counters: Counters, open: OpenSockets | null): readonly QuestionName[] {
  const { tcp, udp, udp6, udplite, udplite6, raw, raw6 } = counters;
  // One that was not open yet, or is not any more, shows by the connections it consists of.
  const mptcp = tcp !== 0 && (open === null || open.mptcp);
  const counted: Readonly<Partial<Record<QuestionName, boolean>>> = {
    tcp: tcp !== 0,
    mptcp,
    mptcp6: mptcp,
    udp: udp !== 0,
    udp6: udp6 !== 0,
    // Kernels without UDP-Lite do not count it either, and asking would load what they do not have.
    udplite: udplite !== null && udplite > 0,
    udplite6: udplite6 !== null && udplite6 > 0,
    raw: raw !== 0,
    raw6: raw6 !== 0,
  };
  return (Object.keys(counted) as QuestionName[]).filter((name) => counted[name]);
}

/**
 * What is not counted by family, the cheapest first: it is asked for only until every socket the kernel counts is
 * accounted for. TCP comes last, for those of its sockets that are bound and do nothing (Linux 6.8).
 */
export const UNCOUNTED_QUESTIONS = ['packet', 'unix', 'vsock', 'netlink', 'tcp'] as const;
