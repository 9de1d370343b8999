import { describe, expect, test } from 'vitest';
import type { Inside } from '../../collectors/inside/contract.ts';
import { decodeFilter, mergeFilters, parseDevMcast } from '../../collectors/neighbours/filters.ts';
import { decodeNeighbour } from '../../collectors/neighbours/neighbour.ts';
import { neighbours } from '../../collectors/neighbours.ts';
import { EINVAL, EPERM, SystemError } from '../../src/os/errors.ts';
import { type Attribute, encodeAttributes } from '../../src/os/netlink/attributes.ts';
import type { Decode, Dump, Request } from '../../src/os/netlink/socket.ts';
import { aFilter } from '../fixtures/snapshot.ts';

const NDA_DST = 1;
const NDA_LLADDR = 2;
const NDA_CACHEINFO = 3;
const NDA_VLAN = 5;
const NDA_FLAGS_EXT = 15;

const PERMANENT = 0x80;
const NOARP = 0x40;
const SELF = 0x02;

interface Header {
  readonly family?: number;
  readonly ifindex?: number;
  readonly state?: number;
  readonly flags?: number;
}

/** An RTM_NEWNEIGH message after its header: struct ndmsg and attributes. */
function message({ family = 2, ifindex = 3, state = 2, flags = 0 }: Header, attributes: readonly Attribute[]): Buffer {
  const header = Buffer.alloc(12);
  header[0] = family;
  header.writeUInt32LE(ifindex, 4);
  header.writeUInt16LE(state, 8);
  header[10] = flags;
  return Buffer.concat([header, encodeAttributes(attributes)]);
}

function decodedNeighbour(header: Header, ...attributes: readonly Attribute[]) {
  const bytes = message(header, attributes);
  return decodeNeighbour(bytes, 0, bytes.length);
}

function decodedFilter(header: Header, ...attributes: readonly Attribute[]) {
  const bytes = message({ family: 7, ...header }, attributes);
  return decodeFilter(bytes, 0, bytes.length);
}

const ADDRESS = Buffer.from([10, 0, 0, 2]);
const HARDWARE = Buffer.from('020000000066', 'hex');
const GROUP = Buffer.from('333300000001', 'hex');

describe('decodeNeighbour', () => {
  test('reads an entry', () => {
    expect(decodedNeighbour({}, [NDA_DST, ADDRESS], [NDA_LLADDR, HARDWARE])).toEqual({
      family: 'inet',
      ifindex: 3,
      address: '10.0.0.2',
      hardwareAddress: '02:00:00:00:00:66',
      state: ['reachable'],
      flags: [],
    });
  });

  test('knows every state and flag, and shows those without a word as a number', () => {
    expect(decodedNeighbour({ state: 0x1ff, flags: 0xff }, [NDA_FLAGS_EXT, 0xf])).toMatchObject({
      state: ['incomplete', 'reachable', 'stale', 'delay', 'probe', 'failed', 'noarp', 'permanent', '0x100'],
      flags: [
        ...['use', 'self', 'master', 'proxy', 'extern_learn', 'offload', 'sticky', 'router'],
        ...['managed', 'locked', 'extern_valid', '0x800'],
      ],
    });
  });

  test('has neither device nor hardware address where a proxy is for every device', () => {
    expect(decodedNeighbour({ family: 10, ifindex: 0, state: 0, flags: 8 }, [NDA_DST, Buffer.alloc(16)])).toEqual({
      family: 'inet6',
      ifindex: null,
      address: '::',
      hardwareAddress: null,
      state: [],
      flags: ['proxy'],
    });
  });

  test('takes four or sixteen bytes of a tunnel for an IP address', () => {
    const link = (bytes: Buffer) => decodedNeighbour({}, [NDA_LLADDR, bytes])?.hardwareAddress;
    expect(link(ADDRESS)).toBe('10.0.0.2');
    expect(link(Buffer.alloc(16, 1))).toBe('101:101:101:101:101:101:101:101');
    expect(link(Buffer.alloc(20, 1))).toHaveLength(59);
  });
});

