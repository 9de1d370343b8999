import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { InsideData } from '../../collectors/index.ts';
import { compareDevices, compareSockets } from '../../collectors/procnet/compare.ts';
import type { ProcnetData } from '../../collectors/procnet.ts';
import type { SocketRecord } from '../../collectors/sockets/question.ts';
import type { Issue, Route } from '../../src/model/index.ts';
import { asNobody } from './everybody.ts';
import { lookInside } from './inside.ts';
import { run, Scene } from './scene.ts';

type Json = Readonly<Record<string, unknown>>;

/** What test/live/programs/tables.ts prints. */
interface Unprivileged {
  readonly entered: boolean;
  readonly found: ProcnetData | null;
  readonly told: ProcnetData;
  readonly missed: readonly Issue[];
}

const HOSTILE = 'x\x1b[31m|\u00e9';
const scene = new Scene();
const [netns, other] = [scene.name(), scene.name()];
let inside: InsideData;
let tables: ProcnetData;
let nobody: Unprivileged;
/** Counters before and after both were asked. */
let links: readonly [readonly Json[], readonly Json[]];

function ip(...args: readonly string[]): readonly Json[] {
  // It writes the escape byte of a name as it is, which is no JSON.
  return JSON.parse(run('ip', '-n', netns, '-details', '-json', ...args).replaceAll('\x1b', '?'));
}

/** Lives in the namespace, as whoever it is to be. */
async function inhabitant(...as: readonly string[]): Promise<number> {
  const { pid } = await scene.start('ip', ['netns', 'exec', netns, ...as, 'sh', '-c', 'echo ready; exec sleep 600']);
  return pid;
}

