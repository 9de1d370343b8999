import { describe, expect, test } from 'vitest';
import { topologyOf } from '../../src/correlate/topology.ts';
import type { Topology, TopologyEdge, TopologyEnd } from '../../src/model/topology.ts';
import { topologyDot } from '../../src/report/dot.ts';
import { topologyMermaid } from '../../src/report/mermaid.ts';
import { topologyTree } from '../../src/report/topology-tree.ts';
import { aHost, Cabling } from '../fixtures/cabling.ts';
import { aDevice, aDeviceReference, aNamespace, anAddress, aProcess, someDetails } from '../fixtures/snapshot.ts';

function endText({ node, name }: TopologyEnd): string {
  return `${name ?? '?'} (${node})`;
}

/** `macvlan mvx (4026531834/2) → eth0 (4026531833/2)` */
function edgeTexts({ edges }: Topology): string[] {
  return edges.map(({ kind, from, to }) => `${kind} ${endText(from)} → ${endText(to)}`);
}

/** Situation 1: a macvlan made on the uplink, in a namespace that nothing shows. */
function covertUplink() {
  const host = aHost();
  const covert = host.cabling.add(null, { visibility: 'hidden', holders: [] });
  const mvx = covert.add('mvx', 'macvlan').on(host.eth0).address('10.66.6.6/24');
  return { ...host, covert, mvx };
}

describe('what is connected with what', () => {
  test.each([
    ['macvlan', 'macvlan'],
    ['macvtap', 'macvtap'],
    ['ipvlan', 'ipvlan'],
    ['ipvtap', 'ipvlan'],
    ['vlan', 'vlan'],
    ['vxlan', 'tunnel'],
    ['gre', 'tunnel'],
    ['macsec', 'lower'],
    ['something new', 'lower'],
  ])('a %s is a %s on its parent, once though both say so', (deviceKind, edgeKind) => {
    const { cabling, eth0 } = aHost();
    cabling.add().add('child', deviceKind).on(eth0);
    expect(topologyOf(cabling.build()).edges).toEqual([
      {
        kind: edgeKind,
        from: { node: '4026531834/2', netns: 4026531834, ifindex: 2, name: 'child' },
        to: { node: '4026531833/2', netns: 4026531833, ifindex: 2, name: 'eth0' },
        certainty: 'certain',
        evidence: 'both ends say so',
      },
    ]);
  });

  test.each([
    ['bridge', 'bridge-port'],
    ['openvswitch', 'bridge-port'],
    ['bond', 'bond-port'],
    ['team', 'bond-port'],
  ])('a port of a %s points to it', (master, kind) => {
    const { cabling, init, eth0 } = aHost();
    eth0.portOf(init.add('master', master));
    expect(edgeTexts(topologyOf(cabling.build()))).toEqual([`${kind} eth0 (4026531833/2) → master (4026531833/3)`]);
  });

  test('a cable is one edge, of its kind', () => {
    const { cabling, init } = aHost();
    init.veth('veth1', cabling.add(), 'eth0');
    const [near, far] = init.veth('nk1', cabling.add(), 'eth0');
    near.over = { kind: 'netkit' };
    far.over = { kind: 'netkit' };
    expect(edgeTexts(topologyOf(cabling.build()))).toEqual([
      'veth veth1 (4026531833/3) → eth0 (4026531834/2)',
      'netkit nk1 (4026531833/4) → eth0 (4026531835/2)',
    ]);
  });

  test.each(['child', 'parent'] as const)('one end is enough: of a hidden macvlan only the %s tells', (teller) => {
    const { cabling, covert, mvx, eth0 } = covertUplink();
    if (teller === 'child') eth0.upper.length = 0;
    else mvx.lower.length = 0;
    const topology = topologyOf(cabling.build());
    expect(edgeTexts(topology)).toEqual(['macvlan mvx (4026531834/2) → eth0 (4026531833/2)']);
    const by = teller === 'child' ? 'mvx of 4026531834' : 'eth0 of 4026531833 init';
    expect(topology.edges[0]?.evidence).toBe(`only ${by} says so`);
    expect(topology.namespaces.find(({ ino }) => ino === covert.ino)?.uplink).toMatchObject({
      reaches: 'wire',
      steps: [{ device: mvx.reference }, { device: eth0.reference }],
    });
  });

  test('what fits without anybody saying so is probable, until one end is certain', () => {
    const { cabling, init } = aHost();
    const [near, far] = init.veth('veth1', cabling.add(), 'eth0');
    near.peer = { ...far.reference, certainty: 'probable' };
    far.peer = null;
    expect(topologyOf(cabling.build()).edges[0]?.certainty).toBe('probable');
    far.peer = near.reference;
    expect(topologyOf(cabling.build()).edges[0]?.certainty).toBe('certain');
  });

  test('ends that contradict each other are both told', () => {
    const { cabling, init } = aHost();
    const one = cabling.add();
    const [near, far] = init.veth('veth1', one, 'eth0');
    const third = one.add('eth1', 'veth');
    far.peer = third.reference;
    third.peer = far.reference;
    expect(topologyOf(cabling.build()).edges.map(({ from, to, evidence }) => [from.name, to.name, evidence])).toEqual([
      ['veth1', 'eth0', 'only veth1 of 4026531833 init says so: eth0 of 4026531834 names another'],
      ['eth0', 'eth1', 'both ends say so'],
    ]);
    expect(near.peer).not.toBeNull();
  });

  test('a device that names itself is connected with nothing', () => {
    const { cabling, eth0 } = aHost();
    eth0.lower.push(eth0.reference);
    eth0.peer = eth0.reference;
    expect(topologyOf(cabling.build()).edges).toEqual([]);
  });
});

