import type { HardwareFilter, Neighbour } from '../src/model/index.ts';
import { SystemError } from '../src/os/errors.ts';
import { AF_BRIDGE } from '../src/os/netlink/names.ts';
import { type Decode, dumpRequest, NETLINK_ROUTE, type Request } from '../src/os/netlink/socket.ts';
import { questionsTo } from './inside/ask.ts';
import type { Inside, InsideCollector, Inspected } from './inside/contract.ts';
import { decodeFilter, mergeFilters, parseDevMcast } from './neighbours/filters.ts';
import { decodeNeighbour, NEIGHBOUR_HEADER, NTF_PROXY } from './neighbours/neighbour.ts';

const RTM_GETNEIGH = 30;

function request(name: string, family: number, flags: number): Request {
  const header = Buffer.alloc(NEIGHBOUR_HEADER);
  header[0] = family;
  header[10] = flags;
  return dumpRequest(name, RTM_GETNEIGH, header);
}

const NEIGHBOURS = request('RTM_GETNEIGH', 0, 0);
/** Those are in a table of their own, which neigh_dump_info (net/core/neighbour.c) reads only when asked so. */
const PROXIES = request('RTM_GETNEIGH proxy', 0, NTF_PROXY);
const FILTERS = request('RTM_GETNEIGH bridge', AF_BRIDGE, 0);

export interface NeighboursData {
  readonly neighbours: readonly Neighbour[];
  readonly filters: readonly HardwareFilter[];
}

function inspectNeighbours(inside: Inside): Inspected<NeighboursData> {
  const { subject, file } = inside;
  const { ask, missed } = questionsTo(inside);
  const askFilters = (): readonly HardwareFilter[] => {
    try {
      return ask(FILTERS, (_, bytes, at, end) => decodeFilter(bytes, at, end), 'filters');
    } catch (error) {
      // One driver that cannot tell spoils the whole answer; the neighbours are known nevertheless.
      if (!(error instanceof SystemError)) throw error;
      missed.push({ subject, reason: `${error.subject}: ${error.code}` });
      return [];
    }
  };

  const decode: Decode<Neighbour> = (_, bytes, at, end) => decodeNeighbour(bytes, at, end);
  const neighbours = [...ask(NEIGHBOURS, decode, 'neighbours'), ...ask(PROXIES, decode, 'neighbours')];
  const multicast = file('dev_mcast');
  if (multicast === null) missed.push({ subject, reason: '/proc/net/dev_mcast could not be read' });
  const filters = mergeFilters(askFilters(), parseDevMcast(multicast ?? ''));
  return { data: { neighbours, filters }, seen: neighbours.length + filters.length, missed };
}

/** Who is behind each device, and which hardware addresses it listens to or forwards. */
export const neighbours = {
  name: 'neighbours',
  view: 'userland',
  reads:
    'RTM_GETNEIGH of rtnetlink(7) and /proc/net/dev_mcast in every namespace: neighbours, forwarding databases, and the ' +
    'hardware addresses devices listen to',
  needs: 'CAP_SYS_ADMIN over the namespaces that are to be entered',
  netlink: [NETLINK_ROUTE],
  files: ['dev_mcast'],
  inspect: inspectNeighbours,
} as const satisfies InsideCollector<'neighbours', NeighboursData>;
