import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LinkRecord } from '../../collectors/links.ts';
import type { DeviceCounters, DeviceDetails } from '../../src/model/index.ts';
import { lookInside } from './inside.ts';
import { run, Scene } from './scene.ts';

/** A device as `ip -json` has it. */
type Shown = Readonly<Record<string, unknown>>;
type Known = LinkRecord & { readonly details: DeviceDetails };

function ip(netns: string, ...args: readonly string[]): string {
  return run('ip', '-n', netns, ...args);
}

function shownBy(netns: string): Shown[] {
  return JSON.parse(ip(netns, '-d', '-s', '-s', '-j', 'link')) as Shown[];
}

/** Makes a namespace in which nothing is sent unless somebody sends it. */
function quiet(scene: Scene): string {
  const name = scene.name();
  scene.defer(() => run('ip', 'netns', 'delete', name));
  run('ip', 'netns', 'add', name);
  run('ip', 'netns', 'exec', name, 'sysctl', '-q', '-w', 'net.ipv6.conf.default.disable_ipv6=1');
  return name;
}

async function linksOf(netns: string): Promise<readonly LinkRecord[]> {
  const { data } = await lookInside(netns, 'links');
  return data.links?.links ?? [];
}

/** A device is a name there and a number here. */
function called(value: number | null, names: ReadonlyMap<number, string>): unknown {
  return value === null ? null : names.get(value);
}

/** What of a device appears under each key of `ip -details -statistics -json link`. */
const SAME: Readonly<Record<string, (link: Known, names: ReadonlyMap<number, string>) => unknown>> = {
  ifindex: ({ ifindex }) => ifindex,
  ifname: ({ name }) => name,
  link: ({ details }, names) => called(details.link, names),
  link_index: ({ ifindex, kind, details }) => (kind === 'vxlan' && details.link === null ? ifindex : details.link),
  link_netnsid: ({ details }) => details.linkNsid,
  flags: ({ flags }) =>
    [
      ...flags.filter((flag) => flag !== 'running').map((flag) => flag.toUpperCase()),
      ...(flags.includes('up') && !flags.includes('running') ? ['NO-CARRIER'] : []),
    ].toSorted(),
  mtu: ({ mtu }) => mtu,
  qdisc: ({ details }) => details.queueingDiscipline,
  master: ({ details }, names) => called(details.master, names),
  operstate: ({ operstate }) => operstate.toUpperCase(),
  linkmode: ({ details }) => details.linkMode.toUpperCase(),
  group: ({ details }) => (details.group === 0 ? 'default' : String(details.group)),
  txqlen: ({ details }) => details.txQueueLength,
  link_type: ({ details }) => details.linkType,
  link_pointtopoint: ({ flags }) => flags.includes('pointopoint'),
  address: ({ address }) => address,
  broadcast: ({ details }) => details.broadcast,
  permaddr: ({ details }) => details.permanentAddress,
  promiscuity: ({ details }) => details.promiscuity,
  allmulti: ({ details }) => details.allmulti,
  min_mtu: ({ details }) => details.minMtu,
  max_mtu: ({ details }) => details.maxMtu,
  inet6_addr_gen_mode: ({ details }) => details.addressGeneration,
  num_tx_queues: ({ details }) => details.txQueues,
  num_rx_queues: ({ details }) => details.rxQueues,
  gso_max_size: ({ details }) => details.gsoMaxSize,
  gso_max_segs: ({ details }) => details.gsoMaxSegments,
  parentbus: ({ details }) => details.bus,
  parentdev: ({ details }) => details.busDevice,
  ifalias: ({ details }) => details.alias,
  altnames: ({ details }) => details.alternativeNames,
};
/** What is compared by itself, and what the model leaves out. */
const OTHERWISE = ['linkinfo', 'stats64', 'tso_max_size', 'tso_max_segs', 'gro_max_size'];

const COUNTERS: Readonly<Record<keyof DeviceCounters, readonly [way: 'rx' | 'tx', key: string]>> = {
  rxBytes: ['rx', 'bytes'],
  rxPackets: ['rx', 'packets'],
  rxErrors: ['rx', 'errors'],
  rxDropped: ['rx', 'dropped'],
  rxMissed: ['rx', 'missed_errors'],
  multicast: ['rx', 'multicast'],
  txBytes: ['tx', 'bytes'],
  txPackets: ['tx', 'packets'],
  txErrors: ['tx', 'errors'],
  txDropped: ['tx', 'dropped'],
  txCarrierErrors: ['tx', 'carrier_errors'],
  collisions: ['tx', 'collisions'],
};

