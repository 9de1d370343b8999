import { ALL_STATES, familyDump, type Question, type SocketRecord } from './question.ts';
import { cookie, NO_NOTES, stateName, typeName } from './words.ts';

// include/uapi/linux/vm_sockets_diag.h
const AF_VSOCK = 40;
/** struct vsock_diag_req: family, protocol, states at 4, inode at 8, what to show at 12, cookie at 16. */
const REQUEST = 24;
/** struct vsock_diag_msg: family, type, state; context ids and ports at 4, inode at 20, cookie at 24. */
const MESSAGE = 32;
/** VMADDR_CID_ANY and VMADDR_PORT_ANY, include/uapi/linux/vm_sockets.h. */
const ANY = 0xffff_ffff;

/** One struct vsock_diag_msg: an address is the context id of a machine (vsock(7)). */
export function decodeVsock(bytes: Buffer, at: number, end: number): SocketRecord | null {
  if (end - at < MESSAGE) return null;
  const unlessAny = (offset: number): number | null => {
    const number = bytes.readUInt32LE(at + offset);
    return number === ANY ? null : number;
  };
  const remote = unlessAny(12);
  return {
    family: 'vsock',
    type: typeName(bytes[at + 1] ?? 0),
    protocol: '',
    state: stateName(bytes[at + 2] ?? 0),
    localAddress: String(unlessAny(4) ?? '*'),
    localPort: unlessAny(8),
    remoteAddress: remote === null ? null : String(remote),
    remotePort: unlessAny(16),
    receiveQueue: null,
    sendQueue: null,
    uid: null,
    inode: bytes.readUInt32LE(at + 20),
    cookie: cookie(bytes, at + 24),
    ifindex: null,
    peerInode: null,
    notes: NO_NOTES,
  };
}

function body(): Buffer {
  const bytes = Buffer.alloc(REQUEST);
  bytes[0] = AF_VSOCK;
  bytes.writeUInt32LE(ALL_STATES, 4);
  return bytes;
}

export const VSOCK_QUESTION = {
  request: familyDump('vsock', body()),
  parts: ['vsock_diag'],
  decode: decodeVsock,
} as const satisfies Question;
