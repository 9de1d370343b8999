import type { Route } from '../../src/model/index.ts';
import { AF_INET, AF_INET6 } from '../../src/os/netlink/names.ts';
import { prefix } from '../routes/prefix.ts';
import type { DeviceNumbers } from './devices.ts';
import type { TrieEntry } from './fib-trie.ts';
import { addressOfBytes, addressOfWords } from './hexadecimal-addresses.ts';
import { decimal, eachLine, hexadecimal, isDeviceName, type Parsed, words } from './lines.ts';

// include/uapi/linux/route.h, include/uapi/linux/ipv6_route.h
const RTF_GATEWAY = 0x2;
const RTF_REJECT = 0x200;
const RTF_ANYCAST = 0x10_0000;
const RTF_LOCAL = 0x8000_0000;
const RTF_PREF_SHIFT = 27;
/** ICMPV6_ROUTER_PREF_…; 2 is reserved. */
const PREFERENCES = ['medium', 'high', null, 'low'];

/** IP6_RT_PRIO of fib6_null_entry: it stands in every table for "no route". */
const NULL_ENTRY_METRIC = 0xffff_ffff;
/** What the kernel adds to the advertised segment size, and calls the MTU. */
const HEADERS = 40;

const NOT_TOLD = {
  protocol: null,
  preferredSource: null,
  incoming: null,
  metrics: {},
  realms: null,
  nextHopId: null,
  encapsulation: null,
  expiresSeconds: null,
} as const;

function nextHops(gateway: string | null, ifindex: number | null): Route['nextHops'] {
  return gateway === null && ifindex === null ? [] : [{ gateway, ifindex, weight: null, flags: [] }];
}

/** The length of a netmask; null for one with holes. */
function maskLength(mask: string): number | null {
  const bits = mask.split('.').reduce((all, byte) => all + Number(byte).toString(2).padStart(8, '0'), '');
  return /^1*0*$/.test(bits) ? bits.lastIndexOf('1') + 1 : null;
}

/** The one value they all have; null when they differ, or there is none. */
function agreed<T>(values: readonly T[]): T | null {
  const [first] = values;
  return first !== undefined && values.every((value) => value === first) ? first : null;
}

/**
 * `/proc/net/route`: IPv4 routes of the table main, of each its first way only (fib_route_seq_show,
 * net/ipv4/fib_trie.c). What kind of route it is the trie tells.
 */
export function parseRoutes(text: string, entries: readonly TrieEntry[], numbers: DeviceNumbers): Parsed<Route> {
  const kinds = new Map<string, TrieEntry[]>();
  for (const entry of entries) {
    // These are left out of the list of routes.
    if (entry.table !== 'main' || entry.type === 'broadcast' || entry.type === 'multicast') continue;
    const key = prefix(AF_INET, entry.prefix, entry.length);
    const known = kinds.get(key);
    if (known === undefined) kinds.set(key, [entry]);
    else known.push(entry);
  }
  return eachLine(text, 1, (line) => {
    const [device, to = '', by = '', digits, , , priority, netmask = '', mtu, window, rtt] = line.trimEnd().split('\t');
    const [destination, gateway, mask] = [to, by, netmask].map(addressOfWords);
    const [flags, metric] = [hexadecimal(digits), decimal(priority)];
    const [segment, windowSize, roundTrip] = [mtu, window, rtt].map(decimal);
    if (destination == null || gateway == null || mask == null || destination.includes(':')) return null;
    const length = maskLength(mask);
    if (!isDeviceName(device) || flags === null || metric === null || length === null) return null;
    if (segment == null || windowSize == null || roundTrip == null) return null;
    const kind = kinds.get(prefix(AF_INET, destination, length)) ?? [];
    return {
      ...NOT_TOLD,
      family: 'inet',
      type: agreed(kind.map(({ type }) => type)),
      destination: length === 0 ? 'default' : prefix(AF_INET, destination, length),
      default: length === 0,
      source: null,
      // A route without a way, such as a blackhole, has `*` for a device.
      nextHops: nextHops(
        (flags & RTF_GATEWAY) === 0 ? null : gateway,
        device === '*' ? null : (numbers.get(device) ?? null),
      ),
      table: 'main',
      scope: agreed(kind.map(({ scope }) => scope)),
      // Printed as a signed number; 0 is none.
      metric: metric >>> 0 || null,
      tos: agreed(kind.map(({ tos }) => tos)),
      flags: (flags & RTF_REJECT) === 0 ? [] : ['reject'],
      preference: null,
      metrics: {
        ...(segment > HEADERS ? { advmss: segment - HEADERS } : {}),
        ...(windowSize > 0 ? { window: windowSize } : {}),
        ...(roundTrip > 0 ? { rtt: roundTrip } : {}),
      },
    };
  });
}

function inet6Type(flags: number, destination: string): string | null {
  if ((flags & RTF_REJECT) !== 0) return null;
  if ((flags & RTF_LOCAL) !== 0) return 'local';
  if ((flags & RTF_ANYCAST) !== 0) return 'anycast';
  return destination.startsWith('ff') ? 'multicast' : 'unicast';
}

/**
 * `/proc/net/ipv6_route`: IPv6 routes of all tables, without telling which (ipv6_route_native_seq_show,
 * net/ipv6/ip6_fib.c). One of several ways has a line for each. Of those that refuse it does not tell how.
 */
export function parseInet6Routes(text: string, numbers: DeviceNumbers): Parsed<Route> {
  const { records, malformed } = eachLine(text, 0, (line): Route | 'none' | null => {
    const fields = words(line);
    const [to = '', toLength, from = '', fromLength, by = '', priority, , , digits, device] = fields;
    const [destination, source, gateway] = [to, from, by].map(addressOfBytes);
    const [length, sourceLength, metric, flags] = [toLength, fromLength, priority, digits].map(hexadecimal);
    if (destination == null || source == null || gateway == null || fields.length > 10) return null;
    if (length == null || sourceLength == null || metric == null || flags == null) return null;
    if (device !== undefined && !isDeviceName(device)) return null;
    if (metric === NULL_ENTRY_METRIC && length === 0 && (flags & RTF_REJECT) !== 0) return 'none';
    return {
      ...NOT_TOLD,
      family: 'inet6',
      type: inet6Type(flags, destination),
      destination: length === 0 ? 'default' : prefix(AF_INET6, destination, length),
      default: length === 0,
      source: sourceLength === 0 ? null : prefix(AF_INET6, source, sourceLength),
      nextHops: nextHops((flags & RTF_GATEWAY) === 0 ? null : gateway, numbers.get(device ?? '') ?? null),
      table: null,
      // IPv6 makes no difference by scope or tos (rt6_fill_node).
      scope: 'global',
      metric,
      tos: 0,
      flags: (flags & RTF_REJECT) === 0 ? [] : ['reject'],
      preference: PREFERENCES[(flags >>> RTF_PREF_SHIFT) & 3] ?? null,
    };
  });
  return { records: records.filter((record) => record !== 'none'), malformed };
}