describe('what is not in the snapshot is a node all the same', () => {
  test('a namespace that only an id stands for', () => {
    const cabling = new Cabling();
    const inside = cabling.add();
    inside.add('eth0', 'veth').peer = { netns: null, nsid: 3, ifindex: 9, name: null, certainty: 'certain' };
    inside.add('eth1', 'veth').peer = { netns: null, nsid: 3, ifindex: 10, name: null, certainty: 'certain' };
    const topology = topologyOf(cabling.build());
    expect(topology.namespaces.slice(1)).toEqual([
      {
        id: '4026531833/nsid 3',
        ino: null,
        label: 'nsid 3 of 4026531833 init',
        initial: false,
        visibility: null,
        uplink: null,
      },
    ]);
    expect(topology.devices.filter(({ known }) => !known).map(({ id, state }) => [id, state])).toEqual([
      ['4026531833/nsid 3/9', null],
      ['4026531833/nsid 3/10', null],
    ]);
    expect(topology.edges).toHaveLength(2);
    expect(topology.edges[0]?.evidence).toBe(
      'only eth0 of 4026531833 init says so: the other end is not in the snapshot',
    );
  });

  test('a namespace known by no more than its ids is found by them, with its addresses', () => {
    const cabling = new Cabling();
    const inside = cabling.add();
    inside.add('eth0', 'veth').peer = { netns: null, nsid: 3, ifindex: 9, name: null, certainty: 'certain' };
    const behind = cabling.add(null, {
      ino: null,
      cookie: null,
      devices: null,
      witnesses: [{ source: 'nsids', from: inside.ino, nsid: 3 }],
    });
    behind.addresses.push(anAddress({ ifindex: 9, address: '10.9.9.9' }));
    const topology = topologyOf(cabling.build());
    expect(topology.namespaces).toHaveLength(2);
    expect(topology.devices.find(({ ifindex }) => ifindex === 9)).toMatchObject({
      namespace: topology.namespaces[1]?.id,
      known: false,
      address: '10.9.9.9/24',
    });
  });

  test.each([
    ['a namespace of a number', { netns: 99, ifindex: 4 }, '99', '99/4'],
    ['a namespace without anything', { netns: null, ifindex: 4 }, 'a namespace beyond 4026531833 init', /\/4$/],
    ['a device of a namespace that is', { netns: 4026531833, ifindex: 44 }, '4026531833 init', '4026531833/44'],
  ])('%s', (_, reference, label, id) => {
    const { cabling, eth0 } = aHost();
    eth0.upper.push(aDeviceReference({ ...reference, name: 'ghost' }));
    const topology = topologyOf(cabling.build());
    const ghost = topology.devices.find(({ known }) => !known);
    expect(ghost).toMatchObject({ name: 'ghost', id: expect.stringMatching(id) });
    expect(topology.namespaces.find((ns) => ns.id === ghost?.namespace)?.label).toBe(label);
    expect(topology.edges).toHaveLength(1);
  });

  test('the port of a bridge that is not in the snapshot is still a port', () => {
    const { cabling, eth0 } = aHost();
    eth0.over = { details: someDetails({ portKind: 'bridge', master: 44 }) };
    eth0.upper.push(aDeviceReference({ ifindex: 44, name: null }));
    expect(topologyOf(cabling.build()).edges[0]?.kind).toBe('bridge-port');
  });

  test('a namespace that has left keeps apart from the one that has its number now', () => {
    const { cabling, init } = aHost();
    const left = aNamespace({ ino: init.ino, devices: null, visibility: 'dying' });
    const topology = topologyOf([left, ...cabling.build()]);
    expect(new Set(topology.namespaces.map(({ id }) => id)).size).toBe(2);
    expect(topology.namespaces.map(({ visibility, uplink }) => [visibility, uplink?.reaches])).toEqual([
      ['dying', 'unknown'],
      ['plain', 'wire'],
    ]);
  });
});

