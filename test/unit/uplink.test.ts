import { describe, expect, test } from 'vitest';
import { uplinksOf } from '../../src/correlate/uplink.ts';
import type { Namespace, Uplink } from '../../src/model/index.ts';
import { aHost, Cabling, type TestNamespace } from '../fixtures/cabling.ts';
import { aDevice, aDeviceReference, aNamespace, aNextHop, aRoute, someDetails } from '../fixtures/snapshot.ts';

/** `eth0 route → peer veth0 → master br0 → port eth0`, then where that is and what is said of it. */
function way({ reaches, steps, reason }: Uplink): string[] {
  const hops = steps.map(({ device, by }) => `${by} ${device.name ?? device.ifindex}`).join(' → ');
  return [hops, reaches, ...(reason === null ? [] : [reason])];
}

function wayOf(cabling: Cabling, { ino }: TestNamespace): string[] {
  const uplink = uplinksOf(cabling.build()).get(ino);
  if (uplink === undefined) throw new Error('it has no uplink');
  return way(uplink);
}

/** The way of a namespace on its own. */
function alone(over: Partial<Namespace>): string[] {
  const uplink = uplinksOf([aNamespace({ ino: 7, ...over })]).get(7);
  if (uplink === undefined) throw new Error('it has no uplink');
  return way(uplink);
}

