import { describe, expect, test } from 'vitest';
import type { DescriptorSighting } from '../../collectors/descriptors.ts';
import type { Gathered } from '../../collectors/index.ts';
import type { KernelData, KernelPin, KernelTask } from '../../collectors/kernel.ts';
import { parseCounters } from '../../collectors/sockets/counters.ts';
import { decodeInet } from '../../collectors/sockets/inet.ts';
import { decodeNetlink } from '../../collectors/sockets/netlink.ts';
import { decodeMemberships, decodePacket } from '../../collectors/sockets/packet.ts';
import { countedQuestions, openSockets } from '../../collectors/sockets/plan.ts';
import { decodePending, decodeUnix, describePending } from '../../collectors/sockets/unix.ts';
import { decodeVsock } from '../../collectors/sockets/vsock.ts';
import type { SocketRecord } from '../../collectors/sockets.ts';
import { withProcesses } from '../../src/correlate/sockets.ts';
import { encodeAttributes } from '../../src/os/netlink/attributes.ts';
import { aTask, tasksSeen } from '../fixtures/gathered.ts';

type Decoder = (bytes: Buffer, at: number, end: number) => SocketRecord | null;

/** Reads one message as it comes: not at the start of its buffer, with something else behind it. */
function read(decode: Decoder, message: Uint8Array): SocketRecord | null {
  return decode(Buffer.concat([Buffer.alloc(16, 0xee), message, Buffer.alloc(16, 0xee)]), 16, 16 + message.length);
}

/** Attributes whose numbers are of the given width. */
function attributes(...all: readonly (readonly [type: number, value: Uint8Array])[]): Buffer {
  return encodeAttributes(all);
}

function words(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 4);
  for (const [index, number] of numbers.entries()) bytes.writeUInt32LE(number >>> 0, index * 4);
  return bytes;
}

interface InetFacts {
  readonly family?: number;
  readonly state?: number;
  readonly ports?: readonly [number, number];
  readonly local?: readonly number[];
  readonly remote?: readonly number[];
  readonly ifindex?: number;
  readonly cookie?: readonly [number, number];
  readonly queues?: readonly [number, number];
  readonly uid?: number;
  readonly inode?: number;
}

/** struct inet_diag_msg */
function inetMessage(facts: InetFacts, ...attrs: readonly (readonly [number, Uint8Array])[]): Buffer {
  const { family = 2, state = 10, ports = [80, 0], local = [127, 0, 0, 1], remote = [], ifindex = 0 } = facts;
  const { cookie = [7, 0], queues = [0, 0], uid = 1000, inode = 333 } = facts;
  const head = Buffer.alloc(40);
  head[0] = family;
  head[1] = state;
  head.writeUInt16BE(ports[0], 4);
  head.writeUInt16BE(ports[1], 6);
  Buffer.from(local).copy(head, 8);
  Buffer.from(remote).copy(head, 24);
  return Buffer.concat([head, words(ifindex, ...cookie, 0, ...queues, uid, inode), attributes(...attrs)]);
}

/** struct unix_diag_msg */
function unixMessage(name: string | null, ...attrs: readonly (readonly [number, Uint8Array])[]): Buffer {
  const bound = name === null ? [] : [[0, Buffer.from(name, 'latin1')] as const];
  return Buffer.concat([Buffer.from([1, 1, 10, 0]), words(333, 7, 0), attributes(...bound, ...attrs)]);
}

const LOOPBACK6 = [...new Array(15).fill(0), 1];