describe('tun and tap', () => {
  const holder = { kind: 'tun', pid: 811, fd: 9, device: 'tun0', deviceNamespace: 4026531834 } as const;

  test('a process that has one open, once for all of its descriptors', () => {
    const { cabling } = aHost();
    const opener = cabling.add('vpn', {
      holders: [holder, { ...holder, fd: 10 }],
      processes: [aProcess({ pid: 811, comm: 'openvpn' })],
    });
    opener.add('tun0', 'tun');
    const { edges, processes } = topologyOf(cabling.build());
    expect(processes).toEqual([{ id: 'pid 811', pid: 811, comm: 'openvpn' }]);
    expect(edges).toEqual([
      {
        kind: 'tun-process',
        from: { node: '4026531834/2', netns: 4026531834, ifindex: 2, name: 'tun0' },
        to: { node: 'pid 811', netns: null, ifindex: null, name: 'openvpn', pid: 811 },
        certainty: 'certain',
        evidence: 'fd 9 of pid 811 and 1 more',
      },
    ]);
  });

  test('the device may be in another namespace than the one its descriptor holds', () => {
    const { cabling, init } = aHost();
    init.add('tun0', 'tun');
    cabling.add('device').add('tun0', 'tun');
    cabling.add('opener', { holders: [holder] });
    expect(topologyOf(cabling.build()).edges[0]?.from.node).toBe('4026531834/2');
  });

  test('where its namespace is not told, the only one of that name is probable', () => {
    const { cabling } = aHost();
    cabling.add('device').add('tun0', 'tun');
    cabling.add('opener', { holders: [{ ...holder, deviceNamespace: null }] });
    expect(topologyOf(cabling.build()).edges[0]).toMatchObject({
      from: { node: '4026531834/2' },
      certainty: 'probable',
    });
  });

  test('one that no source lists is there by its name', () => {
    const { cabling } = aHost();
    cabling.add('opener', { holders: [holder, { ...holder, pid: 812, deviceNamespace: null }] });
    const { edges, devices } = topologyOf(cabling.build());
    expect(edges.map(({ from }) => from)).toEqual([
      { node: '4026531834/tun0', netns: 4026531834, ifindex: null, name: 'tun0' },
      { node: 'tuns of pid 812/tun0', netns: null, ifindex: null, name: 'tun0' },
    ]);
    expect(devices.filter(({ known }) => !known)).toHaveLength(2);
  });

  test('one without a device leads nowhere, and is no edge', () => {
    const { cabling } = aHost();
    cabling.add('opener', { holders: [{ ...holder, device: null, deviceNamespace: null, suspected: true }] });
    expect(topologyOf(cabling.build()).edges).toEqual([]);
  });
});

