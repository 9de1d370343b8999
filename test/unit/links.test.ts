import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { CollectContext } from '../../collectors/contract.ts';
import type { Gathered } from '../../collectors/index.ts';
import type { Inside } from '../../collectors/inside/contract.ts';
import type { KernelData, KernelDevice } from '../../collectors/kernel.ts';
import { decodeLink } from '../../collectors/links/decode.ts';
import { sysfsSpeaksFor } from '../../collectors/links/hardware.ts';
import { type LinkRecord, links } from '../../collectors/links.ts';
import { SystemError } from '../../src/os/errors.ts';
import { type Attribute, encodeAttributes } from '../../src/os/netlink/attributes.ts';
import type { Decode, Dump, NetlinkSocket, Request } from '../../src/os/netlink/socket.ts';
import { EXAMPLES, exampleMessage, linkMessage, NAMES, text, u8, u16, u32, u64 } from '../fixtures/link-messages.ts';

const ENODEV = 19;
/** struct rtnl_link_stats64: each counter is its own position. */
const COUNTERS = Buffer.concat(Array.from({ length: 25 }, (_, index) => u64(index + 1)));

function decode(message: Buffer): LinkRecord {
  const link = decodeLink(message, 0, message.length);
  if (link === null) throw new Error('not decoded');
  return link;
}

function detailsOf(attributes: readonly Attribute[], header: { type?: number; ifindex?: number } = {}) {
  return decode(linkMessage(attributes, header)).details;
}

/** What a namespace answers: devices, ids it has for others, counters. */
interface Answers {
  readonly devices?: readonly Buffer[];
  readonly ids?: readonly number[];
  readonly interrupted?: boolean;
}

/** A netlink socket that answers so, and notes which ifindex it was asked for; 0 stands for all. */
class Route {
  readonly asked: string[] = [];
  readonly #answers: Answers;

  constructor(answers: Answers) {
    this.#answers = answers;
  }

  ask<T>({ name, bytes }: Request, decode: Decode<T>): Dump<T> {
    const { devices = [], ids = [], interrupted = false } = this.#answers;
    const all = (bytes.readUInt16LE(6) & 0x300) === 0x300;
    const ifindex = name === 'RTM_GETNSID' ? 0 : bytes.readInt32LE(20);
    this.asked.push(all ? `${name} all` : `${name} ${ifindex}`);
    const answers =
      name === 'RTM_GETNSID'
        ? ids.map((id) => Buffer.concat([Buffer.alloc(4), encodeAttributes([[1, id]])]))
        : name === 'RTM_GETSTATS'
          ? [Buffer.concat([Buffer.alloc(12), encodeAttributes([[1, COUNTERS]])])]
          : devices.filter((device) => all || device.readInt32LE(4) === ifindex);
    if (!all && answers.length === 0) throw new SystemError('netlink', name, ENODEV);
    const records = answers.map((answer) => decode(16, answer, 0, answer.length));
    return { records: records.filter((record) => record !== null), interrupted };
  }
}

const NETNS = 4026532000;

function inspect(
  answers: Answers,
  { gathered = {}, own = false, sysRoot = '/nowhere' }: { gathered?: Gathered; own?: boolean; sysRoot?: string } = {},
) {
  const route = new Route(answers);
  const inside: Partial<Inside> = {
    ino: NETNS,
    subject: `net:[${NETNS}]`,
    own,
    netlink: () => route as unknown as NetlinkSocket,
    file: () => null,
    context: { sysRoot, procfs: { fd: -1, live: false } } as unknown as CollectContext,
    gathered,
  };
  return { ...links.inspect(inside as Inside), asked: route.asked };
}

