import type { Device } from '../src/model/index.ts';
import { NETLINK_ROUTE } from '../src/os/netlink/socket.ts';
import type { InsideCollector, Inspected } from './inside/contract.ts';

/** A device as rtnetlink has it: what it is connected to is still to be found out. */
export type LinkRecord = Omit<Device, 'references' | 'physical' | 'peer' | 'lower' | 'upper'> & {
  readonly ifindex: number;
};

export interface LinksData {
  readonly links: readonly LinkRecord[];
}

function inspect(): Inspected<LinksData> {
  throw new Error('not built yet');
}

/** TODO */
export const links = {
  name: 'links',
  view: 'userland',
  reads: '',
  needs: '',
  netlink: [NETLINK_ROUTE],
  files: [],
  inspect,
} as const satisfies InsideCollector<'links', LinksData>;
