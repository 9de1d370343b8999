import type { Address } from '../src/model/index.ts';
import { address, eachAttribute, text, unsigned } from '../src/os/netlink/attributes.ts';
import { AF_INET6, type FlagWords, familyName, flagNames, lifetime, named, SCOPES } from '../src/os/netlink/names.ts';
import { dumpRequest, NETLINK_ROUTE } from '../src/os/netlink/socket.ts';
import { sanitise } from '../src/terminal/sanitise.ts';
import { questionsTo } from './inside/ask.ts';
import type { Inside, InsideCollector, Inspected } from './inside/contract.ts';

// include/uapi/linux/if_addr.h, include/uapi/linux/rtnetlink.h
const RTM_GETADDR = 22;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_ANYCAST = 5;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_PROTO = 11;
/** struct ifaddrmsg */
const HEADER = 8;
const IFA_F_PERMANENT = 0x80;

/** IFA_F_… as ip-address(8) names them; permanent, 0x80, shows by its absence: `dynamic`. */
const FLAGS: FlagWords = [
  [0x01, 'secondary'],
  [0x02, 'nodad'],
  [0x04, 'optimistic'],
  [0x08, 'dadfailed'],
  [0x10, 'home'],
  [0x20, 'deprecated'],
  [0x40, 'tentative'],
  [0x100, 'mngtmpaddr'],
  [0x200, 'noprefixroute'],
  [0x400, 'autojoin'],
  [0x800, 'stable-privacy'],
];
/** The first flag has two meanings (include/uapi/linux/if_addr.h): to IPv6 it is IFA_F_TEMPORARY. */
const FLAGS6: FlagWords = [[0x01, 'temporary'], ...FLAGS.slice(1)];
/** IFAPROT_…, include/uapi/linux/if_addr.h, Linux 5.18. */
const PROTOCOLS: Readonly<Record<number, string>> = { 0: 'unspec', 1: 'kernel_lo', 2: 'kernel_ra', 3: 'kernel_ll' };

/** Words for IFA_F_… */
export function addressFlags(family: number, flags: number): readonly string[] {
  const names = flagNames(family === AF_INET6 ? FLAGS6 : FLAGS, flags & ~IFA_F_PERMANENT);
  return (flags & IFA_F_PERMANENT) !== 0 ? names : [...names, 'dynamic'];
}

const REQUEST = dumpRequest('RTM_GETADDR', RTM_GETADDR, Buffer.alloc(HEADER));

/** One RTM_NEWADDR message, from its struct ifaddrmsg on; null where it ends before that does. */
export function decodeAddress(bytes: Buffer, at: number, end: number): Address | null {
  if (end - at < HEADER) return null;
  const family = bytes[at] ?? 0;
  let flags = bytes[at + 2] ?? 0;
  let local: string | null = null;
  let other: string | null = null;
  let broadcast: string | null = null;
  let anycast: string | null = null;
  let label: string | null = null;
  let validSeconds: number | null = null;
  let preferredSeconds: number | null = null;
  let protocol: string | null = null;
  eachAttribute(bytes, at + HEADER, end, (type, from, to) => {
    if (type === IFA_LOCAL) local = address(bytes, from, to);
    else if (type === IFA_ADDRESS) other = address(bytes, from, to);
    else if (type === IFA_BROADCAST) broadcast = address(bytes, from, to);
    else if (type === IFA_ANYCAST) anycast = address(bytes, from, to);
    else if (type === IFA_LABEL) label = sanitise(text(bytes, from, to)).text;
    else if (type === IFA_FLAGS) flags = unsigned(bytes, from, to);
    else if (type === IFA_CACHEINFO && to - from >= 8) {
      preferredSeconds = lifetime(bytes.readUInt32LE(from));
      validSeconds = lifetime(bytes.readUInt32LE(from + 4));
    } else if (type === IFA_PROTO) {
      const number = unsigned(bytes, from, to);
      protocol = PROTOCOLS[number] ?? `0x${number.toString(16)}`;
    }
  });
  // With both, IFA_ADDRESS is the other end of a point-to-point device (include/uapi/linux/if_addr.h).
  const own = local ?? other ?? anycast ?? '';
  return {
    family: familyName(family),
    ifindex: bytes.readUInt32LE(at + 4),
    address: own,
    prefixLength: bytes[at + 1] ?? 0,
    peer: other !== null && other !== own ? other : null,
    broadcast,
    anycast,
    scope: named(SCOPES, bytes[at + 3] ?? 0),
    flags: addressFlags(family, flags),
    label,
    validSeconds,
    preferredSeconds,
    protocol,
  };
}

function inspectAddresses(inside: Inside): Inspected<readonly Address[]> {
  const { ask, missed } = questionsTo(inside);
  const data = ask(REQUEST, (_, bytes, at, end) => decodeAddress(bytes, at, end), 'addresses');
  return { data, seen: data.length, missed };
}

/** IP addresses of every device. */
export const addresses = {
  name: 'addresses',
  view: 'userland',
  reads: 'RTM_GETADDR of rtnetlink(7) in every namespace: IPv4 and IPv6 addresses',
  needs: 'CAP_SYS_ADMIN over the namespaces that are to be entered',
  netlink: [NETLINK_ROUTE],
  files: [],
  inspect: inspectAddresses,
} as const satisfies InsideCollector<'addresses', readonly Address[]>;