describe('settings of a kind', () => {
  test.each(EXAMPLES.map((example) => [`${example.kind} ${example.what}`, example] as const))(
    '%s',
    (_what, example) => {
      const devices = [
        ...NAMES.map(([ifindex, name]) => linkMessage([[3, text(name)]], { ifindex })),
        exampleMessage(example),
      ];
      const { data } = inspect({ devices });
      const link = data.links.at(-1);
      const { kind, port, settings } = example;
      expect(link).toMatchObject({ name: 'dev0', kind: port ? 'veth' : kind });
      expect(port ? link?.details?.portSettings : link?.details?.settings).toStrictEqual(settings);
      expect(link?.details?.portKind).toBe(port ? kind : null);
    },
  );

  test('a kind nobody knows has a name and no settings', () => {
    const info: Attribute = [
      18,
      [
        [1, text('quux')],
        [2, [[1, u32(5)]]],
      ],
    ];
    expect(decode(linkMessage([info]))).toMatchObject({ kind: 'quux', details: { settings: {} } });
  });

  test('a device in settings keeps its number where its name is not known, or where it is in another namespace', () => {
    const vxlan = (nsid: readonly Attribute[]) =>
      linkMessage([[3, text('vx')], ...nsid, [18, [[1, text('vxlan')], [2, [[3, u32(4)]]]]]]); // biome-ignore format: nested
    const there = linkMessage([[3, text('eth1')]], { ifindex: 4 });
    const linkIn = (devices: readonly Buffer[]) => inspect({ devices, ids: [0] }).data.links[0]?.details?.settings.link;
    expect(linkIn([vxlan([]), there])).toBe('eth1');
    expect(linkIn([vxlan([])])).toBe('if4');
    expect(linkIn([vxlan([[37, u32(0)]]), there])).toBe('if4');
  });

  test('a number that has no word yet stays a number', () => {
    const data: readonly Attribute[] = [
      [1, text('bond')],
      [2, [[1, u8(99)]]],
    ];
    expect(detailsOf([[18, data]])?.settings).toEqual({ mode: '99' });
  });
});

