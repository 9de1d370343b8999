import type { Route, Rule } from '../src/model/index.ts';
import { NETLINK_ROUTE } from '../src/os/netlink/socket.ts';
import type { InsideCollector, Inspected } from './inside/contract.ts';

export interface RoutesData {
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
}

function inspect(): Inspected<RoutesData> {
  throw new Error('not built yet');
}

/** TODO */
export const routes = {
  name: 'routes',
  view: 'userland',
  reads: '',
  needs: '',
  netlink: [NETLINK_ROUTE],
  files: [],
  inspect,
} as const satisfies InsideCollector<'routes', RoutesData>;
