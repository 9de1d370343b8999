import { describe, expect, test } from 'vitest';
import { inetAddresses, parseInet6Addresses } from '../../collectors/procnet/addresses.ts';
import {
  deviceNumbers,
  parseDevices,
  parseIgmp,
  parseNumberedNames,
  tableDevices,
} from '../../collectors/procnet/devices.ts';
import { parseFibTrie } from '../../collectors/procnet/fib-trie.ts';
import { parseInetSockets } from '../../collectors/procnet/inet-sockets.ts';
import type { Parsed } from '../../collectors/procnet/lines.ts';
import { parseArp } from '../../collectors/procnet/neighbours.ts';
import { parseNetlinkSockets } from '../../collectors/procnet/netlink-sockets.ts';
import { parsePacketSockets } from '../../collectors/procnet/packet-sockets.ts';
import { byProtocol, parseSnmp, parseSnmp6, parseSockstat } from '../../collectors/procnet/protocols.ts';
import { parseInet6Routes, parseRoutes } from '../../collectors/procnet/routes.ts';
import { parseUnixSockets } from '../../collectors/procnet/unix-sockets.ts';
import { parseVlans } from '../../collectors/procnet/vlans.ts';

const DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    6386      58    0    0    0     0          0         0     6386      58    0    0    0     0       0          0
  eth0: 18446744073709551615 39749    1    2    3     4          5         6  2801650   24891    7    8    9    10      11         12
