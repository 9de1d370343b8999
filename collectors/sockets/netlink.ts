import { eachAttribute } from '../../src/os/netlink/attributes.ts';
import { named } from '../../src/os/netlink/names.ts';
import { familyDump, type Question, queuedMemory, type SocketRecord } from './question.ts';
import { cookie, NO_NOTES, typeName } from './words.ts';

// include/uapi/linux/netlink_diag.h
const AF_NETLINK = 16;
const NDIAG_PROTO_ALL = 255;
const NDIAG_SHOW_MEMINFO = 0x1;
const NDIAG_SHOW_GROUPS = 0x2;
const NETLINK_DIAG_MEMINFO = 0;
const NETLINK_DIAG_GROUPS = 1;
const NETLINK_CONNECTED = 1;
/** struct netlink_diag_req: family, protocol, inode at 4, what to show at 8, cookie at 12. */
const REQUEST = 20;
/** struct netlink_diag_msg: family, type, protocol, state; port ids at 4 and 8, group at 12, inode at 16, cookie at 20. */
const MESSAGE = 28;

/** NETLINK_… by number (include/uapi/linux/netlink.h). */
const PROTOCOLS: Readonly<Record<number, string>> = {
  0: 'route',
  2: 'usersock',
  3: 'firewall',
  4: 'sock_diag',
  5: 'nflog',
  6: 'xfrm',
  7: 'selinux',
  8: 'iscsi',
  9: 'audit',
  10: 'fib_lookup',
  11: 'connector',
  12: 'netfilter',
  15: 'kobject-uevent',
  16: 'generic',
  18: 'scsi-transport',
  19: 'ecryptfs',
  20: 'rdma',
  21: 'crypto',
  22: 'smc',
};

/** `route` for 0. */
export function netlinkProtocol(protocol: number): string {
  return named(PROTOCOLS, protocol);
}

/** The numbers of the groups in a bitmap; the first is 1. */
function groupNumbers(bytes: Buffer, at: number, end: number): number[] {
  const numbers: number[] = [];
  for (let byte = at; byte < end; byte++) {
    const set = bytes[byte] ?? 0;
    for (let bit = 0; bit < 8; bit++) if ((set & (1 << bit)) !== 0) numbers.push((byte - at) * 8 + bit + 1);
  }
  return numbers;
}

/** One struct netlink_diag_msg and its attributes. Null for the kernel's own, which have port id 0. */
export function decodeNetlink(bytes: Buffer, at: number, end: number): SocketRecord | null {
  if (end - at < MESSAGE) return null;
  const portId = bytes.readUInt32LE(at + 4);
  if (portId === 0) return null;
  const connected = bytes[at + 3] === NETLINK_CONNECTED;
  let queues: ReturnType<typeof queuedMemory> = { receiveQueue: null, sendQueue: null };
  let notes = NO_NOTES;
  eachAttribute(bytes, at + MESSAGE, end, (kind, from, to) => {
    if (kind === NETLINK_DIAG_MEMINFO) queues = queuedMemory(bytes, from, to);
    else if (kind === NETLINK_DIAG_GROUPS) {
      const groups = groupNumbers(bytes, from, to);
      if (groups.length > 0) notes = [`groups ${groups.join(', ')}`];
    }
  });
  return {
    family: 'netlink',
    type: typeName(bytes[at + 1] ?? 0),
    protocol: netlinkProtocol(bytes[at + 2] ?? 0),
    state: connected ? 'established' : 'close',
    localAddress: null,
    localPort: portId,
    remoteAddress: null,
    remotePort: connected ? bytes.readUInt32LE(at + 8) : null,
    ...queues,
    uid: null,
    inode: bytes.readUInt32LE(at + 16),
    cookie: cookie(bytes, at + 20),
    ifindex: null,
    peerInode: null,
    notes,
  };
}

function body(): Buffer {
  const bytes = Buffer.alloc(REQUEST);
  bytes[0] = AF_NETLINK;
  bytes[1] = NDIAG_PROTO_ALL;
  bytes.writeUInt32LE(NDIAG_SHOW_MEMINFO | NDIAG_SHOW_GROUPS, 8);
  return bytes;
}

/** A socket that is in multicast groups is in two tables, and a dump walks both (__netlink_diag_dump). */
function onlyOnce(records: readonly SocketRecord[]): readonly SocketRecord[] {
  return [...new Map(records.map((record) => [record.cookie ?? record.inode, record])).values()];
}

export const NETLINK_QUESTION = {
  request: familyDump('netlink', body()),
  parts: ['netlink_diag'],
  decode: decodeNetlink,
  elaborate: onlyOnce,
} as const satisfies Question;
