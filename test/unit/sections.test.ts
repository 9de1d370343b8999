import { describe, expect, test } from 'vitest';
import { chooseColumn } from '../../src/columns/choose.ts';
import { type Column, cellText, type InNamespace } from '../../src/columns/column.ts';
import { NAMESPACES } from '../../src/columns/namespaces.ts';
import { arrange, chooseRows, toText } from '../../src/commands/rows.ts';
import type { Coverage, Namespace, Snapshot } from '../../src/model/index.ts';
import { SECTIONS, type Section, type SectionId } from '../../src/sections.ts';
import {
  aChain,
  aConcealedTask,
  aDevice,
  aDeviceReference,
  aFilter,
  aFirewall,
  aHiddenNamespace,
  aNamespace,
  aNeighbour,
  aNextHop,
  anAddress,
  anUplink,
  aProcess,
  aRoute,
  aRule,
  aSnapshot,
  aSocket,
  aTable,
  someCounters,
  someDetails,
} from '../fixtures/snapshot.ts';

function section(id: SectionId): Section {
  const found = SECTIONS.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(id);
  return found;
}

/** The namespace in a snapshot beside an initial one with an `eth0`. */
function inside(over: Partial<Namespace> = {}, snapshotOver: Partial<Snapshot> = {}): InNamespace {
  const ns = aNamespace({ devices: [aDevice(), aDevice({ ifindex: 2, name: 'mvx' })], ...over });
  const initial = aNamespace({ ino: 4026531833, initial: true, devices: [aDevice({ ifindex: 2, name: 'eth0' })] });
  return { ns, snapshot: aSnapshot(0, { namespaces: [initial, ns], ...snapshotOver }) };
}

/** The default columns of a section as lines of trimmed cells, or those named. */
function table(id: SectionId, context: InNamespace, columns?: string): string[][] {
  const { registry, rows } = section(id);
  const choice = chooseRows(registry, columns === undefined ? {} : { columns });
  const found = rows(context.ns, context.snapshot);
  return (found ?? []).map((row) => choice.columns.map((column) => cellText(column, row, context)));
}

function coverage(source: string, over: Partial<Coverage>): Coverage {
  return { source, view: 'userland', status: 'complete', seen: 1, missed: [], notes: [], durationMs: 1, ...over };
}

