import type { Route, Rule } from '../src/model/index.ts';
import { SystemError } from '../src/os/errors.ts';
import { dumpRequest, NETLINK_ROUTE } from '../src/os/netlink/socket.ts';
import { questionsTo } from './inside/ask.ts';
import type { Inside, InsideCollector, Inspected } from './inside/contract.ts';
import { decodeNextHop, lacksHops, NEXTHOP_HEADER, withHops } from './routes/nexthops.ts';
import { decodeRoute, ROUTE_HEADER } from './routes/route.ts';
import { decodeRule, RULE_HEADER } from './routes/rule.ts';

// include/uapi/linux/rtnetlink.h
const RTM_GETROUTE = 26;
const RTM_GETRULE = 34;
const RTM_GETNEXTHOP = 106;

const ROUTES = dumpRequest('RTM_GETROUTE', RTM_GETROUTE, Buffer.alloc(ROUTE_HEADER));
const RULES = dumpRequest('RTM_GETRULE', RTM_GETRULE, Buffer.alloc(RULE_HEADER));
const NEXTHOPS = dumpRequest('RTM_GETNEXTHOP', RTM_GETNEXTHOP, Buffer.alloc(NEXTHOP_HEADER));

export interface RoutesData {
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
}

function inspectRoutes(inside: Inside): Inspected<RoutesData> {
  const { ask, missed } = questionsTo(inside);
  const rulesOrNone = (): readonly Rule[] => {
    try {
      return ask(RULES, (_, bytes, at, end) => decodeRule(bytes, at, end), 'rules');
    } catch (error) {
      // A kernel without policy routing (CONFIG_IP_MULTIPLE_TABLES) has no rules to tell of. EOPNOTSUPP is the same number.
      if (error instanceof SystemError && error.code === 'ENOTSUP') return [];
      throw error;
    }
  };

  let routes = ask(ROUTES, (_, bytes, at, end) => decodeRoute(bytes, at, end), 'routes');
  const rules = rulesOrNone();
  if (routes.some(lacksHops)) {
    const objects = ask(NEXTHOPS, (_, bytes, at, end) => decodeNextHop(bytes, at, end), 'nexthops');
    const byId = new Map(objects.map((object) => [object.id, object]));
    routes = routes.map((route) => withHops(route, byId));
  }
  return { data: { routes, rules }, seen: routes.length + rules.length, missed };
}

/** Routes of every table, and the rules that choose among the tables. */
export const routes = {
  name: 'routes',
  view: 'userland',
  reads: 'RTM_GETROUTE, RTM_GETRULE and RTM_GETNEXTHOP of rtnetlink(7) in every namespace: routes and rules',
  needs: 'CAP_SYS_ADMIN over the namespaces that are to be entered',
  netlink: [NETLINK_ROUTE],
  files: [],
  inspect: inspectRoutes,
} as const satisfies InsideCollector<'routes', RoutesData>;
