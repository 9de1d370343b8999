import type { Inside, Situation } from '../inside/contract.ts';
import { QUESTIONS } from '../sockets/plan.ts';
import { parseSockstat } from './protocols.ts';

/** What rtnetlink tells better. */
const ROUTE_TABLES = [
  'dev',
  'if_inet6',
  'igmp',
  'igmp6',
  'dev_mcast',
  'fib_trie',
  'route',
  'ipv6_route',
  'arp',
] as const;

/** How many sockets there are. */
const COUNTS = ['sockstat', 'sockstat6'] as const;

/** What only these tables have. */
const OWN_TABLES = ['snmp', 'netstat', 'snmp6', 'vlan/config'] as const;

/** By table of sockets what sock_diag(7) is asked for instead; null for those it has none of. */
const SOCKET_QUESTIONS = {
  tcp: 'tcp',
  tcp6: 'tcp',
  udp: 'udp',
  udp6: 'udp6',
  udplite: 'udplite',
  udplite6: 'udplite6',
  icmp: null,
  icmp6: null,
  raw: 'raw',
  raw6: 'raw6',
  unix: 'unix',
  packet: 'packet',
  netlink: 'netlink',
} as const satisfies Readonly<Record<string, keyof typeof QUESTIONS | null>>;

export type SocketTable = keyof typeof SOCKET_QUESTIONS;
export type Table = (typeof ROUTE_TABLES)[number] | (typeof COUNTS)[number] | (typeof OWN_TABLES)[number] | SocketTable;

const SOCKET_TABLES = Object.keys(SOCKET_QUESTIONS) as SocketTable[];

/** Whether sock_diag(7) tells the same without this table. */
export function isAnswered(table: SocketTable, { entered, has }: Pick<Situation, 'entered' | 'has'>): boolean {
  const question = SOCKET_QUESTIONS[table];
  return entered && question !== null && QUESTIONS[question].parts.every(has);
}

/** What the kernel counts of a table; TIME_WAIT is counted for both families together. */
const COUNTERS: Readonly<Partial<Record<SocketTable, readonly (readonly [protocol: string, name: string])[]>>> = {
  tcp: [
    ['TCP', 'inuse'],
    ['TCP', 'tw'],
  ],
  tcp6: [
    ['TCP6', 'inuse'],
    ['TCP', 'tw'],
  ],
  udp: [['UDP', 'inuse']],
  udp6: [['UDP6', 'inuse']],
  udplite: [['UDPLITE', 'inuse']],
  udplite6: [['UDPLITE6', 'inuse']],
  raw: [['RAW', 'inuse']],
  raw6: [['RAW6', 'inuse']],
};

/** Tables of sockets that a look is about. */
function socketTables(situation: Situation): SocketTable[] {
  if (!situation.entered || situation.depth === 'full') return SOCKET_TABLES;
  return SOCKET_TABLES.filter((table) => SOCKET_QUESTIONS[table] !== null && !isAnswered(table, situation));
}

/**
 * The tables to read in any case. Where netlink answers, a table of namespaces needs only what stands in for an absent
 * part of sock_diag(7); a full look wants what netlink lacks, and a second opinion on what it tells.
 */
export function firstTables(situation: Situation): readonly Table[] {
  const { entered, depth } = situation;
  const counts = socketTables(situation).length > 0 ? COUNTS : [];
  const own = depth === 'full' ? OWN_TABLES : [];
  return [...counts, ...(entered ? (depth === 'full' ? (['dev'] as const) : []) : ROUTE_TABLES), ...own];
}

/**
 * Tables of sockets, without those the kernel counts no sockets of: that of TCP takes milliseconds even when it is
 * empty, since it is picked from what the whole host has (3.5 ms on 6.18 with 262144 hash buckets).
 */
export function tablesAfter(situation: Situation, file: Inside['file']): readonly SocketTable[] {
  const counted = new Map(COUNTS.flatMap((name) => parseSockstat(file(name) ?? '').records));
  return socketTables(situation).filter((table) => {
    const values = COUNTERS[table]?.map(([protocol, name]) => counted.get(protocol)?.[name]);
    return values === undefined || values.some((value) => value !== 0);
  });
}