x\x1b[31m:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
fifteen-letters:      1       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`;

const IF_INET6 = `fe8000000000000000fc00fffe000001 04 40 20 80     eth0
fd000000000000000000000000000002 04 40 00 40     eth0
00000000000000000000000000000001 01 80 10 80       lo
`;

const IGMP = `Idx	Device    : Count Querier	Group    Users Timer	Reporter
1	lo        :     1      V3
				010000E0     1 0:00000000		0
4	fifteen-letters:     2      V3
				FB0000E0     1 0:00000000		0
				010000E0     1 0:00000000		0
`;

const IGMP6 = `1    lo              ff020000000000000000000000000001     1 0000000C 0
7    x\x1b[31m          ff020000000000000000000000000001     1 0000000C 0
7    x\x1b[31m          ff010000000000000000000000000001     1 00000008 0
`;

const FIB_TRIE = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.0.0.0/8 2 0 2
        |-- 10.1.0.0
           /24 link UNICAST tos=16
           /24 link UNICAST
           /16 universe BLACKHOLE
        |-- 10.1.0.2
           /32 host LOCAL
        |-- 10.1.0.255
           /32 link BROADCAST
     |-- 127.0.0.0
        /8 host LOCAL
Local:
        |-- 10.1.0.2
           /32 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
Id 77:
     |-- 10.9.0.0
        /16 scope=7 type 12
`;

const ROUTE = `${'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT'.padEnd(127)}
${'eth0\t00000000\t0100010A\t0003\t0\t0\t-1\t00000000\t1040\t7\t3'.padEnd(127)}
${'eth0\t0000010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0'.padEnd(127)}
${'*\t0000010A\t00000000\t0001\t0\t0\t7\t0000FFFF\t0\t0\t0'.padEnd(127)}
${'x\x1b[31m\t0000070A\t00000000\t0205\t0\t0\t7\tFFFFFFFF\t0\t0\t0'.padEnd(127)}
`;

const NONE = '0'.repeat(32);
const IPV6_ROUTE = `fd000000000000000000000000000000 40 ${NONE} 00 ${NONE} 00000100 00000001 00000000 00000001     eth0
${NONE} 00 ${NONE} 00 fd000000000000000000000000000001 00000400 00000003 00000000 08000003     eth0
fd090000000000000000000000000000 10 fd000000000000000000000000000000 20 ${NONE} 00000400 00000001 00000000 00200200       lo
00000000000000000000000000000001 80 ${NONE} 00 ${NONE} 00000000 00000002 00000000 80200001       lo
ff000000000000000000000000000000 08 ${NONE} 00 ${NONE} 00000100 00000003 00000000 00000001 x\x1b[31m
${NONE} 00 ${NONE} 00 ${NONE} ffffffff 00000001 00000000 00200200       lo
`;

const ARP = `IP address       HW type     Flags       HW address            Mask     Device
10.1.0.1         0x1         0x2         02:fc:00:00:00:05     *        eth0
10.1.0.2         0x1         0x6         02:fc:00:00:00:06     *        x\x1b[31m
10.1.0.3         0x1         0x0         00:00:00:00:00:00     *        eth0
10.1.0.4         0x1         0xc         00:00:00:00:00:00     *        *
10.1.0.5         0x304       0x2                               *        eth0
`;

const SNMP = `Ip: Forwarding DefaultTTL
Ip: 2 64
Tcp: MaxConn ActiveOpens
Tcp: -1 18446744073709551615
`;
const SNMP6 = `Ip6InReceives                   	34
Icmp6InType135                  	2
UdpLite6InDatagrams             	0
`;
const SOCKSTAT = `sockets: used 19
TCP: inuse 1 orphan 0 tw 3
FRAG: inuse 0 memory 0
`;

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:07E8 00000000:0000 0A 00000000:00000005 00:00000000 00000000     0        0 1533 1 00000000cd90a315 100 0 0 10 0
   1: 0100007F:0016 0200007F:C350 01 00000010:00000020 01:00000014 00000000 65534        0 1534 2 0000000000000000 20 4 30 10 -1
   2: 0100007F:0016 0200007F:C351 06 00000000:00000000 03:00001763 00000000     0        0 0 3 0000000000000000
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0000000000000000FFFF00000100007F:0016 0000000000000000FFFF00000200007F:C350 08 00000000:00000000 00:00000000 00000000     0        0 77 1 0000000000000000 20 4 30 10 -1
   1: 000000FD000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 78 1 0000000000000000 100 0 0 10 0
`;
const RAW = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  255: 00000000:0001 00000000:0000 07 00000000:00000300 00:00000000 00000000     0        0 4711 2 0000000000000000 0
`;
const UNIX = `Num       RefCount Protocol Flags    Type St Inode Path
000000008958e654: 00000003 00000000 00000000 0001 03  1529
00000000be4b485b: 00000002 00000000 00010000 0001 01 15300 /run/a b
0000000000000000: 00000002 00000000 00000000 0005 01 15301 @x\x1b]0;y\x07@@
0000000000000000: 00000002 00000000 00000000 0002 01 15302 /tmp/two
lines

0000000000000000: 00000002 00000000 00000000 0001 02     0
`;
const PACKET = `sk               RefCnt Type Proto  Iface R Rmem   User   Inode
0000000000000000 3      3    0003   2     1 640    0      9001
0000000000000000 3      2    88cc   0     0 0      65534  9002
`;
const NETLINK = `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000000000000 0   27028      80000011 0        512      0     2        0        1918146
0000000000000000 15  4294967295 00000000 64       0        1     2        7        1918147
0000000000000000 0   0          00000000 0        0        0     2        0        4
`;
const VLANS = `VLAN Dev name	 | VLAN ID
Name-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD
eth0.100       | 100  | eth0
a|b            | 4094  | x\x1b[31m
fifteen-letters| 1  | eth0
`;

const NUMBERS = new Map([
  ['lo', 1],
  ['eth0', 4],
  ['x\x1b[31m', 7],
]);

const ENTRIES = parseFibTrie(FIB_TRIE).records;

/** Every parser that reads line by line, with a healthy text. */
const PARSERS: readonly (readonly [string, (text: string) => Parsed<unknown>, string])[] = [
  ['dev', parseDevices, DEV],
  ['if_inet6', parseInet6Addresses, IF_INET6],
  ['igmp', parseIgmp, IGMP],
  ['igmp6', parseNumberedNames, IGMP6],
  ['fib_trie', parseFibTrie, FIB_TRIE],
  ['route', (text) => parseRoutes(text, ENTRIES, NUMBERS), ROUTE],
  ['ipv6_route', (text) => parseInet6Routes(text, NUMBERS), IPV6_ROUTE],
  ['arp', (text) => parseArp(text, NUMBERS), ARP],
  ['snmp', parseSnmp, SNMP],
  ['snmp6', parseSnmp6, SNMP6],
  ['sockstat', parseSockstat, SOCKSTAT],
  ['tcp', (text) => parseInetSockets(text, 'tcp'), TCP],
  ['tcp6', (text) => parseInetSockets(text, 'tcp6'), TCP6],
  ['raw', (text) => parseInetSockets(text, 'raw'), RAW],
  ['packet', parsePacketSockets, PACKET],
  ['netlink', parseNetlinkSockets, NETLINK],
  ['vlan/config', parseVlans, VLANS],
];

const HOSTILE = [
  '\n',
  'x'.repeat(10_000),
  ' '.repeat(10_000),
  `${' '.repeat(10_000)}:`,
  ': '.repeat(5_000),
  '\t'.repeat(10_000),
  `${'0'.repeat(10_000)}: ${'F'.repeat(10_000)}`,
  `1${' '.repeat(10_000)}x`,
  '\x00\x1b[2J\x9b31m\xff\xfe',
  '__proto__: __proto__ constructor',
  '-1 99999999999999999999999 0x 0x 0x 0x',
];

describe('every parser', () => {
  test.each(PARSERS)('of %s reads its healthy table without complaint', (_, parse, healthy) => {
    const { records, malformed } = parse(healthy);
    expect(malformed).toBe(0);
    expect(records.length).toBeGreaterThan(0);
  });

  test.each([...PARSERS, ['unix', parseUnixSockets, UNIX] as const])('of %s takes an empty one', (_, parse) => {
    expect(parse('')).toEqual({ records: [], malformed: 0 });
  });

  test.each(PARSERS)(
    'of %s tells of a cut table what is before the cut, and that there was one',
    (_, parse, healthy) => {
      const whole = parse(healthy).records;
      for (let cut = 1; cut < healthy.length; cut++) {
        const { records, malformed } = parse(healthy.slice(0, cut));
        expect(records).toEqual(whole.slice(0, records.length));
        if (healthy[cut - 1] !== '\n') expect(malformed).toBeGreaterThan(0);
      }
    },
  );

  test.each([...PARSERS, ['unix', parseUnixSockets, UNIX] as const])(
    'of %s counts malformed lines, loses no other for them, and is quick about it',
    (_, parse, healthy) => {
      const whole = parse(healthy).records.length;
      const started = performance.now();
      const { records, malformed } = parse(`${healthy}${HOSTILE.join('\n')}\n`);
      expect(performance.now() - started).toBeLessThan(250);
      expect(records).toHaveLength(whole);
      expect(malformed).toBeGreaterThan(HOSTILE.length / 2);
    },
  );
});

describe('parseDevices', () => {
  test('reads the counters of every device', () => {
    const [, eth0] = parseDevices(DEV).records;
    expect(eth0).toEqual({
      bytes: 'eth0',
      counters: {
        rxBytes: 2 ** 64,
        rxPackets: 39749,
        rxErrors: 1,
        rxDropped: 2,
        // Told apart from what was dropped only by netlink.
        rxMissed: null,
        multicast: 6,
        txBytes: 2801650,
        txPackets: 24891,
        txErrors: 7,
        txDropped: 8,
        txCarrierErrors: null,
        collisions: 10,
      },
    });
  });

  test('keeps escape bytes of a name from the terminal, and the bytes for who wants them', () => {
    const devices = tableDevices(parseDevices(DEV).records, NUMBERS);
    expect(devices[2]).toMatchObject({ ifindex: 7, name: 'x\\x1b[31m', rawName: 'x\\x1b[31m' });
    expect(devices[3]).toMatchObject({ ifindex: null, name: 'fifteen-letters' });
  });
});

describe('deviceNumbers', () => {
  test('takes a number from whichever table tells it', () => {
    const numbers = deviceNumbers([parseIgmp(IGMP).records, parseNumberedNames(IGMP6).records]);
    expect([...numbers]).toEqual([
      ['lo', 1],
      ['fifteen-letters', 4],
      ['x\x1b[31m', 7],
    ]);
  });

  test('knows the number of lo, unless another device has it', () => {
    expect(deviceNumbers([]).get('lo')).toBe(1);
    expect(deviceNumbers([[['renamed', 1]]]).get('lo')).toBeUndefined();
  });

  test('knows nothing of a name that was given to another device meanwhile', () => {
    const tables = [[['eth0', 4]], [['eth0', 5]], [['eth0', 4]]] as const;
    expect(deviceNumbers(tables).get('eth0')).toBeUndefined();
  });
});

describe('addresses', () => {
  test('of IPv6 come with device, scope and flags', () => {
    const [first, second, third] = parseInet6Addresses(IF_INET6).records;
    expect(first).toMatchObject({
      device: 'eth0',
      ifindex: 4,
      address: { family: 'inet6', address: 'fe80::fc:ff:fe00:1', prefixLength: 64, scope: 'link', flags: [] },
    });
    expect(second?.address).toMatchObject({ address: 'fd00::2', scope: 'global', flags: ['tentative', 'dynamic'] });
    expect(third?.address).toMatchObject({ ifindex: 1, address: '::1', prefixLength: 128, scope: 'host' });
  });

  test('of IPv4 are where a local route of 32 bits is, and each is told once', () => {
    const addresses = inetAddresses(parseFibTrie(FIB_TRIE).records);
    expect(addresses.map(({ address }) => address)).toEqual(['10.1.0.2', '127.0.0.1']);
    expect(addresses[0]).toMatchObject({ family: 'inet', ifindex: null, prefixLength: null, scope: null });
  });
});

describe('parseFibTrie', () => {
  test('reads tables, types, scopes and tos, numbers where the kernel has no words', () => {
    const { records } = parseFibTrie(FIB_TRIE);
    expect(records[0]).toEqual({
      table: 'main',
      prefix: '0.0.0.0',
      length: 0,
      type: 'unicast',
      scope: 'global',
      tos: 0,
    });
    expect(records[1]).toMatchObject({ prefix: '10.1.0.0', length: 24, scope: 'link', tos: 16 });
    expect(records.at(-1)).toMatchObject({ table: '77', prefix: '10.9.0.0', scope: 'scope=7', type: 'type 12' });
  });

  test('gives an entry to no prefix when the line with the prefix is malformed', () => {
    const text = 'Main:\n  |-- 10.0.0.1\n  |-- 10.0.0.x\n     /32 host LOCAL\n';
    expect(parseFibTrie(text)).toEqual({ records: [], malformed: 2 });
  });
});

describe('routes', () => {
  const { records } = parseRoutes(ROUTE, ENTRIES, NUMBERS);

  test('of IPv4 are those of the table main, bytes turned', () => {
    expect(records[0]).toMatchObject({
      destination: 'default',
      default: true,
      table: 'main',
      type: 'unicast',
      scope: 'global',
      tos: 0,
      metric: 4294967295,
      protocol: null,
      nextHops: [{ gateway: '10.1.0.1', ifindex: 4, weight: null, flags: [] }],
      metrics: { advmss: 1000, window: 7, rtt: 3 },
    });
  });

  test('are told apart by the trie as far as it does', () => {
    // Two with that prefix, of different tos.
    expect(records[1]).toMatchObject({ destination: '10.1.0.0/24', type: 'unicast', scope: 'link', tos: null });
    expect(records[2]).toMatchObject({ destination: '10.1.0.0/16', type: 'blackhole', metric: 7, nextHops: [] });
    // None with that prefix: the route came after it was read.
    expect(records[3]).toMatchObject({ destination: '10.7.0.0/32', type: null, tos: null, flags: ['reject'] });
    expect(records[3]?.nextHops).toEqual([{ gateway: null, ifindex: 7, weight: null, flags: [] }]);
  });

  test('are not taken for what the list of routes leaves out', () => {
    const trie = FIB_TRIE.replace('/32 link BROADCAST', '/32 link BROADCAST\n           /32 global UNICAST');
    const text = ROUTE.replace('0000070A', 'FF00010A');
    const route = parseRoutes(text, parseFibTrie(trie).records, NUMBERS).records[3];
    expect(route).toMatchObject({ destination: '10.1.0.255/32', type: 'unicast' });
  });

  test('without a device are not those of a device that is called `*`', () => {
    expect(parseRoutes(ROUTE, ENTRIES, new Map([['*', 9]])).records[2]?.nextHops).toEqual([]);
    expect(parseArp(ARP, new Map([['*', 9]])).records[3]?.ifindex).toBeNull();
  });

  test('of IPv4 with a netmask that has holes are none', () => {
    const text = ROUTE.replace('00FFFFFF', '00FF00FF');
    expect(parseRoutes(text, [], NUMBERS)).toMatchObject({ malformed: 1, records: { length: 3 } });
  });

  test('of IPv6 are those of all tables, without the entry for "no route"', () => {
    const { records: inet6 } = parseInet6Routes(IPV6_ROUTE, NUMBERS);
    expect(inet6.map(({ destination, type, metric }) => [destination, type, metric])).toEqual([
      ['fd00::/64', 'unicast', 256],
      ['default', 'unicast', 1024],
      ['fd09::/16', null, 1024],
      ['::1/128', 'local', 0],
      ['ff00::/8', 'multicast', 256],
    ]);
    expect(inet6[1]).toMatchObject({ default: true, table: null, preference: 'high' });
    expect(inet6[1]?.nextHops).toEqual([{ gateway: 'fd00::1', ifindex: 4, weight: null, flags: [] }]);
    expect(inet6[2]).toMatchObject({ source: 'fd00::/32', flags: ['reject'] });
    expect(inet6[4]?.nextHops[0]?.ifindex).toBe(7);
  });
});

describe('parseArp', () => {
  test('tells permanent neighbours, proxies, and what has no hardware address', () => {
    expect(parseArp(ARP, NUMBERS).records).toEqual([
      {
        family: 'inet',
        ifindex: 4,
        address: '10.1.0.1',
        hardwareAddress: '02:fc:00:00:00:05',
        state: [],
        flags: [],
      },
      {
        family: 'inet',
        ifindex: 7,
        address: '10.1.0.2',
        hardwareAddress: '02:fc:00:00:00:06',
        state: ['permanent'],
        flags: [],
      },
      { family: 'inet', ifindex: 4, address: '10.1.0.3', hardwareAddress: null, state: [], flags: [] },
      { family: 'inet', ifindex: null, address: '10.1.0.4', hardwareAddress: null, state: [], flags: ['proxy'] },
      { family: 'inet', ifindex: 4, address: '10.1.0.5', hardwareAddress: null, state: [], flags: [] },
    ]);
  });
});

describe('counters of protocols', () => {
  test('are kept under the names the kernel gives them', () => {
    const counters = [...parseSnmp(SNMP).records, ...parseSnmp6(SNMP6).records, ...parseSockstat(SOCKSTAT).records];
    expect(byProtocol(counters)).toEqual({
      Ip: { Forwarding: 2, DefaultTTL: 64 },
      Tcp: { MaxConn: -1, ActiveOpens: 2 ** 64 },
      Ip6: { InReceives: 34 },
      Icmp6: { InType135: 2 },
      UdpLite6: { InDatagrams: 0 },
      sockets: { used: 19 },
      TCP: { inuse: 1, orphan: 0, tw: 3 },
      FRAG: { inuse: 0, memory: 0 },
    });
  });

  test.each([
    ['fewer values than names', 'Ip: A B\nIp: 1\n'],
    ['more values than names', 'Ip: A\nIp: 1 2\n'],
    ['values of another protocol', 'Ip: A\nTcp: 1\n'],
    ['a value that is none', 'Ip: A\nIp: x\n'],
  ])('are not taken from %s', (_, text) => {
    expect(parseSnmp(`${text}Udp: B\nUdp: 7\n`)).toEqual({ records: [['Udp', { B: 7 }]], malformed: 1 });
  });

  test('under a name that means something to JavaScript are counters like others, or none', () => {
    const { records } = parseSockstat('constructor: valueOf 1\n');
    expect(byProtocol([...records, ...records])).toEqual({ constructor: { valueOf: 1 } });
    expect(parseSockstat('a: __proto__ 1\n__proto__: b 1\n')).toEqual({ records: [], malformed: 2 });
    expect(parseSnmp('a: __proto__\na: 1\n')).toMatchObject({ records: [] });
  });
});

describe('parseInetSockets', () => {
  test('reads addresses as the numbers of a little-endian machine', () => {
    const [listening, connected] = parseInetSockets(TCP, 'tcp').records;
    expect(listening).toEqual({
      family: 'inet',
      type: 'stream',
      protocol: 'tcp',
      state: 'listen',
      localAddress: '0.0.0.0',
      localPort: 2024,
      remoteAddress: null,
      remotePort: null,
      receiveQueue: 5,
      sendQueue: null,
      uid: 0,
      inode: 1533,
      cookie: null,
      ifindex: null,
      peerInode: null,
      notes: [],
    });
    expect(connected).toMatchObject({
      state: 'established',
      localAddress: '127.0.0.1',
      localPort: 22,
      remoteAddress: '127.0.0.2',
      remotePort: 50000,
      receiveQueue: 32,
      sendQueue: 16,
      uid: 65534,
      inode: 1534,
    });
  });

  test('gives what is left of a connection no owner', () => {
    expect(parseInetSockets(TCP, 'tcp').records[2]).toMatchObject({ state: 'time-wait', uid: null, inode: 0 });
  });

  test('reads IPv6 addresses, those of IPv4 in them as such', () => {
    const [mapped, listening] = parseInetSockets(TCP6, 'tcp6').records;
    expect(mapped).toMatchObject({ family: 'inet6', localAddress: '::ffff:127.0.0.1', state: 'close-wait' });
    expect(listening).toMatchObject({ localAddress: 'fd00::1', localPort: 80, remoteAddress: null });
  });

  test('takes the protocol of a raw socket from where others have their port', () => {
    expect(parseInetSockets(RAW, 'raw').records[0]).toMatchObject({ type: 'raw', protocol: 'icmp', localPort: null });
    expect(parseInetSockets(RAW.replace(':0001', ':0084'), 'raw').records[0]?.protocol).toBe('sctp');
  });

  test('takes no address of the other family', () => {
    expect(parseInetSockets(TCP, 'tcp6')).toEqual({ records: [], malformed: 3 });
    expect(parseInetSockets(TCP6, 'tcp')).toEqual({ records: [], malformed: 2 });
    const mixed = TCP.replace('00000000:07E8', `${'0'.repeat(32)}:07E8`);
    expect(parseInetSockets(mixed, 'tcp')).toMatchObject({ records: { length: 2 }, malformed: 1 });
  });
});

describe('parseUnixSockets', () => {
  const { records, malformed } = parseUnixSockets(UNIX);

  test('reads paths with blanks, newlines and escape bytes as one name each', () => {
    expect(malformed).toBe(0);
    expect(records.map(({ inode, localAddress }) => [inode, localAddress])).toEqual([
      [1529, null],
      [15300, '/run/a b'],
      [15301, '@x\\x1b]0;y\\x07@@'],
      [15302, '/tmp/two\\x0alines\\x0a'],
      [0, null],
    ]);
    expect(records[3]?.rawLocalAddress).toBe('/tmp/two\\x0alines\\x0a');
  });

  test('tells listening, connected and idle ones apart', () => {
    expect(records.map(({ type, state }) => [type, state])).toEqual([
      ['stream', 'established'],
      ['stream', 'listen'],
      ['seqpacket', 'close'],
      ['dgram', 'close'],
      ['stream', 'established'],
    ]);
  });

  test('takes the zeros behind a name that fills all the room for what they are', () => {
    const line = `0000000000000000: 00000002 00000000 00000000 0002 01 7 @name${'@'.repeat(103)}`;
    expect(parseUnixSockets(`header\n${line}\n`).records[0]?.localAddress).toBe('@name');
  });

  test('does not make a name longer than names can be', () => {
    const line = `0000000000000000: 00000002 00000000 00000000 0002 01 7 /${'x'.repeat(100)}`;
    expect(parseUnixSockets(`header\n${line}\n12345678\n`)).toMatchObject({ malformed: 1, records: { length: 1 } });
    expect(parseUnixSockets(`header\n${line}\n123456\n`)).toMatchObject({ malformed: 0, records: { length: 1 } });
    expect(parseUnixSockets(`header\n${line}12345678\n`)).toMatchObject({ malformed: 1, records: { length: 0 } });
  });

  test('loses a line that was cut off, and nothing else', () => {
    const cut = UNIX.indexOf('15301') + 3;
    expect(parseUnixSockets(UNIX.slice(0, cut))).toMatchObject({ malformed: 1, records: { length: 2 } });
  });
});

describe('sockets of other families', () => {
  test('packet ones tell protocol, device, and whether they receive anything', () => {
    expect(parsePacketSockets(PACKET).records).toMatchObject([
      { type: 'raw', protocol: 'all', ifindex: 2, receiveQueue: 640, uid: 0, inode: 9001, notes: [] },
      { type: 'dgram', protocol: '0x88cc', ifindex: null, uid: 65534, inode: 9002, notes: ['receives nothing'] },
    ]);
  });

  test("netlink ones tell port id and groups; the kernel's own are left out", () => {
    expect(parseNetlinkSockets(NETLINK).records).toMatchObject([
      { protocol: 'route', localPort: 27028, inode: 1918146, sendQueue: 512, notes: ['groups 1, 5, 32'] },
      { protocol: 'kobject-uevent', localPort: 4294967295, receiveQueue: 64, notes: [] },
    ]);
    expect(parseNetlinkSockets(NETLINK).records).toHaveLength(2);
  });
});

describe('parseVlans', () => {
  test('reads names with the sign that parts the columns', () => {
    expect(parseVlans(VLANS).records).toEqual([
      { name: 'eth0.100', id: 100, parent: 'eth0' },
      { name: 'a|b', id: 4094, parent: 'x\\x1b[31m' },
      { name: 'fifteen-letters', id: 1, parent: 'eth0' },
    ]);
  });
});
