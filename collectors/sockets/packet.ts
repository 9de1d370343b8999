import { SystemError } from '../../src/os/errors.ts';
import { eachAttribute } from '../../src/os/netlink/attributes.ts';
import type { NetlinkSocket } from '../../src/os/netlink/socket.ts';
import { familyDump, type Question, queuedMemory, type SocketRecord } from './question.ts';
import { cookie, orNull, typeName } from './words.ts';

// include/uapi/linux/packet_diag.h
const AF_PACKET = 17;
const PACKET_SHOW_INFO = 0x01;
const PACKET_SHOW_MCLIST = 0x02;
const PACKET_SHOW_RING_CFG = 0x04;
const PACKET_SHOW_FANOUT = 0x08;
const PACKET_SHOW_MEMINFO = 0x10;
const PACKET_DIAG_INFO = 0;
const PACKET_DIAG_MCLIST = 1;
const PACKET_DIAG_RX_RING = 2;
const PACKET_DIAG_TX_RING = 3;
const PACKET_DIAG_FANOUT = 4;
const PACKET_DIAG_UID = 5;
const PACKET_DIAG_MEMINFO = 6;
const PDI_RUNNING = 0x1;
/** struct packet_diag_req: family, protocol (0: any), inode at 4, what to show at 8, cookie at 12. */
const REQUEST = 20;
/** struct packet_diag_msg: family, type, protocol at 2, inode at 4, cookie at 8. */
const MESSAGE = 16;
/** struct packet_diag_info: ifindex, version, reserve, copy threshold, timestamping, flags. */
const INFO = 24;
/** struct packet_diag_ring: block size and number, frame size and number, what else TPACKET_V3 has. */
const RING = 28;
/** struct packet_diag_mclist: ifindex, count, type, length of the address, address. */
const MEMBERSHIP = 44;
const SOCK_PACKET = 10;

/** ETH_P_… (include/uapi/linux/if_ether.h), in the order of this machine. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  0: 'none',
  3: 'all',
  2048: 'ipv4',
  2054: 'arp',
  34525: 'ipv6',
};

/** PACKET_FANOUT_… by number, include/uapi/linux/if_packet.h. */
const FANOUTS = ['hash', 'round robin', 'cpu', 'rollover', 'random', 'receive queue', 'bpf', 'ebpf'];
/** PACKET_MR_…: what makes a device hand over what is not for it. */
const LISTENING: Readonly<Record<number, string>> = { 1: 'promiscuous', 2: 'all multicast' };

/** `ipv4` for 0x0800; `0x88cc` for what has no name here. */
export function packetProtocol(protocol: number): string {
  return PROTOCOLS[protocol] ?? `0x${protocol.toString(16).padStart(4, '0')}`;
}

function describeRing(direction: string, bytes: Buffer, at: number, version: number | null): string {
  const word = (index: number) => bytes.readUInt32LE(at + 4 * index);
  const how = version === null ? '' : `, TPACKET_V${version + 1}`;
  return `${direction} ring of ${word(1)} × ${word(0)} bytes in frames of ${word(2)}${how}`;
}

/** One struct packet_diag_msg and its attributes. */
export function decodePacket(bytes: Buffer, at: number, end: number): SocketRecord | null {
  if (end - at < MESSAGE) return null;
  const type = bytes[at + 1] ?? 0;
  let ifindex: number | null = null;
  let version: number | null = null;
  let uid: number | null = null;
  let queues: ReturnType<typeof queuedMemory> = { receiveQueue: null, sendQueue: null };
  const notes = type === SOCK_PACKET ? ['SOCK_PACKET'] : [];
  eachAttribute(bytes, at + MESSAGE, end, (kind, from, to) => {
    const size = to - from;
    if (kind === PACKET_DIAG_INFO && size >= INFO) {
      ifindex = orNull(bytes.readUInt32LE(from));
      version = bytes.readUInt32LE(from + 4);
      // Its device is down or gone, or it was opened for no protocol.
      if ((bytes.readUInt32LE(from + 20) & PDI_RUNNING) === 0) notes.push('receives nothing');
    } else if (kind === PACKET_DIAG_UID && size >= 4) uid = bytes.readUInt32LE(from);
    else if (kind === PACKET_DIAG_RX_RING && size >= RING) notes.push(describeRing('receive', bytes, from, version));
    else if (kind === PACKET_DIAG_TX_RING && size >= RING) notes.push(describeRing('send', bytes, from, version));
    else if (kind === PACKET_DIAG_FANOUT && size >= 4) {
      const how = bytes.readUInt16LE(from + 2) & 0xff;
      notes.push(`fanout group ${bytes.readUInt16LE(from)} by ${FANOUTS[how] ?? `type ${how}`}`);
    } else if (kind === PACKET_DIAG_MEMINFO) queues = queuedMemory(bytes, from, to);
  });
  return {
    family: 'packet',
    type: typeName(type),
    protocol: packetProtocol(bytes.readUInt16LE(at + 2)),
    state: 'close',
    localAddress: null,
    localPort: null,
    remoteAddress: null,
    remotePort: null,
    ...queues,
    uid,
    inode: bytes.readUInt32LE(at + 4),
    cookie: cookie(bytes, at + 8),
    ifindex,
    peerInode: null,
    notes,
  };
}

function body(show: number): Buffer {
  const bytes = Buffer.alloc(REQUEST);
  bytes[0] = AF_PACKET;
  bytes.writeUInt32LE(show, 8);
  return bytes;
}

const MEMBERSHIPS = familyDump('packet memberships', body(PACKET_SHOW_MCLIST));

/** What a socket made devices receive for it: `promiscuous on ifindex 2`. */
export function decodeMemberships(bytes: Buffer, at: number, end: number): readonly [string | null, string[]] | null {
  if (end - at < MESSAGE) return null;
  const notes: string[] = [];
  eachAttribute(bytes, at + MESSAGE, end, (kind, from, to) => {
    if (kind !== PACKET_DIAG_MCLIST) return;
    for (let entry = from; entry + MEMBERSHIP <= to; entry += MEMBERSHIP) {
      const how = LISTENING[bytes.readUInt16LE(entry + 8)];
      if (how !== undefined) notes.push(`${how} on ifindex ${bytes.readUInt32LE(entry)}`);
    }
  });
  return [cookie(bytes, at + 8), notes];
}

/**
 * Who listens to everything. A dump by itself: a socket may have more memberships than fit into what the kernel has for
 * a message, and then the dump ends there as if nothing came after it (packet_diag_dump). So nobody can hide so.
 */
function withMemberships(records: readonly SocketRecord[], socket: NetlinkSocket): readonly SocketRecord[] {
  if (records.length === 0) return records;
  let told: ReadonlyMap<string | null, readonly string[]>;
  try {
    told = new Map(socket.ask(MEMBERSHIPS, (_, bytes, at, end) => decodeMemberships(bytes, at, end)).records);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    told = new Map();
  }
  return records.map((record) => {
    const notes = told.get(record.cookie) ?? ['memberships not told: too many, perhaps'];
    return notes.length === 0 ? record : { ...record, notes: [...record.notes, ...notes] };
  });
}

export const PACKET_QUESTION = {
  request: familyDump(
    'packet',
    body(PACKET_SHOW_INFO | PACKET_SHOW_RING_CFG | PACKET_SHOW_FANOUT | PACKET_SHOW_MEMINFO),
  ),
  parts: ['af_packet_diag'],
  decode: decodePacket,
  elaborate: withMemberships,
} as const satisfies Question;
