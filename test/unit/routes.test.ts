import { describe, expect, test } from 'vitest';
import type { Inside } from '../../collectors/inside/contract.ts';
import { decodeNextHop, lacksHops, type NextHopObject, withHops } from '../../collectors/routes/nexthops.ts';
import { decodeRoute } from '../../collectors/routes/route.ts';
import { decodeRule } from '../../collectors/routes/rule.ts';
import { routes } from '../../collectors/routes.ts';
import { EPERM, SystemError } from '../../src/os/errors.ts';
import { type Attribute, encodeAttributes } from '../../src/os/netlink/attributes.ts';
import type { Decode, Dump, Request } from '../../src/os/netlink/socket.ts';
import { aNextHop, aRoute } from '../fixtures/snapshot.ts';

const EOPNOTSUPP = 95;

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

interface RouteHeader {
  readonly family?: number;
  readonly destinationLength?: number;
  readonly sourceLength?: number;
  readonly tos?: number;
  readonly table?: number;
  readonly protocol?: number;
  readonly scope?: number;
  readonly type?: number;
  readonly flags?: number;
}

/** An RTM_NEWROUTE message after its header: struct rtmsg and attributes. */
function route(header: RouteHeader, attributes: readonly Attribute[]): Buffer {
  const { family = 2, destinationLength = 0, sourceLength = 0, tos = 0 } = header;
  const { table = 254, protocol = 4, scope = 0, type = 1, flags = 0 } = header;
  return Buffer.concat([
    Buffer.from([family, destinationLength, sourceLength, tos, table, protocol, scope, type]),
    u32(flags),
    encodeAttributes(attributes),
  ]);
}

function decodedRoute(header: RouteHeader, ...attributes: readonly Attribute[]) {
  const bytes = route(header, attributes);
  return decodeRoute(bytes, 0, bytes.length);
}

/** struct rtnexthop with attributes. */
function hop(flags: number, weight: number, ifindex: number, ...attributes: readonly Attribute[]): Buffer {
  const inner = encodeAttributes(attributes);
  return Buffer.concat([u16(8 + inner.length), Buffer.from([flags, weight - 1]), u32(ifindex), inner]);
}

const RTA_DST = 1;
const RTA_SRC = 2;
const RTA_IIF = 3;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_CACHEINFO = 12;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTA_PREF = 20;
const RTA_ENCAP_TYPE = 21;
const RTA_NH_ID = 30;

const GATEWAY = Buffer.from([10, 0, 0, 1]);
const GATEWAY6 = Buffer.from('fe800000000000000000000000000001', 'hex');