describe('by a default route', () => {
  test('a physical device is the wire', () => {
    const { cabling, init } = aHost();
    expect(wayOf(cabling, init)).toEqual(['route eth0', 'wire']);
  });

  test('what sits on a bus is the wire whatever its kind, and what does not is not', () => {
    const { cabling, init } = aHost();
    const ib0 = cabling.add();
    ib0.add('ib0', 'ipoib', { physical: true }).route();
    const odd = cabling.add();
    odd.add('l2tpeth0', null, { physical: false }).route();
    expect(wayOf(cabling, ib0)).toEqual(['route ib0', 'wire']);
    expect(wayOf(cabling, odd)).toEqual(['route l2tpeth0', 'unknown', 'what is behind l2tpeth0 is not known']);
    expect(wayOf(cabling, init)[1]).toBe('wire');
  });

  test('a macvlan leads to its parent in another namespace', () => {
    const { cabling, eth0 } = aHost();
    const covert = cabling.add();
    covert.add('mvx', 'macvlan').on(eth0).route('192.0.2.1');
    expect(wayOf(cabling, covert)).toEqual(['route mvx → lower eth0', 'wire']);
  });

  test.each(['macvlan', 'macvtap', 'ipvlan', 'vlan', 'macsec'])('a %s on a bond on two cards', (kind) => {
    const { cabling, init } = aHost();
    const bond0 = init.add('bond0', 'bond');
    init.add('eth1').portOf(bond0);
    init.add('eth2').portOf(bond0);
    const inside = cabling.add();
    inside.add('child', kind).on(bond0).route();
    expect(wayOf(cabling, inside)).toEqual(['route child → lower bond0 → port eth1', 'wire']);
  });

  test('a bridge with a physical port is left by that, and not by another veth', () => {
    const { cabling, init, eth0 } = aHost();
    const br0 = init.add('br0', 'bridge');
    const other = cabling.add();
    init.veth('veth-other', other, 'eth0')[0].portOf(br0);
    const inside = cabling.add();
    const [near, far] = init.veth('veth-in', inside, 'eth0');
    near.portOf(br0);
    far.route('192.0.2.1');
    eth0.portOf(br0);
    expect(wayOf(cabling, inside)).toEqual(['route eth0 → peer veth-in → master br0 → port eth0', 'wire']);
  });

  test('a bridge without a physical port is routed by the namespace it is in', () => {
    const { cabling, init } = aHost();
    const docker0 = init.add('docker0', 'bridge').address('172.17.0.1/16');
    const inside = cabling.add();
    const [near, far] = init.veth('veth1', inside, 'eth0');
    near.portOf(docker0);
    far.address('172.17.0.2/16').route('172.17.0.1');
    expect(wayOf(cabling, inside)).toEqual(['route eth0 → peer veth1 → master docker0 → route eth0', 'wire']);
  });

  test('a bridge without an address routes nothing: who is on it alone gets nowhere', () => {
    const { cabling, init } = aHost();
    const br0 = init.add('br0', 'bridge');
    const inside = cabling.add();
    const [near, far] = init.veth('veth1', inside, 'eth0');
    near.portOf(br0);
    far.route('10.0.0.1');
    expect(wayOf(cabling, inside)).toEqual([
      'route eth0 → peer veth1 → master br0',
      'nowhere',
      'nothing beyond br0 of 4026531833 init leads outside',
    ]);
  });

  test('the gateway decides which of the namespaces on a bridge routes', () => {
    const { cabling, init } = aHost();
    const int = init.add('br-int', 'bridge');
    const ext = init.add('br-ex', 'bridge');
    init.add('eth1').portOf(ext);
    const router = cabling.add('router');
    const [qr, qrInside] = init.veth('qr', router, 'qr0');
    qr.portOf(int);
    qrInside.address('10.0.0.1/24');
    const [qg, qgInside] = init.veth('qg', router, 'qg0');
    qg.portOf(ext);
    qgInside.address('198.51.100.7/24').route('198.51.100.1');
    const inside = cabling.add('vm');
    const [near, far] = init.veth('tap-vm', inside, 'eth0');
    near.portOf(int);
    far.address('10.0.0.9/24').route('10.0.0.1');
    expect(wayOf(cabling, inside)).toEqual([
      'route eth0 → peer tap-vm → master br-int → port qr → peer qr0 → route qg0 → peer qg → master br-ex → port eth1',
      'wire',
    ]);
  });

  test('whoever takes the address of the gateway as well does not become it', () => {
    const { cabling, init } = aHost();
    const docker0 = init.add('docker0', 'bridge').address('172.17.0.1/16');
    const [inside] = ['good', 'bad'].map((name) => {
      const namespace = cabling.add(name);
      const [near, far] = init.veth(`to-${name}`, namespace, 'eth0');
      near.portOf(docker0);
      far.address(name === 'bad' ? '172.17.0.1/16' : '172.17.0.2/16').route('172.17.0.1');
      return namespace;
    });
    expect(inside && wayOf(cabling, inside)).toEqual([
      'route eth0 → peer to-good → master docker0 → route eth0',
      'wire',
    ]);
  });

  test('the same gateway elsewhere is another one', () => {
    const { cabling, init } = aHost();
    const ways = ['a', 'b'].map((name) => {
      const router = cabling.add(`router-${name}`);
      const inside = cabling.add(name);
      const [near, far] = router.veth(`to-${name}`, inside, 'eth0');
      near.address('10.0.0.1/24');
      far.address('10.0.0.2/24').route('10.0.0.1');
      const [up, down] = router.veth('up', init, `from-${name}`);
      up.route('10.1.0.1');
      down.address('10.1.0.1/24');
      return inside;
    });
    expect(ways.map((inside) => wayOf(cabling, inside))).toEqual([
      ['route eth0 → peer to-a → route up → peer from-a → route eth0', 'wire'],
      ['route eth0 → peer to-b → route up → peer from-b → route eth0', 'wire'],
    ]);
  });

  test('a netkit pair is a cable too', () => {
    const { cabling, init } = aHost();
    const pod = cabling.add();
    const [near, far] = init.veth('nk0', pod, 'eth0');
    near.over = { kind: 'netkit' };
    far.over = { kind: 'netkit' };
    far.route();
    expect(wayOf(cabling, pod)).toEqual(['route eth0 → peer nk0 → route eth0', 'wire']);
  });

  test('bridges in a circle of cables are walked once', () => {
    const { cabling, init } = aHost();
    const bridges = ['br0', 'br1', 'br2'].map((name) => init.add(name, 'bridge'));
    for (const [index, bridge] of bridges.entries()) {
      const next = bridges[(index + 1) % bridges.length];
      const [near, far] = init.veth(`left${index}`, init, `right${index}`);
      near.portOf(bridge);
      if (next !== undefined) far.portOf(next);
    }
    const inside = cabling.add();
    const [near, far] = init.veth('veth1', inside, 'eth0');
    if (bridges[0] !== undefined) near.portOf(bridges[0]);
    far.route('10.0.0.1');
    expect(wayOf(cabling, inside)[1]).toBe('nowhere');
    const eth1 = init.add('eth1');
    if (bridges[1] !== undefined) eth1.portOf(bridges[1]);
    expect(wayOf(cabling, inside)).toEqual([
      'route eth0 → peer veth1 → master br0 → port left0 → peer right0 → master br1 → port eth1',
      'wire',
    ]);
  });

  test('a frame does not leave a bridge by the port it came in by', () => {
    const { cabling, init } = aHost();
    const br0 = init.add('br0', 'bridge');
    const inside = cabling.add();
    const [near, far] = init.veth('veth1', inside, 'eth0');
    near.portOf(br0);
    far.route('10.0.0.1');
    // Whatever came back by veth1 would come by this bridge to the card.
    const inner = inside.add('inner', 'bridge');
    far.portOf(inner);
    inside.add('eth9').portOf(inner);
    expect(wayOf(cabling, inside)).toEqual([
      'link eth9',
      'wire',
      'its default route leads nowhere, but on the same link',
    ]);
    // By another port it may: the one that is left by which the first is entered, too.
    const [out, back] = inside.veth('out', init, 'back');
    out.portOf(inner);
    back.portOf(br0);
    expect(wayOf(cabling, inside)).toEqual([
      'route eth0 → peer veth1 → master br0 → port back → peer out → master inner → port eth9',
      'wire',
    ]);
  });

  test('two namespaces that route to each other get nowhere', () => {
    const { cabling } = aHost();
    const one = cabling.add('one');
    const two = cabling.add('two');
    const [near, far] = one.veth('to-two', two, 'to-one');
    near.route('10.0.0.2').address('10.0.0.1/24');
    far.route('10.0.0.1').address('10.0.0.2/24');
    expect(wayOf(cabling, one)).toEqual([
      'route to-two → peer to-one → peer to-two',
      'nowhere',
      'the way comes back to it',
    ]);
    expect(wayOf(cabling, two)[1]).toBe('nowhere');
  });

  test('one of a circle that has a second way out lets all of them out, whoever is asked first', () => {
    const { cabling, init } = aHost();
    const ring = Array.from({ length: 5 }, (_, index) => cabling.add(`ring${index}`));
    for (const [index, here] of ring.entries()) {
      const next = ring[(index + 1) % ring.length];
      if (next !== undefined) here.veth('next', next, 'previous')[0].route();
    }
    const last = ring[3];
    last?.veth('out', init, 'in')[0].route(null, { metric: 500 });
    const forwards = uplinksOf(cabling.build());
    const backwards = uplinksOf(cabling.build().reverse());
    for (const { ino } of ring) {
      expect(forwards.get(ino)?.reaches).toBe('wire');
      expect(backwards.get(ino)?.reaches).toBe('wire');
    }
  });

  test('a chain longer than any packet lives does not arrive, a shorter one does', () => {
    const { cabling, init } = aHost();
    let before = init;
    const chain: TestNamespace[] = [];
    for (let index = 0; index < 400; index++) {
      const next = cabling.add(`n${index}`);
      next.veth('up', before, `down${index}`)[0].route();
      chain.push(next);
      before = next;
    }
    const namespaces = cabling.build();
    for (const uplinks of [uplinksOf(namespaces), uplinksOf(namespaces.toReversed())]) {
      const reached = chain.map(({ ino }) => uplinks.get(ino)?.reaches);
      expect(reached.slice(0, 255)).toEqual(Array(255).fill('wire'));
      expect(reached.slice(255)).toEqual(Array(145).fill('nowhere'));
    }
  });
});