describe('an IP socket', () => {
  const tcp = decodeInet('tcp', 'stream');

  test('that listens has its queue and nobody at the other end', () => {
    expect(read(tcp, inetMessage({ queues: [2, 128] }))).toEqual({
      family: 'inet',
      type: 'stream',
      protocol: 'tcp',
      state: 'listen',
      localAddress: '127.0.0.1',
      localPort: 80,
      remoteAddress: null,
      remotePort: null,
      receiveQueue: 2,
      sendQueue: 128,
      uid: 1000,
      inode: 333,
      cookie: '7',
      ifindex: null,
      peerInode: null,
      notes: [],
    });
  });

  test('of IPv6 that is connected has both ends and its device', () => {
    const message = inetMessage({
      family: 10,
      state: 1,
      ports: [80, 40000],
      local: LOOPBACK6,
      remote: LOOPBACK6,
      ifindex: 4,
    });
    expect(read(tcp, message)).toMatchObject({
      family: 'inet6',
      state: 'established',
      localAddress: '::1',
      remoteAddress: '::1',
      remotePort: 40000,
      ifindex: 4,
    });
  });

  test('tells what sets it apart', () => {
    const message = inetMessage(
      { family: 10, local: [] },
      [11, Buffer.from([1])],
      [15, words(0x2a)],
      [22, Buffer.from([0x24, 0])],
    );
    expect(read(tcp, message)?.notes).toEqual(['v6only', 'mark 0x2a', 'transparent', 'freebind']);
  });

  test('with a cookie of 64 bits keeps every digit', () => {
    expect(read(tcp, inetMessage({ cookie: [0xffff_ffff, 0x1f_ffff] }))?.cookie).toBe('9007199254740991');
    expect(read(tcp, inetMessage({ cookie: [1, 0x8000_0000] }))?.cookie).toBe('9223372036854775809');
    expect(read(tcp, inetMessage({ cookie: [0, 0] }))?.cookie).toBeNull();
  });

  test('that was closed has no owner, and one that is open and root has', () => {
    expect(read(tcp, inetMessage({ state: 6, uid: 0, inode: 0 }))).toMatchObject({
      state: 'time-wait',
      inode: 0,
      uid: null,
    });
    expect(read(tcp, inetMessage({ uid: 0 }))?.uid).toBe(0);
  });

  test('that is raw has a protocol where others have a port', () => {
    const raw = decodeInet(null, 'raw');
    const seen = (protocol: number) => read(raw, inetMessage({ state: 7, ports: [protocol, 0], local: [0, 0, 0, 0] }));
    expect(seen(1)).toMatchObject({ protocol: 'icmp', localPort: null, localAddress: '0.0.0.0', state: 'close' });
    expect(seen(253)?.protocol).toBe('protocol 253');
  });

  test('in a state of a kernel to come is still shown', () => {
    expect(read(tcp, inetMessage({ state: 99 }))?.state).toBe('state 99');
  });
});

describe('a unix socket', () => {
  test('with a path is bound to that, up to its end', () => {
    const bound = read(decodeUnix, unixMessage('/run/x.sock\0rest', [4, words(1, 5)], [7, words(33)]));
    expect(bound).toMatchObject({
      family: 'unix',
      type: 'stream',
      protocol: '',
      state: 'listen',
      inode: 333,
      cookie: '7',
    });
    expect(bound).toMatchObject({
      localAddress: '/run/x.sock',
      receiveQueue: 1,
      sendQueue: 5,
      uid: 33,
      peerInode: null,
    });
    expect(bound).not.toHaveProperty('rawLocalAddress');
  });

  test.each([
    ['\0name', '@name', undefined],
    ['\0name\0\0', '@name', '\\x00name\\x00\\x00'],
    ['\0\0\0', '@', '\\x00\\x00\\x00'],
    ['\0a\0b', '@a\\x00b', '\\x00a\\x00b'],
    ['\0\x1b[2J\u0007', '@\\x1b[2J\\x07', '\\x00\\x1b[2J\\x07'],
    ['/tmp/\x1b]0;owned\x07\n', '/tmp/\\x1b]0;owned\\x07\\x0a', '/tmp/\\x1b]0;owned\\x07\\x0a'],
    ['/tmp/\xe2\x80\xaegpj', '/tmp/\\u202egpj', '/tmp/\\xe2\\x80\\xaegpj'],
    ['/tmp/\xff\xfe', '/tmp/\\xff\\xfe', '/tmp/\\xff\\xfe'],
    ['/tmp/\xc3\xa9', '/tmp/é', undefined],
  ])('named %j is shown as %j', (name, text, raw) => {
    const { localAddress, rawLocalAddress } = read(decodeUnix, unixMessage(name)) ?? {};
    expect([localAddress, rawLocalAddress]).toEqual([text, raw]);
  });

  test('whose path looks like an abstract name says so', () => {
    expect(read(decodeUnix, unixMessage('@name\0'))?.notes).toEqual(['a relative path, not an abstract name']);
    expect(read(decodeUnix, unixMessage('\0name'))?.notes).toEqual([]);
  });

  test('without a name has none, and knows its peer', () => {
    expect(read(decodeUnix, unixMessage(null, [2, words(444)]))).toMatchObject({ localAddress: null, peerInode: 444 });
    expect(read(decodeUnix, unixMessage(null, [2, words(0)]))?.peerInode).toBeNull();
  });

  test('names who waits to be accepted, the first few of many', () => {
    const message = unixMessage(null, [3, words(71, 0, 73)]);
    expect(decodePending(message, 0, message.length)).toEqual([71, 0, 73]);
    expect(describePending([71, 0])).toBe('waiting to be accepted: inode 71, one that is gone');
    expect(describePending(Array.from({ length: 10 }, (_, index) => index + 1))).toMatch(/inode 8 and 2 more$/);
  });
});

