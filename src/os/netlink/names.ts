/** Words for numbers that several messages of rtnetlink(7) share, as iproute2 has them. */

// bits/socket.h: families of addresses.
export const AF_INET = 2;
export const AF_BRIDGE = 7;
export const AF_INET6 = 10;
export const AF_MPLS = 28;

const FAMILIES: Readonly<Record<number, string>> = {
  0: 'unspec',
  1: 'unix',
  [AF_INET]: 'inet',
  [AF_BRIDGE]: 'bridge',
  [AF_INET6]: 'inet6',
  [AF_MPLS]: 'mpls',
  // RTNL_FAMILY_IPMR and RTNL_FAMILY_IP6MR: multicast routing.
  128: 'ipmr',
  129: 'ip6mr',
};

/** `inet` for 2. */
export function familyName(family: number): string {
  return FAMILIES[family] ?? `family ${family}`;
}

/** RT_SCOPE_…, include/uapi/linux/rtnetlink.h. */
export const SCOPES: Readonly<Record<number, string>> = {
  0: 'global',
  200: 'site',
  253: 'link',
  254: 'host',
  255: 'nowhere',
};

/** RT_TABLE_…, include/uapi/linux/rtnetlink.h; other names are the host's own, in /etc/iproute2/rt_tables. */
export const TABLES: Readonly<Record<number, string>> = { 253: 'default', 254: 'main', 255: 'local' };

/** RTN_…, include/uapi/linux/rtnetlink.h: types of routes. From 6 on, actions of rules as well. */
export const ROUTE_TYPES: Readonly<Record<number, string>> = {
  0: 'none',
  1: 'unicast',
  2: 'local',
  3: 'broadcast',
  4: 'anycast',
  5: 'multicast',
  6: 'blackhole',
  7: 'unreachable',
  8: 'prohibit',
  9: 'throw',
  10: 'nat',
  11: 'xresolve',
};

/** RTPROT_…: who made a route or a rule, as etc/iproute2/rt_protos of iproute2 names it. */
export const ROUTE_PROTOCOLS: Readonly<Record<number, string>> = {
  0: 'unspec',
  1: 'redirect',
  2: 'kernel',
  3: 'boot',
  4: 'static',
  8: 'gated',
  9: 'ra',
  10: 'mrt',
  11: 'zebra',
  12: 'bird',
  13: 'dnrouted',
  14: 'xorp',
  15: 'ntk',
  16: 'dhcp',
  18: 'keepalived',
  42: 'babel',
  84: 'ovn',
  99: 'openr',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  192: 'eigrp',
};

/** The word for a number, or the number itself. */
export function named(words: Readonly<Record<number, string>>, number: number): string {
  return words[number] ?? String(number);
}

/** Flags and the words for them. */
export type FlagWords = readonly (readonly [mask: number, word: string])[];

/** Most things have no flags: they share this. */
const NO_FLAGS: readonly string[] = [];

/** The words for the flags that are set, and what there is no word for as one number: `0x1000`. */
export function flagNames(words: FlagWords, flags: number): readonly string[] {
  if (flags === 0) return NO_FLAGS;
  const names: string[] = [];
  let rest = flags;
  for (const [mask, word] of words) {
    if ((flags & mask) === 0) continue;
    names.push(word);
    rest &= ~mask;
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  return names;
}

/** INFINITY_LIFE_TIME, include/net/addrconf.h. */
const FOR_EVER = 0xffff_ffff;

/** Seconds left; null for ever. */
export function lifetime(seconds: number): number | null {
  return seconds === FOR_EVER ? null : seconds;
}