describe('decodeRoute', () => {
  test('reads a default route', () => {
    expect(
      decodedRoute(
        { protocol: 16, flags: 4 },
        [RTA_TABLE, 254],
        [RTA_OIF, 3],
        [RTA_GATEWAY, GATEWAY],
        [RTA_PRIORITY, 100],
        [RTA_PREFSRC, Buffer.from([10, 0, 0, 7])],
      ),
    ).toEqual({
      family: 'inet',
      type: 'unicast',
      destination: 'default',
      default: true,
      source: null,
      nextHops: [{ gateway: '10.0.0.1', ifindex: 3, weight: null, flags: ['onlink'] }],
      table: 'main',
      protocol: 'dhcp',
      scope: 'global',
      preferredSource: '10.0.0.7',
      metric: 100,
      tos: 0,
      incoming: null,
      flags: [],
      preference: null,
      metrics: {},
      realms: null,
      nextHopId: null,
      encapsulation: null,
      expiresSeconds: null,
    });
  });

  test('gives a prefix its length, and zeros where the kernel leaves them out', () => {
    expect(decodedRoute({ destinationLength: 32 }, [RTA_DST, GATEWAY])?.destination).toBe('10.0.0.1/32');
    expect(decodedRoute({ destinationLength: 1 })).toMatchObject({ destination: '0.0.0.0/1', default: false });
    expect(decodedRoute({ family: 10, destinationLength: 7 })?.destination).toBe('::/7');
    expect(decodedRoute({ family: 10, sourceLength: 64 }, [RTA_SRC, GATEWAY6])).toMatchObject({
      default: true,
      source: 'fe80::1/64',
    });
  });

  test('takes the table of the attribute, which is wider than that of the header', () => {
    expect(decodedRoute({ table: 252 }, [RTA_TABLE, 70_000])?.table).toBe('70000');
    expect(decodedRoute({ table: 255 })?.table).toBe('local');
  });

  test('has a number for what has no word', () => {
    expect(decodedRoute({ type: 99, protocol: 77, scope: 50, table: 7 })).toMatchObject({
      type: '99',
      protocol: '77',
      scope: '50',
      table: '7',
    });
    expect(decodedRoute({ flags: 0x0100_0080 }, [RTA_OIF, 2])).toMatchObject({
      flags: ['0x1000000'],
      nextHops: [{ flags: ['0x80'] }],
    });
  });

  test('goes by a gateway of another family', () => {
    const via = Buffer.concat([u16(10), GATEWAY6]);
    expect(decodedRoute({}, [RTA_VIA, via], [RTA_OIF, 3])?.nextHops).toEqual([
      { gateway: 'fe80::1', ifindex: 3, weight: null, flags: [] },
    ]);
  });

  test('has a way for every hop of a multipath route, and keeps the flags of the route apart', () => {
    const several = Buffer.concat([
      hop(16, 3, 2, [RTA_GATEWAY, GATEWAY]),
      hop(4, 256, 3, [RTA_VIA, Buffer.concat([u16(10), GATEWAY6])], [RTA_ENCAP_TYPE, u16(5)]),
      hop(0, 1, 4),
    ]);
    expect(decodedRoute({ flags: 0x4001 }, [RTA_MULTIPATH, several])).toMatchObject({
      flags: ['dead', 'rt_offload'],
      encapsulation: 'seg6',
      nextHops: [
        { gateway: '10.0.0.1', ifindex: 2, weight: 3, flags: ['linkdown'] },
        { gateway: 'fe80::1', ifindex: 3, weight: 256, flags: ['onlink'] },
        { gateway: null, ifindex: 4, weight: 1, flags: [] },
      ],
    });
  });

  test('leads nowhere when it is a blackhole', () => {
    expect(decodedRoute({ type: 6 })).toMatchObject({ type: 'blackhole', nextHops: [], flags: [] });
  });

  test('counts what is left of it in seconds, and lasts for ever without', () => {
    const cacheInfo = (ticks: number) => {
      const bytes = Buffer.alloc(32);
      bytes.writeInt32LE(ticks, 8);
      return bytes;
    };
    const seconds = [60_050, -150, 40, 0].map(
      (ticks) => decodedRoute({ family: 10 }, [RTA_CACHEINFO, cacheInfo(ticks)])?.expiresSeconds,
    );
    expect(seconds).toEqual([600, -1, 0, null]);
  });

  test('names metrics, times in milliseconds, words where they are words', () => {
    const metrics: readonly Attribute[] = [
      [1, (1 << 2) | (1 << 13)],
      [2, 1400],
      [4, 400],
      [5, 80],
      [10, -1],
      [12, 0x11],
      [16, Buffer.from('b\x1br\0')],
      [99, 5],
    ];
    expect(decodedRoute({}, [RTA_METRICS, metrics])?.metrics).toEqual({
      lock: 'mtu rto_min',
      mtu: 1400,
      rtt: 50,
      rttvar: 20,
      features: 'ecn tcp_usec_ts',
      congctl: 'b\\x1br',
      99: 5,
    });
  });

  test('knows preferences, nexthop objects, encapsulations and devices it is for', () => {
    const preference = (value: number) => decodedRoute({}, [RTA_PREF, Buffer.from([value])])?.preference;
    expect([0, 1, 2, 3].map(preference)).toEqual(['medium', 'high', '2', 'low']);
    expect(decodedRoute({}, [RTA_NH_ID, 7], [RTA_ENCAP_TYPE, u16(77)], [RTA_IIF, 5])).toMatchObject({
      nextHopId: 7,
      encapsulation: '77',
      incoming: 5,
    });
  });

  test('takes labels for labels, and no TTL of multicast routing for a weight', () => {
    const several: Attribute = [RTA_MULTIPATH, hop(0, 1, 2)];
    expect(
      decodedRoute({ family: 28, destinationLength: 20 }, [RTA_DST, Buffer.from([0, 6, 0x41, 0])], several),
    ).toMatchObject({ family: 'mpls', destination: '100/20', nextHops: [{ weight: null }] });
    expect(decodedRoute({ family: 128 }, several)).toMatchObject({ family: 'ipmr', nextHops: [{ weight: null }] });
  });

  test('passes over what the kernel remembers of one destination', () => {
    expect(decodedRoute({ flags: 0x200 }, [RTA_OIF, 2])).toBeNull();
  });

  test.each([
    ['no length', Buffer.from([0, 0, 0, 0, 1, 0, 0, 0])],
    ['more than there is', Buffer.from([16, 0, 0, 0, 1, 0, 0, 0])],
    ['less than a header', Buffer.from([8, 0, 0, 0])],
  ])('stops at a hop of %s', (_what, broken) => {
    const several = Buffer.concat([hop(0, 1, 2), broken]);
    expect(decodedRoute({}, [RTA_MULTIPATH, several])?.nextHops.map(({ ifindex }) => ifindex)).toEqual([2]);
  });
});

