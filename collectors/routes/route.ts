import type { NextHop, Route, SafeText } from '../../src/model/index.ts';
import { address, eachAttribute, unsigned } from '../../src/os/netlink/attributes.ts';
import {
  AF_MPLS,
  type FlagWords,
  familyName,
  flagNames,
  named,
  ROUTE_PROTOCOLS,
  ROUTE_TYPES,
  SCOPES,
  TABLES,
} from '../../src/os/netlink/names.ts';
import { TICKS_PER_SECOND } from '../tasks.ts';
import {
  decodeHops,
  ENCAPSULATIONS,
  HOP_FLAGS,
  HOP_FLAGS_MASK,
  RTA_ENCAP_TYPE,
  RTA_GATEWAY,
  RTA_VIA,
  via,
} from './hops.ts';
import { decodeMetrics } from './metrics.ts';
import { prefix } from './prefix.ts';
import { realmsText } from './realms.ts';

// include/uapi/linux/rtnetlink.h
const RTA_DST = 1;
const RTA_SRC = 2;
const RTA_IIF = 3;
const RTA_OIF = 4;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_FLOW = 11;
const RTA_CACHEINFO = 12;
const RTA_TABLE = 15;
const RTA_PREF = 20;
const RTA_NH_ID = 30;
const RTM_F_CLONED = 0x200;
/** struct rtmsg */
export const ROUTE_HEADER = 12;
/** What comes before rta_expires in struct rta_cacheinfo. */
const BEFORE_EXPIRES = 8;

/** RTM_F_…, as iproute2 names them. */
const FLAGS: FlagWords = [
  [0x100, 'notify'],
  [0x4000, 'rt_offload'],
  [0x8000, 'rt_trap'],
  [0x2000_0000, 'rt_offload_failed'],
];
/** ICMPV6_ROUTER_PREF_…, include/uapi/linux/icmpv6.h. */
const PREFERENCES: Readonly<Record<number, string>> = { 0: 'medium', 1: 'high', 3: 'low' };

const NO_HOPS: readonly NextHop[] = [];
const NO_METRICS: Readonly<Record<string, number | SafeText>> = {};

/** A destination: of MPLS the outermost label, which is twenty bits. */
function destinationOf(family: number, bytes: Buffer, from: number, to: number): string {
  return family === AF_MPLS && to - from >= 4 ? String(bytes.readUInt32BE(from) >>> 12) : address(bytes, from, to);
}

/**
 * One RTM_NEWROUTE message, from its struct rtmsg on; null where it ends before that does, and for what is no entry of
 * a table but remembered of one destination (RTM_F_CLONED).
 */
export function decodeRoute(bytes: Buffer, at: number, end: number): Route | null {
  if (end - at < ROUTE_HEADER) return null;
  const allFlags = bytes.readUInt32LE(at + 8);
  if ((allFlags & RTM_F_CLONED) !== 0) return null;
  const family = bytes[at] ?? 0;
  const destinationLength = bytes[at + 1] ?? 0;
  const sourceLength = bytes[at + 2] ?? 0;
  let table = bytes[at + 4] ?? 0;
  let destination: string | null = null;
  let source: string | null = null;
  let gateway: string | null = null;
  let outgoing: number | null = null;
  let incoming: number | null = null;
  let several: readonly NextHop[] | null = null;
  let encapsulation = 0;
  let preferredSource: string | null = null;
  let metric: number | null = null;
  let metrics = NO_METRICS;
  let preference: string | null = null;
  let realms: string | null = null;
  let nextHopId: number | null = null;
  let expiresSeconds: number | null = null;
  eachAttribute(bytes, at + ROUTE_HEADER, end, (type, from, to) => {
    if (type === RTA_TABLE) table = unsigned(bytes, from, to);
    else if (type === RTA_DST) destination = destinationOf(family, bytes, from, to);
    else if (type === RTA_OIF) outgoing = unsigned(bytes, from, to) || null;
    else if (type === RTA_PRIORITY) metric = unsigned(bytes, from, to);
    else if (type === RTA_PREF) preference = named(PREFERENCES, unsigned(bytes, from, to));
    else if (type === RTA_PREFSRC) preferredSource = address(bytes, from, to);
    else if (type === RTA_GATEWAY) gateway = address(bytes, from, to);
    else if (type === RTA_VIA) gateway = via(bytes, from, to);
    else if (type === RTA_MULTIPATH) {
      const multipath = decodeHops(bytes, from, to, family);
      several = multipath.hops;
      encapsulation ||= multipath.encapsulation;
    } else if (type === RTA_CACHEINFO && to - from >= BEFORE_EXPIRES + 4) {
      // 0 is never; what is over but still there is negative.
      const ticks = bytes.readInt32LE(from + BEFORE_EXPIRES);
      if (ticks !== 0) expiresSeconds = Math.trunc(ticks / TICKS_PER_SECOND);
    } else if (type === RTA_METRICS) metrics = decodeMetrics(bytes, from, to);
    else if (type === RTA_SRC) source = address(bytes, from, to);
    else if (type === RTA_IIF) incoming = unsigned(bytes, from, to) || null;
    else if (type === RTA_FLOW) realms = realmsText(unsigned(bytes, from, to));
    else if (type === RTA_NH_ID) nextHopId = unsigned(bytes, from, to);
    else if (type === RTA_ENCAP_TYPE) encapsulation = unsigned(bytes, from, to);
  });
  const single = several === null && (outgoing !== null || gateway !== null);
  const hopFlags = allFlags & HOP_FLAGS_MASK;
  return {
    family: familyName(family),
    type: named(ROUTE_TYPES, bytes[at + 7] ?? 0),
    destination: destinationLength === 0 ? 'default' : prefix(family, destination, destinationLength),
    default: destinationLength === 0,
    source: sourceLength === 0 ? null : prefix(family, source, sourceLength),
    nextHops: single
      ? [{ gateway, ifindex: outgoing, weight: null, flags: flagNames(HOP_FLAGS, hopFlags) }]
      : (several ?? NO_HOPS),
    table: named(TABLES, table),
    protocol: named(ROUTE_PROTOCOLS, bytes[at + 5] ?? 0),
    scope: named(SCOPES, bytes[at + 6] ?? 0),
    preferredSource,
    metric,
    tos: bytes[at + 3] ?? 0,
    incoming,
    flags: single
      ? flagNames(FLAGS, allFlags & ~HOP_FLAGS_MASK)
      : [...flagNames(HOP_FLAGS, hopFlags), ...flagNames(FLAGS, allFlags & ~HOP_FLAGS_MASK)],
    preference,
    realms,
    metrics,
    nextHopId,
    encapsulation: encapsulation === 0 ? null : named(ENCAPSULATIONS, encapsulation),
    expiresSeconds,
  };
}
