import { describe, expect, test } from 'vitest';
import { LIFECYCLE } from '../../src/actions/lifecycle/index.ts';
import { freeName, lossesOf } from '../../src/actions/lifecycle/moving.ts';
import { checkDeviceName, checkNamespaceName } from '../../src/actions/lifecycle/names.ts';
import type { Device, Namespace } from '../../src/model/index.ts';
import { planLines } from '../../src/model/plan-text.ts';
import { aMount, aSelf, blue, factsOf, home, planOf, refusal } from '../fixtures/plans.ts';
import {
  aDevice,
  aDeviceReference,
  aNeighbour,
  aNextHop,
  anAddress,
  aProcess,
  aRoute,
  aSocket,
  someDetails,
} from '../fixtures/snapshot.ts';

const lo = aDevice({ ifindex: 1, name: 'lo', flags: ['loopback'] });

function nic(over: Partial<Device> = {}): Device {
  return aDevice({
    ifindex: 2,
    name: 'eth0',
    kind: null,
    flags: ['up'],
    physical: true,
    details: someDetails(),
    ...over,
  });
}

const veth = (over: Partial<Device> = {}): Device => nic({ name: 'veth0', kind: 'veth', physical: false, ...over });

const red = (over: Partial<Namespace> = {}): Namespace =>
  blue({
    ino: 102,
    cookie: '12',
    names: ['red'],
    holders: [aMount({ path: '/run/netns/red', mountId: 42 })],
    ...over,
  });

describe('protected namespaces', () => {
  const devices = [lo, veth()];
  const init = home({ devices, holders: [aMount({ path: '/run/netns/home' })], sockets: [], names: [] });
  const own = blue({ devices });
  const facts = factsOf([init, own], { self: aSelf({ netns: 101 }) });

  test.each([
    ['kill', {}],
    ['release', {}],
    ['unmount', {}],
    ['reclaim', {}],
    ['set-link', { devices: ['veth0'], link: 'down' }],
    ['close-sockets', { filter: 'tcp' }],
  ] as const)('%s is refused for the initial one and for the one nsleuth runs in', (action, options) => {
    expect(refusal(() => planOf(action, [init], facts, options))).toMatchObject({
      code: 'ERR_PROTECTED',
      exit: 1,
      message: expect.stringMatching(/^net:\[100\] init is the initial network namespace: /),
    });
    expect(refusal(() => planOf(action, [own], facts, options))).toMatchObject({
      code: 'ERR_PROTECTED',
      message: expect.stringMatching(/^net:\[101\] blue is the one nsleuth runs in: /),
    });
    // One of several is enough.
    expect(refusal(() => planOf(action, [init, red()], factsOf([init, red({ devices })]), options)).code).toBe(
      'ERR_PROTECTED',
    );
  });

  test('a device that is taken out of it one by one gets a word of warning', () => {
    const { warnings } = planOf('move-device', [init], factsOf([init, red({ devices: [lo] })]), {
      devices: ['veth0'],
      to: 'cookie:12',
    });
    expect(warnings).toEqual(['net:[100] init is the initial network namespace: whoever comes in by veth0 is cut off']);
  });
});

