import type { Socket } from '../src/model/index.ts';
import { NETLINK_SOCK_DIAG } from '../src/os/netlink/socket.ts';
import type { InsideCollector, Inspected } from './inside/contract.ts';

/** A socket before it is known who has it open. */
export type SocketRecord = Omit<Socket, 'processes'>;

export interface SocketsData {
  readonly sockets: readonly SocketRecord[];
  /** How many sockets the kernel counts in this namespace, whatever their family; null where it does not tell. */
  readonly counted: number | null;
}

function inspect(): Inspected<SocketsData> {
  throw new Error('not built yet');
}

/** TODO */
export const sockets = {
  name: 'sockets',
  view: 'userland',
  reads: '',
  needs: '',
  netlink: [NETLINK_SOCK_DIAG],
  files: [],
  inspect,
} as const satisfies InsideCollector<'sockets', SocketsData>;
