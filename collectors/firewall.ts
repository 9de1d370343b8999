import type { Firewall } from '../src/model/index.ts';
import { NETLINK_NETFILTER } from '../src/os/netlink/socket.ts';
import type { InsideCollector, Inspected } from './inside/contract.ts';

function inspect(): Inspected<Firewall> {
  throw new Error('not built yet');
}

/** TODO */
export const firewall = {
  name: 'firewall',
  view: 'userland',
  reads: '',
  needs: '',
  netlink: [NETLINK_NETFILTER],
  files: [],
  inspect,
} as const satisfies InsideCollector<'firewall', Firewall>;