function countersShown(shown: Shown | undefined): Record<string, number | undefined> {
  const stats = shown?.stats64 as Record<'rx' | 'tx', Record<string, number>>;
  const counters = Object.entries(COUNTERS).map(([key, [way, name]]) => [key, stats[way][name]]);
  return { ...Object.fromEntries(counters), carrierChanges: stats.tx.carrier_changes };
}

interface Info {
  readonly info_kind?: string;
  readonly info_data?: Shown;
  readonly info_slave_kind?: string;
  readonly info_slave_data?: Shown;
}

/** Settings as `ip` has them, without those it does not know, and with timers that run rounded off. */
function comparable(settings: Shown, keys: readonly string[]): Shown {
  const rounded = (key: string, value: unknown) =>
    key.endsWith('_timer') && typeof value === 'number' ? value > 0 : value;
  return Object.fromEntries(keys.map((key) => [key, rounded(key, settings[key])]));
}

/** Compares every device of a namespace, field by field, with what `ip` shows before and after. */
async function compare(netns: string): Promise<readonly LinkRecord[]> {
  const before = shownBy(netns);
  const links = await linksOf(netns);
  const after = shownBy(netns);
  const names = new Map(links.map(({ ifindex, name }) => [ifindex, name]));
  expect(links.map(({ ifindex }) => ifindex)).toEqual(before.map(({ ifindex }) => ifindex));

  const strange = before.flatMap((shown) =>
    Object.keys(shown).filter((key) => !(key in SAME) && !OTHERWISE.includes(key)),
  );
  expect(strange).toEqual([]);
  for (const [index, shown] of before.entries()) {
    const link = links[index] as Known;
    for (const [key, value] of Object.entries(shown)) {
      // M-DOWN is said of another device: the one at the other end, or below.
      const wanted = key === 'flags' ? (value as string[]).filter((flag) => flag !== 'M-DOWN').toSorted() : value;
      const read = SAME[key];
      if (read !== undefined) expect([link.name, key, read(link, names)]).toEqual([link.name, key, wanted]);
    }
    const info = (shown.linkinfo ?? {}) as Info;
    expect([link.name, link.kind]).toEqual([link.name, info.info_kind ?? null]);
    expect([link.name, link.details.portKind]).toEqual([link.name, info.info_slave_kind ?? null]);
    for (const [ours, theirs] of [
      [link.details.settings, info.info_data ?? {}],
      [link.details.portSettings, info.info_slave_data ?? {}],
    ] as const) {
      const keys = Object.keys(theirs);
      expect([link.name, comparable(ours, keys)]).toEqual([link.name, comparable(theirs, keys)]);
    }
    expect([link.name, link.details.carrierChanges]).toEqual([link.name, countersShown(shown).carrierChanges]);
    // Counters only grow: what was read in between lies in between.
    const low = countersShown(shown);
    const high = countersShown(after[index]);
    for (const [key, value] of Object.entries(link.counters ?? {})) {
      expect(value >= (low[key] ?? Number.NaN) && value <= (high[key] ?? Number.NaN), `${link.name} ${key}`).toBe(true);
    }
    expect(Object.keys(link.counters ?? {}).toSorted()).toEqual(Object.keys(COUNTERS).toSorted());
  }
  return links;
}

