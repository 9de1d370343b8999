import type { Address } from '../src/model/index.ts';
import { NETLINK_ROUTE } from '../src/os/netlink/socket.ts';
import type { InsideCollector, Inspected } from './inside/contract.ts';

/** What the tables of `/proc/net` tell, as far as other sources lack it or are checked by it. */
export interface ProcnetData {
  readonly addresses: readonly Address[];
}

function inspect(): Inspected<ProcnetData> {
  throw new Error('not built yet');
}

/** TODO */
export const procnet = {
  name: 'procnet',
  view: 'userland',
  reads: '',
  needs: '',
  netlink: [NETLINK_ROUTE],
  files: [],
  inspect,
} as const satisfies InsideCollector<'procnet', ProcnetData>;