describe('a device', () => {
  const full = linkMessage(
    [
      [3, text('eth0')],
      [13, u32(1000)],
      [16, u8(6)],
      [17, u8(1)],
      [4, u32(1500)],
      [50, u32(68)],
      [51, u32(9000)],
      [27, u32(7)],
      [30, u32(2)],
      [61, u32(3)],
      [31, u32(4)],
      [41, u32(65_536)],
      [40, u32(65_535)],
      [32, u32(5)],
      [10, u32(9)],
      [5, u32(8)],
      [33, u8(1)],
      [6, text('mq')],
      [35, u32(11)],
      [1, Buffer.from('020000000001', 'hex')],
      [2, Buffer.from('ffffffffffff', 'hex')],
      [54, Buffer.from('020000000002', 'hex')],
      [20, text('the uplink')],
      [23, COUNTERS],
      [43, [[2, u8(1)], [4, u32(77)]]], // biome-ignore format: pairs
      [26, [[2, Buffer.alloc(8)], [10, [[1, u32(0)], [8, u8(2)]]]]], // biome-ignore format: nested
      [52, [[53, text('enp3s0')], [53, text('a\u009bb')]]], // biome-ignore format: pairs
      [56, text('0000:03:00.0')],
      [57, text('pci')],
    ],
    { flags: 0x0001_1043 },
  );

  test('is decoded with everything that is said of it', () => {
    expect(decode(full)).toStrictEqual({
      ifindex: 2,
      name: 'eth0',
      kind: null,
      flags: ['up', 'broadcast', 'running', 'multicast', 'lower_up'],
      operstate: 'up',
      address: '02:00:00:00:00:01',
      mtu: 1500,
      counters: {
        rxBytes: 3,
        rxPackets: 1,
        rxErrors: 5,
        rxDropped: 7,
        rxMissed: 16,
        multicast: 9,
        txBytes: 4,
        txPackets: 2,
        txErrors: 6,
        txDropped: 8,
        txCarrierErrors: 18,
        collisions: 10,
      },
      details: {
        linkType: 'ether',
        permanentAddress: '02:00:00:00:00:02',
        broadcast: 'ff:ff:ff:ff:ff:ff',
        alternativeNames: ['enp3s0', String.raw`a\x9bb`],
        alias: 'the uplink',
        carrier: true,
        carrierChanges: 11,
        promiscuity: 2,
        allmulti: 3,
        minMtu: 68,
        maxMtu: 9000,
        queueingDiscipline: 'mq',
        txQueueLength: 1000,
        txQueues: 4,
        rxQueues: 5,
        gsoMaxSize: 65_536,
        gsoMaxSegments: 65_535,
        group: 7,
        linkMode: 'dormant',
        addressGeneration: 'stable_secret',
        master: 9,
        link: 8,
        linkNsid: null,
        settings: {},
        portKind: null,
        portSettings: {},
        xdp: { mode: 'driver', program: 77 },
        bus: 'pci',
        busDevice: '0000:03:00.0',
        driver: null,
      },
    });
  });

  test('of which nothing is said has nothing made up for it', () => {
    expect(decode(linkMessage([]))).toMatchObject({ mtu: null, address: null, counters: null, operstate: 'unknown' });
    expect(detailsOf([])).toMatchObject({ carrier: null, promiscuity: null, allmulti: null, minMtu: null, xdp: null });
  });

  test('cut off anywhere, or full of noise, is read as far as it goes', () => {
    for (let end = 0; end <= full.length; end++) {
      const copy = Buffer.from(full.subarray(0, end)); // nothing behind it that could be read by mistake
      const link = decodeLink(copy, 0, copy.length);
      expect(link === null).toBe(end < 16);
      // A part is never taken for the whole.
      if (link?.counters != null) expect(link.counters.collisions).toBe(10);
      expect([null, '02:00:00:00:00:01']).toContain(link?.address ?? null);
    }
    for (const example of EXAMPLES) {
      const message = exampleMessage(example);
      for (let at = 16; at < message.length; at++) {
        const noisy = Buffer.from(message);
        noisy[at] = 0xff - (noisy[at] ?? 0);
        decode(noisy);
        decode(Buffer.from(message.subarray(0, at)));
      }
    }
  });

  test('with attributes shorter than they should be is not read beyond them', () => {
    const shorter = EXAMPLES.map((example) => ({
      ...example,
      data: example.data.map(([type]): Attribute => [type, Buffer.alloc(0)]),
    }));
    for (const example of shorter) {
      const { settings = {}, portSettings = {} } = decode(exampleMessage(example)).details ?? {};
      const values = Object.values({ ...settings, ...portSettings });
      // What an empty attribute says: that it is there. The rest are defaults of iproute2.
      for (const value of values) expect([true, false, 0, 'any', [], {}]).toContainEqual(value);
    }
    expect(decode(linkMessage([[23, Buffer.alloc(143)]])).counters).toBeNull();
    expect(detailsOf([[37, u16(1)], [30, Buffer.alloc(0)]])).toMatchObject({ linkNsid: null, promiscuity: null }); // biome-ignore format: short
  });

  test('may be called anything of fifteen bytes', () => {
    const name = Buffer.from('1b5d303b9b3331c3a9ff07e280ae5c', 'hex');
    expect(name.length).toBe(15);
    const link = decode(linkMessage([[3, Buffer.concat([name, u8(0)])]]));
    expect(link.name).toBe('\\x1b]0;\\x9b31é\\xff\\x07\\u202e\\');
    expect(link.rawName).toBe('\\x1b]0;\\x9b31\\xc3\\xa9\\xff\\x07\\xe2\\x80\\xae\\\\');
    expect(decode(linkMessage([[3, text('ordinary')]]))).not.toHaveProperty('rawName');
    // One that does not end.
    expect(decode(linkMessage([[3, Buffer.from('fifteen-bytes--')]])).name).toBe('fifteen-bytes--');
  });

  test.each([
    [1, '0a000001', '0a:00:00:01'],
    [768, '0a000001', '10.0.0.1'],
    [776, '0a000001', '10.0.0.1'],
    [778, '0a000001', '10.0.0.1'],
    [769, '20010db8000000000000000000000001', '2001:db8::1'],
    [823, '20010db8000000000000000000000001', '2001:db8::1'],
    [823, '0a000001', '0a:00:00:01'],
    [65_534, '', null],
  ])('of link type %i has an address as that has them', (type, hex, address) => {
    const attribute = Buffer.from(hex, 'hex');
    expect(decode(linkMessage([[1, attribute], [2, attribute]], { type }))).toMatchObject({ address, details: { broadcast: address } }); // biome-ignore format: short
  });

  test.each([
    [1, 'ether'],
    [772, 'loopback'],
    [65_534, 'none'],
    [768, 'ipip'],
    [791, 'fcfb4'],
    [519, '[519]'],
  ])('of link type %i is %s', (type, name) => {
    expect(detailsOf([], { type })?.linkType).toBe(name);
  });

  test.each([
    ['its own', 'veth', [[5, u32(2)]], { link: null, linkNsid: null }],
    ['none', 'gre', [[5, u32(0)]], { link: null, linkNsid: null }],
    ['none, elsewhere', 'gre', [[5, u32(0)], [37, u32(3)]], { link: null, linkNsid: 3 }], // biome-ignore format: short
    ['the same number elsewhere', 'veth', [[5, u32(2)], [37, u32(3)]], { link: 2, linkNsid: 3 }], // biome-ignore format: short
    ['its own, made elsewhere', 'vxlan', [[5, u32(2)], [37, u32(3)]], { link: null, linkNsid: 3 }], // biome-ignore format: short
    ['another', 'macvlan', [[5, u32(7)]], { link: 7, linkNsid: null }],
    ['one in a namespace without an id', 'veth', [[5, u32(7)], [37, u32(0xffff_ffff)]], { link: 7, linkNsid: -1 }], // biome-ignore format: short
  ] as const)('linked to %s', (_what, kind, attributes, expected) => {
    expect(detailsOf([...attributes, [18, [[1, text(kind)]]]])).toMatchObject(expected);
  });

  test.each([
    ['by the driver', [[2, u8(1)], [4, u32(5)], [5, u32(5)]], { mode: 'driver', program: 5 }], // biome-ignore format: short
    ['by the generic one', [[2, u8(2)], [4, u32(6)]], { mode: 'generic', program: 6 }], // biome-ignore format: short
    ['by the hardware', [[2, u8(3)], [7, u32(9)]], { mode: 'hardware', program: 9 }], // biome-ignore format: short
    ['by several', [[2, u8(4)], [5, u32(7)], [6, u32(8)]], { mode: 'several', program: 7 }], // biome-ignore format: short
    ['by none', [[2, u8(0)]], null],
  ] as const)('XDP %s', (_what, attributes, xdp) => {
    expect(detailsOf([[43, attributes]])?.xdp).toEqual(xdp);
  });

  test('devices that changed while they were read are a gap', () => {
    const { missed } = inspect({ devices: [full], interrupted: true });
    expect(missed).toEqual([{ subject: `net:[${NETNS}]`, reason: 'devices changed while they were read' }]);
  });
});