describe('which default route', () => {
  /** One way out by the wire, one into a process, with these routes. */
  function choice(wire: Parameters<typeof aRoute>[0], tun: Parameters<typeof aRoute>[0]): string[] {
    const { cabling, eth0 } = aHost();
    const inside = cabling.add();
    inside.add('mvx', 'macvlan').on(eth0).route('192.0.2.1', wire);
    inside.add('tun0', 'tun').route(null, tun);
    return wayOf(cabling, inside);
  }
  const WIRE = ['route mvx → lower eth0', 'wire'];
  const PROCESS = ['route tun0', 'process', 'which process has tun0 open is not known'];

  test('the lowest metric is preferred, none is lower than any', () => {
    expect(choice({ metric: 100 }, { metric: 50 })).toEqual(PROCESS);
    expect(choice({ metric: null }, { metric: 50 })).toEqual(WIRE);
  });

  test('the main table comes before others', () => {
    expect(choice({ metric: 100 }, { metric: 1, table: '51820' })).toEqual(WIRE);
  });

  test.each([
    ['blackhole', { type: 'blackhole' }],
    ['dead', { flags: ['dead'] }],
    ['rejected in a table of /proc', { type: null, table: null, flags: ['reject'] }],
  ])('one that is %s is none', (_, over) => {
    expect(choice({ metric: 100 }, over)).toEqual(WIRE);
  });

  test('a dead next hop is none, another of the same route is', () => {
    const { cabling, eth0 } = aHost();
    const inside = cabling.add();
    const dead = inside.add('dead', 'tun');
    const alive = inside.add('mvx', 'macvlan').on(eth0);
    inside.routes.push(
      aRoute({
        nextHops: [aNextHop({ ifindex: dead.ifindex, flags: ['dead'] }), aNextHop({ ifindex: alive.ifindex })],
      }),
    );
    expect(wayOf(cabling, inside)).toEqual(WIRE);
  });

  test('a route of IPv6 alone counts', () => {
    expect(choice({ family: 'inet6', metric: 1024 }, { type: 'unreachable' })).toEqual(WIRE);
  });

  test('of several that do not arrive, the one that comes farthest tells', () => {
    const { cabling } = aHost();
    const inside = cabling.add();
    inside.add('decoy', 'dummy').route(null, { metric: 1 });
    inside.add('can0', 'something new').route(null, { metric: 2 });
    expect(wayOf(cabling, inside)).toEqual(['route can0', 'unknown', 'what is behind can0 is not known']);
  });

  test('a decoy that leads nowhere does not hide the way that arrives', () => {
    const { cabling, eth0 } = aHost();
    const inside = cabling.add();
    inside.add('decoy', 'dummy').route(null, { metric: 1 });
    inside.add('mvx', 'macvlan').on(eth0).route('192.0.2.1', { metric: 9000, family: 'inet6', table: '7' });
    expect(wayOf(cabling, inside)).toEqual(WIRE);
  });
});

