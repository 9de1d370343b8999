import { closeSync, openSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { NextHop, Route, Rule } from '../../src/model/index.ts';
import { type Attribute, encodeAttributes } from '../../src/os/netlink/attributes.ts';
import { acknowledgedRequest, NETLINK_ROUTE, NetlinkSocket } from '../../src/os/netlink/socket.ts';
import { inNetworkNamespace } from '../../src/os/network-namespace.ts';
import { closeProcfs, openProcfs } from '../../src/os/procfs.ts';
import { lookInside } from './inside.ts';
import { run, Scene } from './scene.ts';

type Json = Readonly<Record<string, unknown>>;

/** What `ip` says in JSON; nothing at all where there is nothing. */
function ip(netns: string, ...args: readonly string[]): readonly Json[] {
  const text = run('ip', '-n', netns, '-details', '-json', ...args);
  // It prints `dst` twice for this kind of tunnel: first the route's, then the tunnel's.
  return JSON.parse(text.replace(/("encap":"ip"),"id":\d+,"src":"[^"]*","dst":"[^"]*"/g, '$1') || '[]');
}

/** A namespace with `v0`, `w0` and `x0`, veths into a second one where they are `v1`, `w1` and `x1`; all of them up. */
function twoNamespaces(scene: Scene): { readonly netns: string; readonly other: string } {
  const [netns, other] = [scene.name(), scene.name()];
  for (const name of [netns, other]) {
    run('ip', 'netns', 'add', name);
    scene.defer(() => run('ip', 'netns', 'delete', name));
  }
  // Nothing is looked for before an address is there for good.
  run('ip', 'netns', 'exec', netns, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0');
  run('ip', '-n', netns, 'link', 'set', 'lo', 'up');
  for (const name of ['v', 'w', 'x']) {
    run('ip', 'link', 'add', `${name}0`, 'netns', netns, 'type', 'veth', 'peer', 'name', `${name}1`, 'netns', other);
    run('ip', '-n', other, 'link', 'set', `${name}1`, 'up');
    run('ip', '-n', netns, 'link', 'set', `${name}0`, 'up');
  }
  for (const [address, device] of [
    ['10.1.0.1/24', 'v0'],
    ['10.2.0.1/24', 'w0'],
    ['10.3.0.1/24', 'x0'],
    ['fd01::1/64', 'v0'],
    ['fd02::1/64', 'w0'],
  ] as const) {
    run('ip', '-n', netns, 'address', 'add', address, 'dev', device, ...(address.startsWith('fd') ? ['nodad'] : []));
  }
  return { netns, other };
}

async function waitFor(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 100 && !condition(); tries++) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(condition()).toBe(true);
}

function indexes(netns: string): ReadonlyMap<string, number> {
  return new Map(ip(netns, 'link').map(({ ifname, ifindex }) => [String(ifname), Number(ifindex)]));
}

/** `ip` leaves out the length of a whole address. */
function prefix(address: unknown, length?: unknown): string {
  const text = String(address);
  if (length !== undefined) return `${text}/${length}`;
  return text.includes('/') || text === 'default' ? text : `${text}/${text.includes(':') ? 128 : 32}`;
}

const HOP_FLAGS = ['dead', 'onlink', 'pervasive', 'offload', 'trap', 'linkdown', 'unresolved'];

function expectedHop(hop: Json, devices: ReadonlyMap<string, number>): NextHop {
  const via = hop.via as Json | undefined;
  return {
    gateway: (hop.gateway ?? via?.host ?? null) as string | null,
    ifindex: devices.get(String(hop.dev)) ?? null,
    weight: (hop.weight ?? null) as number | null,
    flags: (hop.flags as string[]).filter((flag) => HOP_FLAGS.includes(flag)),
  };
}

/** Metrics are called and written differently in JSON than in ip-route(8): `ecn` for `features ecn`. */
function expectedMetrics(list: readonly Json[] | undefined): Json {
  const { ecn, congestion, ...rest } = list?.[0] ?? {};
  return {
    ...rest,
    ...(ecn !== undefined && { features: 'ecn' }),
    ...(congestion !== undefined && { congctl: congestion }),
  };
}

const ROUTE_KEYS = [
  ...['type', 'dst', 'from', 'gateway', 'via', 'dev', 'nexthops', 'table', 'protocol', 'scope', 'prefsrc', 'metric'],
  ...['tos', 'flags', 'pref', 'metrics', 'nhid', 'encap', 'expires'],
  // What it looks up itself about a nexthop object, and details of tunnels, which the model leaves out.
  ...['nh_info', 'mode', 'segs', 'ttl', 'flow'],
];

function realmsOf(flow: Json | undefined): string | null {
  if (flow === undefined) return null;
  return flow.from === undefined ? String(flow.to) : `${flow.from}/${flow.to}`;
}

function expectedRoute(family: string, route: Json, devices: ReadonlyMap<string, number>): Route {
  expect(Object.keys(route).filter((key) => !ROUTE_KEYS.includes(key))).toEqual([]);
  const several = route.nexthops as readonly Json[] | undefined;
  const single = several === undefined && (route.dev !== undefined || route.gateway !== undefined);
  return {
    family,
    type: String(route.type),
    destination: prefix(route.dst),
    default: route.dst === 'default',
    source: route.from === undefined ? null : prefix(route.from),
    nextHops: single ? [expectedHop(route, devices)] : (several ?? []).map((hop) => expectedHop(hop, devices)),
    table: String(route.table),
    protocol: String(route.protocol),
    scope: String(route.scope),
    preferredSource: (route.prefsrc ?? null) as string | null,
    metric: (route.metric ?? null) as number | null,
    tos: Number(route.tos ?? 0),
    incoming: null,
    flags: single ? (route.flags as string[]).filter((flag) => !HOP_FLAGS.includes(flag)) : (route.flags as string[]),
    preference: (route.pref ?? null) as string | null,
    metrics: expectedMetrics(route.metrics as readonly Json[] | undefined) as Route['metrics'],
    nextHopId: (route.nhid ?? null) as number | null,
    encapsulation: (route.encap ?? several?.find(({ encap }) => encap !== undefined)?.encap ?? null) as string | null,
    realms: realmsOf(route.flow as Json | undefined),
    expiresSeconds: (route.expires ?? null) as number | null,
  };
}

function routesByIp(netns: string): readonly Route[] {
  const devices = indexes(netns);
  return [
    ...ip(netns, '-4', 'route', 'show', 'table', 'all').map((route) => expectedRoute('inet', route, devices)),
    ...ip(netns, '-6', 'route', 'show', 'table', 'all').map((route) => expectedRoute('inet6', route, devices)),
  ];
}

/** `ip` does not print in JSON what is locked. */
function withoutLocks(route: Route): Route {
  const { lock: _, ...metrics } = route.metrics;
  return { ...route, metrics };
}

function withoutTime(route: Route): Route {
  return { ...route, expiresSeconds: route.expiresSeconds === null ? null : 1 };
}

const IP_PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, ospf: 89 };
const RULE_FLAGS = ['unresolved', 'iif_detached', 'oif_detached'];
const RULE_KEYS = [
  ...['priority', 'not', 'src', 'srclen', 'dst', 'dstlen', 'iif', 'oif', 'tos', 'fwmark', 'fwmask', 'table', 'goto'],
  ...['nop', 'action', 'protocol', 'suppress_prefixlen', 'suppress_ifgroup', 'l3mdev', 'ipproto', 'uid_start'],
  ...['uid_end', 'sport', 'sport_start', 'sport_end', 'dport', 'dport_start', 'dport_end', 'tun_id', 'flow_from'],
  ...['flow_to', ...RULE_FLAGS],
  // Newer ones print the mask of a port even where it compares everything.
  ...['sport_mask', 'dport_mask'],
];