/** struct packet_diag_msg */
function packetMessage(type: number, protocol: number, ...attrs: readonly (readonly [number, Uint8Array])[]): Buffer {
  const head = Buffer.from([17, type, protocol & 0xff, protocol >> 8]);
  return Buffer.concat([head, words(333, 7, 0), attributes(...attrs)]);
}

describe('a packet socket', () => {
  const RUNNING = 1;

  test('says what it receives, where from and how', () => {
    const message = packetMessage(
      3,
      3,
      [0, words(4, 2, 0, 0, 0, RUNNING)],
      [5, words(33)],
      [2, words(4096, 8, 2048, 16, 0, 0, 0)],
      [4, words(0x0003_004d)],
      [6, words(640, 0, 64)],
    );
    expect(read(decodePacket, message)).toMatchObject({
      family: 'packet',
      type: 'raw',
      protocol: 'all',
      state: 'close',
      ifindex: 4,
      uid: 33,
      receiveQueue: 640,
      sendQueue: 64,
      notes: ['receive ring of 8 × 4096 bytes in frames of 2048, TPACKET_V3', 'fanout group 77 by rollover'],
    });
  });

  test.each([
    [0x0800, 'ipv4'],
    [0x0806, 'arp'],
    [0x86dd, 'ipv6'],
    [0x88cc, '0x88cc'],
    [0x000e, '0x000e'],
    [0, 'none'],
  ])('of protocol %i shows %s', (protocol, word) => {
    expect(read(decodePacket, packetMessage(2, protocol))).toMatchObject({ protocol: word, type: 'dgram' });
  });

  test('that is not bound or of the old kind says so', () => {
    expect(read(decodePacket, packetMessage(10, 3, [0, words(0, 0, 0, 0, 0, 0)]))).toMatchObject({
      type: 'raw',
      ifindex: null,
      notes: ['SOCK_PACKET', 'receives nothing'],
    });
  });

  test('shows which devices it made receive everything', () => {
    const membership = (ifindex: number, type: number) => Buffer.concat([words(ifindex, 1, type), Buffer.alloc(32)]);
    const message = packetMessage(3, 3, [1, Buffer.concat([membership(2, 1), membership(3, 0), membership(4, 2)])]);
    expect(decodeMemberships(message, 0, message.length)).toEqual([
      '7',
      ['promiscuous on ifindex 2', 'all multicast on ifindex 4'],
    ]);
  });
});

