import type { Address } from '../src/model/index.ts';
import { address, eachAttribute, text, unsigned } from '../src/os/netlink/attributes.ts';
import { familyName, lifetime, named, SCOPES } from '../src/os/netlink/names.ts';
import { dumpRequest, NETLINK_ROUTE } from '../src/os/netlink/socket.ts';
import { sanitise } from '../src/terminal/sanitise.ts';
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

/** IFA_F_… by bit, as ip-address(8) names them; the eighth, permanent, shows by its absence: `dynamic`. */
const FLAGS = [
  'secondary',
  'nodad',
  'optimistic',
  'dadfailed',
  'home',
  'deprecated',
  'tentative',
  '',
  'mngtmpaddr',
  'noprefixroute',
  'autojoin',
  'stable-privacy',
];
/** IFAPROT_…, include/uapi/linux/if_addr.h, Linux 5.18. */
const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'kernel_lo', 2: 'kernel_ra', 3: 'kernel_ll' };

const REQUEST = dumpRequest('RTM_GETADDR', RTM_GETADDR, Buffer.alloc(HEADER));

/** One RTM_NEWADDR message, from its struct ifaddrmsg on. */
export function decodeAddress(bytes: Buffer, at: number, end: number): Address {
  const family = familyName(bytes[at] ?? 0);
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
    else if (type === IFA_CACHEINFO) {
      preferredSeconds = lifetime(bytes.readUInt32LE(from));
      validSeconds = lifetime(bytes.readUInt32LE(from + 4));
    } else if (type === IFA_PROTO) protocol = named(PROTOCOLS, bytes[from] ?? 0);
  });
  // With both, IFA_ADDRESS is the other end of a point-to-point device (include/uapi/linux/if_addr.h).
  const own = local ?? other ?? anycast ?? '';
  return {
    family,
    ifindex: bytes.readUInt32LE(at + 4),
    address: own,
    prefixLength: bytes[at + 1] ?? 0,
    peer: other !== null && other !== own ? other : null,
    broadcast,
    anycast,
    scope: named(SCOPES, bytes[at + 3] ?? 0),
    flags: [
      ...FLAGS.filter((name, bit) => name !== '' && (flags & (1 << bit)) !== 0),
      ...((flags & IFA_F_PERMANENT) === 0 ? ['dynamic'] : []),
    ],
    label,
    validSeconds,
    preferredSeconds,
    protocol,
  };
}

function inspectAddresses({ subject, netlink }: Inside): Inspected<readonly Address[]> {
  const { records, interrupted } = netlink(NETLINK_ROUTE).ask(REQUEST, (_, bytes, at, end) =>
    decodeAddress(bytes, at, end),
  );
  const missed = interrupted ? [{ subject, reason: 'addresses changed while they were read' }] : [];
  return { data: records, seen: records.length, missed };
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