function expectedRule(family: string, rule: Json): Rule {
  expect(Object.keys(rule).filter((key) => !RULE_KEYS.includes(key))).toEqual([]);
  const number = (value: unknown): number | null => (value === undefined ? null : Number(value));
  const text = (value: unknown): string | null => (value === undefined ? null : String(value));
  const range = (one: unknown, first: unknown, last: unknown): [number, number] | null =>
    one === undefined && first === undefined ? null : [Number(first ?? one), Number(last ?? one)];
  const mark = number(rule.fwmark);
  const realms = rule.flow_from === undefined ? rule.flow_to : `${rule.flow_from}/${rule.flow_to}`;
  const flags = RULE_FLAGS.filter((flag) => flag in rule);
  return {
    family,
    priority: Number(rule.priority),
    inverted: 'not' in rule,
    source: rule.src === 'all' ? 'all' : prefix(rule.src, rule.srclen),
    destination: rule.dst === undefined ? 'all' : prefix(rule.dst, rule.dstlen),
    incoming: text(rule.iif),
    outgoing: text(rule.oif),
    tos: Number(rule.tos ?? 0),
    mark,
    mask: number(rule.fwmask) ?? (mark === null ? null : 0xffff_ffff),
    action: text(rule.action) ?? ('nop' in rule ? 'nop' : 'goto' in rule ? 'goto' : 'lookup'),
    table: text(rule.table),
    goto: number(rule.goto),
    protocol: String(rule.protocol),
    suppressPrefixLength: number(rule.suppress_prefixlen),
    suppressGroup: number(rule.suppress_ifgroup),
    l3mdev: 'l3mdev' in rule,
    ipProtocol: rule.ipproto === undefined ? null : (IP_PROTOCOLS[String(rule.ipproto)] ?? Number(rule.ipproto)),
    sourcePorts: range(rule.sport, rule.sport_start, rule.sport_end),
    destinationPorts: range(rule.dport, rule.dport_start, rule.dport_end),
    uids: range(undefined, rule.uid_start, rule.uid_end),
    tunnelId: text(rule.tun_id),
    ...(realms !== undefined && { further: [`realms ${realms}`] }),
    ...(flags.length > 0 && { flags }),
  };
}

