import { NETLINK_ROUTE } from '../src/os/netlink/socket.ts';
import type { Inside, InsideCollector, Inspected } from './inside/contract.ts';
import { askIds } from './nsids/ask.ts';

export interface NsidsData {
  /** Ids this namespace has for others. Which ones they are: `collectors/nsids/follow.ts`. */
  readonly ids: readonly number[];
}

function inspectNsids({ subject, netlink }: Inside): Inspected<NsidsData> {
  const { ids, interrupted } = askIds(netlink(NETLINK_ROUTE));
  const missed = interrupted ? [{ subject, reason: 'ids changed while they were read' }] : [];
  return { data: { ids }, seen: ids.length, missed };
}

/** Which other namespaces each one has an id for: whoever was ever connected to it. */
export const nsids = {
  name: 'nsids',
  view: 'userland',
  reads:
    'RTM_GETNSID of rtnetlink(7) in every namespace: the ids it has for others, and what is behind those nobody knows',
  needs: 'CAP_SYS_ADMIN over the namespaces that are to be entered',
  netlink: [NETLINK_ROUTE],
  files: [],
  inspect: inspectNsids,
} as const satisfies InsideCollector<'nsids', NsidsData>;