describe('capabilities', () => {
  const poor = { self: aSelf({ uid: 1000, capabilities: [] }) };

  test.each([
    ['unmount', {}, 'CAP_SYS_ADMIN'],
    ['create', { name: 'new' }, 'CAP_SYS_ADMIN'],
    ['name', { name: 'new' }, 'CAP_SYS_ADMIN'],
    ['rename', { name: 'new' }, 'CAP_SYS_ADMIN'],
    ['set-link', { devices: ['lo'], link: 'up' }, 'CAP_NET_ADMIN, CAP_SYS_ADMIN'],
    ['move-device', { devices: ['eth0'] }, 'CAP_NET_ADMIN, CAP_SYS_ADMIN'],
    ['release', {}, 'CAP_NET_ADMIN, CAP_SYS_ADMIN'],
  ] as const)('%s without them is exit code 4, and names them', (action, options, capabilities) => {
    const target = blue({ devices: [lo, nic()] });
    const targets = action === 'create' ? [] : [target];
    expect(refusal(() => planOf(action, targets, factsOf([home({ devices: [lo] }), target], poor), options))).toEqual({
      code: 'ERR_NOT_PERMITTED',
      exit: 4,
      message: expect.stringMatching(
        new RegExp(`^not permitted to .*: it takes ${capabilities}; run nsleuth as root$`),
      ),
    });
  });

  test('what may not be read is not permitted; what nobody could read is a failure', () => {
    const dark = blue({ devices: null, sockets: null });
    const options = { devices: ['eth0'], filter: 'tcp' };
    for (const action of ['set-link', 'move-device', 'reclaim', 'close-sockets'] as const) {
      const facts = factsOf([home({ devices: [lo] }), dark]);
      expect(refusal(() => planOf(action, [dark], { ...facts, ...poor }, options)).exit).toBe(4);
      expect(refusal(() => planOf(action, [dark], facts, options))).toMatchObject({ code: 'ERR_NOT_READ', exit: 1 });
    }
  });

  test('into another mount namespace one gets with CAP_SYS_CHROOT', () => {
    const needs = (mountNamespace: number | null) =>
      planOf('unmount', [blue()], factsOf([blue({ holders: [aMount({ mountNamespace })] })])).steps[0]?.needs;
    expect(needs(7)).toEqual(['CAP_SYS_ADMIN']);
    expect(needs(null)).toEqual(['CAP_SYS_ADMIN']);
    expect(needs(8)).toEqual(['CAP_SYS_ADMIN', 'CAP_SYS_CHROOT']);
  });
});