describe('without a default route', () => {
  test.each(['macvlan', 'ipvlan', 'vlan', 'macvtap'])('a %s on a physical card still touches the wire', (kind) => {
    const { cabling, eth0 } = aHost();
    const covert = cabling.add(null, { visibility: 'hidden' });
    covert.add('mvx', kind).on(eth0);
    expect(wayOf(cabling, covert)).toEqual(['link mvx → lower eth0', 'wire', 'no default route, but on the same link']);
  });

  test('nor does it take one of its own where only the parent tells of it', () => {
    const { cabling, eth0 } = aHost();
    const covert = cabling.add();
    const mvx = covert.add('mvx', 'macvlan');
    eth0.upper.push(mvx.reference);
    expect(wayOf(cabling, covert)[1]).toBe('wire');
  });

  test('a veth in a bridge with a physical port does too, one in a bridge without does not', () => {
    const { cabling, init } = aHost();
    const br0 = init.add('br0', 'bridge').address('10.0.0.1/24');
    const inside = cabling.add();
    init.veth('veth1', inside, 'eth0')[0].portOf(br0);
    expect(wayOf(cabling, inside)).toEqual(['', 'nowhere', 'no default route']);
    init.add('eth1').portOf(br0);
    expect(wayOf(cabling, inside)).toEqual([
      'link eth0 → peer veth1 → master br0 → port eth1',
      'wire',
      'no default route, but on the same link',
    ]);
  });

  test('one that is down touches nothing, and the reason says that it could', () => {
    const { cabling, eth0 } = aHost();
    const inside = cabling.add();
    inside.add('mvx', 'macvlan', { flags: [], operstate: 'down' }).on(eth0);
    expect(wayOf(cabling, inside)).toEqual(['', 'nowhere', 'no default route; mvx is down']);
  });

  test('a decoy of a default route does not hide what is on the link', () => {
    const { cabling, eth0 } = aHost();
    const inside = cabling.add();
    inside.add('decoy', 'dummy').route();
    inside.add('mvx', 'macvlan').on(eth0);
    expect(wayOf(cabling, inside)).toEqual([
      'link mvx → lower eth0',
      'wire',
      'its default route leads nowhere, but on the same link',
    ]);
  });

  test('two routes of half of everything do what a default route does', () => {
    const { cabling, init } = aHost();
    const inside = cabling.add();
    const [, far] = init.veth('veth1', inside, 'eth0');
    far.route('10.0.0.1', { destination: '0.0.0.0/1' }).route('10.0.0.1', { destination: '128.0.0.0/1' });
    expect(wayOf(cabling, inside)).toEqual([
      'route eth0 → peer veth1 → route eth0',
      'wire',
      'no default route, but another route leads there',
    ]);
  });

  test('nor does it take one for a tunnel or a tun', () => {
    const { cabling } = aHost();
    const tunnelled = cabling.add();
    tunnelled.add('wg0', 'wireguard');
    const tun = cabling.add();
    tun.add('tun0', 'tun');
    expect(wayOf(cabling, tunnelled)).toEqual([
      'link wg0 → underlay eth0',
      'wire',
      'no default route, but a tunnel leads there; wg0 sends from the namespace it was made in, probably the initial one',
    ]);
    expect(wayOf(cabling, tun)).toEqual([
      'link tun0',
      'process',
      'no default route, but on the same link; which process has tun0 open is not known',
    ]);
  });

  test('what it is linked to is not known: neither is whether that is the wire', () => {
    const { cabling } = aHost();
    const inside = cabling.add();
    const mvx = inside.add('mvx', 'macvlan');
    mvx.lower.push({ netns: null, nsid: 2, ifindex: 5, name: null, certainty: 'certain' });
    expect(wayOf(cabling, inside)).toEqual([
      'link mvx → lower 5',
      'unknown',
      'no default route; ifindex 5 of nsid 2 of 4026531834 is not in the snapshot',
    ]);
    mvx.over = { kind: 'macvlan', flags: [] };
    expect(wayOf(cabling, inside)[1]).toBe('nowhere');
  });

  test('a loopback alone is nowhere', () => {
    expect(alone({ devices: [aDevice()], routes: [] })).toEqual(['', 'nowhere', 'no default route']);
  });
});