/** struct netlink_diag_msg */
function netlinkMessage(state: number, portId: number, ...attrs: readonly (readonly [number, Uint8Array])[]): Buffer {
  return Buffer.concat([Buffer.from([16, 3, 15, state]), words(portId, 55, 0, 333, 7, 0), attributes(...attrs)]);
}

describe('a netlink socket', () => {
  test('has a port id, a protocol and groups', () => {
    const message = netlinkMessage(0, 0xffff_f001, [0, words(64, 0, 32)], [1, Buffer.from([0x11, 0, 0, 0x80])]);
    expect(read(decodeNetlink, message)).toMatchObject({
      family: 'netlink',
      type: 'raw',
      protocol: 'kobject-uevent',
      state: 'close',
      localPort: 0xffff_f001,
      remotePort: null,
      receiveQueue: 64,
      sendQueue: 32,
      uid: null,
      inode: 333,
      notes: ['groups 1, 5, 32'],
    });
  });

  test('that is connected shows to what, the kernel included', () => {
    expect(read(decodeNetlink, netlinkMessage(1, 9))).toMatchObject({
      state: 'established',
      remotePort: 55,
      notes: [],
    });
  });

  test("of the kernel's own is left out", () => {
    expect(read(decodeNetlink, netlinkMessage(0, 0))).toBeNull();
  });
});

test('a vsock socket has context ids for addresses', () => {
  const message = Buffer.concat([
    Buffer.from([40, 1, 10, 0]),
    words(0xffff_ffff, 1024, 0xffff_ffff, 0xffff_ffff, 333, 7, 0),
  ]);
  expect(read(decodeVsock, message)).toMatchObject({
    family: 'vsock',
    state: 'listen',
    localAddress: '*',
    localPort: 1024,
    remoteAddress: null,
    remotePort: null,
    inode: 333,
    cookie: '7',
  });
});

test.each<[string, Decoder, Buffer, number]>([
  ['inet', decodeInet('tcp', 'stream'), inetMessage({}, [15, words(7)], [22, Buffer.from([4, 0])]), 72],
  ['unix', decodeUnix, unixMessage('/run/x', [2, words(444)], [4, words(1, 5)], [7, words(33)]), 16],
  [
    'packet',
    decodePacket,
    packetMessage(3, 3, [0, words(4, 2, 0, 0, 0, 1)], [2, words(1, 2, 3, 4, 5, 6, 7)], [6, words(1)]),
    16,
  ],
  ['netlink', decodeNetlink, netlinkMessage(0, 9, [0, words(64)], [1, words(3)]), 28],
  ['vsock', decodeVsock, Buffer.concat([Buffer.from([40, 1, 10, 0]), words(1, 2, 3, 4, 5, 6, 7)]), 32],
])('a %s message cut off anywhere is left out or loses what was cut, never more', (_, decode, message, fixed) => {
  const whole = decode(message, 0, message.length);
  expect(whole).not.toBeNull();
  for (let size = 0; size < message.length; size++) {
    const record = decode(message.subarray(0, size), 0, size);
    if (size < fixed) expect(record).toBeNull();
    else expect(record).toMatchObject({ family: whole?.family, state: whole?.state, cookie: whole?.cookie });
  }
});

const SOCKSTAT = `sockets: used 57
TCP: inuse 14 orphan 1 tw 3 alloc 22 mem 1038
UDP: inuse 2 mem 0
UDPLITE: inuse 1
RAW: inuse 4
FRAG: inuse 9 memory 9
`;
const SOCKSTAT6 = `TCP6: inuse 6
UDP6: inuse 5
UDPLITE6: inuse 0
RAW6: inuse 7
FRAG6: inuse 9 memory 9
`;