describe('what a device is plugged into', () => {
  const sysRoot = mkdtempSync(join(tmpdir(), 'nsleuth-test-sys-'));
  afterAll(() => rmSync(sysRoot, { recursive: true, force: true }));
  const link = (path: string, target: string) => {
    mkdirSync(dirname(join(sysRoot, path)), { recursive: true });
    symlinkSync(target, join(sysRoot, path));
  };
  const pci = 'bus/pci/devices/0000:03:00.0';
  link(`${pci}/driver`, '../../../../bus/pci/drivers/e1000e');
  link('bus/pci/driver', '../not/to/be/read');
  link('devices/virtio2/driver', '../../bus/virtio/drivers/virtio_net');
  link('devices/virtio2/subsystem', '../../bus/virtio');
  link('class/net/eth0/device', '../../../devices/virtio2');

  const plugged = (bus: string, device: string) =>
    linkMessage([
      [3, text('eth0')],
      [56, text(device)],
      [57, text(bus)],
    ]);
  const hardwareOf = (message: Buffer, own: boolean) => {
    const { bus, busDevice, driver } = inspect({ devices: [message] }, { own, sysRoot }).data.links[0]?.details ?? {};
    return { bus, busDevice, driver };
  };

  test.each([true, false])('its driver is known in our own namespace: %s', (own) => {
    expect(hardwareOf(plugged('pci', '0000:03:00.0'), own)).toEqual({
      bus: 'pci',
      busDevice: '0000:03:00.0',
      driver: 'e1000e',
    });
  });

  test.each(['..', '.', '../pci/devices/0000:03:00.0', 'a/b', '', '0000:04:00.0', '0000:03:00.0\u00ff'])(
    'a device %j leads nowhere',
    (device) => {
      expect(hardwareOf(plugged('pci', device), false).driver).toBeNull();
    },
  );

  test('before rtnetlink said so, sysfs did; a tree of files in its place speaks for every namespace and kind', () => {
    const virtio = { bus: 'virtio', busDevice: 'virtio2', driver: 'virtio_net' };
    const nothing = { bus: null, busDevice: null, driver: null };
    const message = linkMessage([[3, text('eth0')]]);
    expect(hardwareOf(message, true)).toEqual(virtio);
    expect(hardwareOf(message, false)).toEqual(virtio);
    expect(hardwareOf(linkMessage([[3, text('eth1')]]), true)).toEqual(nothing);
    expect(hardwareOf(linkMessage([[3, text('..')]]), true)).toEqual(nothing);
  });

  test('a real sysfs is asked about our own namespace only, and about kinds that are hardware', () => {
    const asked = (own: boolean, kind: string | null) => sysfsSpeaksFor('/sys', own)({ kind });
    expect([asked(true, null), asked(true, 'can'), asked(true, 'wwan')]).toEqual([true, true, true]);
    expect([asked(true, 'veth'), asked(false, null), asked(false, 'can')]).toEqual([false, false, false]);
    expect(sysfsSpeaksFor('/nowhere', true)({ kind: null })).toBe(false);
  });
});