const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_GOTO = 4;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_FLOW = 11;
const FRA_TUN_ID = 12;
const FRA_SUPPRESS_IFGROUP = 13;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_OIFNAME = 17;
const FRA_PAD = 18;
const FRA_L3MDEV = 19;
const FRA_UID_RANGE = 20;
const FRA_PROTOCOL = 21;
const FRA_IP_PROTO = 22;
const FRA_SPORT_RANGE = 23;
const FRA_DPORT_RANGE = 24;

interface RuleHeader {
  readonly family?: number;
  readonly lengths?: readonly [destination: number, source: number];
  readonly table?: number;
  readonly action?: number;
  readonly flags?: number;
}

/** An RTM_NEWRULE message after its header: struct fib_rule_hdr and attributes. */
function rule(header: RuleHeader, attributes: readonly Attribute[]): Buffer {
  const { family = 2, lengths = [0, 0], table = 0, action = 1, flags = 0 } = header;
  return Buffer.concat([
    Buffer.from([family, ...lengths, 4, table, 0, 0, action]),
    u32(flags),
    encodeAttributes(attributes),
  ]);
}

function decodedRule(header: RuleHeader, ...attributes: readonly Attribute[]) {
  const bytes = rule(header, attributes);
  return decodeRule(bytes, 0, bytes.length);
}

const EVERYTHING: readonly Attribute[] = [
  [FRA_TABLE, 1000],
  [FRA_PRIORITY, 100],
  [FRA_SRC, Buffer.from([10, 0, 0, 0])],
  [FRA_DST, GATEWAY],
  [FRA_IIFNAME, Buffer.from('a\x1bb\0')],
  [FRA_OIFNAME, Buffer.from('eth0\0')],
  [FRA_FWMARK, 0x10],
  [FRA_FWMASK, -1],
  [FRA_SUPPRESS_PREFIXLEN, 0],
  [FRA_SUPPRESS_IFGROUP, -1],
  [FRA_UID_RANGE, Buffer.concat([u32(1000), u32(0xffff_fffe)])],
  [FRA_IP_PROTO, Buffer.from([6])],
  [FRA_SPORT_RANGE, Buffer.concat([u16(1), u16(65_535)])],
  [FRA_DPORT_RANGE, Buffer.concat([u16(53), u16(53)])],
  [FRA_PAD, Buffer.alloc(0)],
  [FRA_TUN_ID, Buffer.from([0, 0, 0, 1, 0, 0, 0, 3])],
  [FRA_PROTOCOL, Buffer.from([12])],
];