describe('what is not known', () => {
  test('routes that were not read', () => {
    expect(alone({ routes: null })).toEqual(['', 'unknown', 'its routes were not read']);
  });

  test('but what is on the link is there without them', () => {
    const { cabling, eth0 } = aHost();
    const inside = cabling.add(null, { routes: null, addresses: null });
    inside.add('mvx', 'macvlan').on(eth0);
    expect(wayOf(cabling, inside)).toEqual([
      'link mvx → lower eth0',
      'wire',
      'its routes were not read, but on the same link',
    ]);
  });

  test('devices that were not read', () => {
    expect(alone({ devices: null, routes: [] })).toEqual(['', 'unknown', 'its devices are not known']);
    expect(alone({ devices: null, routes: [aRoute()] })).toEqual([
      '',
      'unknown',
      'ifindex 2 of its default route is not known',
    ]);
  });

  test('a peer in a namespace that only an id stands for', () => {
    const { cabling } = aHost();
    const inside = cabling.add();
    const eth0 = inside.add('eth0', 'veth').route('10.0.0.1');
    eth0.peer = { netns: null, nsid: 3, ifindex: 9, name: null, certainty: 'certain' };
    const uplink = uplinksOf(cabling.build()).get(inside.ino);
    expect(uplink).toEqual({
      reaches: 'unknown',
      steps: [
        { device: eth0.reference, by: 'route' },
        { device: { netns: null, nsid: 3, ifindex: 9, name: null, certainty: 'certain' }, by: 'peer' },
      ],
      reason: expect.stringContaining('it is not in the snapshot'),
    });
  });

  test('a macvlan whose parent is in a namespace nobody sees', () => {
    const { cabling } = aHost();
    const inside = cabling.add();
    const mvx = inside.add('mvx', 'macvlan').route();
    mvx.lower.push(aDeviceReference({ netns: 99, name: 'eth7' }));
    expect(wayOf(cabling, inside)).toEqual(['route mvx → lower eth7', 'unknown', 'eth7 of 99 is not in the snapshot']);
  });

  test('a probable peer is a probable step', () => {
    const { cabling, init } = aHost();
    const inside = cabling.add();
    const [near, far] = init.veth('veth1', inside, 'eth0');
    far.route();
    if (far.peer !== null) far.peer = { ...far.peer, certainty: 'probable' };
    near.peer = null;
    expect(
      uplinksOf(cabling.build())
        .get(inside.ino)
        ?.steps.map(({ device }) => device.certainty),
    ).toEqual(['certain', 'probable', 'certain']);
  });

  test('a device of which a table shows the name alone', () => {
    const { cabling } = aHost();
    const inside = cabling.add();
    inside.add('eth0', null, { flags: [], mtu: null, operstate: 'unknown' }).route();
    expect(wayOf(cabling, inside)).toEqual(['route eth0', 'unknown', 'what is behind eth0 is not known']);
  });

  test('one that has left says nothing of the one that has its number now', () => {
    const { cabling, init } = aHost();
    const left = aNamespace({ ino: init.ino, devices: null, routes: null, visibility: 'dying' });
    for (const namespaces of [
      [left, ...cabling.build()],
      [...cabling.build(), left],
    ]) {
      expect(uplinksOf(namespaces).get(init.ino)?.reaches).toBe('wire');
    }
  });

  test('a namespace without a number has no entry', () => {
    expect(uplinksOf([aNamespace({ ino: null, devices: null })]).size).toBe(0);
  });
});