/** A bridge with three namespaces on it, and one or more of each kind of device that this kernel has. */
function furnish(scene: Scene): string {
  const netns = quiet(scene);
  const elsewhere = quiet(scene);
  const add = (...args: readonly string[]) => ip(netns, 'link', 'add', ...args);
  const set = (...args: readonly string[]) => ip(netns, 'link', 'set', ...args);
  set('lo', 'up');
  add('br0', 'type', 'bridge', 'group_fwd_mask', '8', 'mcast_querier', '1', 'priority', '4096');
  set('br0', 'up');
  for (const port of ['port1', 'port2', 'port3']) {
    const other = quiet(scene);
    add(port, 'numtxqueues', '3', 'type', 'veth', 'peer', 'name', 'inside', 'netns', other);
    set(port, 'master', 'br0', 'up');
    ip(other, 'link', 'set', 'inside', 'up');
  }
  set('port1', 'type', 'bridge_slave', 'hairpin', 'on', 'isolated', 'on', 'cost', '17', 'mcast_router', '2');
  set('port2', 'type', 'bridge_slave', 'group_fwd_mask', '0x4008', 'backup_port', 'port3', 'locked', 'on');
  set('port3', 'group', '10', 'mtu', '1400', 'txqueuelen', '77', 'addrgenmode', 'none', 'mode', 'dormant');
  set('port3', 'alias', 'the third one', 'promisc', 'on', 'allmulticast', 'on');
  ip(netns, 'link', 'property', 'add', 'dev', 'port3', 'altname', 'a-longer-name-than-usual', 'altname', 'third');

  add('parent', 'type', 'veth', 'peer', 'name', 'end');
  set('parent', 'up');
  add('mv0', 'link', 'parent', 'type', 'macvlan', 'mode', 'source');
  set('mv0', 'type', 'macvlan', 'macaddr', 'set', '02:00:00:00:00:07', '02:00:00:00:00:08');
  add('mv1', 'link', 'end', 'type', 'macvlan', 'mode', 'passthru', 'nopromisc');
  // One that comes from another namespace, and one that leads to another.
  ip(elsewhere, 'link', 'add', 'there', 'type', 'veth', 'peer', 'name', 'outlet', 'netns', netns);
  ip(elsewhere, 'link', 'add', 'mv2', 'link', 'there', 'type', 'macvlan', 'mode', 'bridge');
  ip(elsewhere, 'link', 'set', 'mv2', 'netns', netns);
  ip(elsewhere, 'link', 'add', 'vx0', 'type', 'vxlan', 'id', '6', 'remote', '192.0.2.9', 'dstport', '4789');
  ip(elsewhere, 'link', 'set', 'vx0', 'netns', netns);

  const from = ['local', '10.0.0.1', 'dev', 'parent', 'srcport', '1000', '2000'];
  add('vx1', 'type', 'vxlan', 'id', '7', 'remote', '10.1.2.3', ...from, 'dstport', '4790', 'ttl', '5', 'tos', '0x10');
  set('vx1', 'type', 'vxlan', 'nolearning', 'ageing', '0');
  add('vx2', 'type', 'vxlan', 'id', '8', 'group', '239.1.1.1', 'dev', 'parent', 'dstport', '4791', 'gbp');
  run('ip', 'netns', 'exec', netns, 'sysctl', '-q', '-w', 'net.ipv6.conf.end.disable_ipv6=0');
  add('vx3', 'type', 'vxlan', 'id', '9', 'group', 'ff05::1', 'dev', 'end', 'dstport', '4792', 'flowlabel', '0x123');
  add('vx4', 'type', 'vxlan', 'id', '10', 'remote', 'fd00::1', 'local', 'fd00::2', 'dstport', '4793', 'df', 'set');
  add('vx5', 'type', 'vxlan', 'dstport', '4794', 'external', 'vnifilter');
  const mine = ['user', '12345', 'group', '54321'];
  ip(netns, 'tuntap', 'add', 'tap0', 'mode', 'tap', ...mine, 'multi_queue', 'vnet_hdr');
  ip(netns, 'tuntap', 'add', 'tun0', 'mode', 'tun', 'pi');
  add('ifb7', 'type', 'ifb');
  set('ifb7', 'up');
  return netns;
}

describe('links', () => {
  test('says of every device, field by field, what ip says of it', async () => {
    const scene = new Scene();
    try {
      const netns = furnish(scene);
      const links = await compare(netns);
      const kinds = new Set(links.map(({ kind }) => kind));
      expect(kinds).toEqual(new Set([null, 'bridge', 'veth', 'macvlan', 'vxlan', 'tun', 'ifb']));

      const named = new Map(links.map((link) => [link.name, link as Known]));
      // What ip leaves out or cannot know.
      expect(named.get('vx0')?.details).toMatchObject({ link: null, linkNsid: expect.any(Number) });
      expect(named.get('port1')).toMatchObject({
        flags: expect.arrayContaining(['running']),
        details: { carrier: true },
      });
      expect(named.get('tap0')?.details).toMatchObject({ carrier: false, driver: null, bus: null });
      expect(named.get('port2')?.details.portSettings.backup_port).toBe('port3');
    } finally {
      await scene.end();
    }
  });

  test('says of the devices of our own namespace what ip says of them, and which driver they have', async () => {
    const scene = new Scene();
    try {
      const own = scene.name();
      run('ip', 'netns', 'attach', own, String(process.pid));
      scene.defer(() => run('ip', 'netns', 'delete', own));
      const links = (await compare(own)) as readonly Known[];
      const hardware = links.filter(({ details }) => details.bus !== null);
      expect(hardware.map(({ details }) => details.driver)).toEqual(
        hardware.map(({ name }) => basename(readlinkSync(`/sys/class/net/${name}/device/driver`))),
      );
    } finally {
      await scene.end();
    }
  });

  test('a name made of bytes that no terminal should see is kept as text and as what it was', async () => {
    const scene = new Scene();
    try {
      const netns = quiet(scene);
      const named = String.raw`printf '\033[31m\377\302\233x\177'`;
      run('sh', '-ec', `ip -n ${netns} link add "$(${named})" type ifb`);
      const links = await linksOf(netns);
      expect(links.map(({ name, rawName }) => [name, rawName])).toEqual([
        ['lo', undefined],
        [String.raw`\x1b[31m\xff\x9bx\x7f`, String.raw`\x1b[31m\xff\xc2\x9bx\x7f`],
      ]);
    } finally {
      await scene.end();
    }
  });
});

