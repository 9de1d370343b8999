import { eachAttribute, encodeAttributes } from '../../src/os/netlink/attributes.ts';
import { dumpRequest, getRequest, type NetlinkSocket } from '../../src/os/netlink/socket.ts';

// include/uapi/linux/net_namespace.h, include/uapi/linux/rtnetlink.h
const RTM_GETNSID = 90;
const NETNSA_NSID = 1;
const NETNSA_FD = 3;
/** struct rtgenmsg, padded */
const HEADER = 4;

const ALL = dumpRequest('RTM_GETNSID', RTM_GETNSID, Buffer.alloc(HEADER));
/** The descriptor is the last thing in it. */
const ONE = getRequest(
  'RTM_GETNSID',
  RTM_GETNSID,
  Buffer.concat([Buffer.alloc(HEADER), encodeAttributes([[NETNSA_FD, 0]])]),
);

/** The id in one RTM_NEWNSID message; null where it says none has been assigned. */
function decode(bytes: Buffer, at: number, end: number): number | null {
  let nsid = -1;
  eachAttribute(bytes, at + HEADER, end, (type, from) => {
    if (type === NETNSA_NSID) nsid = bytes.readInt32LE(from);
  });
  return nsid < 0 ? null : nsid;
}

/** Ids a namespace has for others. Asking assigns none (rtnl_net_dumpid, net/core/net_namespace.c). */
export function askIds(route: NetlinkSocket): { readonly ids: number[]; readonly interrupted: boolean } {
  const { records: ids, interrupted } = route.ask(ALL, (_, bytes, at, end) => decode(bytes, at, end));
  return { ids, interrupted };
}

/** The id a namespace has for another, by a descriptor of that one; null for none. Asking assigns none (peernet2id). */
export function askIdOf(route: NetlinkSocket, fd: number): number | null {
  ONE.bytes.writeInt32LE(fd, ONE.bytes.length - 4);
  return route.ask(ONE, (_, bytes, at, end) => decode(bytes, at, end)).records[0] ?? null;
}