describe('decodeRule', () => {
  test('reads everything a rule may ask for', () => {
    expect(decodedRule({ lengths: [32, 8], flags: 2 | 8 | 16 }, ...EVERYTHING)).toEqual({
      family: 'inet',
      priority: 100,
      inverted: true,
      source: '10.0.0.0/8',
      destination: '10.0.0.1/32',
      incoming: 'a\\x1bb',
      outgoing: 'eth0',
      tos: 4,
      mark: 16,
      mask: 0xffff_ffff,
      action: 'lookup',
      table: '1000',
      goto: null,
      protocol: 'bird',
      suppressPrefixLength: 0,
      suppressGroup: null,
      l3mdev: false,
      ipProtocol: 6,
      sourcePorts: [1, 65_535],
      destinationPorts: [53, 53],
      uids: [1000, 0xffff_fffe],
      tunnelId: '4294967299',
      flags: ['iif_detached', 'oif_detached'],
    });
  });

  test('tells looking up, going on and turning away apart', () => {
    const actions = [1, 2, 3, 6, 7, 8, 99].map((action) => decodedRule({ action })?.action);
    expect(actions).toEqual(['lookup', 'goto', 'nop', 'blackhole', 'unreachable', 'prohibit', '99']);
    expect(decodedRule({ action: 2, flags: 4 }, [FRA_GOTO, 30_000])).toMatchObject({
      goto: 30_000,
      table: null,
      flags: ['unresolved'],
    });
    expect(decodedRule({}, [FRA_L3MDEV, Buffer.from([1])])).toMatchObject({ l3mdev: true, table: null });
    expect(decodedRule({ table: 254 })).toMatchObject({
      priority: 0,
      table: 'main',
      source: 'all',
      destination: 'all',
    });
  });

  test('takes a mask without a mark for one of which no bit may be set', () => {
    expect(decodedRule({}, [FRA_FWMASK, 0xf])).toMatchObject({ mark: 0, mask: 15 });
    expect(decodedRule({})).toMatchObject({ mark: null, mask: null });
  });

  test.each([
    ['dscp 46', [[25, Buffer.from([46])]]],
    [
      'dscp 46',
      [
        [25, Buffer.from([46])],
        [30, Buffer.from([0x3f])],
      ],
    ],
    [
      'dscp 0x20/0x38',
      [
        [25, Buffer.from([0x20])],
        [30, Buffer.from([0x38])],
      ],
    ],
    [
      'flowlabel 0x12345/0xff',
      [
        [26, Buffer.from([0, 1, 0x23, 0x45])],
        [27, Buffer.from([0, 0, 0, 0xff])],
      ],
    ],
    [
      'sport 0x10/0xfff0',
      [
        [FRA_SPORT_RANGE, Buffer.concat([u16(16), u16(16)])],
        [28, u16(0xfff0)],
      ],
    ],
    [
      'dport 0x20/0xff00',
      [
        [FRA_DPORT_RANGE, Buffer.concat([u16(32), u16(32)])],
        [29, u16(0xff00)],
      ],
    ],
    ['realms 3', [[FRA_FLOW, 3]]],
    ['realms 65535/3', [[FRA_FLOW, -65_533]]],
    ['attribute 77', [[77, 1]]],
  ] as readonly (readonly [string, readonly Attribute[]])[])(
    'does not look wider than it is: %s',
    (text, attributes) => {
      expect(decodedRule({}, ...attributes)?.further).toEqual([text]);
    },
  );

  test('has nothing further where a mask compares everything', () => {
    const ports: Attribute = [FRA_SPORT_RANGE, Buffer.concat([u16(16), u16(16)])];
    expect(decodedRule({}, ports, [28, u16(0xffff)])).not.toHaveProperty('further');
  });
});

/** An RTM_NEWNEXTHOP message after its header: struct nhmsg and attributes. */
function nextHop(flags: number, attributes: readonly Attribute[]): Buffer {
  return Buffer.concat([Buffer.from([2, 0, 0, 0]), u32(flags), encodeAttributes(attributes)]);
}

function object(flags: number, ...attributes: readonly Attribute[]): NextHopObject {
  const bytes = nextHop(flags, attributes);
  const decoded = decodeNextHop(bytes, 0, bytes.length);
  if (decoded === null) throw new Error('no nexthop');
  return decoded;
}

const MEMBERS = Buffer.concat([u32(7), Buffer.from([1, 0, 0, 0]), u32(8), Buffer.from([0, 1, 0, 0]), u32(99), u32(0)]);
const OBJECTS = new Map(
  [
    object(0, [1, 7], [5, 2], [6, GATEWAY]),
    object(4, [1, 8], [5, 3], [6, GATEWAY6], [7, u16(2)]),
    object(0, [1, 9], [2, MEMBERS]),
  ].map((one) => [one.id, one]),
);

describe('withHops', () => {
  const bare = (nextHopId: number | null) => aRoute({ nextHopId, nextHops: [] });

  test('gives a route the way of its nexthop object', () => {
    expect(withHops(bare(8), OBJECTS)).toMatchObject({
      nextHops: [{ gateway: 'fe80::1', ifindex: 3, weight: null, flags: ['onlink'] }],
      encapsulation: 'ip',
    });
  });

  test('gives it the ways of a group with their weights, without members that are gone', () => {
    expect(withHops(bare(9), OBJECTS)).toMatchObject({
      nextHops: [
        { gateway: '10.0.0.1', ifindex: 2, weight: 2, flags: [] },
        { gateway: 'fe80::1', ifindex: 3, weight: 257, flags: ['onlink'] },
      ],
      encapsulation: 'ip',
    });
  });

  test('leaves alone what has ways, has no object, or one that is gone', () => {
    for (const one of [aRoute({ nextHopId: 7, nextHops: [aNextHop()] }), bare(null), bare(12)]) {
      expect(withHops(one, OBJECTS)).toBe(one);
    }
    expect(lacksHops(aRoute({ nextHopId: 10, nextHops: [], type: 'blackhole' }))).toBe(false);
  });
});