function rulesByIp(netns: string): readonly Rule[] {
  return [
    ...ip(netns, '-4', 'rule').map((rule) => expectedRule('inet', rule)),
    ...ip(netns, '-6', 'rule').map((rule) => expectedRule('inet6', rule)),
  ];
}

function sorted<T>(list: readonly T[]): string[] {
  const ordered = (value: unknown): unknown =>
    typeof value !== 'object' || value === null || Array.isArray(value)
      ? value
      : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  return list.map((one) => JSON.stringify(one, (_, value) => ordered(value))).sort();
}

const ROUTES = [
  'default via 10.1.0.2 dev v0 metric 100 proto dhcp src 10.1.0.1',
  'default via 172.16.0.1 dev w0 metric 200 onlink mtu 1400 advmss 1300',
  'unreachable default metric 4000000000',
  '0.0.0.0/1 via 10.1.0.3',
  '10.10.0.0/16 nexthop via 10.1.0.2 dev v0 weight 3 nexthop via 10.2.0.2 dev w0 weight 256 nexthop via 172.16.0.9 dev v0 onlink',
  'blackhole 10.11.0.0/16',
  'prohibit 10.12.0.0/16 proto bird',
  'throw 10.13.0.0/16 table 100',
  '10.20.0.0/24 via inet6 fe80::99 dev v0',
  '10.21.0.0/24 nexthop via inet6 fe80::99 dev v0 nexthop via 10.2.0.2 dev w0',
  '10.22.0.0/24 dev v0 scope link tos 0x04 table 1000',
  'local 10.22.0.1 dev lo table local proto 77',
  'broadcast 10.22.0.255 dev v0 table 5',
  'multicast 224.7.0.0/16 dev v0 table 5',
  '10.23.0.0/24 via 10.1.0.2 realm 5 proto zebra',
  '10.24.0.0/24 encap ip id 5 dst 10.1.0.9 dev v0',
  '10.25.0.0/24 nexthop via 10.1.0.2 dev v0 nexthop encap ip id 6 dst 10.1.0.9 dev v0',
  '10.26.0.0/24 via 10.1.0.2 window 5000 rtt 50ms rttvar 20ms ssthresh 7 cwnd lock 8 reordering 5 hoplimit 33 initcwnd 11 features ecn rto_min 100ms initrwnd 12 quickack 1 congctl reno mtu lock 1400 fastopen_no_cookie 1',
  '10.27.0.0/24 dev x0',
  '10.28.0.0/24 nexthop dev x0 nexthop via 10.2.0.2 dev w0',
  '10.30.0.0/24 nhid 7',
  '10.31.0.0/24 nhid 9',
  '10.32.0.0/24 nhid 10',
  '10.33.0.0/24 nhid 11',
  '10.34.0.0/24 nhid 12',
];