describe('what is amiss on the way', () => {
  test('a device that is down, one without carrier', () => {
    const { cabling, init, eth0 } = aHost();
    eth0.over = { flags: ['up'], operstate: 'down', details: someDetails({ carrier: false }) };
    const inside = cabling.add();
    const [near, far] = init.veth('veth1', inside, 'eth0');
    near.over = { kind: 'veth', flags: [], operstate: 'down' };
    far.over = { kind: 'veth', operstate: 'lowerlayerdown' };
    far.route();
    expect(wayOf(cabling, inside)).toEqual([
      'route eth0 → peer veth1 → route eth0',
      'wire',
      'eth0 has no carrier; veth1 of 4026531833 init is down; eth0 of 4026531833 init has no carrier',
    ]);
  });
});

describe('tunnels', () => {
  test('a tunnel with an underlay leads to that', () => {
    const { cabling, eth0 } = aHost();
    const inside = cabling.add();
    inside.add('vx0', 'vxlan').on(eth0).route();
    expect(wayOf(cabling, inside)).toEqual(['route vx0 → underlay eth0', 'wire']);
  });

  test('one without leaves by the default route of the namespace its link is in', () => {
    const { cabling, init } = aHost();
    const inside = cabling.add(null, { nsids: [{ nsid: 4, netns: init.ino }] });
    inside.add('gre1', 'gre', { details: someDetails({ linkNsid: 4 }) }).route();
    expect(wayOf(cabling, inside)).toEqual(['route gre1 → underlay eth0', 'wire']);
    const lost = cabling.add();
    lost.add('gre1', 'gre', { details: someDetails({ linkNsid: 5 }) }).route();
    expect(wayOf(cabling, lost)).toEqual(['route gre1', 'unknown', 'from which namespace gre1 sends is not known']);
  });

  test('one in the same namespace leaves by another route than its own', () => {
    const { cabling, init, eth0 } = aHost();
    init.routes.length = 0;
    const wg0 = init.add('wg0', 'wireguard').route(null, { metric: 10 });
    eth0.route('192.0.2.1', { metric: 100 });
    expect(wayOf(cabling, init)).toEqual(['route wg0 → underlay eth0', 'wire']);
    init.routes.length = 0;
    wg0.route();
    expect(wayOf(cabling, init)).toEqual([
      'route wg0 → underlay eth0',
      'wire',
      'no default route, but on the same link',
    ]);
  });

  test.each(['wireguard', 'geneve', 'bareudp'])(
    'nobody tells where a %s was made: the initial namespace is probable, and said to be',
    (kind) => {
      const { cabling } = aHost();
      const inside = cabling.add('vpn');
      inside.add('tnl0', kind, { details: someDetails() }).route();
      expect(wayOf(cabling, inside)).toEqual([
        'route tnl0 → underlay eth0',
        'wire',
        'tnl0 sends from the namespace it was made in, probably the initial one',
      ]);
      const uplink = uplinksOf(cabling.build()).get(inside.ino);
      expect(uplink?.steps.map(({ device }) => device.certainty)).toEqual(['certain', 'probable']);
    },
  );

  test.each(['vxlan', 'gre', 'sit'])('a %s that names no other namespace sends from its own', (kind) => {
    const { cabling } = aHost();
    const inside = cabling.add();
    inside.add('tnl0', kind, { details: someDetails() }).route();
    expect(wayOf(cabling, inside)[1]).toBe('nowhere');
  });

  test('hundreds of tunnels in one namespace that lead into each other come to an end', () => {
    const cabling = new Cabling();
    const init = cabling.add();
    for (let index = 0; index < 300; index++) init.add(`wg${index}`, 'wireguard').route(null, { metric: index });
    expect(wayOf(cabling, init)[1]).toBe('nowhere');
  });
});

