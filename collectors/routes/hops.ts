import type { NextHop } from '../../src/model/index.ts';
import { address, eachAttribute, unsigned } from '../../src/os/netlink/attributes.ts';
import { AF_INET, AF_INET6, type FlagWords, flagNames } from '../../src/os/netlink/names.ts';

// include/uapi/linux/rtnetlink.h
export const RTA_GATEWAY = 5;
export const RTA_VIA = 18;
export const RTA_ENCAP_TYPE = 21;
/** struct rtnexthop: length, flags, weight less one, ifindex. */
const HOP_HEADER = 8;

/** RTNH_F_…: the low eight bits of a route's flags speak of its only hop. */
export const HOP_FLAGS: FlagWords = [
  [1, 'dead'],
  [2, 'pervasive'],
  [4, 'onlink'],
  [8, 'offload'],
  [16, 'linkdown'],
  [32, 'unresolved'],
  [64, 'trap'],
];
export const HOP_FLAGS_MASK = 0xff;

/** LWTUNNEL_ENCAP_…, include/uapi/linux/lwtunnel.h, in the words of ip-route(8). */
export const ENCAPSULATIONS: Readonly<Record<number, string>> = {
  1: 'mpls',
  2: 'ip',
  3: 'ila',
  4: 'ip6',
  5: 'seg6',
  6: 'bpf',
  7: 'seg6local',
  8: 'rpl',
  9: 'ioam6',
  10: 'xfrm',
};

/** RTA_VIA, struct rtvia: a gateway of another family than the route's, which stands before it in two bytes. */
export function via(bytes: Buffer, from: number, to: number): string {
  return address(bytes, Math.min(from + 2, to), to);
}

/** Every way of RTA_MULTIPATH, and the first encapsulation any of them has (LWTUNNEL_ENCAP_…). */
export function decodeHops(
  bytes: Buffer,
  from: number,
  to: number,
  family: number,
): { readonly hops: readonly NextHop[]; readonly encapsulation: number } {
  const hops: NextHop[] = [];
  let encapsulation = 0;
  // What stands for the weight is a TTL in multicast routing, and nothing in MPLS.
  const weighted = family === AF_INET || family === AF_INET6;
  for (let at = from; at + HOP_HEADER <= to; ) {
    const length = bytes.readUInt16LE(at);
    if (length < HOP_HEADER || at + length > to) break;
    let gateway: string | null = null;
    eachAttribute(bytes, at + HOP_HEADER, at + length, (type, first, end) => {
      if (type === RTA_GATEWAY) gateway = address(bytes, first, end);
      else if (type === RTA_VIA) gateway = via(bytes, first, end);
      else if (type === RTA_ENCAP_TYPE) encapsulation ||= unsigned(bytes, first, end);
    });
    hops.push({
      gateway,
      ifindex: bytes.readUInt32LE(at + 4) || null,
      weight: weighted ? (bytes[at + 3] ?? 0) + 1 : null,
      flags: flagNames(HOP_FLAGS, bytes[at + 2] ?? 0),
    });
    at += (length + 3) & ~3;
  }
  return { hops, encapsulation };
}
