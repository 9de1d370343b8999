import { describe, expect, onTestFinished, test } from 'vitest';
import type { NeighboursData } from '../../collectors/neighbours.ts';
import type { HardwareFilter, Neighbour } from '../../src/model/index.ts';
import { lookInside } from './inside.ts';
import { run, Scene } from './scene.ts';

type Json = Readonly<Record<string, unknown>>;

function json(command: 'ip' | 'bridge', netns: string, ...args: readonly string[]): readonly Json[] {
  return JSON.parse(run(command, '-n', netns, '-details', '-json', ...args) || '[]');
}

function indexes(netns: string): ReadonlyMap<unknown, number> {
  return new Map(json('ip', netns, 'link').map(({ ifname, ifindex }) => [ifname, Number(ifindex)]));
}

function only(entry: Json, keys: readonly string[]): void {
  expect(Object.keys(entry).filter((key) => !keys.includes(key))).toEqual([]);
}

const FLAGS = ['proxy', 'extern_learn', 'offload', 'router', 'managed', 'extern_valid'];

function neighboursByIp(netns: string): readonly Neighbour[] {
  const devices = indexes(netns);
  return [
    ...json('ip', netns, 'neighbour', 'show', 'nud', 'all'),
    ...json('ip', netns, 'neighbour', 'show', 'proxy'),
  ].map((entry) => {
    // Who made an entry is not in the model.
    only(entry, ['dst', 'dev', 'lladdr', 'state', 'protocol', ...FLAGS]);
    return {
      family: String(entry.dst).includes(':') ? 'inet6' : 'inet',
      ifindex: devices.get(entry.dev) ?? null,
      address: String(entry.dst),
      hardwareAddress: (entry.lladdr ?? null) as string | null,
      state: ((entry.state ?? []) as string[]).map((word) => word.toLowerCase()),
      flags: FLAGS.filter((flag) => flag in entry),
    };
  });
}

/** What `bridge fdb` says, without what it leaves open: whose filter it is, and how many use it. */
function filtersByBridge(netns: string): readonly Omit<HardwareFilter, 'kind' | 'users'>[] {
  const devices = indexes(netns);
  return json('bridge', netns, 'fdb').map((entry) => {
    // The model says of a tunnel where it sends to, not by which device, port or network of the tunnel.
    only(entry, ['mac', 'ifname', 'dst', 'vlan', 'flags', 'state', 'master', 'viaIf']);
    return {
      ifindex: devices.get(entry.ifname) ?? null,
      hardwareAddress: String(entry.mac),
      vlan: (entry.vlan ?? null) as number | null,
      destination: (entry.dst ?? null) as string | null,
      state: [String(entry.state || 'reachable')],
      flags: entry.flags as string[],
    };
  });
}

/** Hardware addresses of groups and how many want them, as `ip maddress` says. */
function groupsByIp(netns: string): readonly string[] {
  return json('ip', netns, 'maddress').flatMap(({ ifindex, maddr }) =>
    (maddr as Json[])
      .filter(({ link }) => link !== undefined)
      .map(({ link, users }) => `${ifindex} ${link} ${users ?? 1}`),
  );
}

function sorted(list: readonly unknown[]): string[] {
  return list.map((one) => JSON.stringify(one)).sort();
}