/** Ids a namespace has for others. Asking assigns none. */
function idsOf(netns: string): readonly number[] {
  const ids = JSON.parse(ip(netns, '-j', 'netns', 'list-id') || '[]') as readonly { readonly nsid?: number }[];
  return ids.flatMap(({ nsid }) => nsid ?? []);
}

/** A device of one namespace whose other end is in another that has no id there, in the two ways there are. */
const UNKNOWING: Readonly<Record<string, (scene: Scene) => { readonly netns: string; readonly device: string }>> = {
  'the peer of a veth moved on': (scene) => {
    const [netns, between, last] = [quiet(scene), quiet(scene), quiet(scene)];
    ip(netns, 'link', 'add', 'odd', 'type', 'veth', 'peer', 'name', 'end', 'netns', between);
    ip(between, 'link', 'set', 'end', 'netns', last);
    return { netns, device: 'odd' };
  },
  'the parent of a macvlan moved on': (scene) => {
    const [first, netns, last] = [quiet(scene), quiet(scene), quiet(scene)];
    ip(first, 'link', 'add', 'parent', 'type', 'veth', 'peer', 'name', 'end');
    ip(first, 'link', 'add', 'odd', 'link', 'parent', 'type', 'macvlan', 'mode', 'bridge');
    ip(first, 'link', 'set', 'odd', 'netns', netns);
    ip(first, 'link', 'set', 'parent', 'netns', last);
    return { netns, device: 'odd' };
  },
};

describe.each(Object.entries(UNKNOWING))('ids of namespaces, where %s', (_what, make) => {
  test('none is assigned, and the device is described without asking for it', async () => {
    const scene = new Scene();
    try {
      const { netns, device } = make(scene);
      ip(netns, 'link', 'add', 'other', 'type', 'ifb');
      const ids = idsOf(netns);
      const { data, coverage } = await lookInside({ netns, kernelView: true }, 'links');
      expect(idsOf(netns)).toEqual(ids);

      const links = data.links?.links ?? [];
      const spared = links.find(({ name }) => name === device);
      expect(spared).toMatchObject({ kind: expect.any(String), mtu: 1500, operstate: 'down', details: null });
      expect(spared?.address).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
      expect(Object.values(spared?.counters ?? {})).toEqual(new Array(12).fill(0));
      expect(links.map(({ name, details }) => [name, details === null]).toSorted()).toEqual(
        [
          ['lo', false],
          [device, true],
          ['other', false],
        ].toSorted(),
      );
      const reason = "not asked by rtnetlink: that would assign an id to its peer's namespace";
      const notes = [{ subject: expect.stringMatching(new RegExp(String.raw`^net:\[\d+\] ${device}$`)), reason }];
      expect(coverage).toMatchObject([{ source: 'links', status: 'complete', missed: [], notes }]);

      // What looking by `ip link` does, after which there is nothing left to spare.
      const shown = shownBy(netns).find(({ ifname }) => ifname === device);
      expect(idsOf(netns)).toEqual([...ids, shown?.link_netnsid]);
      const again = await lookInside({ netns, kernelView: true }, 'links');
      expect(again.data.links?.links.find(({ name }) => name === device)).toMatchObject({
        address: spared?.address,
        details: { linkNsid: shown?.link_netnsid, link: shown?.link_index },
      });
      expect(again.coverage[0]?.notes).toEqual([]);
    } finally {
      await scene.end();
    }
  });

  test('without the kernel view one is assigned, and said to have been', async () => {
    const scene = new Scene();
    try {
      const { netns, device } = make(scene);
      const ids = idsOf(netns);
      const { data, coverage } = await lookInside(netns, 'links');
      const nsid = data.links?.links.find(({ name }) => name === device)?.details?.linkNsid;
      expect(idsOf(netns)).toEqual([...ids, nsid]);
      const reason = `the kernel assigned id ${nsid} to its peer's namespace`;
      expect(coverage[0]?.notes).toEqual([{ subject: expect.stringContaining(` ${device}`), reason }]);
      expect((await lookInside(netns, 'links')).coverage[0]?.notes).toEqual([]);
    } finally {
      await scene.end();
    }
  });
});