test('a device is described by its state and its first global address', () => {
  const { cabling, init, eth0 } = aHost();
  const local = { family: 'inet6', ifindex: eth0.ifindex, address: 'fe80::1', prefixLength: 64, scope: 'link' };
  init.addresses.unshift(anAddress(local));
  eth0.over = { flags: ['up'], operstate: 'lowerlayerdown' };
  expect(topologyOf(cabling.build()).devices.find(({ name }) => name === 'eth0')).toEqual({
    id: '4026531833/2',
    namespace: '4026531833',
    ifindex: 2,
    name: 'eth0',
    kind: null,
    physical: true,
    loopback: false,
    state: 'lowerlayerdown',
    address: '192.0.2.10/24',
    known: true,
  });
});

/** Five namespaces: containers on a bridge, a hidden macvlan, a VPN, one alone. */
function fiveNamespaces(): Topology {
  const { cabling, init } = covertUplink();
  const docker0 = init.add('docker0', 'bridge').address('172.17.0.1/16');
  for (const [index, name] of ['web', 'db'].entries()) {
    const [near, far] = init.veth(`veth-${name}`, cabling.add(name), 'eth0');
    near.portOf(docker0);
    far.address(`172.17.0.${index + 2}/16`).route('172.17.0.1');
  }
  const vpn = cabling.add('vpn', {
    visibility: 'obscure',
    holders: [{ kind: 'tun', pid: 811, fd: 9, device: 'tun0', deviceNamespace: 4026531837 }],
    processes: [aProcess({ pid: 811, comm: 'openvpn' })],
  });
  vpn.add('tun0', 'tun').address('10.8.0.2/24').route();
  cabling.add('bare');
  return topologyOf(cabling.build());
}

