import type { Rule } from '../../src/model/index.ts';
import { address, eachAttribute, text, unsigned } from '../../src/os/netlink/attributes.ts';
import {
  type FlagWords,
  familyName,
  flagNames,
  named,
  ROUTE_PROTOCOLS,
  ROUTE_TYPES,
  TABLES,
} from '../../src/os/netlink/names.ts';
import { sanitise } from '../../src/terminal/sanitise.ts';
import { prefix } from './prefix.ts';
import { realmsText } from './realms.ts';

// include/uapi/linux/fib_rules.h
const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_GOTO = 4;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_FLOW = 11;
const FRA_TUN_ID = 12;
const FRA_SUPPRESS_IFGROUP = 13;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_OIFNAME = 17;
const FRA_PAD = 18;
const FRA_L3MDEV = 19;
const FRA_UID_RANGE = 20;
const FRA_PROTOCOL = 21;
const FRA_IP_PROTO = 22;
const FRA_SPORT_RANGE = 23;
const FRA_DPORT_RANGE = 24;
const FRA_DSCP = 25;
const FRA_FLOWLABEL = 26;
const FRA_FLOWLABEL_MASK = 27;
const FRA_SPORT_MASK = 28;
const FRA_DPORT_MASK = 29;
const FRA_DSCP_MASK = 30;
const FIB_RULE_INVERT = 0x2;
const FR_ACT_TO_TBL = 1;
/** struct fib_rule_hdr */
export const RULE_HEADER = 12;
/** -1: nothing is suppressed. */
const NOTHING = 0xffff_ffff;

/** FR_ACT_…; from 6 on they are those of routes. */
const ACTIONS: Readonly<Record<number, string>> = { ...ROUTE_TYPES, [FR_ACT_TO_TBL]: 'lookup', 2: 'goto', 3: 'nop' };
/** FIB_RULE_…, as iproute2 names them. */
const FLAGS: FlagWords = [
  [0x4, 'unresolved'],
  [0x8, 'iif_detached'],
  [0x10, 'oif_detached'],
];
const FLAGS_MASK = 0x1c;

/** First and last of a struct fib_rule_uid_range or fib_rule_port_range; null where they are not both there. */
function range(bytes: Buffer, from: number, to: number): readonly [number, number] | null {
  const half = from + (to - from) / 2;
  return to - from === 4 || to - from === 8 ? [unsigned(bytes, from, half), unsigned(bytes, half, to)] : null;
}

function bigEndian(bytes: Buffer, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) value = value * 256 + (bytes[at] ?? 0);
  return value;
}

/** `dscp 0x2e/0x3f`: a value that is compared under a mask only. */
function masked(what: string, value: number, mask: number): string {
  return `${what} 0x${value.toString(16)}/0x${mask.toString(16)}`;
}

/** What newer kernels compare, by attribute. */
type Newer = Readonly<Record<number, number>>;

/** What the model has no field of its own for; a mask that compares everything is left out. */
function furtherOf(newer: Newer, sourcePort: number, destinationPort: number): string[] {
  const {
    [FRA_FLOW]: flow,
    [FRA_DSCP]: dscp,
    [FRA_DSCP_MASK]: dscpMask = 0x3f,
    [FRA_FLOWLABEL]: flowLabel,
    [FRA_FLOWLABEL_MASK]: flowLabelMask = 0xfffff,
    [FRA_SPORT_MASK]: sourceMask = 0xffff,
    [FRA_DPORT_MASK]: destinationMask = 0xffff,
    ...unknown
  } = newer;
  const further: string[] = [];
  if (dscp !== undefined) further.push(dscpMask === 0x3f ? `dscp ${dscp}` : masked('dscp', dscp, dscpMask));
  if (flowLabel !== undefined) further.push(masked('flowlabel', flowLabel, flowLabelMask));
  if (sourceMask !== 0xffff) further.push(masked('sport', sourcePort, sourceMask));
  if (destinationMask !== 0xffff) further.push(masked('dport', destinationPort, destinationMask));
  if (flow !== undefined) further.push(`realms ${realmsText(flow)}`);
  // A rule must not look wider than it is because it is newer than this list.
  for (const type of Object.keys(unknown)) further.push(`attribute ${type}`);
  return further;
}