describe('the counters of a namespace', () => {
  test('are read by their names', () => {
    expect(parseCounters(SOCKSTAT, SOCKSTAT6)).toEqual({
      used: 57,
      tcp: 14 + 3 + 6,
      udp: 2,
      udp6: 5,
      udplite: 1,
      udplite6: 0,
      raw: 4,
      raw6: 7,
    });
  });

  test('are unknown where they are not told, and zero for IPv6 where the kernel has none', () => {
    expect(new Set(Object.values(parseCounters(null, null)))).toEqual(new Set([null]));
    expect(parseCounters(SOCKSTAT, null)).toMatchObject({ tcp: 17, udp: 2, udp6: 0, raw6: 0 });
    expect(parseCounters('sockets: used 4\nTCP: in', SOCKSTAT6)).toMatchObject({
      used: 4,
      tcp: null,
      udp: null,
      udp6: 5,
    });
  });
});

const NOTHING_COUNTED = parseCounters(
  SOCKSTAT.replace(/(inuse|tw|used) \d+/g, '$1 0'),
  SOCKSTAT6.replace(/inuse \d+/g, 'inuse 0'),
);

describe('what is asked for', () => {
  test('is nothing where nothing is counted', () => {
    expect(countedQuestions(NOTHING_COUNTED, null)).toEqual([]);
  });

  test('is TCP where all that is left is in TIME_WAIT', () => {
    const counters = parseCounters(
      'sockets: used 0\nTCP: inuse 0 orphan 0 tw 1 alloc 0 mem 0\nUDP: inuse 0 mem 0\n',
      '',
    );
    expect(countedQuestions({ ...NOTHING_COUNTED, tcp: 1 }, { inodes: new Set(), mptcp: false })).toEqual(['tcp']);
    expect(counters.used).toBe(0);
  });

  test('is all that may be there where nothing is told, and UDP-Lite only where it is certain', () => {
    const asked = countedQuestions(parseCounters(null, null), null);
    expect(asked).toEqual(['tcp', 'mptcp', 'mptcp6', 'udp', 'udp6', 'raw', 'raw6']);
    expect(countedQuestions({ ...NOTHING_COUNTED, udplite6: 1 }, null)).toEqual(['udplite6']);
  });

  test('is MPTCP only where somebody has such a socket', () => {
    const sighting = (ino: number, inode: number, protocol: number): DescriptorSighting => ({
      ino,
      holder: { kind: 'socket', pid: 1, fd: 3, inode, family: 'inet6', type: 'stream', protocol, listening: false },
    });
    const sightings = [sighting(500, 1, 262), sighting(500, 1, 262), sighting(500, 2, 6), sighting(501, 3, 6)];
    const descriptors = { sightings, leads: [], mountNamespaces: [] };
    expect(openSockets(descriptors, 500)).toEqual({ inodes: new Set([1, 2]), mptcp: true });
    expect(openSockets(descriptors, 502)).toEqual({ inodes: new Set(), mptcp: false });
    expect(openSockets(undefined, 500)).toBeNull();
    const tcp = { ...NOTHING_COUNTED, tcp: 2 };
    expect(countedQuestions(tcp, openSockets(descriptors, 500))).toEqual(['tcp', 'mptcp', 'mptcp6']);
    expect(countedQuestions(tcp, openSockets(descriptors, 501))).toEqual(['tcp']);
  });
});