describe('what is not there', () => {
  const facts = factsOf([home({ devices: [lo] }), blue({ devices: [lo, veth()], names: ['blue', 'second'] })]);
  const hostile = '\u001b[2J';

  test.each([
    [
      'unmount',
      { paths: ['nowhere'] },
      'ERR_NO_MOUNT',
      'is not mounted at /run/netns/nowhere; it is mounted at /run/netns/blue',
    ],
    ['unmount', { paths: [hostile] }, 'ERR_NO_MOUNT', 'is not mounted at /run/netns/\\x1b[2J; '],
    ['set-link', { devices: ['eth9'] }, 'ERR_NO_DEVICE', 'no device eth9 in net:[101] blue; there are lo, veth0'],
    ['move-device', { devices: [hostile] }, 'ERR_NO_DEVICE', 'no device \\x1b[2J in'],
    ['reclaim', { devices: ['eth9'] }, 'ERR_NO_DEVICE', 'no device eth9'],
    ['reclaim', {}, 'ERR_NO_DEVICE', 'no physical device in net:[101] blue; it has veth0: name one to move it'],
    ['close-sockets', { sockets: ['9'] }, 'ERR_NO_SOCKET', 'no socket of net:[101] blue to close: none is chosen'],
    ['close-sockets', { filter: 'local-port=9' }, 'ERR_NO_SOCKET', 'none is chosen'],
    ['close-sockets', { filter: 'colour=9' }, 'ERR_FILTER', 'unknown column "colour"'],
    ['close-sockets', { filter: '' }, 'ERR_FILTER', 'an empty filter would choose all sockets'],
    ['rename', { name: 'new', oldName: 'third' }, 'ERR_NO_NAME', 'is not called third; its names are blue, second'],
    ['rename', { name: 'new' }, 'ERR_WHICH_NAME', '--old says which to change: blue, second'],
  ] as const)('%s %j is refused with what there is', (action, options, code, message) => {
    const refused = refusal(() => planOf(action, [blue()], facts, options));
    expect(refused).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test('a namespace that is gone, or that nobody knows the number of', () => {
    expect(refusal(() => planOf('release', [red()], facts)).code).toBe('ERR_GONE');
    const nameless = blue({ ino: null, cookie: '99' });
    expect(refusal(() => planOf('release', [nameless], factsOf([nameless]))).code).toBe('ERR_NO_NUMBER');
  });

  test('nothing to do is a plan without steps', () => {
    const bare = blue({ names: [], holders: [], devices: [lo] });
    for (const action of ['unmount', 'release', 'close-sockets'] as const) {
      const plan = planOf(action, [bare], factsOf([home(), bare]));
      expect(plan).toMatchObject({ steps: [], risk: 'reversible', expectations: [] });
      expect(planLines(plan, () => '').map(({ text }) => text)).toContain('  there is nothing to do');
    }
  });
});

describe('names of namespaces', () => {
  const known = { namespaces: [blue()] };

  test.each(['a', 'größe', 'a.b', '...', '4026531833', 'x'.repeat(255)])('%j can be given', (name) => {
    expect(() => checkNamespaceName(name, known)).not.toThrow();
  });

  test.each([
    '',
    '.',
    '..',
    'a/b',
    '/',
    'a b',
    'a\n',
    '\u001b[2J',
    'a\u202eb',
    'a\u200bb',
    'a\u00a0b',
    'a\u0000b',
    '-x',
    '--help',
    'x'.repeat(256),
    'ö'.repeat(128),
    '\ud800',
  ])('%j cannot', (name) => {
    expect(refusal(() => checkNamespaceName(name, known))).toMatchObject({ code: 'ERR_NAME', exit: 2 });
  });

  test('one that is taken is said to be whose', () => {
    expect(refusal(() => checkNamespaceName('blue', known))).toMatchObject({
      code: 'ERR_NAME_TAKEN',
      message: 'net:[101] is called blue already',
    });
  });

  test.each(['eth0', 'x'.repeat(15), 'ö'.repeat(7), '-x', 'a.b'])('a device can be called %j', (name) => {
    expect(() => checkDeviceName(name)).not.toThrow();
  });

  test.each(['', '.', '..', 'a/b', 'a:b', 'eth%d', 'a b', 'x'.repeat(16), 'ö'.repeat(8)])(
    'a device cannot be called %j',
    (name) => {
      expect(refusal(() => checkDeviceName(name)).code).toBe('ERR_NAME');
    },
  );
});

describe('the name a device gets where its own is taken', () => {
  test.each([
    ['eth0', [], 'eth0'],
    ['eth0', ['eth0'], 'eth0-2'],
    ['eth0', ['eth0', 'eth0-2', 'eth0-3'], 'eth0-4'],
    ['123456789012345', ['123456789012345'], '1234567890123-2'],
    [
      '123456789012345',
      ['123456789012345', ...Array.from({ length: 8 }, (_, at) => `1234567890123-${at + 2}`)],
      '123456789012-10',
    ],
  ])('%s beside %j is %s', (wanted, taken, expected) => {
    expect(freeName(wanted, new Set(taken))).toBe(expected);
    expect(expected.length).toBeLessThanOrEqual(15);
  });

  test('no character is cut in two', () => {
    const cut = Buffer.from(`${'ö'.repeat(7)}`, 'utf8').toString('latin1');
    expect(Buffer.from(freeName(cut, new Set([cut])), 'latin1').toString('utf8')).toBe('öööööö-2');
  });

  const names = (there: readonly Device[], ...namespaces: readonly Namespace[]) =>
    planOf('reclaim', namespaces, factsOf([home({ devices: there }), ...namespaces])).steps.map((step) =>
      step.kind === 'move-device' ? step.newName : '',
    );

  test('two from two namespaces do not get the same, and the plan says so', () => {
    const namespaces = [blue({ devices: [lo, nic()] }), red({ devices: [lo, nic()] })];
    expect(names([lo, nic()], ...namespaces)).toEqual(['eth0-2', 'eth0-3']);
    expect(names([lo], ...namespaces)).toEqual(['eth0', 'eth0-2']);
    const { steps } = planOf('reclaim', namespaces, factsOf([home({ devices: [lo] }), ...namespaces]));
    expect(steps[1]?.subject).toBe('eth0 to net:[100] init as eth0-2, since eth0 is taken there');
  });

  test('alternative names are taken as well, and cannot be given up for it', () => {
    const called = (...alternativeNames: readonly string[]) =>
      nic({ name: 'enp1', details: someDetails({ alternativeNames }) });
    expect(names([lo, called('eth0')], blue({ devices: [nic()] }))).toEqual(['eth0-2']);
    // Its own stand in its way, too.
    const both = nic({ details: someDetails({ alternativeNames: ['eth0-2'] }) });
    expect(names([lo, nic()], blue({ devices: [both] }))).toEqual(['eth0-3']);
    const clash = blue({ devices: [nic({ details: someDetails({ alternativeNames: ['wan'] }) })] });
    const facts = factsOf([home({ devices: [called('wan')] }), clash]);
    expect(refusal(() => planOf('reclaim', [clash], facts))).toMatchObject({
      code: 'ERR_NAME_TAKEN',
      message: expect.stringContaining('eth0 is also called wan'),
    });
  });

  test('bytes that are no text move as they are, and are drawn harmless', () => {
    const odd = nic({ name: 'e\\x1b', rawName: 'e\\x1b' });
    const target = blue({ devices: [odd] });
    const plan = planOf('reclaim', [target], factsOf([home({ devices: [lo, odd] }), target]));
    expect(plan.steps).toMatchObject([{ name: 'e\u001b', newName: 'e\u001b-2' }]);
    const drawn = planLines(plan, () => '').map(({ text }) => text);
    expect(drawn.join('\n')).not.toContain('\u001b');
    expect(drawn).toContain('  e\\x1b-2 is in net:[100] init');
  });

  test('one that is asked for is bytes of UTF-8, and taken is taken', () => {
    const target = blue({ devices: [nic()] });
    const facts = factsOf([home({ devices: [lo, nic()] }), target]);
    const [step] = planOf('move-device', [target], facts, { devices: ['eth0'], name: 'wän' }).steps;
    expect(step).toMatchObject({
      newName: Buffer.from('wän').toString('latin1'),
      subject: 'eth0 to net:[100] init as wän',
    });
    expect(refusal(() => planOf('move-device', [target], facts, { devices: ['eth0'], name: 'eth0' })).code).toBe(
      'ERR_NAME_TAKEN',
    );
  });
});

describe('what moves, and what is lost', () => {
  test('addresses, routes, permanent neighbours, a queueing discipline, a place in a bridge', () => {
    const bridge = aDevice({ ifindex: 9, name: 'br0', kind: 'bridge' });
    const macvlan = aDevice({ ifindex: 8, name: 'mv0', kind: 'macvlan' });
    const device = nic({
      upper: [
        aDeviceReference({ netns: 101, ifindex: 9, name: 'br0' }),
        aDeviceReference({ netns: 101, ifindex: 8, name: 'mv0' }),
        aDeviceReference({ netns: 102, ifindex: 9, name: 'mv1' }),
      ],
      details: someDetails({ queueingDiscipline: 'htb' }),
    });
    const ns = blue({
      devices: [lo, device, bridge, macvlan],
      addresses: [
        ...['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map((address) => anAddress({ address })),
        anAddress({ address: 'fe80::1', scope: 'link' }),
        anAddress({ address: '10.9.9.9', ifindex: 3 }),
      ],
      routes: [aRoute(), aRoute({ protocol: 'kernel' }), aRoute({ nextHops: [aNextHop({ ifindex: 3 })] })],
      neighbours: [aNeighbour(), aNeighbour({ state: ['permanent'] })],
    });
    expect(lossesOf(device, ns)).toEqual([
      'its addresses 10.0.0.1/24, 10.0.0.2/24, 10.0.0.3/24 and 1 more',
      '1 route',
      '1 permanent neighbour',
      'its queueing discipline htb',
      'its place in br0',
    ]);
    const plan = planOf('reclaim', [ns], factsOf([home({ devices: [lo] }), ns]));
    expect(plan).toMatchObject({
      risk: 'destructive',
      warnings: ['mv0, mv1 on eth0 stay where they are, and send by it from there'],
    });
    expect(lossesOf(nic(), blue({ devices: [nic()], addresses: null, routes: null, neighbours: null }))).toEqual([]);
  });

  test.each([
    ['lo', { name: 'lo', flags: ['loopback'] }, 'every namespace keeps its own loopback'],
    ['a bridge', { kind: 'bridge' }, 'the kernel moves no bridge'],
    ['a bond', { kind: 'bond' }, 'the kernel moves no bond'],
    ['a fallback tunnel', { name: 'tunl0', kind: 'ipip' }, 'every namespace keeps its own tunl0'],
  ] as const)('%s does not move, and is none of all', (_, over, why) => {
    const device = nic({ physical: false, ...over });
    const target = blue({ devices: [device, veth({ ifindex: 3 })] });
    const facts = factsOf([home({ devices: [lo] }), target]);
    expect(refusal(() => planOf('move-device', [target], facts, { devices: [device.name] }))).toMatchObject({
      code: 'ERR_IMMOVABLE',
      message: `${device.name} cannot be moved: ${why}`,
    });
    expect(planOf('reclaim', [target], facts, { all: true }).steps).toMatchObject([{ name: 'veth0' }]);
  });

  test('hardware is what sits on a bus, whatever its kind; only that is brought home', () => {
    const can = nic({ ifindex: 4, name: 'can0', kind: 'can' });
    const target = blue({ devices: [lo, veth({ ifindex: 3 }), nic(), can] });
    const plan = planOf('reclaim', [target], factsOf([home({ devices: [lo] }), target]));
    expect(plan.steps.map((step) => step.kind === 'move-device' && step.name)).toEqual(['eth0', 'can0']);
    expect(plan.expectations).toMatchObject([
      { kind: 'device', name: 'eth0' },
      { kind: 'device', name: 'can0' },
    ]);
  });

  test('to where it is already is no move; without an initial namespace it has to be said where', () => {
    const target = blue({ devices: [lo, nic()] });
    const options = { devices: ['eth0'], to: 'cookie:11' };
    expect(refusal(() => planOf('move-device', [target], factsOf([target]), options)).code).toBe('ERR_SAME_NAMESPACE');
    expect(refusal(() => planOf('reclaim', [target], factsOf([target]))).code).toBe('ERR_NO_HOME');
  });
});

describe('sockets', () => {
  const orphan = aSocket({
    inode: 0,
    state: 'fin-wait-1',
    cookie: '5',
    localAddress: '10.0.0.1',
    remoteAddress: '10.0.0.2',
    remotePort: 9,
    processes: [],
  });

  test('orphans are what no process has open; what is in TIME_WAIT pins nothing', () => {
    const target = blue({
      sockets: [
        aSocket(),
        orphan,
        { ...orphan, cookie: '6', state: 'time-wait' },
        { ...orphan, cookie: '7', protocol: 'udp' },
      ],
    });
    const plan = planOf('close-sockets', [target], factsOf([home(), target]));
    expect(plan.steps).toMatchObject([{ kind: 'close-sockets', sockets: [{ cookie: '5', state: 'fin-wait-1' }] }]);
    expect(plan.expectations.map(({ kind }) => kind)).toEqual(['closed']);
  });

  test('a namespace that only they hold is gone with the last', () => {
    const holder = {
      kind: 'orphan',
      family: 'inet',
      state: 'FIN_WAIT1',
      local: '10.0.0.1:80',
      remote: '10.0.0.2:9',
      sendQueue: 1,
      receiveQueue: 0,
    } as const;
    const target = blue({ names: [], holders: [holder], sockets: [orphan], visibility: 'hidden' });
    const facts = factsOf([home(), target]);
    expect(planOf('close-sockets', [target], facts).expectations.map(({ kind }) => kind)).toEqual(['closed', 'gone']);
    const release = planOf('release', [target], facts);
    expect(release.steps.map(({ kind, why }) => [kind, why])).toEqual([
      ['close-sockets', 'they keep it alive though nobody is left'],
    ]);
    expect(release.expectations.map(({ kind }) => kind)).toEqual(['closed', 'gone']);
    // What could not be listed cannot be closed: then nothing is promised.
    const blind = blue({ names: [], holders: [holder], sockets: null, visibility: 'hidden' });
    expect(planOf('release', [blind], factsOf([home(), blind])).expectations).toEqual([]);
  });

  test('chosen ones by their cookies; what is none of TCP or UDP is not closed', () => {
    const target = blue({
      sockets: [
        aSocket({ cookie: '1' }),
        aSocket({ cookie: '2', localPort: 81 }),
        aSocket({ family: 'unix', protocol: '', cookie: '3' }),
      ],
    });
    const facts = factsOf([home({ sockets: [aSocket({ cookie: '8' })] }), target]);
    const chosen = (sockets: readonly string[]) => planOf('close-sockets', [target], facts, { sockets }).steps;
    expect(chosen(['2', '3'])).toMatchObject([{ sockets: [{ cookie: '2', localPort: 81 }] }]);
    expect(refusal(() => chosen(['3'])).message).toContain('those chosen are none of TCP or UDP');
    // One by one also those of the initial namespace.
    expect(planOf('close-sockets', [home()], facts, { sockets: ['8'] }).steps).toHaveLength(1);
  });
});

describe('release', () => {
  const full = blue({
    devices: [lo, nic(), veth({ ifindex: 3 })],
    processes: [aProcess({ pid: 500 })],
    holders: [{ kind: 'task', pid: 500, tid: 500, threads: 1 }, aMount()],
    sockets: [aSocket({ inode: 0, state: 'last-ack', cookie: '5' })],
  });

  test('goes in order, and says why', () => {
    const plan = planOf('release', [full], factsOf([home({ devices: [lo] }), full]));
    expect(plan.steps.map(({ id, kind, why }) => [id, kind, why])).toEqual([
      [1, 'stop', 'first: they could make anew what the next steps remove'],
      [2, 'move-device', 'before the namespace ends, so that it keeps its name'],
      [3, 'close-sockets', 'they keep it alive though nobody is left'],
      [4, 'unmount', 'last: until then the namespace can be entered by it'],
      [5, 'remove-name', ''],
    ]);
    expect(plan.warnings).toEqual(['with net:[101] blue go its virtual devices veth0, and their other ends']);
    expect(plan.risk).toBe('destructive');
  });

  test('of several is one plan, numbered through', () => {
    const plan = planOf('release', [full, red()], factsOf([home({ devices: [lo] }), full, red()]));
    expect(plan.targets.map(({ label }) => label)).toEqual(['net:[101] blue', 'net:[102] red']);
    expect(plan.steps.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(plan.title).toBe('Release net:[101] blue, net:[102] red');
    // The same one twice is one.
    expect(planOf('release', [red(), red()], factsOf([home(), red()])).targets).toHaveLength(1);
  });

  test('what somebody else holds is named, not touched, and offered to be ended', () => {
    const holders = [
      aMount(),
      { kind: 'descriptor', form: 'nsfs', pid: 77, fd: 4 } as const,
      {
        kind: 'socket',
        pid: 77,
        fd: 5,
        inode: 9,
        family: 'inet',
        type: 'stream',
        protocol: 6,
        listening: false,
      } as const,
    ];
    const other = home({ devices: [lo], processes: [aProcess({ pid: 900 }), aProcess({ pid: 77, comm: 'dockerd' })] });
    const target = blue({ holders });
    const plan = planOf('release', [target], factsOf([other, target]));
    expect(plan.untouched).toEqual([
      {
        subject: 'pid 77 dockerd',
        why: 'it holds the namespace (descriptor, pid 77 fd 4; inet stream socket, pid 77 fd 5): it has to close that, or to end',
      },
    ]);
    expect(plan.offers).toEqual([
      {
        text: 'end pid 77 dockerd, which holds the namespace',
        request: { action: 'kill', targets: ['cookie:1'], options: { pids: [77] } },
      },
    ]);
    expect(plan.expectations.map(({ kind }) => kind)).toEqual(['unmounted']);
  });

  test('devices that could not be read deserve a word', () => {
    const target = blue({ devices: null });
    expect(planOf('release', [target], factsOf([home(), target])).warnings).toEqual([
      'the devices of net:[101] blue could not be read: hardware among them is not brought home',
    ]);
  });
});

describe('unmount', () => {
  test('one step a path, in every mount namespace, ours first', () => {
    const holders = [
      aMount({ mountNamespace: 8, mountId: 50 }),
      aMount(),
      aMount({ path: '/tmp/x', mountId: 60 }),
      aMount({ mountId: 42 }),
    ];
    const target = blue({ holders });
    const plan = planOf('unmount', [target], factsOf([home(), target]));
    expect(plan.steps).toMatchObject([
      {
        kind: 'unmount',
        subject: '/run/netns/blue, in 2 mount namespaces',
        places: [
          { mountIds: [41, 42], seenBy: [1, 900] },
          { mountIds: [50], seenBy: [] },
        ],
      },
      { kind: 'unmount', subject: '/tmp/x' },
      { kind: 'remove-name', subject: '/run/netns/blue, in 2 mount namespaces' },
    ]);
    expect(plan.expectations.at(-1)).toMatchObject({ kind: 'gone' });
    const some = planOf('unmount', [target], factsOf([home(), target]), { paths: ['/tmp//x', 'blue'] });
    expect(some.steps.map(({ subject }) => subject)).toHaveLength(3);
    expect(some.expectations.map(({ kind }) => kind)).toEqual(['unmounted', 'unmounted']);
  });

  test('a file that may be mounted on elsewhere stays', () => {
    const stranger = red({ holders: [aMount({ mountNamespace: 8, path: '/host/run/netns/blue', mountId: 77 })] });
    const plan = planOf('unmount', [blue()], factsOf([home(), blue(), stranger]));
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['unmount']);
    expect(plan.untouched).toEqual([
      {
        subject: 'the file /run/netns/blue',
        why: 'net:[102] red is mounted on it in another mount namespace, and would go with it',
      },
    ]);
  });

  test('who keeps a mount busy is named, unless it is detached', () => {
    const target = blue({ holders: [aMount(), { kind: 'descriptor', form: 'bound', pid: 77, fd: 4 }] });
    const facts = factsOf([home(), target]);
    expect(planOf('unmount', [target], facts).warnings).toEqual([
      'pid 77 has it open by a mount, which is busy as long as it is: --lazy detaches it all the same',
    ]);
    expect(planOf('unmount', [target], facts, { lazy: true })).toMatchObject({
      warnings: [],
      steps: [{ lazy: true }, {}],
    });
  });
});

describe('set-link', () => {
  test('down loses routes, up loses nothing', () => {
    const target = blue({ devices: [lo, veth()], routes: [aRoute(), aRoute({ protocol: 'kernel' })] });
    const facts = factsOf([home(), target]);
    const set = (link: 'up' | 'down') => planOf('set-link', [target], facts, { devices: ['veth0'], link });
    expect(set('down')).toMatchObject({
      risk: 'destructive',
      steps: [{ effect: expect.stringContaining('the kernel forgets 1 route over it') }],
    });
    expect(set('up')).toMatchObject({
      risk: 'reversible',
      expectations: [{ kind: 'link', ifindex: 2, name: 'veth0', up: true }],
    });
  });

  test('an alternative name names the device, but a name of its own goes first', () => {
    const devices = [
      veth({ ifindex: 2, name: 'a', details: someDetails({ alternativeNames: ['b', 'c'] }) }),
      veth({ ifindex: 3, name: 'b' }),
    ];
    const target = blue({ devices });
    const set = (name: string) =>
      planOf('set-link', [target], factsOf([home(), target]), { devices: [name], link: 'up' }).steps[0];
    expect(set('b')).toMatchObject({ ifindex: 3 });
    expect(set('c')).toMatchObject({ ifindex: 2, name: 'a' });
  });
});

describe('names', () => {
  test('rename gives the new one first, and can be undone', () => {
    const plan = planOf('rename', [blue()], factsOf([home(), blue()]), { name: 'new' });
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['bind-name', 'unmount', 'remove-name']);
    expect(plan).toMatchObject({
      risk: 'reversible',
      expectations: [
        { kind: 'named', name: 'new' },
        { kind: 'unnamed', name: 'blue' },
      ],
    });
  });

  test('create makes no promise but the name', () => {
    const plan = planOf('create', [], factsOf([home()]), { name: 'new' });
    expect(plan).toMatchObject({
      targets: [],
      steps: [{ kind: 'create', name: 'new' }],
      expectations: [{ kind: 'named', namespace: null, name: 'new' }],
    });
  });
});

test('every action is one row, with an imperative for a title', () => {
  expect(new Set(LIFECYCLE.map(({ id }) => id)).size).toBe(LIFECYCLE.length);
  for (const { title } of LIFECYCLE) expect(title).toMatch(/^[A-Z]/);
});
