import type { Socket } from '../../src/model/index.ts';
import type { KernelPart } from '../../src/os/kernel-modules.ts';
import { eachAttribute, encodeAttributes, ipv4, ipv6 } from '../../src/os/netlink/attributes.ts';
import { AF_INET, AF_INET6 } from '../../src/os/netlink/names.ts';
import { dumpRequest } from '../../src/os/netlink/socket.ts';
import { ALL_STATES, familyDump, type Question, type SocketRecord } from './question.ts';
import { cookie, NO_NOTES, orNull, protocolName, stateName } from './words.ts';

// include/uapi/linux/inet_diag.h
const TCPDIAG_GETSOCK = 18;
const INET_DIAG_REQ_PROTOCOL = 3;
const INET_DIAG_SKV6ONLY = 11;
const INET_DIAG_MARK = 15;
const INET_DIAG_SOCKOPT = 22;
/** Bits of the first byte of struct inet_diag_sockopt, Linux 5.10. */
const FREEBIND = 1 << 2;
const TRANSPARENT = 1 << 5;

// include/uapi/linux/in.h
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_UDPLITE = 136;
const IPPROTO_RAW = 255;
const IPPROTO_MPTCP = 262;

/** struct inet_diag_req_v2 */
const REQUEST = 56;
/** struct inet_diag_req, which has no protocol and the states behind the addresses. */
const OLD_REQUEST = 60;
const OLD_REQUEST_STATES = 52;
/** struct inet_diag_msg: family, state, timer, retrans; ports at 4, addresses at 8 and 24. */
const MESSAGE = 72;
const LOCAL = 8;
const REMOTE = 24;
const INTERFACE = 40;
const COOKIE = 44;
const RECEIVE_QUEUE = 56;
const SEND_QUEUE = 60;
const UID = 64;
const INODE = 68;

function isZero(bytes: Buffer, at: number, size: number): boolean {
  for (let index = at; index < at + size; index++) if (bytes[index] !== 0) return false;
  return true;
}

/** The attributes that deserve a word. */
function notesOf(bytes: Buffer, at: number, end: number): readonly string[] {
  let notes = NO_NOTES;
  eachAttribute(bytes, at, end, (type, from, to) => {
    const value = bytes[from] ?? 0;
    if (value === 0 && type !== INET_DIAG_MARK) return;
    if (type === INET_DIAG_SKV6ONLY) notes = [...notes, 'v6only'];
    else if (type === INET_DIAG_MARK && to - from >= 4) {
      const mark = bytes.readUInt32LE(from);
      if (mark !== 0) notes = [...notes, `mark 0x${mark.toString(16)}`];
    } else if (type === INET_DIAG_SOCKOPT) {
      if ((value & TRANSPARENT) !== 0) notes = [...notes, 'transparent'];
      if ((value & FREEBIND) !== 0) notes = [...notes, 'freebind'];
    }
  });
  return notes;
}

/** One struct inet_diag_msg and its attributes. `protocol` null: of a raw socket, each has its own. */
export function decodeInet(
  protocol: string | null,
  type: Socket['type'],
): (bytes: Buffer, at: number, end: number) => SocketRecord | null {
  return (bytes, at, end) => {
    if (end - at < MESSAGE) return null;
    const six = bytes[at] === AF_INET6;
    const address = six ? ipv6 : ipv4;
    const inode = bytes.readUInt32LE(at + INODE);
    const uid = bytes.readUInt32LE(at + UID);
    const localPort = bytes.readUInt16BE(at + 4);
    const remotePort = bytes.readUInt16BE(at + 6);
    const connected = remotePort !== 0 || !isZero(bytes, at + REMOTE, six ? 16 : 4);
    return {
      family: six ? 'inet6' : 'inet',
      type,
      // Where a raw socket has its protocol others have their port.
      protocol: protocol ?? protocolName(localPort),
      state: stateName(bytes[at + 1] ?? 0),
      localAddress: address(bytes, at + LOCAL),
      localPort: protocol === null ? null : orNull(localPort),
      remoteAddress: connected ? address(bytes, at + REMOTE) : null,
      remotePort: orNull(remotePort),
      receiveQueue: bytes.readUInt32LE(at + RECEIVE_QUEUE),
      sendQueue: bytes.readUInt32LE(at + SEND_QUEUE),
      // What is left of a socket that was closed has no owner: there the kernel writes 0 (inet_twsk_diag_fill).
      uid: inode === 0 && uid === 0 ? null : uid,
      inode,
      cookie: cookie(bytes, at + COOKIE),
      ifindex: orNull(bytes.readUInt32LE(at + INTERFACE)),
      peerInode: null,
      notes: notesOf(bytes, at + MESSAGE, end),
    };
  };
}

function body(family: number, protocol: number): Buffer {
  const bytes = Buffer.alloc(REQUEST);
  bytes[0] = family;
  bytes[1] = protocol;
  bytes.writeUInt32LE(ALL_STATES, 4);
  return bytes;
}

function question(
  protocol: number,
  family: number,
  name: string | null,
  type: Socket['type'],
  part: KernelPart,
): Question {
  return {
    request: familyDump(`${name ?? 'raw'}${family === AF_INET6 ? ' inet6' : ''}`, body(family, protocol)),
    parts: ['inet_diag', part],
    decode: decodeInet(name, type),
  };
}

/** Of both families: a walk over the hash table of the whole host is what it costs, however few it finds. */
function tcpQuestion(): Question {
  const bytes = Buffer.alloc(OLD_REQUEST);
  bytes.writeUInt32LE(ALL_STATES, OLD_REQUEST_STATES);
  // The one request that may leave the family open (inet_diag_dump_compat), and what ss(8) sends for TCP.
  return {
    request: dumpRequest('TCPDIAG_GETSOCK', TCPDIAG_GETSOCK, bytes),
    parts: ['inet_diag', 'tcp_diag'],
    decode: decodeInet('tcp', 'stream'),
  };
}

/** MPTCP sockets (Linux 5.9); the connections each consists of are among those of TCP, with its inode. */
function mptcpQuestion(family: number): Question {
  // Its number does not fit where protocols are.
  const bytes = Buffer.concat([body(family, IPPROTO_TCP), encodeAttributes([[INET_DIAG_REQ_PROTOCOL, IPPROTO_MPTCP]])]);
  return {
    request: familyDump(`mptcp${family === AF_INET6 ? ' inet6' : ''}`, bytes),
    parts: ['inet_diag', 'mptcp_diag'],
    decode: decodeInet('mptcp', 'stream'),
  };
}

export const INET_QUESTIONS = {
  tcp: tcpQuestion(),
  mptcp: mptcpQuestion(AF_INET),
  mptcp6: mptcpQuestion(AF_INET6),
  udp: question(IPPROTO_UDP, AF_INET, 'udp', 'dgram', 'udp_diag'),
  udp6: question(IPPROTO_UDP, AF_INET6, 'udp', 'dgram', 'udp_diag'),
  udplite: question(IPPROTO_UDPLITE, AF_INET, 'udplite', 'dgram', 'udp_diag'),
  udplite6: question(IPPROTO_UDPLITE, AF_INET6, 'udplite', 'dgram', 'udp_diag'),
  raw: question(IPPROTO_RAW, AF_INET, null, 'raw', 'raw_diag'),
  raw6: question(IPPROTO_RAW, AF_INET6, null, 'raw', 'raw_diag'),
} as const satisfies Readonly<Record<string, Question>>;