function makeNetworks(): void {
  for (const name of [netns, other]) {
    run('ip', 'netns', 'add', name);
    scene.defer(() => run('ip', 'netns', 'delete', name));
  }
  const add = (...args: readonly string[]) => run('ip', '-n', netns, ...args);
  run('ip', 'netns', 'exec', netns, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0');
  run('ip', 'link', 'add', 'v0', 'netns', netns, 'type', 'veth', 'peer', 'name', 'v1', 'netns', other);
  run('ip', 'link', 'add', HOSTILE, 'netns', netns, 'type', 'veth', 'peer', 'name', 'w1', 'netns', other);
  for (const device of ['v1', 'w1']) run('ip', '-n', other, 'link', 'set', device, 'up');
  for (const device of ['lo', 'v0', HOSTILE]) add('link', 'set', device, 'up');
  add('link', 'add', 'down0', 'type', 'veth', 'peer', 'name', 'down1');

  add('address', 'add', '10.1.0.1/24', 'dev', 'v0');
  add('address', 'add', '10.1.0.9/24', 'dev', 'v0');
  add('address', 'add', '10.2.0.1', 'peer', '10.2.0.2/30', 'dev', HOSTILE);
  add('address', 'add', '192.168.7.7/32', 'dev', 'lo');
  add('address', 'add', 'fd01::1/64', 'dev', 'v0', 'nodad');
  add('address', 'add', 'fd01::2/64', 'dev', 'v0', 'nodad', 'preferred_lft', '0', 'valid_lft', '3000');

  add('route', 'add', 'default', 'via', '10.1.0.2');
  add('route', 'add', '10.50.0.0/16', 'via', '10.1.0.3', 'metric', '7', 'advmss', '1000', 'window', '3000');
  add('route', 'add', '10.51.0.0/17', 'dev', HOSTILE, 'scope', 'link');
  add('route', 'add', '10.52.0.0/16', 'dev', 'v0', 'tos', '0x10');
  add('route', 'add', 'blackhole', '10.60.0.0/16');
  add('route', 'add', 'unreachable', '10.61.0.0/16', 'metric', '4278198272');
  add('route', 'add', 'prohibit', '10.62.0.0/16');
  add('route', 'add', '10.70.0.0/16', 'via', '10.1.0.4', 'table', '77');
  add('-6', 'route', 'add', 'default', 'via', 'fd01::5', 'dev', 'v0', 'pref', 'high');
  add('-6', 'route', 'add', 'fd50::/16', 'via', 'fd01::6', 'dev', 'v0', 'metric', '7', 'table', '77');
  add('-6', 'route', 'add', 'blackhole', 'fd60::/16');

  add('neighbour', 'add', '10.1.0.2', 'lladdr', '02:00:00:00:00:02', 'dev', 'v0', 'nud', 'permanent');
  add('neighbour', 'add', '10.1.0.3', 'lladdr', '02:00:00:00:00:03', 'dev', HOSTILE, 'nud', 'stale');
  add('neighbour', 'add', '10.1.0.4', 'dev', 'v0', 'nud', 'failed');
  add('neighbour', 'add', 'proxy', '10.1.0.200', 'dev', 'v0');
}

beforeAll(async () => {
  makeNetworks();
  const program = join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', 'sockets.mjs');
  await scene.start(process.execPath, [program, `/run/netns/${netns}`, scene.directory()]);
  const stranger = await inhabitant();
  const before = ip('-statistics', 'link');
  const looked = await lookInside(netns, 'links', 'addresses', 'routes', 'neighbours', 'sockets', 'procnet');
  inside = looked.data;
  if (inside.procnet === undefined) throw new Error(JSON.stringify(looked.coverage));
  tables = inside.procnet;
  const ino = statSync(`/run/netns/${netns}`).ino;
  nobody = JSON.parse(asNobody(scene, 'tables', String(ino), String(stranger)));
  links = [before, ip('-statistics', 'link')];
});

afterAll(() => scene.end());

/** In the same order, whoever made the list. */
function sorted<T>(list: readonly T[]): T[] {
  return [...list].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

describe('what netlink lacks', () => {
  test('raw sockets, where sock_diag has no part for them', () => {
    const raw = [...(inside.sockets?.sockets ?? []), ...(tables.sockets ?? [])].filter(({ type, family }) => {
      return type === 'raw' && family === 'inet';
    });
    expect(raw).toMatchObject([{ protocol: 'icmp', localAddress: '0.0.0.0', localPort: null }]);
    expect(raw[0]?.inode).toBeGreaterThan(0);
  });

  test('counters of every protocol the kernel has', () => {
    const namesOf = (protocol: string, file: string) => {
      const text = run('ip', 'netns', 'exec', netns, 'cat', `/proc/net/${file}`);
      return new RegExp(`^${protocol}: (.*)$`, 'm').exec(text)?.[1]?.split(' ') ?? [];
    };
    const { protocols } = tables;
    for (const [protocol, file] of [
      ['Ip', 'snmp'],
      ['Tcp', 'snmp'],
      ['TcpExt', 'netstat'],
    ] as const) {
      expect(namesOf(protocol, file).length).toBeGreaterThan(5);
      expect(Object.keys(protocols?.[protocol] ?? {})).toEqual(namesOf(protocol, file));
    }
    // What sent it is in the scene.
    expect(protocols?.Tcp?.OutSegs).toBeGreaterThan(0);
    expect(protocols?.Ip6?.OutRequests).toBeGreaterThan(0);
    expect(protocols?.TCP6?.inuse).toBeGreaterThan(0);
    expect(protocols?.sockets?.used).toBe(inside.sockets?.counted);
  });

  test('nothing that netlink has is read once more but to compare it', () => {
    expect(tables).toMatchObject({ addresses: null, routes: null, neighbours: null, filters: null });
  });
});

describe('a second opinion', () => {
  test('agrees on the sockets of every family', () => {
    const { tables: compared = [], sockets = [] } = tables.secondOpinion ?? {};
    expect(compared).toEqual(expect.arrayContaining(['tcp', 'tcp6', 'udp', 'udp6', 'unix', 'packet', 'netlink']));
    for (const family of ['inet', 'inet6', 'unix', 'packet', 'netlink']) {
      expect(sockets.some((socket) => socket.family === family)).toBe(true);
    }
    expect(compareSockets(inside.sockets?.sockets ?? [], sockets, compared)).toEqual([]);
  });

  test('agrees on the devices', () => {
    expect(tables.devices).toHaveLength(5);
    expect(compareDevices(inside.links?.links ?? [], tables.devices ?? [])).toEqual([]);
  });

  test('has something to say as soon as one of them shows less', () => {
    const { tables: compared = [], sockets = [] } = tables.secondOpinion ?? {};
    const diag = inside.sockets?.sockets ?? [];
    const [hidden] = diag.filter(({ state, family }) => state === 'listen' && family === 'inet');
    const less = (list: readonly SocketRecord[]) => list.filter(({ inode }) => inode !== hidden?.inode);
    expect(compareSockets(less(diag), sockets, compared)).toMatchObject([
      { discrepancy: { missingFrom: 'sock_diag' } },
    ]);
    expect(compareSockets(diag, less(sockets), compared)).toMatchObject([{ discrepancy: { shownBy: 'sock_diag' } }]);
    expect(compareDevices(inside.links?.links.slice(1) ?? [], tables.devices ?? [])).toHaveLength(1);
  });
});

describe('to a user who owns nothing, through a process of somebody else', () => {
  test('a namespace is not to be entered, and its tables are read without complaint', () => {
    expect(nobody).toMatchObject({ entered: false, missed: [], told: { secondOpinion: null } });
    // It cannot even tell that the process lives there.
    expect(nobody.found).toBeNull();
  });

  test('devices are those of rtnetlink, with their numbers', () => {
    const numbers = new Map(inside.links?.links.map(({ name, ifindex }) => [name, ifindex]));
    const devices = nobody.told.devices ?? [];
    expect(devices.map(({ name }) => name).sort()).toEqual([...numbers.keys()].sort());
    expect(devices.find(({ name }) => name.includes('|'))).toMatchObject({ name: 'x\\x1b[31m|é' });
    for (const { name, ifindex } of devices) expect([name, ifindex]).toEqual([name, numbers.get(name)]);
  });

  test('devices have counted no less than before, and no more than after', () => {
    const counted = (list: readonly Json[], name: string) => {
      const found = list.find(({ ifname }) => ifname === name) as unknown as {
        readonly stats64: Readonly<Record<'rx' | 'tx', Readonly<Record<'bytes' | 'packets', number>>>>;
      };
      return found.stats64;
    };
    for (const name of ['lo', 'v0']) {
      const [before, after] = links.map((list) => counted(list, name));
      const counters = nobody.told.devices?.find((device) => device.name === name)?.counters;
      for (const [count, first, last] of [
        [counters?.rxBytes, before?.rx.bytes, after?.rx.bytes],
        [counters?.rxPackets, before?.rx.packets, after?.rx.packets],
        [counters?.txBytes, before?.tx.bytes, after?.tx.bytes],
        [counters?.txPackets, before?.tx.packets, after?.tx.packets],
      ]) {
        expect(count).toBeGreaterThan(0);
        expect(count).toBeGreaterThanOrEqual(first ?? Number.NaN);
        expect(count).toBeLessThanOrEqual(last ?? Number.NaN);
      }
    }
  });

  test('addresses are those of rtnetlink', () => {
    const told = nobody.told.addresses ?? [];
    const asked = inside.addresses ?? [];
    const ofFamily = (list: typeof told, wanted: string) => list.filter(({ family }) => family === wanted);
    expect(sorted(ofFamily(told, 'inet').map(({ address }) => address))).toEqual(
      sorted(ofFamily(asked, 'inet').map(({ address }) => address)),
    );
    // The table has the first eight flags.
    const facts = ({ ifindex, address, prefixLength, scope, flags }: (typeof told)[number]) => ({
      ifindex,
      address,
      prefixLength,
      scope,
      flags: flags.filter((flag) => ['deprecated', 'dynamic', 'tentative', 'nodad', 'dadfailed'].includes(flag)),
    });
    const inet6 = ofFamily(told, 'inet6').map(facts);
    expect(inet6.length).toBeGreaterThanOrEqual(5);
    expect(inet6.some(({ flags }) => flags.includes('deprecated'))).toBe(true);
    expect(sorted(inet6)).toEqual(sorted(ofFamily(asked, 'inet6').map(facts)));
  });

  test('IPv4 routes are those of the table main', () => {
    const asked = (inside.routes?.routes ?? []).filter(({ family, table }) => family === 'inet' && table === 'main');
    const facts = ({ destination, type, scope, tos, table, metric, metrics, nextHops }: Route) => {
      const { gateway = null, ifindex = null } = nextHops[0] ?? {};
      return { destination, type, scope, tos, table, metric, metrics, gateway, ifindex };
    };
    const told = (nobody.told.routes ?? []).filter(({ family }) => family === 'inet');
    expect(told.length).toBeGreaterThanOrEqual(9);
    expect(sorted(told.map(facts))).toEqual(sorted(asked.map(facts)));
  });

  test('IPv6 routes are those of all tables', () => {
    const refuses = new Set(['blackhole', 'unreachable', 'prohibit']);
    const facts = ({ destination, type, scope, tos, metric, preference, nextHops }: Route) => {
      const { gateway = null, ifindex = null } = nextHops[0] ?? {};
      const kind = type !== null && refuses.has(type) ? null : type;
      return { destination, kind, scope, tos, metric, preference, gateway, ifindex };
    };
    const ofInet6 = (routes: readonly Route[] | undefined | null) =>
      sorted((routes ?? []).filter(({ family }) => family === 'inet6').map(facts));
    expect(ofInet6(nobody.told.routes).map(({ destination }) => destination)).toEqual(
      expect.arrayContaining(['default', 'fd50::/16', 'fd60::/16', 'fd01::/64']),
    );
    expect(ofInet6(nobody.told.routes)).toEqual(ofInet6(inside.routes?.routes));
  });

  test('neighbours are those of IPv4, permanent ones and proxies among them', () => {
    const asked = (inside.neighbours?.neighbours ?? []).filter(({ family }) => family === 'inet');
    const facts = ({ ifindex, address, hardwareAddress, state, flags }: (typeof asked)[number]) => ({
      ifindex,
      address,
      hardwareAddress,
      permanent: state.includes('permanent'),
      flags,
    });
    const told = nobody.told.neighbours ?? [];
    expect(told.map(({ address }) => address)).toEqual(expect.arrayContaining(['10.1.0.2', '10.1.0.200']));
    // Those that are not to be resolved are in no table.
    const listed = asked.filter(({ state }) => !state.includes('noarp'));
    expect(sorted(told.map(facts))).toEqual(sorted(listed.map(facts)));
  });

  test('hardware addresses devices listen to are those of the neighbours source', () => {
    const asked = inside.neighbours?.filters.filter(({ kind, users }) => kind === 'multicast' && users !== null) ?? [];
    const facts = ({ ifindex, hardwareAddress, users }: (typeof asked)[number]) => ({
      ifindex,
      hardwareAddress,
      users,
    });
    expect(asked.length).toBeGreaterThan(3);
    expect(sorted(nobody.told.filters?.map(facts) ?? [])).toEqual(sorted(asked.map(facts)));
  });

  test('sockets are those of sock_diag, in its words', () => {
    const { sockets: told } = nobody.told;
    const asked = inside.sockets?.sockets ?? [];
    const compared = ['tcp', 'tcp6', 'udp', 'udp6', 'unix', 'packet', 'netlink'] as const;
    expect(compareSockets(asked, told ?? [], compared)).toEqual([]);

    const byInode = new Map(asked.map((socket) => [`${socket.family} ${socket.inode}`, socket]));
    const seen = new Set<string>();
    for (const socket of told ?? []) {
      const same = byInode.get(`${socket.family} ${socket.inode}`);
      if (same === undefined || socket.inode === 0 || same.protocol === 'mptcp') continue;
      const { family, type, protocol, state, localPort, remoteAddress, remotePort } = same;
      expect(socket).toMatchObject({ family, protocol, localPort, remoteAddress, remotePort });
      // Of netlink the table tells neither.
      if (family !== 'netlink')
        expect(socket).toMatchObject({ type, state, ifindex: family === 'packet' ? same.ifindex : null });
      if (family !== 'unix') expect(socket).toMatchObject({ localAddress: same.localAddress });
      if (socket.uid !== null) expect(socket.uid).toBe(same.uid);
      if (family === 'netlink') expect(socket.notes).toEqual(same.notes);
      seen.add(`${family} ${type}`);
    }
    expect(seen).toEqual(
      new Set([
        'inet stream',
        'inet6 stream',
        'inet dgram',
        'inet6 dgram',
        'unix stream',
        'unix dgram',
        'unix seqpacket',
        'packet raw',
        'packet dgram',
        'netlink raw',
      ]),
    );
    expect(told?.find(({ type, family }) => type === 'raw' && family === 'inet')?.protocol).toBe('icmp');
    const names = told?.map(({ localAddress }) => localAddress) ?? [];
    expect(names).toEqual(expect.arrayContaining([`${scene.directory()}/esc\\x1b[31m\\x0a`, '@nsleuth-abstract']));
  });

  test('a scan finds the same by itself where a process of that user lives', async () => {
    await inhabitant('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups');
    const { ino } = statSync(`/run/netns/${netns}`);
    const { found } = JSON.parse(asNobody(scene, 'tables', String(ino), '1')) as Unprivileged;
    expect(found?.devices?.map(({ name }) => name)).toEqual(nobody.told.devices?.map(({ name }) => name));
    expect(found?.routes).toEqual(nobody.told.routes);
    expect(found?.secondOpinion).toBeNull();
  });
});
