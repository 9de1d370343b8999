import type { Address, HardwareFilter, Neighbour, Route } from '../src/model/index.ts';
import type { HasPart, Inside, InsideCollector, Inspected, Situation } from './inside/contract.ts';
import { mergeFilters, parseDevMcast } from './neighbours/filters.ts';
import { inetAddresses, parseInet6Addresses } from './procnet/addresses.ts';
import type { SecondOpinion } from './procnet/compare.ts';
import {
  type DeviceNumbers,
  deviceNumbers,
  parseDevices,
  parseIgmp,
  parseNumberedNames,
  type TableDevice,
  tableDevices,
} from './procnet/devices.ts';
import { parseFibTrie } from './procnet/fib-trie.ts';
import { parseInetSockets } from './procnet/inet-sockets.ts';
import type { Parsed } from './procnet/lines.ts';
import { parseArp } from './procnet/neighbours.ts';
import { parseNetlinkSockets } from './procnet/netlink-sockets.ts';
import { parsePacketSockets } from './procnet/packet-sockets.ts';
import { byProtocol, type Counted, type Protocols, parseSnmp, parseSnmp6, parseSockstat } from './procnet/protocols.ts';
import { Reader, together } from './procnet/reader.ts';
import { parseInet6Routes, parseRoutes } from './procnet/routes.ts';
import { firstTables, isAnswered, type SocketTable, tablesAfter } from './procnet/tables.ts';
import { parseUnixSockets } from './procnet/unix-sockets.ts';
import { parseVlans, type Vlan } from './procnet/vlans.ts';
import type { SocketRecord } from './sockets/question.ts';

/**
 * What the tables of `/proc/net` tell, as far as other sources lack it or are checked by it. Null: none of its tables was
 * read.
 */
export interface ProcnetData {
  // Where rtnetlink could not be asked.
  readonly devices: readonly TableDevice[] | null;
  readonly addresses: readonly Address[] | null;
  /** IPv4 routes of the table main, IPv6 routes of all. */
  readonly routes: readonly Route[] | null;
  /** Those of IPv4: no table has the others. */
  readonly neighbours: readonly Neighbour[] | null;
  /** Multicast ones. */
  readonly filters: readonly HardwareFilter[] | null;
  /** Sockets sock_diag could not be asked for. */
  readonly sockets: readonly SocketRecord[] | null;
  /** Sockets it was asked for, to compare. The devices, where it was entered, are there to be compared as well. */
  readonly secondOpinion: SecondOpinion | null;
  readonly protocols: Protocols | null;
  readonly vlans: readonly Vlan[] | null;
}

function parseSockets(table: SocketTable, text: string): Parsed<SocketRecord> {
  if (table === 'unix') return parseUnixSockets(text);
  if (table === 'packet') return parsePacketSockets(text);
  return table === 'netlink' ? parseNetlinkSockets(text) : parseInetSockets(text, table);
}

type StandIns = Pick<ProcnetData, 'devices' | 'addresses' | 'routes' | 'neighbours' | 'filters'>;

/** What stands in for rtnetlink. */
function readStandIns(reader: Reader): StandIns {
  const lines = reader.read('dev', parseDevices);
  const inet6 = reader.read('if_inet6', parseInet6Addresses);
  const entries = reader.read('fib_trie', parseFibTrie);
  const multicast = reader.read('dev_mcast', (text) => ({ records: parseDevMcast(text), malformed: 0 }));
  const numbers: DeviceNumbers = deviceNumbers([
    inet6?.map(({ device, ifindex }) => [device, ifindex] as const) ?? [],
    reader.read('igmp', parseIgmp) ?? [],
    reader.read('igmp6', parseNumberedNames) ?? [],
    reader.read('dev_mcast', parseNumberedNames) ?? [],
  ]);
  return {
    devices: lines === null ? null : tableDevices(lines, numbers),
    addresses: together(entries === null ? null : inetAddresses(entries), inet6?.map(({ address }) => address) ?? null),
    routes: together(
      reader.read('route', (text) => parseRoutes(text, entries ?? [], numbers)),
      reader.read('ipv6_route', (text) => parseInet6Routes(text, numbers)),
    ),
    neighbours: reader.read('arp', (text) => parseArp(text, numbers)),
    filters: multicast === null ? null : [...mergeFilters([], multicast)],
  };
}

/** What stands in for sock_diag(7), and what is a second opinion on it. */
function readSockets(
  reader: Reader,
  wanted: readonly SocketTable[],
  situation: Situation,
): Pick<ProcnetData, 'sockets' | 'secondOpinion'> {
  const standIns: (readonly SocketRecord[])[] = [];
  const second: (readonly SocketRecord[])[] = [];
  const tables: SocketTable[] = [];
  for (const table of wanted) {
    const sockets = reader.read(table, (text) => parseSockets(table, text));
    if (sockets === null) continue;
    if (isAnswered(table, situation)) {
      second.push(sockets);
      tables.push(table);
    } else standIns.push(sockets);
  }
  return {
    sockets: together(...standIns),
    secondOpinion: tables.length === 0 ? null : { tables, sockets: second.flat() },
  };
}

/** Every socket is counted, those we look through as well. */
function withoutOurs([protocol, counters]: Counted, { ownSockets }: Inside): Counted {
  const { used } = counters;
  if (protocol !== 'sockets' || used === undefined) return [protocol, counters];
  return [protocol, { ...counters, used: used - ownSockets.length }];
}

function inspectProcnet(inside: Inside, has: HasPart): Inspected<ProcnetData> {
  const situation = { entered: inside.entered, depth: inside.context.depth, has };
  const socketTables = tablesAfter(situation, inside.file);
  const reader = new Reader(inside, [...firstTables(situation), ...socketTables]);
  const counted = together(
    reader.read('snmp', parseSnmp),
    reader.read('netstat', parseSnmp),
    reader.read('snmp6', parseSnmp6),
    reader.read('sockstat', parseSockstat),
    reader.read('sockstat6', parseSockstat),
  );
  const data: ProcnetData = {
    ...readStandIns(reader),
    ...readSockets(reader, socketTables, situation),
    protocols: counted === null ? null : byProtocol(counted.map((each) => withoutOurs(each, inside))),
    vlans: reader.read('vlan/config', parseVlans),
  };
  return { data, seen: reader.seen, missed: reader.missed };
}

/** What the tables of `/proc/net` tell: all of it where netlink cannot be asked, else what it lacks. */
export const procnet = {
  name: 'procnet',
  view: 'userland',
  reads:
    '/proc/net of every namespace: what netlink lacks (raw sockets, counters of the protocols), a second opinion on what ' +
    'it tells, and, through a process that lives there, what a namespace that may not be entered has',
  needs: 'CAP_SYS_ADMIN over the namespaces that are to be entered; else a process in each that may be looked at',
  netlink: [],
  files: firstTables,
  filesAfter: tablesAfter,
  inspect: inspectProcnet,
} as const satisfies InsideCollector<'procnet', ProcnetData>;