const ROUTES6 = [
  'default via fe80::1 dev v0 pref high expires 600 proto ra metric 1024',
  'default from fd01::/64 via fe80::2 dev w0 pref low',
  'unreachable default metric 4278198272',
  'blackhole fd11::/16',
  'prohibit fd12::/32',
  'fd10::/64 nexthop via fe80::1 dev v0 weight 2 nexthop via fe80::2 dev w0 weight 4',
  'fd13::5/128 via fe80::1 dev v0 mtu 1280 table 2000',
  'fd14::/64 encap seg6 mode encap segs fc00::1 dev v0',
  'fd15::/64 from fd01::7 dev v0',
  'fd16::/64 dev w0 src fd01::1',
  'fd30::/64 nhid 11',
];

const RULES = [
  'from 10.0.0.0/8 to 10.9.9.9 lookup 100 priority 100',
  'not from 10.0.0.0/8 fwmark 0x10/0xff table 1000 priority 101 proto bird',
  'fwmark 7 lookup main priority 102',
  'iif v0 oif w0 lookup 5 priority 103',
  'iif gone0 lookup 5 priority 104',
  'oif gone1 lookup 5 priority 105',
  'uidrange 1000-2000 lookup 5 priority 106',
  'ipproto tcp sport 1000 dport 2000-3000 lookup 5 priority 107',
  'ipproto ospf lookup 5 priority 108',
  'lookup main suppress_prefixlength 0 priority 109',
  'lookup main suppress_ifgroup 7 suppress_prefixlength 8 priority 110',
  'goto 32766 priority 111',
  'goto 30000 priority 112',
  'nop priority 113',
  'blackhole from 10.66.0.0/16 priority 114',
  'unreachable to 10.66.0.0/16 priority 115',
  'prohibit priority 116 iif lo',
  'tun_id 4294967299 lookup 5 priority 117',
  'tos 0x04 lookup 5 priority 118',
  'l3mdev priority 119',
  'from 10.3.0.0/16 realms 4/3 lookup 5 priority 120',
  'from 10.3.0.0/16 realms 9 lookup 5 priority 121',
  'fwmark 0/0xf lookup 5 priority 122',
];

const RULES6 = [
  'from fd00::/8 lookup 100 priority 200',
  'to fd01::1 iif v0 lookup 100 priority 201',
  'tos 0x04 lookup 100 priority 202',
  'not fwmark 1 goto 32766 priority 203',
  'l3mdev protocol zebra priority 204',
  'uidrange 0-0 ipproto udp dport 53 lookup 7 suppress_prefixlength 1 priority 205',
  'from all lookup 300 priority 4294967295',
];

function addNexthops(netns: string): void {
  for (const args of [
    'id 7 via 10.1.0.2 dev v0',
    'id 8 via 172.16.0.8 dev w0 onlink',
    'id 9 group 7,2/8,3',
    'id 10 blackhole',
    'id 11 via fe80::7 dev v0',
    'id 12 encap ip id 9 dst 10.1.0.8 dev v0',
  ]) {
    run('ip', '-n', netns, 'nexthop', 'add', ...args.split(' '));
  }
}