describe('the tree', () => {
  test('of five namespaces and the initial one', () => {
    expect(topologyTree(fiveNamespaces())).toMatchInlineSnapshot(`
      "DEVICE               KIND      NAMESPACE          STATE  ADDRESS        NOTE

      On the wire, and what reaches it
      eth0                 physical    4026531833 init  up     192.0.2.10/24
      ├─mvx                macvlan   ◆ 4026531834       up     10.66.6.6/24   over eth0 in 4026531833 init; no default route, but on the same link
      └┄docker0            bridge      4026531833 init  up     172.17.0.1/16  routed
        ├─veth-web ⇄ eth0  veth        4026531835 web   up     172.17.0.2/16
        └─veth-db ⇄ eth0   veth        4026531836 db    up     172.17.0.3/16

      Behind a process
      pid 811 openvpn      process
      └─tun0               tun       ◐ 4026531837 vpn   up     10.8.0.2/24

      Leads nowhere
      —                    —           4026531838 bare  —      —              no default route
      "
    `);
  });

  test('is cut to the width of a terminal', () => {
    const lines = topologyTree(fiveNamespaces(), 60).trimEnd().split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBe(60);
  });

  test('both ends of a bond, a second port of a bridge, a lost end, an island of two', () => {
    const cabling = new Cabling();
    const init = cabling.add();
    const bond0 = init.add('bond0', 'bond');
    for (const name of ['eth0', 'eth1']) init.add(name).portOf(bond0);
    const [twice, other] = [cabling.add('twice'), cabling.add('other')];
    const br0 = init.add('br0', 'bridge');
    bond0.portOf(br0);
    for (const index of [0, 1]) init.veth(`veth${index}`, twice, `in${index}`)[0].portOf(br0);
    twice.veth('to-other', other, 'to-twice');
    const lost = cabling.add('lost', { visibility: 'dying' });
    lost.add('eth0', 'veth').peer = { netns: null, nsid: 3, ifindex: 9, name: null, certainty: 'certain' };
    const [a, b] = [cabling.add('a'), cabling.add('b')];
    a.veth('to-b', b, 'to-a')[0].peer = null;
    cabling.add('dummies').add('dummy0', 'dummy').at.add('dummy1', 'dummy');
    expect(topologyTree(topologyOf(cabling.build()))).toMatchInlineSnapshot(`
      "DEVICE             KIND      NAMESPACE                    STATE  ADDRESS  NOTE

      On the wire, and what reaches it
      eth0               physical    4026531833 init            up     —        no default route, but on the same link
      └─bond0            bond        4026531833 init            up     —
        └─br0            bridge      4026531833 init            up     —
          ├─veth0 ⇄ in0  veth        4026531834 twice           up     —        no default route, but on the same link
          └─veth1 ⇄ in1  veth        4026531834 twice           up     —
      eth1               physical    4026531833 init            up     —
      └─bond0            bond        4026531833 init            up     —        drawn above

      Where it leads is not known
      ifindex 9          ?         ? nsid 3 of 4026531836 lost  ?      —
      └─eth0             veth      † 4026531836 lost            up     —        peer ifindex 9 in nsid 3 of 4026531836 lost; no default route; ifindex 9 of nsid 3 of 4026531836 lost is not in the snapshot

      Leads nowhere
      to-other           veth        4026531834 twice           up     —
      └─to-twice         veth        4026531835 other           up     —        peer to-other in 4026531834 twice; no default route
      to-b               veth        4026531837 a               up     —        no default route
      └─to-a             veth        4026531838 b               up     —        peer to-b in 4026531837 a; no default route
      dummy0, dummy1     —           4026531839 dummies         —      —        no default route
      "
    `);
  });

  test('of nothing says so', () => {
    expect(topologyTree(topologyOf([]))).toBe('no network namespace was seen\n');
  });
});

/** What the lines of a tree say is connected, read back by their indentation; dashed lines are no edges. */
function drawnPairs(tree: string): string[] {
  const above: string[] = [];
  const pairs: string[] = [];
  for (const line of tree.split('\n')) {
    const [, indent = '', names] = /^([│├└─┄ ]*)(\S+ ⇄ \S+|pid \d+ \S+|\S+) +\S/.exec(line) ?? [];
    if (names === undefined) continue;
    const depth = indent.length / 2;
    const [near = '', far] = names.split(' ⇄ ');
    const parent = above[depth - 1];
    if (indent.endsWith('─') && parent !== undefined) pairs.push([parent, near].sort().join(' '));
    if (far !== undefined) pairs.push([near, far].sort().join(' '));
    above[depth] = far ?? near;
  }
  return pairs.sort();
}

function edgePairs(edges: readonly TopologyEdge[]): string[] {
  const text = ({ name, pid }: TopologyEnd) => (pid === undefined ? (name ?? '?') : `pid ${pid} ${name ?? '?'}`);
  return edges.map(({ from, to }) => [text(from), text(to)].sort().join(' ')).sort();
}

/** A number that looks random and is always the same. */
function* pseudoRandom(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    yield state;
  }
}

