import type { Gathered } from '../../collectors/index.ts';
import type { Namespace } from '../model/index.ts';
import { withProcesses } from './sockets.ts';

/** What is inside a namespace besides its devices. */
export type Inside = Pick<
  Namespace,
  | 'addresses'
  | 'routes'
  | 'rules'
  | 'neighbours'
  | 'filters'
  | 'sockets'
  | 'firewall'
  | 'nsids'
  | 'protocols'
  | 'discrepancies'
  | 'countersAt'
>;

/** Nothing of it: nobody looked. */
export const NOT_READ: Inside = {
  addresses: null,
  routes: null,
  rules: null,
  neighbours: null,
  filters: null,
  sockets: null,
  firewall: null,
  nsids: null,
  protocols: null,
  discrepancies: [],
  countersAt: null,
};

/** What the sources say is inside a namespace; the tables of `/proc/net` stand in for netlink where it was not asked. */
export function insideOf(ino: number | null, gathered: Gathered): Inside {
  const inside = ino === null ? undefined : gathered.inside?.get(ino);
  if (ino === null || inside === undefined) return NOT_READ;
  const { links, addresses, routes, neighbours, sockets, procnet, firewall, nsids, at } = inside;
  // What sock_diag could not be asked for comes from the tables.
  const records = [sockets?.sockets, procnet?.sockets].filter((part) => part != null);
  const resolved = gathered.nsids?.resolved.get(ino);
  return {
    addresses: addresses ?? procnet?.addresses ?? null,
    routes: routes?.routes ?? procnet?.routes ?? null,
    rules: routes?.rules ?? null,
    neighbours: neighbours?.neighbours ?? procnet?.neighbours ?? null,
    filters: neighbours?.filters ?? procnet?.filters ?? null,
    sockets: records.length === 0 ? null : withProcesses(records.flat(), ino, gathered),
    firewall: firewall ?? null,
    nsids: nsids?.ids.map((nsid) => ({ nsid, netns: resolved?.get(nsid) ?? null })) ?? null,
    protocols: procnet?.protocols ?? null,
    discrepancies: gathered.discrepancies?.get(ino) ?? [],
    countersAt: links === undefined && procnet === undefined ? null : at,
  };
}
