import { NETLINK_ROUTE } from '../src/os/netlink/socket.ts';
import type { InsideCollector, Inspected } from './inside/contract.ts';

export interface NsidsData {
  /** Ids this namespace has for others. */
  readonly ids: readonly number[];
}

function inspect(): Inspected<NsidsData> {
  throw new Error('not built yet');
}

/** TODO */
export const nsids = {
  name: 'nsids',
  view: 'userland',
  reads: '',
  needs: '',
  netlink: [NETLINK_ROUTE],
  files: [],
  inspect,
} as const satisfies InsideCollector<'nsids', NsidsData>;