/** One RTM_NEWRULE message, from its struct fib_rule_hdr on; null where it ends before that does. */
export function decodeRule(bytes: Buffer, at: number, end: number): Rule | null {
  if (end - at < RULE_HEADER) return null;
  const family = bytes[at] ?? 0;
  const destinationLength = bytes[at + 1] ?? 0;
  const sourceLength = bytes[at + 2] ?? 0;
  const flags = bytes.readUInt32LE(at + 8);
  const action = bytes[at + 7] ?? 0;
  let table = bytes[at + 4] ?? 0;
  let priority = 0;
  let source: string | null = null;
  let destination: string | null = null;
  let incoming: string | null = null;
  let outgoing: string | null = null;
  let mark: number | null = null;
  let mask: number | null = null;
  let goto: number | null = null;
  let protocol = 0;
  let suppressPrefixLength: number | null = null;
  let suppressGroup: number | null = null;
  let l3mdev = false;
  let ipProtocol: number | null = null;
  let sourcePorts: readonly [number, number] | null = null;
  let destinationPorts: readonly [number, number] | null = null;
  let uids: readonly [number, number] | null = null;
  let tunnelId: string | null = null;
  const newer: Record<number, number> = {};
  eachAttribute(bytes, at + RULE_HEADER, end, (type, from, to) => {
    if (type === FRA_TABLE) table = unsigned(bytes, from, to);
    else if (type === FRA_PRIORITY) priority = unsigned(bytes, from, to);
    else if (type === FRA_PROTOCOL) protocol = unsigned(bytes, from, to);
    else if (type === FRA_SUPPRESS_PREFIXLEN) {
      const length = unsigned(bytes, from, to);
      suppressPrefixLength = length === NOTHING ? null : length;
    } else if (type === FRA_SUPPRESS_IFGROUP) {
      const group = unsigned(bytes, from, to);
      suppressGroup = group === NOTHING ? null : group;
    } else if (type === FRA_SRC) source = address(bytes, from, to);
    else if (type === FRA_DST) destination = address(bytes, from, to);
    else if (type === FRA_IIFNAME) incoming = sanitise(text(bytes, from, to)).text;
    else if (type === FRA_OIFNAME) outgoing = sanitise(text(bytes, from, to)).text;
    else if (type === FRA_FWMARK) mark = unsigned(bytes, from, to);
    else if (type === FRA_FWMASK) mask = unsigned(bytes, from, to);
    else if (type === FRA_GOTO) goto = unsigned(bytes, from, to);
    else if (type === FRA_L3MDEV) l3mdev = unsigned(bytes, from, to) !== 0;
    else if (type === FRA_IP_PROTO) ipProtocol = unsigned(bytes, from, to);
    else if (type === FRA_SPORT_RANGE) sourcePorts = range(bytes, from, to);
    else if (type === FRA_DPORT_RANGE) destinationPorts = range(bytes, from, to);
    else if (type === FRA_UID_RANGE) uids = range(bytes, from, to);
    else if (type === FRA_TUN_ID && to - from === 8) tunnelId = String(bytes.readBigUInt64BE(from));
    else if (type === FRA_FLOWLABEL || type === FRA_FLOWLABEL_MASK) newer[type] = bigEndian(bytes, from, to);
    else if (type !== FRA_PAD) newer[type] = unsigned(bytes, from, to);
  });
  const further = furtherOf(newer, sourcePorts?.[0] ?? 0, destinationPorts?.[0] ?? 0);
  const shown = flagNames(FLAGS, flags & FLAGS_MASK);
  return {
    family: familyName(family),
    priority,
    inverted: (flags & FIB_RULE_INVERT) !== 0,
    source: sourceLength === 0 ? 'all' : prefix(family, source, sourceLength),
    destination: destinationLength === 0 ? 'all' : prefix(family, destination, destinationLength),
    incoming,
    outgoing,
    tos: bytes[at + 3] ?? 0,
    // A mask without a mark: none of those bits may be set.
    mark: mark ?? (mask === null ? null : 0),
    mask,
    action: named(ACTIONS, action),
    table: table === 0 ? null : named(TABLES, table),
    goto,
    protocol: named(ROUTE_PROTOCOLS, protocol),
    suppressPrefixLength,
    suppressGroup,
    l3mdev,
    ipProtocol,
    sourcePorts,
    destinationPorts,
    uids,
    tunnelId,
    ...(further.length > 0 && { further }),
    ...(shown.length > 0 && { flags: shown }),
  };
}