describe('ids of other namespaces', () => {
  const device = (ifindex: number, over: Partial<KernelDevice> = {}): KernelDevice => ({
    netns: NETNS,
    ifindex,
    name: `dev${ifindex}`,
    kind: '',
    flags: 0x1002,
    mtu: 1400,
    operstate: 6,
    registration: 1,
    type: 1,
    address: '02:00:00:00:00:05',
    references: null,
    peer: null,
    ...over,
  });
  const seen = (devices: readonly KernelDevice[], over: Partial<KernelData> = {}): Gathered => ({
    kernel: { namespaces: [], devices, stack: [], tasks: [], pins: [], hostWide: true, at: 0, ...over },
  });
  const message = (ifindex: number, attributes: readonly Attribute[] = []) =>
    linkMessage([[3, text(`dev${ifindex}`)], ...attributes], { ifindex });
  const devices = [message(1), message(2), message(3)];

  test('where nothing leads to another namespace, all devices are asked about at once and nothing else is', () => {
    const here = seen([device(1), device(2, { kind: 'veth', peer: { netns: NETNS, ifindex: 3 } }), device(3)]);
    const { asked, notes } = inspect({ devices }, { gathered: here });
    expect(asked).toEqual(['RTM_GETLINK all']);
    expect(notes).toEqual([]);
  });

  test.each([
    ['a peer', seen([device(1), device(2, { kind: 'veth', peer: { netns: 77, ifindex: 9 } }), device(3)])],
    [
      'a parent',
      seen([device(1), device(2, { kind: 'macvlan' }), device(3)], {
        stack: [{ netns: NETNS, ifindex: 2, lowerNetns: 77, lowerIfindex: 9, master: false }],
      }),
    ],
  ])('a device with %s in a namespace that cannot be opened is not asked about', (_what, gathered) => {
    const { data, asked, notes, missed } = inspect({ devices }, { gathered });
    expect(asked).toEqual(['RTM_GETLINK 1', 'RTM_GETSTATS 2', 'RTM_GETLINK 3']);
    expect(data.links.map(({ ifindex, details }) => [ifindex, details === null])).toEqual([
      [1, false],
      [2, true],
      [3, false],
    ]);
    expect(data.links[1]).toMatchObject({
      name: 'dev2',
      flags: ['broadcast', 'multicast'],
      operstate: 'down',
      address: '02:00:00:00:00:05',
      mtu: 1400,
      counters: { rxBytes: 3 },
    });
    const reason = "not asked by rtnetlink: its peer's namespace cannot be opened, and may have no id yet";
    expect(notes).toEqual([{ subject: `net:[${NETNS}] dev2`, reason }]);
    expect(missed).toEqual([]);
  });

  test('a device that went away meanwhile is left out', () => {
    const gathered = seen([device(1), device(2, { kind: 'veth', peer: { netns: 77, ifindex: 9 } }), device(9)]);
    expect(inspect({ devices }, { gathered }).data.links.map(({ ifindex }) => ifindex)).toEqual([1, 2]);
  });

  test.each([
    ['without the kernel view', {}],
    ['where the kernel view came to nothing', seen([])],
    ['where the other end of a device is not known', seen([device(1), device(2, { kind: 'veth' })])],
    ['in a namespace younger than the kernel view', seen([device(1, { netns: 5 })])],
  ])('%s, ids that were not there before are told', (_what, gathered) => {
    const abroad = [
      message(1),
      message(2, [[5, u32(4)], [37, u32(3)]]), // biome-ignore format: pairs
      message(3, [[5, u32(4)], [37, u32(6)]]), // biome-ignore format: pairs
      message(4, [[5, u32(5)], [37, u32(6)]]), // biome-ignore format: pairs
    ];
    const { asked, notes } = inspect({ devices: abroad, ids: [3] }, { gathered });
    expect(asked).toEqual(['RTM_GETNSID all', 'RTM_GETLINK all']);
    const reason = "the kernel assigned id 6 to its peer's namespace";
    expect(notes).toEqual([{ subject: `net:[${NETNS}] dev3`, reason }]);
  });
});