describe('decodeFilter', () => {
  test('tells what a device listens to from what is forwarded', () => {
    const own = { state: PERMANENT, flags: SELF };
    const used: Attribute = [NDA_CACHEINFO, Buffer.alloc(16)];
    const kind = (header: Header, ...attributes: readonly Attribute[]) => decodedFilter(header, ...attributes)?.kind;
    expect(kind(own, [NDA_LLADDR, HARDWARE])).toBe('unicast');
    expect(kind(own, [NDA_LLADDR, GROUP])).toBe('multicast');
    expect(kind(own, [NDA_LLADDR, HARDWARE], [NDA_DST, ADDRESS])).toBe('forwarding');
    expect(kind(own, [NDA_LLADDR, GROUP], used)).toBe('forwarding');
    expect(kind({ state: PERMANENT }, [NDA_LLADDR, HARDWARE], used)).toBe('forwarding');
    // A switch chip's own table has no time of use either (dsa_user_port_fdb_do_dump).
    expect(kind({ state: NOARP, flags: SELF }, [NDA_LLADDR, HARDWARE])).toBe('forwarding');
  });

  test('reads where a tunnel sends to, a VLAN, flags and a state', () => {
    expect(
      decodedFilter(
        { state: PERMANENT | 2, flags: SELF | 0x10 },
        [NDA_LLADDR, HARDWARE],
        [NDA_DST, Buffer.from('fd000000000000000000000000000009', 'hex')],
        [NDA_VLAN, Buffer.from([10, 0])],
        [NDA_FLAGS_EXT, 2],
      ),
    ).toEqual({
      ifindex: 3,
      hardwareAddress: '02:00:00:00:00:66',
      kind: 'forwarding',
      vlan: 10,
      destination: 'fd00::9',
      state: ['permanent'],
      flags: ['self', 'extern_learn', 'locked'],
      users: null,
    });
  });

  test('has one word for a state, as bridge(8) has', () => {
    const state = (bits: number) => decodedFilter({ state: bits }, [NDA_LLADDR, HARDWARE])?.state;
    expect([0xc0, 0x40, 0x44, 0x04, 0x02, 0x100, 0].map(state)).toEqual([
      ...[['permanent'], ['static'], ['static'], ['stale'], ['reachable'], ['0x100'], []],
    ]);
  });

  test('is nothing without a hardware address', () => {
    expect(decodedFilter({ state: PERMANENT, flags: SELF })).toBeNull();
  });
});

const DEV_MCAST = `2    eth0            1     0     333300000001
2    eth0            2     1     01005e000001
13   a-very-long-nam 1     0     333300000001
14   gre0            1     0     e0000001
`;

describe('parseDevMcast', () => {
  test('reads device, address and users, of addresses of any length', () => {
    expect(parseDevMcast(DEV_MCAST)).toEqual([
      { ifindex: 2, hardwareAddress: '33:33:00:00:00:01', users: 1 },
      { ifindex: 2, hardwareAddress: '01:00:5e:00:00:01', users: 2 },
      { ifindex: 13, hardwareAddress: '33:33:00:00:00:01', users: 1 },
      { ifindex: 14, hardwareAddress: 'e0:00:00:01', users: 1 },
    ]);
  });

  test('takes a name for what it is, whatever it looks like', () => {
    expect(parseDevMcast('7    1 0 333300000001  1     0     01005e000001')).toEqual([]);
    expect(parseDevMcast('7    \xa0\x1b[2J         3     0     01005e000001')).toEqual([
      { ifindex: 7, hardwareAddress: '01:00:5e:00:00:01', users: 3 },
    ]);
  });

  test.each([
    '',
    '\n\n',
    'Index Name Users Global Address',
    '2    eth0            1     0',
    '2    tun0            1     0     ',
    '2    eth0            1     0     33330000000',
    '2    eth0            1     0     3333000000zz',
    '2    eth0            -1    0     333300000001',
    'x    eth0            1     0     333300000001',
    '2    eth0            1     0     333300000001 more',
    'x'.repeat(100_000),
    ' '.repeat(100_000),
    '1 '.repeat(50_000),
  ])('passes over what is no such line: %.40j', (line) => {
    expect(parseDevMcast(line)).toEqual([]);
    expect(parseDevMcast(`${line}\n${DEV_MCAST}`)).toHaveLength(4);
  });
});

describe('mergeFilters', () => {
  const group = aFilter({ hardwareAddress: '33:33:00:00:00:01', kind: 'multicast' });

  test('lists an address that both sources have once, with its users', () => {
    expect(mergeFilters([group], parseDevMcast(DEV_MCAST))).toEqual([
      { ...group, users: 1 },
      { ...group, hardwareAddress: '01:00:5e:00:00:01', state: [], flags: [], users: 2 },
      { ...group, ifindex: 13, state: [], flags: [], users: 1 },
      { ...group, ifindex: 14, hardwareAddress: 'e0:00:00:01', state: [], flags: [], users: 1 },
    ]);
  });

  test('keeps apart what a tunnel sends to a group and who listens to it', () => {
    const sent = aFilter({ hardwareAddress: '33:33:00:00:00:01', kind: 'forwarding', destination: '10.0.0.9' });
    const heard = { ifindex: 2, hardwareAddress: '33:33:00:00:00:01', users: 4 };
    expect(mergeFilters([sent], [heard])).toEqual([sent, { ...group, state: [], flags: [], users: 4 }]);
  });

  test('does not know the users of what only one source has', () => {
    expect(mergeFilters([group], [])).toEqual([{ ...group, users: null }]);
  });
});

