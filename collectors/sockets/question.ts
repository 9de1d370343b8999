import type { Socket } from '../../src/model/index.ts';
import type { KernelPart } from '../../src/os/kernel-modules.ts';
import { dumpRequest, type NetlinkSocket, type Request } from '../../src/os/netlink/socket.ts';

/** A socket before it is known who has it open. */
export type SocketRecord = Omit<Socket, 'processes'>;

/** One dump of sock_diag(7). Sockets that are bound to nothing are in no table, so no dump has them. */
export interface Question {
  readonly request: Request;
  /** Parts of the kernel that answer it; asking one that is not there would load it. */
  readonly parts: readonly KernelPart[];
  /** One answer, from its fixed part on. Null where it is too short, or of a socket of the kernel's own. */
  readonly decode: (bytes: Buffer, at: number, end: number) => SocketRecord | null;
  /** Adds what only further requests tell. */
  readonly elaborate?: (records: readonly SocketRecord[], socket: NetlinkSocket) => readonly SocketRecord[];
}

/** Every state there is, those of kernels to come included. */
export const ALL_STATES = 0xffff_ffff;

/** SOCK_DIAG_BY_FAMILY, include/uapi/linux/sock_diag.h. */
export const SOCK_DIAG_BY_FAMILY = 20;

/** A dump of one family; its first two bytes are family and protocol in each of them. */
export function familyDump(name: string, body: Uint8Array): Request {
  return dumpRequest(`SOCK_DIAG_BY_FAMILY ${name}`, SOCK_DIAG_BY_FAMILY, body);
}

/** What struct sk_meminfo counts, by position (include/uapi/linux/sock_diag.h). */
const SK_MEMINFO_RMEM_ALLOC = 0;
const SK_MEMINFO_WMEM_ALLOC = 2;

/** Bytes in the queues of a socket, from a …_DIAG_MEMINFO attribute. */
export function queuedMemory(
  bytes: Buffer,
  at: number,
  end: number,
): { readonly receiveQueue: number | null; readonly sendQueue: number | null } {
  const count = (index: number) => (at + 4 * (index + 1) <= end ? bytes.readUInt32LE(at + 4 * index) : null);
  return { receiveQueue: count(SK_MEMINFO_RMEM_ALLOC), sendQueue: count(SK_MEMINFO_WMEM_ALLOC) };
}
