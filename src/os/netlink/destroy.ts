import type { SocketIdentity } from '../../model/plan.ts';
import { acknowledgedRequest, type NetlinkSocket } from './socket.ts';

// include/uapi/linux/sock_diag.h, inet_diag.h
const SOCK_DESTROY = 21;
const PROTOCOLS = { tcp: 6, udp: 17 } as const;
const FAMILIES = { inet: 2, inet6: 10 } as const;
const ALL_STATES = 0xffff_ffff;
/** struct inet_diag_req_v2: family, protocol, ext, pad, states; then struct inet_diag_sockid. */
const REQUEST = 56;
const LOCAL_PORT = 8;
const REMOTE_PORT = 10;
const LOCAL = 12;
const REMOTE = 28;
const INTERFACE = 44;
const COOKIE = 48;

/** What tells a socket from every other. */
type DestroyableSocket = Omit<SocketIdentity, 'state'>;

/** An address as its bytes in the byte order of the network. */
export function addressBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = (high: string | undefined, low: string | undefined) => ((Number(high) << 8) | Number(low)).toString(16);
  const plain = dotted === null ? address : `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}`;
  const [head = '', tail] = plain.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const bytes = Buffer.alloc(16);
  for (const [index, group] of before.entries()) bytes.writeUInt16BE(group, index * 2);
  for (const [index, group] of after.entries()) bytes.writeUInt16BE(group, (8 - after.length + index) * 2);
  return bytes;
}

function body(socket: DestroyableSocket): Buffer {
  const bytes = Buffer.alloc(REQUEST);
  bytes[0] = FAMILIES[socket.family];
  bytes[1] = PROTOCOLS[socket.protocol];
  bytes.writeUInt32LE(ALL_STATES, 4);
  bytes.writeUInt16BE(socket.localPort, LOCAL_PORT);
  bytes.writeUInt16BE(socket.remotePort, REMOTE_PORT);
  bytes.set(addressBytes(socket.localAddress), LOCAL);
  bytes.set(addressBytes(socket.remoteAddress), REMOTE);
  bytes.writeUInt32LE(socket.ifindex, INTERFACE);
  bytes.writeBigUInt64LE(BigInt(socket.cookie), COOKIE);
  return bytes;
}

/**
 * Closes a socket from outside (SOCK_DESTROY, Linux 4.5, CONFIG_INET_DIAG_DESTROY): whoever has it open finds it reset
 * (ECONNABORTED). The kernel compares the cookie: another connection that has the same addresses by now is left alone.
 *
 * @throws SystemError ENOENT when it is gone, EOPNOTSUPP where the kernel was built without.
 */
export function destroySocket(netlink: NetlinkSocket, socket: DestroyableSocket): void {
  netlink.ask(acknowledgedRequest('SOCK_DESTROY', SOCK_DESTROY, 0, body(socket)), () => null);
}
