import { SystemError } from '../../src/os/errors.ts';
import { eachAttribute } from '../../src/os/netlink/attributes.ts';
import { getRequest, type NetlinkSocket } from '../../src/os/netlink/socket.ts';
import { sanitise } from '../../src/terminal/sanitise.ts';
import { ALL_STATES, familyDump, type Question, SOCK_DIAG_BY_FAMILY, type SocketRecord } from './question.ts';
import { cookie, NO_NOTES, orNull, stateName, typeName } from './words.ts';

// include/uapi/linux/unix_diag.h
const AF_UNIX = 1;
const UDIAG_SHOW_NAME = 0x01;
const UDIAG_SHOW_PEER = 0x04;
const UDIAG_SHOW_ICONS = 0x08;
const UDIAG_SHOW_RQLEN = 0x10;
/** Linux 5.3; earlier kernels do not mind. */
const UDIAG_SHOW_UID = 0x40;
const UNIX_DIAG_NAME = 0;
const UNIX_DIAG_PEER = 2;
const UNIX_DIAG_ICONS = 3;
const UNIX_DIAG_RQLEN = 4;
const UNIX_DIAG_UID = 7;
/** struct unix_diag_req: family, protocol, states at 4, inode at 8, what to show at 12, cookie at 16. */
const REQUEST = 24;
/** struct unix_diag_msg: family, type, state; inode at 4, cookie at 8. */
const MESSAGE = 16;
/** Of those that wait to be accepted so many are named. */
const NAMED = 8;

/**
 * What a unix socket is bound to: a path, or bytes of the abstract namespace behind an `@` (unix(7)). `raw` where that is
 * not all of it.
 */
function boundTo(name: string): { readonly text: string; readonly raw?: string } {
  if (name.charCodeAt(0) !== 0) {
    const end = name.indexOf('\0');
    return sanitise(end < 0 ? name : name.slice(0, end));
  }
  // Programs that bind the whole of struct sockaddr_un leave a tail of zeros, which is part of the name.
  let end = name.length;
  while (end > 1 && name.charCodeAt(end - 1) === 0) end--;
  const shown = sanitise(`@${name.slice(1, end)}`);
  return shown.raw === undefined && end === name.length ? shown : { ...sanitise(name), text: shown.text };
}

const RELATIVE = ['a relative path, not an abstract name'];

/** One struct unix_diag_msg and its attributes. */
export function decodeUnix(bytes: Buffer, at: number, end: number): SocketRecord | null {
  if (end - at < MESSAGE) return null;
  let name = '';
  let peerInode: number | null = null;
  let receiveQueue: number | null = null;
  let sendQueue: number | null = null;
  let uid: number | null = null;
  eachAttribute(bytes, at + MESSAGE, end, (type, from, to) => {
    const size = to - from;
    if (type === UNIX_DIAG_NAME) name = bytes.toString('latin1', from, to);
    else if (type === UNIX_DIAG_PEER && size >= 4) peerInode = orNull(bytes.readUInt32LE(from));
    else if (type === UNIX_DIAG_UID && size >= 4) uid = bytes.readUInt32LE(from);
    else if (type === UNIX_DIAG_RQLEN && size >= 8) {
      receiveQueue = bytes.readUInt32LE(from);
      sendQueue = bytes.readUInt32LE(from + 4);
    }
  });
  const bound = name === '' ? null : boundTo(name);
  const record: SocketRecord = {
    family: 'unix',
    type: typeName(bytes[at + 1] ?? 0),
    protocol: '',
    state: stateName(bytes[at + 2] ?? 0),
    localAddress: bound === null ? null : bound.text,
    localPort: null,
    remoteAddress: null,
    remotePort: null,
    receiveQueue,
    sendQueue,
    uid,
    inode: bytes.readUInt32LE(at + 4),
    cookie: cookie(bytes, at + 8),
    ifindex: null,
    peerInode,
    notes: name.startsWith('@') ? RELATIVE : NO_NOTES,
  };
  return bound?.raw === undefined ? record : { ...record, rawLocalAddress: bound.raw };
}

function body(show: number): Buffer {
  const bytes = Buffer.alloc(REQUEST);
  bytes[0] = AF_UNIX;
  bytes.writeUInt32LE(ALL_STATES, 4);
  bytes.writeUInt32LE(show, 12);
  bytes.fill(0xff, 16); // INET_DIAG_NOCOOKIE: whichever socket has that inode
  return bytes;
}

const PENDING = getRequest('SOCK_DIAG_BY_FAMILY unix pending', SOCK_DIAG_BY_FAMILY, body(UDIAG_SHOW_ICONS));
/** Where its inode is, behind the netlink header. */
const PENDING_INODE = 16 + 8;

/** Inodes of the clients that wait to be accepted, 0 for those that are gone, in the order they came. */
export function decodePending(bytes: Buffer, at: number, end: number): readonly number[] | null {
  let inodes: readonly number[] | null = null;
  eachAttribute(bytes, at + MESSAGE, end, (type, from, to) => {
    if (type !== UNIX_DIAG_ICONS) return;
    inodes = Array.from({ length: (to - from) >> 2 }, (_, index) => bytes.readUInt32LE(from + 4 * index));
  });
  return inodes;
}

/** `waiting to be accepted: inode 71, inode 72, one that is gone`. */
export function describePending(inodes: readonly number[]): string {
  const named = inodes.slice(0, NAMED).map((inode) => (inode === 0 ? 'one that is gone' : `inode ${inode}`));
  const more = inodes.length > NAMED ? ` and ${inodes.length - NAMED} more` : '';
  return `waiting to be accepted: ${named.join(', ')}${more}`;
}

/**
 * Who waits to be accepted. Each listening socket is asked by itself: in a dump the list of one alone may not fit into
 * what the kernel has for a message, and then the dump ends there as if nothing came after it (unix_diag_dump).
 */
function withPending(records: readonly SocketRecord[], socket: NetlinkSocket): readonly SocketRecord[] {
  return records.map((record) => {
    if (record.state !== 'listen' || !record.receiveQueue || record.inode === 0) return record;
    PENDING.bytes.writeUInt32LE(record.inode, PENDING_INODE);
    try {
      const [inodes] = socket.ask(PENDING, (_, bytes, at, end) => decodePending(bytes, at, end)).records;
      if (inodes === undefined || inodes.length === 0) return record;
      return { ...record, notes: [...record.notes, describePending(inodes)] };
    } catch (error) {
      // It is gone, or so many wait (about a thousand) that the kernel does not list them: the queue says how many.
      if (!(error instanceof SystemError)) throw error;
      return record;
    }
  });
}

export const UNIX_QUESTION = {
  request: familyDump('unix', body(UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID)),
  parts: ['unix_diag'],
  decode: decodeUnix,
  elaborate: withPending,
} as const satisfies Question;
