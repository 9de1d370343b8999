import type { NextHop, Route } from '../../src/model/index.ts';
import { address, eachAttribute, unsigned } from '../../src/os/netlink/attributes.ts';
import { flagNames, named } from '../../src/os/netlink/names.ts';
import { ENCAPSULATIONS, HOP_FLAGS, HOP_FLAGS_MASK } from './hops.ts';

// include/uapi/linux/nexthop.h
const NHA_ID = 1;
const NHA_GROUP = 2;
const NHA_OIF = 5;
const NHA_GATEWAY = 6;
const NHA_ENCAP_TYPE = 7;
/** struct nhmsg */
export const NEXTHOP_HEADER = 8;
/** struct nexthop_grp: id, weight less one in three bytes of which the first two count, padding. */
const MEMBER = 8;

/** A nexthop object: one way, or several of them by their ids. */
export interface NextHopObject {
  readonly id: number;
  readonly hop: NextHop;
  readonly encapsulation: string | null;
  readonly members: readonly { readonly id: number; readonly weight: number }[];
}

/** One RTM_NEWNEXTHOP message, from its struct nhmsg on; null where it ends before that does. */
export function decodeNextHop(bytes: Buffer, at: number, end: number): NextHopObject | null {
  if (end - at < NEXTHOP_HEADER) return null;
  let id = 0;
  let ifindex: number | null = null;
  let gateway: string | null = null;
  let encapsulation: string | null = null;
  const members: { id: number; weight: number }[] = [];
  eachAttribute(bytes, at + NEXTHOP_HEADER, end, (type, from, to) => {
    if (type === NHA_ID) id = unsigned(bytes, from, to);
    else if (type === NHA_OIF) ifindex = unsigned(bytes, from, to) || null;
    else if (type === NHA_GATEWAY) gateway = address(bytes, from, to);
    else if (type === NHA_ENCAP_TYPE) encapsulation = named(ENCAPSULATIONS, unsigned(bytes, from, to));
    else if (type === NHA_GROUP) {
      for (let member = from; member + MEMBER <= to; member += MEMBER) {
        members.push({ id: bytes.readUInt32LE(member), weight: bytes.readUInt16LE(member + 4) + 1 });
      }
    }
  });
  const flags = flagNames(HOP_FLAGS, bytes.readUInt32LE(at + 4) & HOP_FLAGS_MASK);
  return { id, hop: { gateway, ifindex, weight: null, flags }, encapsulation, members };
}

/** Whether a route has a nexthop object and no ways: so the kernel tells it with `net.ipv4.nexthop_compat_mode` off. */
export function lacksHops({ nextHopId, nextHops, type }: Route): boolean {
  return nextHopId !== null && nextHops.length === 0 && type !== 'blackhole';
}

/** The route with the ways of its nexthop object, as the kernel tells it with `net.ipv4.nexthop_compat_mode` on. */
export function withHops(route: Route, objects: ReadonlyMap<number, NextHopObject>): Route {
  const object = objects.get(route.nextHopId ?? 0);
  if (!lacksHops(route) || object === undefined) return route;
  const { encapsulation, members, hop } = object;
  if (members.length === 0) return { ...route, nextHops: [hop], encapsulation };
  const found = members.flatMap(({ id, weight }) => {
    const member = objects.get(id);
    return member === undefined ? [] : [{ ...member, hop: { ...member.hop, weight } }];
  });
  return {
    ...route,
    nextHops: found.map(({ hop }) => hop),
    encapsulation: found.find((member) => member.encapsulation !== null)?.encapsulation ?? null,
  };
}