function addRoutes(netns: string): void {
  // A router listens to anycast addresses.
  run('ip', 'netns', 'exec', netns, 'sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1');
  addNexthops(netns);
  for (const args of ROUTES) run('ip', '-n', netns, 'route', 'add', ...args.split(' '));
  for (const args of ROUTES6) run('ip', '-n', netns, '-6', 'route', 'add', ...args.split(' '));
}

describe('routes', () => {
  test('are those of ip route in every table, field by field', async () => {
    const scene = new Scene();
    onTestFinished(() => scene.end());
    const { netns, other } = twoNamespaces(scene);
    addRoutes(netns);
    const addresses = () => ip(netns, 'address').flatMap(({ addr_info }) => addr_info as Json[]);
    await waitFor(() => addresses().filter(({ local }) => String(local).startsWith('fe80:')).length === 3);
    run('ip', '-n', other, 'link', 'set', 'x1', 'down');
    await waitFor(() =>
      ip(netns, 'route').some(({ dst, flags }) => dst === '10.27.0.0/24' && `${flags}` === 'linkdown'),
    );

    const before = routesByIp(netns);
    const { data, coverage } = await lookInside(netns, 'routes');
    const after = routesByIp(netns);

    const routes = data.routes?.routes ?? [];
    expect(coverage).toMatchObject([{ source: 'routes', status: 'complete', missed: [] }]);
    expect(sorted(routes.map(withoutLocks).map(withoutTime))).toEqual(sorted(before.map(withoutTime)));
    const expires = (list: readonly Route[]) =>
      list.find(({ expiresSeconds }) => expiresSeconds !== null)?.expiresSeconds;
    expect(expires(routes)).toBeLessThanOrEqual(expires(before) ?? -1);
    expect(expires(routes)).toBeGreaterThanOrEqual(expires(after) ?? 1000);
    // What `ip` prints in text only.
    expect(routes.find(({ destination }) => destination === '10.26.0.0/24')?.metrics.lock).toBe('mtu cwnd rto_min');
    // The scene has what it was made for.
    expect(new Set(routes.map(({ type }) => type))).toEqual(
      new Set('unicast local broadcast anycast multicast blackhole unreachable prohibit throw'.split(' ')),
    );
    expect(new Set(routes.flatMap(({ nextHops }) => nextHops.flatMap(({ flags }) => flags)))).toEqual(
      new Set(['onlink', 'linkdown']),
    );
    expect(routes.filter((route) => route.default).map(({ family, metric }) => [family, metric])).toHaveLength(6);
  });

  test('by nexthop objects have their ways where the kernel tells only the id', async () => {
    const scene = new Scene();
    onTestFinished(() => scene.end());
    const { netns } = twoNamespaces(scene);
    addRoutes(netns);
    const told = (await lookInside(netns, 'routes')).data.routes?.routes ?? [];
    run('ip', 'netns', 'exec', netns, 'sysctl', '-qw', 'net.ipv4.nexthop_compat_mode=0');
    expect(ip(netns, 'route').find(({ dst }) => dst === '10.31.0.0/24')).not.toHaveProperty('nexthops');

    const found = (await lookInside(netns, 'routes')).data.routes?.routes ?? [];

    const byObject = (list: readonly Route[]) => list.filter(({ nextHopId }) => nextHopId !== null);
    // The kernel gives the nothing of a blackhole a device, lo, only in the older way of telling.
    const real = (list: readonly Route[]) => byObject(list).filter(({ type }) => type !== 'blackhole');
    expect(real(told).map(({ nextHopId }) => nextHopId)).toEqual([7, 9, 11, 12, 11]);
    expect(real(found)).toEqual(real(told));
    expect(byObject(found).find(({ type }) => type === 'blackhole')).toMatchObject({ nextHopId: 10, nextHops: [] });
  });
});