describe('the processes of a socket', () => {
  const NETNS = 500;
  const record = (inode: number): SocketRecord => {
    const found = read(decodeInet('tcp', 'stream'), inetMessage({ inode }));
    if (found === null) throw new Error('no record');
    return found;
  };
  const pin = (over: Partial<KernelPin>): KernelPin => ({
    place: 'descriptor',
    kind: 'socket',
    netns: NETNS,
    pid: 200,
    tid: 200,
    fd: 5,
    inode: 333,
    slot: 0,
    taskNetns: 1,
    deviceNetns: 0,
    ifindex: 0,
    family: 2,
    type: 1,
    protocol: 6,
    state: 10,
    localPort: 80,
    remotePort: 0,
    receiveQueue: 0,
    sendQueue: 0,
    local: '',
    remote: '',
    ...over,
  });
  const task = (pid: number, comm: string): KernelTask => ({
    tid: pid,
    pid,
    parent: 1,
    uid: 0,
    startTicks: 1,
    kernelThread: false,
    zombie: false,
    netns: 1,
    mountNamespace: 1,
    userNamespace: 1,
    pidNamespace: 1,
    mountEvent: 0,
    comm,
    cgroups: 0,
  });
  const kernel = (pins: readonly KernelPin[], ...tasks: readonly KernelTask[]): KernelData => ({
    namespaces: [],
    devices: [],
    stack: [],
    tasks,
    pins,
    hostWide: true,
    at: 0,
  });
  const descriptors = (
    sockets: readonly (readonly [number, readonly { readonly pid: number; readonly fd: number }[]])[],
    ...unread: readonly number[]
  ) => ({ sightings: [], leads: [], mountNamespaces: [], sockets: new Map(sockets), unread });
  const tasks = tasksSeen([aTask({ pid: 100, comm: 'server' }), aTask({ pid: 101, comm: 'worker' })]);
  const processesOf = (gathered: Gathered, inode = 333) =>
    withProcesses([record(inode)], NETNS, gathered)[0]?.processes;

  test('are all that have it open, duplicates included', () => {
    const open = [
      { pid: 100, fd: 3 },
      { pid: 100, fd: 4 },
      { pid: 101, fd: 3 },
    ];
    expect(processesOf({ tasks, descriptors: descriptors([[333, open]]) })).toEqual([
      { pid: 100, fd: 3, comm: 'server' },
      { pid: 100, fd: 4, comm: 'server' },
      { pid: 101, fd: 3, comm: 'worker' },
    ]);
  });

  test('are those of both views, each descriptor once', () => {
    const pins = [pin({ pid: 100, fd: 3 }), pin({}), pin({ pid: 300, fd: 9 })];
    const gathered = {
      tasks,
      descriptors: descriptors([[333, [{ pid: 100, fd: 3 }]]]),
      kernel: kernel(pins, task(200, 'hidden')),
    };
    expect(processesOf(gathered)).toEqual([
      { pid: 100, fd: 3, comm: 'server' },
      { pid: 200, fd: 5, comm: 'hidden' },
      { pid: 300, fd: 9, comm: '?' },
    ]);
  });

  test('are not those of another namespace, nor what holds a socket without a descriptor', () => {
    const pins = [pin({ netns: 501 }), pin({ place: 'inflight' }), pin({ kind: 'tun' }), pin({ inode: 334 })];
    expect(processesOf({ tasks, descriptors: descriptors([]), kernel: kernel(pins) })).toEqual([]);
  });

  test('are none for certain where every process was read, by one view or the other', () => {
    expect(processesOf({ tasks, descriptors: descriptors([]) })).toEqual([]);
    expect(processesOf({ tasks, descriptors: descriptors([], 1), kernel: kernel([], task(1, 'init')) })).toEqual([]);
    // A connection nobody accepted yet, or nobody has any more.
    expect(processesOf({}, 0)).toEqual([]);
  });

  test('are unknown where somebody was out of sight', () => {
    expect(processesOf({})).toBeNull();
    expect(processesOf({ tasks })).toBeNull();
    expect(processesOf({ descriptors: descriptors([]) })).toBeNull();
    expect(processesOf({ tasks, descriptors: { sightings: [], leads: [], mountNamespaces: [] } })).toBeNull();
    expect(processesOf({ tasks, descriptors: descriptors([], 1) })).toBeNull();
    expect(processesOf({ tasks, descriptors: descriptors([], 1), kernel: kernel([], task(2, 'x')) })).toBeNull();
    const partial = { ...kernel([], task(1, 'init')), hostWide: false };
    expect(processesOf({ tasks, descriptors: descriptors([], 1), kernel: partial })).toBeNull();
    expect(processesOf({ tasks: { ...tasks, narrowed: true }, descriptors: descriptors([]) })).toBeNull();
    // Somebody who was in sight has it nevertheless.
    expect(processesOf({ tasks, descriptors: descriptors([[333, [{ pid: 100, fd: 3 }]]], 1) })).toHaveLength(1);
  });
});
