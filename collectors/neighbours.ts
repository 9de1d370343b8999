import type { HardwareFilter, Neighbour } from '../src/model/index.ts';
import { NETLINK_ROUTE } from '../src/os/netlink/socket.ts';
import type { InsideCollector, Inspected } from './inside/contract.ts';

export interface NeighboursData {
  readonly neighbours: readonly Neighbour[];
  readonly filters: readonly HardwareFilter[];
}

function inspect(): Inspected<NeighboursData> {
  throw new Error('not built yet');
}

/** TODO */
export const neighbours = {
  name: 'neighbours',
  view: 'userland',
  reads: '',
  needs: '',
  netlink: [NETLINK_ROUTE],
  files: [],
  inspect,
} as const satisfies InsideCollector<'neighbours', NeighboursData>;