describe('every registry', () => {
  const registries = [NAMESPACES, ...SECTIONS.map(({ registry }) => registry)] as const;
  test('has distinct ids that a filter can name, and default columns that exist', () => {
    for (const { columns, defaults } of registries) {
      const ids = columns.map(({ id }: { id: string }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.filter((id) => !/^[a-z][a-z-]*$/.test(id))).toEqual([]);
      expect(defaults.filter((id) => !ids.includes(id))).toEqual([]);
    }
  });

  test('has headers that fit, one line of description each', () => {
    for (const { columns } of registries) {
      for (const { id, header, width, maxWidth = width, description } of columns as readonly Column<never>[]) {
        expect({ id, fits: header.length <= Math.max(width, maxWidth) }).toEqual({ id, fits: true });
        expect({ id, wide: maxWidth >= width }).toEqual({ id, wide: true });
        expect(description).toMatch(/^[^\n]+[.…]$/);
      }
    }
  });
});

describe('the sections', () => {
  test('have distinct ids', () => {
    expect(new Set(SECTIONS.map(({ id }) => id)).size).toBe(SECTIONS.length);
  });

  test('know nothing of what was not read, and say why', () => {
    const { ns, snapshot } = inside({ devices: null });
    const unread = SECTIONS.filter(({ rows }) => rows(ns, snapshot) === null);
    expect(unread.map(({ id, whyNone }) => `${id}: ${whyNone(ns, snapshot)}`)).toEqual([
      'devices: links was not asked',
      'addresses: addresses was not asked',
      'sockets: sockets was not asked',
      'routes: routes was not asked',
      'rules: routes was not asked',
      'neighbours: neighbours was not asked',
      'filters: neighbours was not asked',
      'firewall: firewall was not asked',
      'nsids: nsids was not asked',
    ]);
  });

  test.each<[string, Partial<Coverage>, Partial<Namespace>, string]>([
    ['a source that is off', { status: 'off' }, {}, 'sockets is switched off'],
    [
      'a refusal',
      { status: 'partial', missed: [{ subject: 'net:[4026532177]', reason: 'setns: EPERM' }] },
      {},
      'setns: EPERM',
    ],
    [
      'a refusal of a part of it',
      { status: 'partial', missed: [{ subject: 'net:[4026532177] unix', reason: 'ENOENT' }] },
      {},
      'unix ENOENT',
    ],
    [
      'a refusal of another one, whose number begins alike',
      { status: 'partial', missed: [{ subject: 'net:[40265321771]', reason: 'EPERM' }] },
      {},
      'it was not looked into',
    ],
    ['nobody who could be entered', {}, { holders: [], witnesses: [] }, 'no holder leads into it'],
    [
      'a source that does not work here',
      { status: 'unavailable', missed: [{ subject: 'socket', reason: 'EPROTONOSUPPORT' }] },
      {},
      'sockets is unavailable: EPROTONOSUPPORT',
    ],
    ['one that is torn down', {}, { visibility: 'dying' }, 'it is being torn down'],
    ['one without a number', {}, { ino: null }, 'the kernel tells nobody its number'],
  ])('say what is behind %s', (_what, over, nsOver, why) => {
    const { ns, snapshot } = inside(nsOver, { coverage: [coverage('sockets', over)] });
    expect(section('sockets').whyNone(ns, snapshot)).toBe(why);
  });

  test('that were read and are empty say that there is none', () => {
    const { ns, snapshot } = inside({ sockets: [], holders: [] });
    expect(section('sockets').whyNone(ns, snapshot)).toBe('none');
    expect(section('holders').whyNone(ns, snapshot)).toBe('none seen');
  });

  test('say what may be missing from what was read', () => {
    const missed = [
      { subject: 'net:[4026532177]', reason: 'sockets changed while they were read' },
      { subject: 'net:[4026531833]', reason: 'EPERM' },
    ];
    const { ns, snapshot } = inside(
      { sockets: [] },
      { coverage: [coverage('sockets', { status: 'partial', missed })] },
    );
    expect(section('sockets').gaps(ns, snapshot)).toEqual(['sockets changed while they were read']);
  });

  test('have rows whose cells are the same for the same snapshot', () => {
    const context = everything();
    const all = () => SECTIONS.map(({ id }) => table(id, context));
    expect(all()).toEqual(all());
    expect(SECTIONS.filter(({ id }) => table(id, context).length === 0).map(({ id }) => id)).toEqual(['leads']);
  });

  test('can show every column there is, also of what hardly anything is known of', () => {
    for (const context of [everything(), inside({ processes: [], holders: [], devices: [bareDevice] })]) {
      for (const { id, registry } of SECTIONS) {
        const cells = table(id, context, registry.columns.map((column) => column.id).join(','));
        expect(cells.flat().filter((cell) => /undefined|null|NaN|\[object/.test(cell))).toEqual([]);
      }
    }
  });
});

const bareDevice = aDevice({ ifindex: null, address: null, mtu: null, references: null, physical: null });

/** A namespace with one of everything. */
function everything(): InNamespace {
  return inside(
    {
      addresses: [anAddress()],
      routes: [aRoute()],
      rules: [aRule()],
      neighbours: [aNeighbour()],
      filters: [aFilter()],
      sockets: [aSocket()],
      firewall: aFirewall(),
      nsids: [{ nsid: 0, netns: 4026531833 }],
      discrepancies: [
        { subject: 'tcp socket 0.0.0.0:22 (listen)', shownBy: 'sock_diag', missingFrom: '/proc/net/tcp' },
      ],
      uplink: anUplink(),
    },
    { concealedTasks: [aConcealedTask()] },
  );
}

describe('devices', () => {
  test('name their peers, their addresses, and what they carried', () => {
    const mvx = aDevice({
      ifindex: 2,
      name: 'mvx',
      kind: 'macvlan',
      operstate: 'up',
      address: '02:00:00:00:00:66',
      mtu: 1500,
      lower: [aDeviceReference()],
      counters: someCounters({ rxBytes: 88_000_000, txBytes: 900_400 }),
    });
    const context = inside({
      devices: [mvx],
      addresses: [anAddress(), anAddress({ address: 'fe80::66', prefixLength: 64 }), anAddress({ ifindex: 9 })],
    });
    expect(table('devices', context)).toEqual([
      [
        'mvx',
        'macvlan',
        'up',
        '02:00:00:00:00:66',
        '1500',
        'over eth0 in 4026531833 init',
        '10.66.6.6/24, fe80::66/64',
        '88.0M',
        '900k',
      ],
    ]);
  });

  test('say what rtnetlink was not asked for as unknown, and what is not there as none', () => {
    const asked = aDevice({
      physical: false,
      details: someDetails({
        master: 2,
        settings: { mode: 'bridge', id: 7, learning: false, remote: { port: 4789 }, macs: ['a', 'b'] },
        alternativeNames: ['alt'],
        alias: 'uplink',
      }),
    });
    const columns = 'promiscuity,settings,master,other-names,xdp,driver,bus,rx';
    const context = inside({ devices: [aDevice({ physical: true }), asked, aDevice({ ifindex: 2, name: 'br0' })] });
    expect(table('devices', context, columns).slice(0, 2)).toEqual([
      ['?', '?', '?', '?', '?', '?', '?', '?'],
      ['0', 'mode bridge, id 7, no learning, remote.port 4789, macs a,b', 'br0', 'alt, uplink', '—', '—', '—', '?'],
    ]);
  });

  test.each([
    [0, '0'],
    [999, '999'],
    [1000, '1.0k'],
    [1234, '1.2k'],
    [99_940, '99.9k'],
    [99_960, '100k'],
    [999_499, '999k'],
    [999_500, '1.0M'],
    [12_100_000, '12.1M'],
    [2 ** 63, '9.2E'],
  ])('say %d in few cells', (rxBytes, text) => {
    const device = aDevice({ counters: someCounters({ rxBytes }) });
    expect(table('devices', inside({ devices: [device] }), 'rx')).toEqual([[text]]);
  });
});

describe('sockets', () => {
  test.each<[string, Parameters<typeof aSocket>[0], string[]]>([
    ['a listener', {}, ['tcp', 'listen', '0.0.0.0:80', '—', '0', '128', 'sleep 4711']],
    [
      'a connection over IPv6, of two processes',
      {
        family: 'inet6',
        state: 'established',
        localAddress: '2001:db8::1',
        remoteAddress: '2001:db8::2',
        remotePort: 443,
        processes: [
          { pid: 1, fd: 3, comm: 'a' },
          { pid: 1, fd: 4, comm: 'a' },
          { pid: 2, fd: 3, comm: 'b' },
        ],
      },
      ['tcp', 'established', '[2001:db8::1]:80', '[2001:db8::2]:443', '0', '128', 'a 1, b 2'],
    ],
    [
      'one whose process may not be read, and whose queues are not told',
      { receiveQueue: null, sendQueue: null, processes: null, localPort: null },
      ['tcp', 'listen', '0.0.0.0:*', '—', '?', '?', '?'],
    ],
    [
      'one that nobody has open',
      { state: 'time-wait', inode: 0, processes: [] },
      ['tcp', 'time-wait', '0.0.0.0:80', '—', '0', '128', '—'],
    ],
    [
      'a unix socket',
      { family: 'unix', protocol: '', localAddress: '@/tmp/x', localPort: null, peerInode: 3334, state: 'established' },
      ['unix stream', 'established', '@/tmp/x', 'inode 3334', '0', '128', 'sleep 4711'],
    ],
    [
      'a netlink socket',
      { family: 'netlink', type: 'raw', protocol: 'route', localAddress: null, localPort: 811, state: 'close' },
      ['netlink route', 'close', '811', '—', '0', '128', 'sleep 4711'],
    ],
    [
      'a packet socket',
      { family: 'packet', type: 'raw', protocol: 'all', localAddress: null, localPort: null, state: 'close' },
      ['packet all', 'close', '—', '—', '0', '128', 'sleep 4711'],
    ],
    [
      'a ping',
      { type: 'raw', protocol: 'icmp', localPort: 1, state: 'close' },
      ['raw icmp', 'close', '0.0.0.0:1', '—', '0', '128', 'sleep 4711'],
    ],
  ])('%s', (_what, over, cells) => {
    expect(table('sockets', inside({ sockets: [aSocket(over)] }))).toEqual([cells]);
  });

  test('of many processes name the first', () => {
    const processes = [1, 2, 3, 4, 5].map((pid) => ({ pid, fd: 3, comm: 'w' }));
    expect(table('sockets', inside({ sockets: [aSocket({ processes })] }), 'process')).toEqual([
      ['w 1, w 2, w 3 and 2 more'],
    ]);
  });

  test('are found by anything that shows on their row, in any column', () => {
    const context = inside({ sockets: [aSocket({ ifindex: 2 }), aSocket({ localPort: 443, inode: 4 })] });
    const { registry, rows } = section('sockets');
    const found = (filter: string) =>
      arrange(chooseRows(registry, { filter }), rows(context.ns, context.snapshot) ?? [], context).length;
    expect(['mvx', 'device=mvx', 'local-port>80', 'sleep !mvx', 'inode=4', 'state:est'].map(found)).toEqual([
      1, 1, 1, 1, 1, 0,
    ]);
  });
});

describe('routes and rules', () => {
  test('say every way a route goes', () => {
    const routes = [
      aRoute({ metric: 100 }),
      aRoute({ destination: '10.66.6.0/24', nextHops: [aNextHop({ gateway: null })] }),
      aRoute({ nextHops: [aNextHop({ weight: 1 }), aNextHop({ gateway: null, ifindex: 9, weight: 2 })] }),
      aRoute({ type: 'blackhole', destination: '192.0.2.0/24', nextHops: [] }),
      aRoute({ type: null, table: null, protocol: null, nextHops: [aNextHop({ ifindex: null })] }),
    ];
    expect(table('routes', inside({ routes }))).toEqual([
      ['default', '10.66.6.1', 'mvx', 'main', 'static', '100', 'unicast'],
      ['10.66.6.0/24', '—', 'mvx', 'main', 'static', '—', 'unicast'],
      ['default', '10.66.6.1, link', 'mvx, ifindex 9', 'main', 'static', '—', 'unicast'],
      ['192.0.2.0/24', '—', '—', 'main', 'static', '—', 'blackhole'],
      ['default', '10.66.6.1', '?', '?', '?', '—', '?'],
    ]);
  });

  test('say what a rule holds for and what it does as ip-rule(8) would', () => {
    const rules = [
      aRule(),
      aRule({
        inverted: true,
        incoming: 'eth0',
        mark: 16,
        mask: 255,
        destinationPorts: [80, 90],
        uids: [0, 0],
        suppressPrefixLength: 0,
        further: ['dscp 46'],
        flags: ['iif_detached'],
      }),
      aRule({ action: 'goto', table: null, goto: 100, mark: 1, mask: 0xffff_ffff }),
    ];
    expect(table('rules', inside({ rules }), 'where,action')).toEqual([
      ['—', 'lookup main'],
      [
        'not iif eth0 fwmark 0x10/0xff dport 80-90 uidrange 0 dscp 46',
        'lookup main suppress_prefixlength 0 [iif_detached]',
      ],
      ['fwmark 0x1', 'goto 100'],
    ]);
  });
});

describe('the firewall', () => {
  test('has a row for each chain, and for tables without any', () => {
    const tables = [
      aTable({ chains: [aChain(), aChain({ name: 'mine', type: null, hook: null, priority: null, policy: null })] }),
      aTable({ family: 'ip', name: 'empty', chains: [], flags: ['dormant'] }),
    ];
    const context = inside({ firewall: aFirewall({ tables, legacy: [{ family: 'ip6', tables: ['mangle'] }] }) });
    expect(table('firewall', context)).toEqual([
      ['inet', 'filter', 'input', 'filter', 'input', '0', 'accept', '3', '—', '—', 'nftables'],
      ['inet', 'filter', 'mine', '—', '—', '—', '—', '3', '—', '—', 'nftables'],
      ['ip', 'empty', '—', '—', '—', '—', '—', '—', 'dormant', '—', 'nftables'],
      ['ip6', 'mangle', '?', '?', '?', '?', '?', '?', '—', '?', 'iptables'],
    ]);
    expect(section('firewall').json?.(context.ns, context.snapshot)).toBe(context.ns.firewall);
  });

  test('of which one half could not be asked is not taken for the whole', () => {
    const { ns, snapshot } = inside({ firewall: { tables: null, legacy: [] } });
    expect(section('firewall').rows(ns, snapshot)).toEqual([]);
    expect(section('firewall').gaps(ns, snapshot)).toEqual(['nftables could not be asked']);
  });

  test('of which nothing could be asked is not known', () => {
    const { ns, snapshot } = inside({ firewall: { tables: null, legacy: null } });
    expect(section('firewall').rows(ns, snapshot)).toBeNull();
  });
});

describe('addresses, neighbours, filters and ids', () => {
  test('say device names, and what is for ever', () => {
    const addresses = [
      anAddress({ flags: ['dynamic'], validSeconds: 60 }),
      anAddress({ ifindex: null, prefixLength: null, scope: null }),
    ];
    expect(table('addresses', inside({ addresses }))).toEqual([
      ['10.66.6.6/24', 'mvx', 'global', 'dynamic', '60s'],
      ['10.66.6.6', '?', '?', '—', 'forever'],
    ]);
  });

  test('that last longest come first, for ever above all', () => {
    const rows = [60, null, 3600].map((validSeconds) => anAddress({ validSeconds }));
    const choice = chooseRows(section('addresses').registry, { columns: 'valid', sort: '-valid' });
    const context = inside({ addresses: rows });
    expect(toText(choice, arrange(choice, rows, context), context, 'csv')).toBe('valid\r\nforever\r\n3600\r\n60\r\n');
  });

  test('show what is not resolved as none, and users only of multicast', () => {
    const neighbours = [aNeighbour({ hardwareAddress: null, state: ['failed'] })];
    const filters = [aFilter(), aFilter({ kind: 'multicast', users: 2 }), aFilter({ kind: 'multicast' })];
    const context = inside({ neighbours, filters });
    expect(table('neighbours', context)).toEqual([['10.66.6.1', '—', 'mvx', 'failed', '—']]);
    expect(table('filters', context, 'kind,users')).toEqual([
      ['unicast', '—'],
      ['multicast', '2'],
      ['multicast', '?'],
    ]);
  });

  test('name the namespace an id stands for, where anybody knows it', () => {
    const nsids = [
      { nsid: 0, netns: 4026531833 },
      { nsid: 1, netns: 77 },
      { nsid: 2, netns: null },
    ];
    expect(table('nsids', inside({ nsids }))).toEqual([
      ['0', '4026531833 init', 'plain'],
      ['1', '77', '?'],
      ['2', '?', '?'],
    ]);
  });
});

describe('holders, evidence and what is concealed', () => {
  test('say which process has it and who sees a mount', () => {
    const holders: Namespace['holders'] = [
      { kind: 'task', pid: 4711, tid: 4711, threads: 1 },
      { kind: 'mount', path: '/run/netns/x', mountNamespace: 4026531832, mountId: 1 },
      { kind: 'mount', path: '/y', mountNamespace: null, mountId: 2 },
      {
        kind: 'socket',
        pid: 5,
        fd: 6,
        inode: 3,
        family: 'inet',
        type: 'raw',
        protocol: 6,
        listening: false,
        view: 'kernel',
      },
      { kind: 'mapping', pid: 9, target: 'socket:[1]', suspected: true },
    ];
    const mountNamespaces = [{ ino: 4026531832, pids: [4711, 12] }];
    expect(table('holders', inside({ holders }, { mountNamespaces }), 'kind,command,seen-by,pid')).toEqual([
      ['task', 'sleep', '—', '4711'],
      ['mount', '—', 'mount namespace 4026531832: pid 4711 sleep and 1 more', '—'],
      ['mount', '—', 'mount namespace not readable', '—'],
      ['socket', '—', 'kernel only', '5'],
      ['mapping?', '—', '—', '9'],
    ]);
  });

  test('say what each source sees, and why one does not', () => {
    const context = inside(
      {},
      {
        coverage: [
          coverage('tasks', { status: 'partial', missed: [{ subject: 'pid 1', reason: 'EACCES' }] }),
          coverage('mounts', { status: 'off' }),
          coverage('kernel', { view: 'kernel', status: 'unavailable', missed: [{ subject: 'bpf', reason: 'EPERM' }] }),
        ],
      },
    );
    expect(
      table('evidence', context).filter(([, source]) => ['tasks', 'mounts', 'kernel'].includes(source ?? '')),
    ).toEqual([
      ['●', 'tasks', 'userland', 'yes', '1', 'partial, 1 missed'],
      ['?', 'mounts', 'userland', 'unknown', '—', 'off'],
      ['●', 'kernel', 'kernel', 'yes', '—', 'unavailable: EPERM'],
    ]);
  });

  test('mark processes that a mount covers or that /proc does not show', () => {
    const context = inside(
      { processes: [aProcess({ covered: true }), aProcess({ pid: 666 }), aProcess({ pid: 8 })] },
      { concealedTasks: [aConcealedTask()] },
    );
    expect(table('processes', context, 'pid,command,concealed')).toEqual([
      ['4711', '(covered) sleep 600', 'covered'],
      ['666', '(not in /proc) sleep 600', 'not in /proc'],
      ['8', 'sleep 600', '—'],
    ]);
    expect(table('concealed', context)).toEqual([['pid 666 lurker', '0', 'the kernel shows it, /proc does not']]);
  });
});

describe('the overview', () => {
  const facts = (context: InNamespace) => Object.fromEntries(table('overview', context));

  test('says what a namespace reaches, by what and where', () => {
    expect(facts(inside({ uplink: anUplink() })).Reaches).toBe('mvx → lower eth0 in 4026531833 init → the wire');
    const lost = anUplink({
      reaches: 'unknown',
      steps: [{ device: aDeviceReference({ netns: null, name: null, nsid: 3, certainty: 'probable' }), by: 'peer' }],
      reason: 'nobody knows the namespace with id 3',
    });
    expect(facts(inside({ uplink: lost })).Reaches).toBe(
      'peer ifindex 2 (probably) in the namespace with id 3 → ? (nobody knows the namespace with id 3)',
    );
    expect(facts(inside()).Reaches).toBe('?');
  });

  test('has unknown and none for what is not there', () => {
    const context = inside({ ino: null, cookie: null, owner: null, names: [], paths: [], container: null });
    expect(facts(context)).toMatchObject({
      Namespace: '? (its number cannot be learned)',
      Name: '—',
      Cookie: '?',
      Owner: '?',
      'Mounted on': '—',
      Container: '—',
    });
  });
});

describe('columns of the namespace table that look inside', () => {
  const cell = (id: string, ns: Namespace) => cellText(chooseColumn(NAMESPACES, id), ns, undefined);
  const row = (ns: Namespace) => ['addresses', 'sockets', 'listeners', 'uplink'].map((id) => cell(id, ns));

  test('are unknown where nobody looked', () => {
    expect(row(aHiddenNamespace())).toEqual(['?', '?', '?', '?']);
  });

  test('count what listens, and name the way out', () => {
    const ns = aNamespace({
      addresses: [
        anAddress(),
        anAddress({ address: '127.0.0.1', prefixLength: 8, scope: 'host' }),
        anAddress({ address: '127.0.0.1', scope: null }),
        anAddress({ address: '192.0.2.1', prefixLength: null, scope: null }),
      ],
      sockets: [
        aSocket(),
        aSocket({ state: 'established', remotePort: 5 }),
        aSocket({ type: 'dgram', protocol: 'udp', state: 'close' }),
        aSocket({ type: 'dgram', protocol: 'udp', state: 'close', localPort: 0 }),
        aSocket({ family: 'unix', protocol: '' }),
      ],
      uplink: anUplink(),
    });
    expect(row(ns)).toEqual(['10.66.6.6/24, 192.0.2.1', '5', '2', 'mvx → eth0']);
  });

  test.each([
    [anUplink({ reaches: 'nowhere', steps: [] }), 'nowhere'],
    [anUplink({ reaches: 'unknown', steps: [] }), '?'],
    [anUplink({ reaches: 'unknown' }), 'mvx → eth0 → ?'],
    [
      anUplink({ reaches: 'process', steps: [{ device: aDeviceReference({ name: 'tun0' }), by: 'route' }] }),
      'tun0 → a process',
    ],
  ])('say where the way out ends: %#', (uplink, text) => {
    expect(cell('uplink', aNamespace({ uplink }))).toBe(text);
  });
});