/** A namespace whose kernel answers requests as told, with `/proc/net/dev_mcast` as given. */
function inside(
  answers: Readonly<Record<string, readonly Buffer[] | SystemError>>,
  devMcast: string | null,
  interrupted = '',
): Inside {
  const ask = <T>({ name }: Request, decode: Decode<T>): Dump<T> => {
    const answer = answers[name] ?? [];
    if (answer instanceof SystemError) throw answer;
    const records = answer.map((bytes) => decode(0, bytes, 0, bytes.length)).filter((record) => record !== null);
    return { records, interrupted: name === interrupted };
  };
  return { subject: 'net:[1]', netlink: () => ({ ask }), file: () => devMcast } as unknown as Inside;
}

describe('inspect', () => {
  const entry = message({}, [[NDA_DST, ADDRESS]]);
  const proxy = message({ flags: 8 }, [[NDA_DST, ADDRESS]]);
  const filter = message({ family: 7, state: PERMANENT, flags: SELF }, [[NDA_LLADDR, HARDWARE]]);

  test('lists entries, then proxies, then filters', () => {
    const { data, seen, missed } = neighbours.inspect(
      inside({ RTM_GETNEIGH: [entry], 'RTM_GETNEIGH proxy': [proxy], 'RTM_GETNEIGH bridge': [filter] }, DEV_MCAST),
    );
    expect(data.neighbours.map(({ flags }) => flags)).toEqual([[], ['proxy']]);
    expect(data.filters.map(({ kind }) => kind)).toEqual(['unicast', ...Array(4).fill('multicast')]);
    expect({ seen, missed }).toEqual({ seen: 7, missed: [] });
  });

  test('knows the neighbours although the filters of one driver cannot be read', () => {
    const refusal = new SystemError('netlink', 'RTM_GETNEIGH bridge', EINVAL);
    const { data, missed } = neighbours.inspect(
      inside({ RTM_GETNEIGH: [entry], 'RTM_GETNEIGH bridge': refusal }, DEV_MCAST),
    );
    expect(data).toMatchObject({
      neighbours: [{ address: '10.0.0.2' }],
      filters: Array(4).fill({ kind: 'multicast' }),
    });
    expect(missed).toEqual([{ subject: 'net:[1]', reason: 'RTM_GETNEIGH bridge: EINVAL' }]);
  });

  test('says so when dev_mcast is not there or an answer is not of one moment', () => {
    expect(neighbours.inspect(inside({ 'RTM_GETNEIGH bridge': [filter] }, null))).toMatchObject({
      data: { filters: [{ kind: 'unicast' }] },
      missed: [{ subject: 'net:[1]', reason: '/proc/net/dev_mcast could not be read' }],
    });
    expect(neighbours.inspect(inside({}, '', 'RTM_GETNEIGH proxy')).missed).toEqual([
      { subject: 'net:[1]', reason: 'neighbours changed while they were read' },
    ]);
  });

  test('has no answer where the kernel refuses to tell of neighbours', () => {
    const refusal = new SystemError('netlink', 'RTM_GETNEIGH', EPERM);
    expect(() => neighbours.inspect(inside({ RTM_GETNEIGH: refusal }, ''))).toThrow(refusal);
  });
});

describe('hostile messages', () => {
  const whole = message({}, [
    [NDA_DST, ADDRESS],
    [NDA_LLADDR, HARDWARE],
    [NDA_CACHEINFO, Buffer.alloc(16)],
    [NDA_VLAN, Buffer.from([1, 0])],
    [NDA_FLAGS_EXT, 1],
  ]);

  test('end anywhere', () => {
    for (let length = 0; length <= whole.length; length++) {
      const cut = Buffer.from(whole.subarray(0, length));
      expect(decodeNeighbour(cut, 0, cut.length) === null).toBe(length < 12);
      expect(decodeFilter(cut, 0, cut.length) === null).toBe(length < 30);
    }
  });

  test('have values that are too short or too long', () => {
    for (const size of [0, 1, 3, 300]) {
      const odd = [NDA_DST, NDA_LLADDR, NDA_CACHEINFO, NDA_VLAN, NDA_FLAGS_EXT].map(
        (type) => [type, Buffer.alloc(size, 0xff)] as const,
      );
      expect(decodedNeighbour({}, ...odd)).toMatchObject({ ifindex: 3, address: 'ff'.repeat(size) });
      expect(decodedFilter({}, ...odd)?.kind).toBe('forwarding');
    }
  });
});