/** What we and what they say, when nothing changed meanwhile: neighbours come, age and go by themselves. */
async function looked(netns: string) {
  const theirs = () => ({
    neighbours: sorted(neighboursByIp(netns)),
    filters: sorted(filtersByBridge(netns)),
    groups: [...groupsByIp(netns)].sort(),
  });
  for (let tries = 0; tries < 20; tries++) {
    const before = theirs();
    const { data, coverage } = await lookInside(netns, 'neighbours');
    const after = theirs();
    expect(coverage).toMatchObject([{ source: 'neighbours', status: 'complete', missed: [] }]);
    if (JSON.stringify(before) === JSON.stringify(after)) {
      return { ours: data.neighbours as NeighboursData, theirs: before, devices: indexes(netns) };
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${netns} does not come to rest`);
}

/** A namespace with `v0`, `p0` and `q0`, veths into a second one where they are `v1`, `p1` and `q1`; all of them up. */
function twoNamespaces(scene: Scene): { readonly netns: string; readonly other: string } {
  const [netns, other] = [scene.name(), scene.name()];
  for (const name of [netns, other]) {
    run('ip', 'netns', 'add', name);
    scene.defer(() => run('ip', 'netns', 'delete', name));
    run('ip', 'netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0');
  }
  for (const name of ['v', 'p', 'q']) {
    run('ip', 'link', 'add', `${name}0`, 'netns', netns, 'type', 'veth', 'peer', 'name', `${name}1`, 'netns', other);
    run('ip', '-n', other, 'link', 'set', `${name}1`, 'up');
    run('ip', '-n', netns, 'link', 'set', `${name}0`, 'up');
  }
  run('ip', '-n', netns, 'address', 'add', '10.1.0.1/24', 'dev', 'v0');
  run('ip', '-n', netns, 'address', 'add', 'fd01::1/64', 'dev', 'v0');
  return { netns, other };
}

function addBridge(netns: string): void {
  run('ip', '-n', netns, 'link', 'add', 'br0', 'type', 'bridge');
  run('ip', '-n', netns, 'link', 'set', 'br0', 'up');
  for (const port of ['p0', 'q0']) run('ip', '-n', netns, 'link', 'set', port, 'master', 'br0');
}

function addTunnels(netns: string): void {
  for (const [name, ...rest] of [
    ['vx0', 'id', '42', 'dstport', '4789', 'remote', '10.1.0.9'],
    ['vx1', 'id', '43', 'dstport', '4790', 'group', '239.1.1.1'],
    ['vx2', 'id', '44', 'dstport', '4791', 'remote', 'fd01::9'],
  ] as const) {
    run('ip', '-n', netns, 'link', 'add', name, 'type', 'vxlan', ...rest, 'dev', 'v0');
    run('ip', '-n', netns, 'link', 'set', name, 'up');
  }
}

function forward(netns: string, ...list: readonly string[]): void {
  for (const args of list) run('bridge', '-n', netns, 'fdb', ...args.split(' '));
}

describe('neighbours', () => {
  test('are those of ip neighbour, proxies and those without ARP included', async () => {
    const scene = new Scene();
    onTestFinished(() => scene.end());
    const { netns } = twoNamespaces(scene);
    for (const args of [
      'add 10.1.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent',
      'add 10.1.0.3 lladdr 02:00:00:00:00:03 dev v0 nud stale',
      'add 10.1.0.4 dev v0 nud failed',
      'add 10.1.0.5 lladdr 02:00:00:00:00:05 dev v0 nud noarp',
      'add 10.1.0.6 lladdr 02:00:00:00:00:06 dev v0 nud stale extern_learn',
      'add 10.1.0.7 lladdr 02:00:00:00:00:07 dev v0 nud permanent protocol zebra',
      'add 10.1.0.8 lladdr 02:00:00:00:00:08 dev v0 nud reachable',
      'add 10.1.0.9 dev v0 nud none',
      'add fd01::2 lladdr 02:00:00:00:00:02 dev v0 nud permanent router',
      'add fd01::3 lladdr 02:00:00:00:00:03 dev v0 nud stale',
      'add proxy 10.1.0.77 dev v0',
      'add proxy fd01::77 dev v0',
      'add proxy 10.1.0.78 dev p0',
    ]) {
      run('ip', '-n', netns, 'neighbour', ...args.split(' '));
    }

    const { ours, theirs, devices } = await looked(netns);

    expect(sorted(ours.neighbours)).toEqual(theirs.neighbours);
    const v0 = devices.get('v0') ?? 0;
    const found = (address: string) => ours.neighbours.filter((neighbour) => neighbour.address === address);
    expect(found('10.1.0.5')).toEqual([
      {
        family: 'inet',
        ifindex: v0,
        address: '10.1.0.5',
        hardwareAddress: '02:00:00:00:00:05',
        state: ['noarp'],
        flags: [],
      },
    ]);
    expect(found('10.1.0.4')).toMatchObject([{ hardwareAddress: null, state: ['failed'] }]);
    expect(found('10.1.0.6')).toMatchObject([{ state: ['stale'], flags: ['extern_learn'] }]);
    expect(found('10.1.0.77')).toMatchObject([{ ifindex: v0, hardwareAddress: null, state: [], flags: ['proxy'] }]);
    expect(found('fd01::2')).toMatchObject([{ family: 'inet6', state: ['permanent'], flags: ['router'] }]);
  });

  test('of a namespace without devices are none', async () => {
    const scene = new Scene();
    onTestFinished(() => scene.end());
    const netns = scene.name();
    run('ip', 'netns', 'add', netns);
    scene.defer(() => run('ip', 'netns', 'delete', netns));

    expect((await looked(netns)).ours).toEqual({ neighbours: [], filters: [] });
  });
});

describe('filters', () => {
  test('are those of bridge fdb and ip maddress, each once', async () => {
    const scene = new Scene();
    onTestFinished(() => scene.end());
    const { netns } = twoNamespaces(scene);
    addBridge(netns);
    addTunnels(netns);
    forward(
      netns,
      'add 02:aa:00:00:00:01 dev p0 master static',
      'add 02:aa:00:00:00:02 dev p0 master permanent',
      'add 02:aa:00:00:00:03 dev p0 master dynamic',
      'add 02:aa:00:00:00:04 dev q0 master static sticky',
      'add 02:aa:00:00:00:05 dev q0 master extern_learn',
      'add 02:aa:00:00:00:06 dev br0 self',
      'add 02:aa:00:00:00:07 dev p0 self',
      'add 02:aa:00:00:00:08 dev v0 self',
      'add 01:00:5e:01:02:03 dev v0 self',
      'add 02:aa:00:00:00:09 dev vx0 dst 10.1.0.10',
      'add 01:00:5e:00:00:99 dev vx0 dst 10.1.0.13',
      'add 02:aa:00:00:00:0a dev vx1 dst 10.1.0.12 self dynamic',
      'append 00:00:00:00:00:00 dev vx1 dst 10.1.0.14',
      'add 02:aa:00:00:00:0b dev vx2 dst fd01::12',
    );

    const { ours, theirs, devices } = await looked(netns);

    // Tunnels listen to groups as well, but `bridge fdb` shows only where they send to.
    const known = ours.filters.filter(({ state }) => state.length > 0);
    const without = ({ kind: _, users: __, ...rest }: HardwareFilter) => rest;
    expect(sorted(known.map(without))).toEqual(theirs.filters);
    const groups = ours.filters.filter(({ kind }) => kind === 'multicast');
    expect(groups.map((one) => `${one.ifindex} ${one.hardwareAddress} ${one.users}`).sort()).toEqual(theirs.groups);
    const tunnels = ['vx0', 'vx1', 'vx2'].map((name) => devices.get(name) ?? 0);
    expect(new Set(ours.filters.filter(({ state }) => state.length === 0).map(({ ifindex }) => ifindex))).toEqual(
      new Set(tunnels),
    );
    const kinds = (hardwareAddress: string) =>
      ours.filters.filter((one) => one.hardwareAddress === hardwareAddress).map(({ kind }) => kind);
    expect([1, 2, 3, 4, 5, 6].map((last) => kinds(`02:aa:00:00:00:0${last}`))).toEqual(Array(6).fill(['forwarding']));
    expect([7, 8].map((last) => kinds(`02:aa:00:00:00:0${last}`))).toEqual([['unicast'], ['unicast']]);
    expect([9, 'a', 'b'].map((last) => kinds(`02:aa:00:00:00:0${last}`))).toEqual(Array(3).fill(['forwarding']));
    expect([kinds('01:00:5e:01:02:03'), kinds('01:00:5e:00:00:99')]).toEqual([['multicast'], ['forwarding']]);
    expect(ours.filters.filter(({ destination }) => destination === 'fd01::12')).toMatchObject([{ users: null }]);
  });

  test('of a device tell of a macvlan on it that lives elsewhere', async () => {
    const scene = new Scene();
    onTestFinished(() => scene.end());
    const { netns, other } = twoNamespaces(scene);
    run('ip', '-n', netns, 'link', 'add', 'mv0', 'link', 'v0', 'address', '02:bb:00:00:00:01', 'type', 'macvlan');
    run('ip', '-n', netns, 'link', 'set', 'mv0', 'netns', other);
    const listened = async () => {
      const { ours, devices } = await looked(netns);
      const own = ours.filters.filter(({ ifindex }) => ifindex === devices.get('v0'));
      return {
        unicast: own.filter(({ kind }) => kind === 'unicast').map(({ hardwareAddress }) => hardwareAddress),
        users: own.find(({ hardwareAddress }) => hardwareAddress === '33:33:00:00:00:01')?.users,
      };
    };
    const down = await listened();

    run('ip', '-n', other, 'link', 'set', 'mv0', 'up');

    expect(down).toEqual({ unicast: [], users: 1 });
    expect(await listened()).toEqual({ unicast: ['02:bb:00:00:00:01'], users: 2 });
  });
});