describe('rules', () => {
  test('are those of ip rule, field by field, and of multicast routing besides', async () => {
    const scene = new Scene();
    onTestFinished(() => scene.end());
    const { netns } = twoNamespaces(scene);
    for (const args of RULES) run('ip', '-n', netns, 'rule', 'add', ...args.split(' '));
    for (const args of RULES6) run('ip', '-n', netns, '-6', 'rule', 'add', ...args.split(' '));

    const { data, coverage } = await lookInside(netns, 'routes');

    const rules = data.routes?.rules ?? [];
    const unicast = rules.filter(({ family }) => family === 'inet' || family === 'inet6');
    expect(coverage).toMatchObject([{ source: 'routes', status: 'complete', missed: [] }]);
    expect(unicast).toHaveLength(RULES.length + RULES6.length + 5);
    expect(sorted(unicast)).toEqual(sorted(rulesByIp(netns)));
    // Where the kernel has tables for multicast, it has a rule for them, which no command of iproute2 shows.
    const others = new Set(rules.map(({ family }) => family).filter((family) => !/^inet6?$/.test(family)));
    expect([...others].filter((family) => family !== 'ipmr' && family !== 'ip6mr')).toEqual([]);
  });

  test('ask for what they ask for, even where ip of this host does not know it', async () => {
    const scene = new Scene();
    onTestFinished(() => scene.end());
    const { netns } = twoNamespaces(scene);
    // FRA_PRIORITY 6, FRA_TABLE 15, FRA_IP_PROTO 22, FRA_SPORT_RANGE 23, FRA_DSCP 25, FRA_FLOWLABEL 26 and its mask 27,
    // FRA_SPORT_MASK 28 (include/uapi/linux/fib_rules.h, Linux 6.15)
    const refused = [
      addRule(netns, 2, [
        [6, 300],
        [15, 5],
        [25, Buffer.from([46])],
      ]),
      addRule(netns, 10, [
        [6, 301],
        [15, 5],
        [26, Buffer.from([0, 1, 0x23, 0x45])],
        [27, Buffer.from([0, 0x0f, 0xff, 0xff])],
      ]),
      addRule(netns, 2, [
        [6, 302],
        [15, 5],
        [22, Buffer.from([6])],
        [23, Buffer.from([0x10, 0, 0x10, 0])],
        [28, Buffer.from([0xf0, 0xff])],
      ]),
    ];

    const { data } = await lookInside(netns, 'routes');

    const further = [300, 301, 302].map(
      (wanted) => data.routes?.rules.find(({ priority }) => priority === wanted)?.further,
    );
    const known = [['dscp 46'], ['flowlabel 0x12345/0xfffff'], ['sport 0x10/0xfff0']];
    // Linux 6.12, 6.13 and 6.15 know the three.
    expect(further).toEqual(known.map((one, index) => (refused[index] === null ? one : undefined)));
  });
});

/** Adds a rule by hand; returns the kernel's refusal, or null. */
function addRule(netns: string, family: number, attributes: readonly Attribute[]): string | null {
  const procfs = openProcfs('/proc');
  const fd = openSync(`/run/netns/${netns}`, 'r');
  try {
    const socket = inNetworkNamespace(procfs.fd, fd, netns, () => new NetlinkSocket(NETLINK_ROUTE));
    try {
      // RTM_NEWRULE with NLM_F_CREATE | NLM_F_EXCL; struct fib_rule_hdr with the action FR_ACT_TO_TBL.
      const header = Buffer.from([family, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
      const body = Buffer.concat([header, encodeAttributes(attributes)]);
      socket.ask(acknowledgedRequest('RTM_NEWRULE', 32, 0x600, body), () => null);
      return null;
    } catch (error) {
      return String(error);
    } finally {
      socket.close();
    }
  } finally {
    closeSync(fd);
    closeProcfs(procfs);
  }
}