/** A namespace whose kernel answers requests as told: with messages, or with a refusal. */
function inside(answers: Readonly<Record<string, readonly Buffer[] | SystemError>>, interrupted = ''): Inside {
  const ask = <T>({ name }: Request, decode: Decode<T>): Dump<T> => {
    const answer = answers[name] ?? [];
    if (answer instanceof SystemError) throw answer;
    const records = answer.map((bytes) => decode(0, bytes, 0, bytes.length)).filter((record) => record !== null);
    return { records, interrupted: name === interrupted };
  };
  return { subject: 'net:[1]', netlink: () => ({ ask }) } as unknown as Inside;
}

describe('inspect', () => {
  const byObject = route({}, [[RTA_NH_ID, 7]]);
  const plain = route({}, [[RTA_OIF, 2]]);

  test('asks for nexthop objects only where a route needs one', () => {
    const objects = [
      nextHop(0, [
        [1, 7],
        [5, 2],
      ] as const),
    ];
    const refusal = new SystemError('netlink', 'RTM_GETNEXTHOP', EPERM);
    const found = routes.inspect(inside({ RTM_GETROUTE: [byObject], RTM_GETNEXTHOP: objects }));
    expect(found.data.routes).toMatchObject([{ nextHopId: 7, nextHops: [{ ifindex: 2 }] }]);
    expect(routes.inspect(inside({ RTM_GETROUTE: [plain], RTM_GETNEXTHOP: refusal })).seen).toBe(1);
  });

  test('has no rules where the kernel knows none, and no answer where it refuses', () => {
    const without = (errno: number) =>
      inside({ RTM_GETROUTE: [plain], RTM_GETRULE: new SystemError('netlink', 'RTM_GETRULE', errno) });
    expect(routes.inspect(without(EOPNOTSUPP))).toMatchObject({ data: { rules: [] }, seen: 1, missed: [] });
    expect(() => routes.inspect(without(EPERM))).toThrow(SystemError);
  });

  test.each([
    ['RTM_GETROUTE', 'routes changed while they were read'],
    ['RTM_GETRULE', 'rules changed while they were read'],
    ['RTM_GETNEXTHOP', 'nexthops changed while they were read'],
  ])('says so when an answer to %s is not of one moment', (name, reason) => {
    const { missed } = routes.inspect(inside({ RTM_GETROUTE: [byObject], RTM_GETRULE: [rule({}, [])] }, name));
    expect(missed).toEqual([{ subject: 'net:[1]', reason }]);
  });
});

/** A sequence that looks random and is the same every time (Numerical Recipes' generator). */
function* numbers(): Generator<number> {
  for (let state = 1; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 8;
  }
}

describe('hostile messages', () => {
  const cases = [
    ['route', decodeRoute, 12, route({ destinationLength: 8 }, everyAttribute(31))],
    ['multipath', decodeRoute, 12, route({}, [[RTA_MULTIPATH, Buffer.concat([hop(0, 1, 2), hop(0, 1, 3)])]])],
    ['metrics', decodeRoute, 12, route({}, [[RTA_METRICS, everyAttribute(17)]])],
    ['rule', decodeRule, 12, rule({}, EVERYTHING)],
    ['rule of everything', decodeRule, 12, rule({}, everyAttribute(32))],
    ['nexthop', decodeNextHop, 8, nextHop(0, [[1, 7], [2, MEMBERS], ...everyAttribute(16)])],
  ] as const;

  function everyAttribute(last: number): readonly Attribute[] {
    return Array.from({ length: last }, (_, index) => [index + 1, Buffer.alloc(index % 9, index)] as const);
  }

  test.each(cases)('a %s that ends anywhere', (_name, decode, header, whole) => {
    for (let length = 0; length <= whole.length; length++) {
      const cut = Buffer.from(whole.subarray(0, length));
      expect(decode(cut, 0, cut.length) === null).toBe(length < header);
    }
  });

  test.each(cases)('a %s with bytes turned over', (_name, decode, _header, whole) => {
    const random = numbers();
    const next = () => random.next().value as number;
    for (let tries = 0; tries < 1000; tries++) {
      const bytes = Buffer.from(whole);
      for (let changes = 0; changes < 4; changes++) bytes[next() % bytes.length] = next() & 0xff;
      decode(bytes, 0, bytes.length); // must not throw
    }
  });
});