describe('processes', () => {
  test('a tun that a process has open leads to it', () => {
    const { cabling, init } = aHost();
    const inside = cabling.add('vpn', {
      holders: [{ kind: 'tun', pid: 811, fd: 9, device: 'tun0', deviceNamespace: init.ino + 1 }],
    });
    inside.add('tun0', 'tun').route();
    expect(wayOf(cabling, inside)).toEqual(['route tun0', 'process']);
  });

  test('one that nobody has open leads nowhere', () => {
    const { cabling } = aHost();
    const inside = cabling.add();
    inside.add('tun0', 'tun', { operstate: 'down' }).route();
    expect(wayOf(cabling, inside)).toEqual([
      'route tun0',
      'nowhere',
      'no process is known to have tun0 open; tun0 has no carrier',
    ]);
  });

  test('the tap of a virtual machine in the same bridge is no way out while there is a wire', () => {
    const { cabling, init } = aHost();
    const br0 = init.add('br0', 'bridge');
    init.add('tap0', 'tun').portOf(br0);
    const inside = cabling.add();
    const [near, far] = init.veth('veth1', inside, 'eth0');
    near.portOf(br0);
    far.route('10.0.0.1');
    expect(wayOf(cabling, inside)[1]).toBe('process');
    init.add('eth1').portOf(br0);
    expect(wayOf(cabling, inside)[1]).toBe('wire');
  });
});

test('a thousand namespaces behind one bridge, and a thousand with a cable each, all reach the wire', () => {
  const { cabling, init } = aHost();
  const docker0 = init.add('docker0', 'bridge').address('172.17.0.1/16');
  const bridged: TestNamespace[] = [];
  const routed: TestNamespace[] = [];
  for (let index = 0; index < 1000; index++) {
    const one = cabling.add(`bridged${index}`);
    const [near, far] = init.veth(`b${index}`, one, 'eth0');
    near.portOf(docker0);
    far.address(`172.17.${1 + (index >> 8)}.${index & 255}/16`).route('172.17.0.1');
    bridged.push(one);
    const other = cabling.add(`routed${index}`);
    init.veth(`r${index}`, other, 'eth0')[1].route('169.254.1.1');
    routed.push(other);
  }
  const uplinks = uplinksOf(cabling.build());
  expect(uplinks.size).toBe(2001);
  const text = ({ ino }: TestNamespace) => {
    const uplink = uplinks.get(ino);
    return uplink === undefined ? [] : way(uplink);
  };
  for (const [index, namespace] of bridged.entries()) {
    expect(text(namespace)).toEqual([`route eth0 → peer b${index} → master docker0 → route eth0`, 'wire']);
  }
  for (const [index, namespace] of routed.entries()) {
    expect(text(namespace)).toEqual([`route eth0 → peer r${index} → route eth0`, 'wire']);
  }
});