/** Namespaces that are connected in every way, also in circles; every device has a name of its own. */
function thicket(count: number, seed: number): Topology {
  const { cabling, init, eth0 } = aHost();
  const random = pseudoRandom(seed);
  const below = (limit: number): number => Math.floor((random.next().value / 2 ** 31) * limit);
  const bridges = [0, 1, 2].map((index) => init.add(`br${index}`, 'bridge').address(`10.${index}.0.1/16`));
  const before = [init];
  for (let index = 0; index < count; index++) {
    const tun = { kind: 'tun', pid: 5000 + (index % 7), fd: 3, device: `tun${index}`, deviceNamespace: null } as const;
    const ns = cabling.add(`ns${index}`, index % 10 === 7 ? { holders: [tun] } : {});
    const other = before[below(before.length)] ?? init;
    const bridge = bridges[below(bridges.length)];
    switch (index % 10) {
      case 0:
        ns.add(`mv${index}`, 'macvlan').on(eth0);
        break;
      case 7:
        ns.add(`tun${index}`, 'tun').route();
        break;
      case 8:
        break;
      case 9:
        ns.add(`lost${index}`, 'veth').peer = aDeviceReference({ netns: null, nsid: index, name: `ghost${index}` });
        break;
      default: {
        const [near, far] = other.veth(`h${index}`, ns, `i${index}`);
        if (other === init && bridge !== undefined) near.portOf(bridge);
        far.route(null, { metric: below(100) });
        if (index % 3 === 0) ns.veth(`x${index}`, before[below(before.length)] ?? init, `y${index}`)[0].route();
      }
    }
    before.push(ns);
  }
  return topologyOf(cabling.build());
}

describe('300 namespaces', () => {
  test.each([1, 2, 3, 4, 5])('every namespace is drawn, and every edge once (thicket %i)', (seed) => {
    const topology = thicket(300, seed);
    const tree = topologyTree(topology);
    expect(topology.namespaces.filter(({ label }) => !new RegExp(`\\b${label}\\b`).test(tree))).toEqual([]);
    expect(drawnPairs(tree)).toEqual(edgePairs(topology.edges));
    expect(topology.edges.length).toBeGreaterThan(300);
  });

  test('a namespace behind a bridge is one line', () => {
    const { cabling, init } = aHost();
    const docker0 = init.add('docker0', 'bridge').address('172.17.0.1/16');
    for (let index = 0; index < 300; index++) {
      const [near, far] = init.veth(`veth${index}`, cabling.add(`ns${index}`), 'eth0');
      near.portOf(docker0);
      far.route('172.17.0.1');
    }
    const topology = topologyOf(cabling.build());
    // With the header, a title and an empty line, the uplink, the bridge.
    expect(topologyTree(topology).trimEnd().split('\n')).toHaveLength(300 + 5);
  });

  test('a chain of thousands is drawn without recursion', () => {
    const { cabling, init } = aHost();
    let last = init;
    for (let index = 0; index < 3000; index++) {
      const next = cabling.add();
      last.veth(`down${index}`, next, `up${index}`);
      last = next;
    }
    expect(topologyTree(topologyOf(cabling.build()))).toContain('up2999');
  });
});

const HOSTILE = [
  'a"b',
  'back\\',
  '\\"',
  '\\n\\N\\G',
  'x]y[z',
  '{{}}',
  '|pipe|',
  '`tick`',
  'a#b;c',
  '#quot;',
  '<b>bold',
  '&lt;&amp',
  '-->',
  '%%{init}',
  'style:#f;',
  'end',
  '日本',
];

/** Every hostile name as the name of a namespace, of a device and of its peer. */
function hostileTopology(): Topology {
  const { cabling, init } = aHost();
  for (const name of HOSTILE) init.veth(name, cabling.add(name), name);
  return topologyOf(cabling.build());
}

describe('for Graphviz', () => {
  test('namespaces are boxes, what sits on something points to it', () => {
    const { cabling, init } = covertUplink();
    const [near] = init.veth('veth1', cabling.add('web'), 'eth0');
    near.peer = { ...aDeviceReference({ netns: 4026531835, name: 'eth0' }), certainty: 'probable' };
    const namespaces = cabling.build().map((ns) => ({
      ...ns,
      devices: (ns.devices ?? []).map((device) =>
        ns.names[0] === 'web' && device.name === 'eth0' ? { ...device, peer: null } : device,
      ),
    }));
    expect(
      topologyDot(topologyOf([...namespaces, aNamespace({ ino: 7, devices: [aDevice()] })])),
    ).toMatchInlineSnapshot(`
      "digraph topology {
        rankdir=LR
        node [shape=box]
        subgraph cluster_0 {
          label="4026531833 init"
          n0 [label="eth0\\nphysical up\\n192.0.2.10/24", style=bold]
          n1 [label="veth1\\nveth up"]
        }
        subgraph cluster_1 {
          label="◆ 4026531834"
          n2 [label="mvx\\nmacvlan up\\n10.66.6.6/24"]
        }
        subgraph cluster_2 {
          label="4026531835 web"
          n3 [label="eth0\\nveth up"]
        }
        subgraph cluster_3 {
          label="7"
          n4 [label="no device but the loopback", shape=plaintext]
        }
        n2 -> n0 [label="macvlan"]
        n1 -> n3 [label="veth, probable", dir=none, style=dashed]
      }
      "
    `);
  });

  test('hostile names stay within their quotes', () => {
    const dot = topologyDot(hostileTopology());
    // A quoted string of the language: whatever is in it, a quote has a backslash before it, and a backslash has one too.
    const label = /label="((?:[^"\\]|\\[\\"n])*)"/;
    const statement = new RegExp(
      `^(digraph topology \\{|  rankdir=LR|  node \\[shape=box\\]|  subgraph cluster_\\d+ \\{|    ${label.source}|    n\\d+ \\[${label.source}(, style=bold)?\\]|  n\\d+ -> n\\d+ \\[${label.source}, dir=none\\]|  \\}|\\}|)$`,
    );
    expect(dot.split('\n').filter((line) => !statement.test(line))).toEqual([]);
    const shown = dot.split('\n').flatMap((line) => {
      const text = label.exec(line)?.[1]?.replace(/\\(.)/g, (_, character) => (character === 'n' ? '\n' : character));
      return text === undefined ? [] : [(text.split('\n')[0] ?? '').replaceAll('&amp;', '&')];
    });
    for (const name of HOSTILE) expect(shown.filter((text) => text.endsWith(name)).length).toBeGreaterThanOrEqual(3);
  });
});

describe('for Mermaid', () => {
  test('namespaces are boxes, what sits on something points to it', () => {
    const { cabling, init } = covertUplink();
    init.veth('veth1', cabling.add('web'), 'eth0');
    expect(topologyMermaid(topologyOf(cabling.build()))).toMatchInlineSnapshot(`
      "flowchart LR
        subgraph s0 ["4026531833 init"]
          n0[["eth0<br>physical up<br>192.0.2.10/24"]]
          n1["veth1<br>veth up"]
        end
        subgraph s1 ["#9670; 4026531834"]
          n2["mvx<br>macvlan up<br>10.66.6.6/24"]
        end
        subgraph s2 ["4026531835 web"]
          n3["eth0<br>veth up"]
        end
        n2 -->|"macvlan"| n0
        n1 ---|"veth"| n3
      "
    `);
  });

  test('hostile names stay within their quotes, and mean nothing', () => {
    const mermaid = topologyMermaid(hostileTopology());
    const text = '"((?:[\\p{L}\\p{N} _.,/-]|#\\d+;|<br>)*)"';
    const statement = new RegExp(
      `^(flowchart LR|  subgraph s\\d+ \\[${text}\\]|    n\\d+\\[?\\[${text}\\]\\]?|  end|  n\\d+ ---\\|"veth"\\| n\\d+|)$`,
      'u',
    );
    expect(mermaid.split('\n').filter((line) => !statement.test(line))).toEqual([]);
    const shown = [...mermaid.matchAll(new RegExp(text, 'gu'))].map(([, quoted = '']) =>
      (quoted.split('<br>')[0] ?? '').replace(/#(\d+);/g, (_, code) => String.fromCodePoint(Number(code))),
    );
    for (const name of HOSTILE) expect(shown.filter((line) => line.endsWith(name)).length).toBeGreaterThanOrEqual(3);
  });
});
