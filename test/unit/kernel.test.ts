import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  decodeDevices,
  decodeNamespaces,
  decodePins,
  decodeStack,
  decodeTasks,
  type KernelNamespace,
  RECORD,
  Remembered,
} from '../../collectors/kernel/decode.ts';
import { diagnose, parseConfinement, parseLockdown } from '../../collectors/kernel/diagnose.ts';
import { BpfError } from '../../src/os/bpf.ts';
import { conclusion } from '../../src/os/libbpf.ts';

/** Bytes that nothing overwrites: a field read from the wrong place shows them, or another field. */
const UNTOUCHED = 0xee;

/** A record of records.h, written by the offsets in its comments. Letters tell the width: u8, u16, u32, u64. */
function record(
  size: number,
  fields: readonly (readonly [at: number, type: 'u8' | 'u16' | 'u32' | 'u64' | 'text' | 'hex', value: unknown])[],
): Buffer {
  const bytes = Buffer.alloc(size, UNTOUCHED);
  for (const [at, type, value] of fields) {
    if (type === 'u8') bytes.writeUInt8(Number(value), at);
    else if (type === 'u16') bytes.writeUInt16LE(Number(value), at);
    else if (type === 'u32') bytes.writeUInt32LE(Number(value) >>> 0, at);
    else if (type === 'u64') bytes.writeBigUInt64LE(BigInt(value as bigint), at);
    else bytes.write(`${String(value)}`, at, type === 'hex' ? 'hex' : 'latin1');
  }
  return bytes;
}

const UNKNOWN = 0x8000_0000;

const NAMESPACE = record(RECORD.namespace, [
  [0, 'u64', 0x1122_3344_5566_7788n],
  [8, 'u64', 0x0fed_cba9_8765_4321n],
  [16, 'u32', 4026532177],
  [20, 'u32', 21],
  [24, 'u32', 22],
  [28, 'u32', 23],
  [32, 'u32', 4026531837],
  [36, 'u32', 100_001],
  [40, 'u32', 0],
]);

describe('decodeNamespaces', () => {
  const decoded = {
    ino: 4026532177,
    cookie: '1234605616436508552',
    id: 0x0fed_cba9_8765_4321n,
    count: 21,
    passive: 22,
    active: 23,
    owner: { userNamespace: 4026531837, uid: 100_001 },
    departed: false,
  };

  test('reads every field from where records.h puts it', () => {
    expect(decodeNamespaces(NAMESPACE, 1)).toEqual([decoded]);
  });

  test('is decoded again only where it is another', () => {
    const memory = new Remembered<KernelNamespace>();
    const two = Buffer.concat([NAMESPACE, NAMESPACE]);
    const [first, second] = decodeNamespaces(two, 2, memory);
    const changed = Buffer.from(two);
    changed.writeUInt32LE(77, RECORD.namespace + 16);
    const [same, other] = decodeNamespaces(changed, 2, memory);
    expect(same).toBe(first);
    expect(other).toEqual({ ...second, ino: 77 });
    // Fewer, and more again: what is not remembered is decoded.
    expect(decodeNamespaces(changed, 1, memory)).toEqual([first]);
    expect(decodeNamespaces(two, 2, memory)).toEqual([first, second]);
  });

  test('numbers this kernel does not keep are null, dead and leaking counts are themselves', () => {
    const old = Buffer.from(NAMESPACE);
    old.fill(0, 0, 16); // neither cookie nor id
    old.writeUInt32LE(UNKNOWN, 20);
    old.writeUInt32LE(UNKNOWN, 28);
    old.writeUInt32LE(1, 40);
    expect(decodeNamespaces(old, 1)).toEqual([
      { ...decoded, cookie: null, id: null, count: null, active: null, departed: true },
    ]);
    const dead = Buffer.from(NAMESPACE);
    dead.writeInt32LE(0, 20);
    dead.writeInt32LE(-1, 24);
    dead.writeInt32LE(-5, 28);
    expect(decodeNamespaces(dead, 1)).toMatchObject([{ count: 0, passive: -1, active: -5 }]);
  });

  test('reads as many as it is told, and never more than there are bytes for', () => {
    const other = Buffer.from(NAMESPACE);
    other.writeUInt32LE(7, 16);
    const two = Buffer.concat([NAMESPACE, other]);
    const inos = (bytes: Buffer, count: number) => decodeNamespaces(bytes, count).map(({ ino }) => ino);
    expect(inos(two, 0)).toEqual([]);
    expect(inos(two, 1)).toEqual([4026532177]);
    expect(inos(two, 2)).toEqual([4026532177, 7]);
    expect(inos(two, 1_000_000)).toEqual([4026532177, 7]);
    expect(inos(two.subarray(0, 95), 2)).toEqual([4026532177]);
    expect(inos(two.subarray(0, 47), 2)).toEqual([]);
    expect(inos(Buffer.alloc(0), 2)).toEqual([]);
  });

  test('reads memory that does not begin where its buffer does', () => {
    const shifted = Buffer.concat([Buffer.alloc(8), NAMESPACE]).subarray(8);
    expect(decodeNamespaces(shifted, 1)).toEqual([decoded]);
  });
});

describe('decodeDevices', () => {
  const DEVICE = record(RECORD.device, [
    [0, 'u32', 4026532177],
    [4, 'u32', 3],
    [8, 'u32', 0x1043],
    [12, 'u32', 1500],
    [16, 'u32', 5],
    [20, 'u32', 6],
    [24, 'u16', 772],
    [26, 'u8', 6],
    [27, 'u8', 1],
    [28, 'u32', 4026532999],
    [32, 'u32', 9],
    [40, 'text', 'veth-\xff\x1b[0m\0rest'],
    [56, 'text', 'veth\0'],
    [72, 'hex', '0242ac110002'],
  ]);
  const decoded = {
    netns: 4026532177,
    ifindex: 3,
    flags: 0x1043,
    mtu: 1500,
    references: 5,
    operstate: 6,
    type: 772,
    registration: 1,
    peer: { netns: 4026532999, ifindex: 9 },
    // Safe to draw, and the bytes beside it.
    name: 'veth-\\xff\\x1b[0m',
    rawName: 'veth-\\xff\\x1b[0m',
    kind: 'veth',
    address: '02:42:ac:11:00:02',
  };

  test('reads every field from where records.h puts it', () => {
    expect(decodeDevices(DEVICE, 1)).toEqual([decoded]);
    expect(decodeDevices(DEVICE.subarray(0, 103), 1)).toEqual([]);
  });

  test('names fill their 16 bytes, and an address longer than its memory is cut', () => {
    const full = Buffer.from(DEVICE);
    full.write('abcdefghijklmnopponmlkjihgfedcba', 40, 'latin1');
    full.writeUInt8(255, 26);
    full.fill(0xab, 72, 104);
    expect(decodeDevices(full, 1)).toMatchObject([
      { name: 'abcdefghijklmnop', kind: 'ponmlkjihgfedcba', address: Array(32).fill('ab').join(':') },
    ]);
  });

  test('what it does not have is null or empty', () => {
    const bare = Buffer.from(DEVICE);
    bare.writeUInt32LE(UNKNOWN, 16);
    bare.writeUInt8(0, 26);
    bare.writeUInt32LE(0, 32);
    bare[56] = 0;
    expect(decodeDevices(bare, 1)).toEqual([{ ...decoded, references: null, peer: null, kind: '', address: '' }]);
  });
});

test('decodeStack reads every field from where records.h puts it', () => {
  const pair = record(RECORD.stack, [
    [0, 'u32', 4026532177],
    [4, 'u32', 11],
    [8, 'u32', 4026531840],
    [12, 'u32', 12],
    [16, 'u32', 1],
  ]);
  const decoded = { netns: 4026532177, ifindex: 11, lowerNetns: 4026531840, lowerIfindex: 12, master: true };
  expect(decodeStack(pair, 1)).toEqual([decoded]);
  pair.writeUInt32LE(0, 16);
  expect(decodeStack(pair, 1)).toEqual([{ ...decoded, master: false }]);
  expect(decodeStack(pair.subarray(0, 23), 1)).toEqual([]);
});

describe('decodeTasks', () => {
  const TASK = record(RECORD.task, [
    [0, 'u64', 987_654_321_987_654_321n],
    [8, 'u64', 0x1_0000_0007n],
    [16, 'u32', 4712],
    [20, 'u32', 4711],
    [24, 'u32', 4000],
    [28, 'u32', 1000],
    [32, 'u32', 0x0040_0000],
    [36, 'u32', 0],
    [40, 'u32', 4026532177],
    [44, 'u32', 4026532178],
    [48, 'u32', 4026532179],
    [52, 'u32', 4026532180],
    [56, 'text', 'sleep\0\0\0'],
    [72, 'u64', 0x8880_1234_5678n],
  ]);
  const decoded = {
    tid: 4712,
    pid: 4711,
    parent: 4000,
    uid: 1000,
    startTicks: 98_765_432_198,
    kernelThread: false,
    zombie: false,
    netns: 4026532177,
    mountNamespace: 4026532178,
    userNamespace: 4026532179,
    pidNamespace: 4026532180,
    mountEvent: 2 ** 32 + 7,
    comm: 'sleep',
    cgroups: 0x8880_1234_5678,
  };

  test('reads every field from where records.h puts it', () => {
    expect(decodeTasks(TASK)).toEqual([decoded]);
  });

  test('knows kernel threads and zombies', () => {
    const other = Buffer.from(TASK);
    other.writeUInt32LE(0x0060_0000, 32);
    other.writeUInt32LE(16, 36);
    expect(decodeTasks(other)).toEqual([{ ...decoded, kernelThread: true, zombie: true }]);
  });

  test('leaves out tasks without a number, and half a record at the end', () => {
    const unborn = Buffer.from(TASK);
    unborn.writeUInt32LE(0, 16);
    const buried = Buffer.from(TASK);
    buried.writeUInt32LE(0, 20);
    expect(decodeTasks(Buffer.concat([unborn, TASK, buried, TASK.subarray(0, 71)]))).toEqual([decoded]);
    expect(decodeTasks(Buffer.alloc(0))).toEqual([]);
  });
});

describe('decodePins', () => {
  const PIN = record(RECORD.file, [
    [0, 'u32', 4711],
    [4, 'u32', 4712],
    [8, 'u32', 13],
    [12, 'u8', 2],
    [13, 'u8', 3],
    [14, 'u8', 10],
    [16, 'u32', 4026532177],
    [20, 'u32', 4026532178],
    [24, 'u64', 0x2_0000_0009n],
    [32, 'u32', 14],
    [36, 'u32', 15],
    [40, 'u16', 10],
    [42, 'u16', 1],
    [44, 'u16', 262],
    [46, 'u16', 8080],
    [48, 'u16', 40_001],
    [52, 'u32', 16],
    [56, 'u32', 17],
    [60, 'u32', 4026532179],
    [64, 'hex', '000102030405060708090a0b0c0d0e0f'],
    [80, 'hex', '101112131415161718191a1b1c1d1e1f'],
  ]);
  const decoded = {
    place: 'unaccepted',
    kind: 'socket',
    netns: 4026532177,
    pid: 4711,
    tid: 4712,
    fd: 13,
    inode: 2 ** 33 + 9,
    slot: 14,
    taskNetns: 4026532179,
    deviceNetns: 4026532178,
    ifindex: 15,
    family: 10,
    type: 1,
    protocol: 262,
    state: 10,
    localPort: 8080,
    remotePort: 40_001,
    receiveQueue: 16,
    sendQueue: 17,
    local: '000102030405060708090a0b0c0d0e0f',
    remote: '101112131415161718191a1b1c1d1e1f',
  };

  test('reads every field from where records.h puts it', () => {
    expect(decodePins(PIN)).toEqual([decoded]);
    expect(decodePins(Buffer.concat([PIN, PIN]), 1)).toEqual([decoded]);
    expect(decodePins(PIN.subarray(0, 95))).toEqual([]);
  });

  const altered = (at: number, value: number): Buffer => {
    const bytes = Buffer.from(PIN);
    bytes.writeUInt8(value, at);
    return bytes;
  };

  test.each([
    [1, 'nsfs'],
    [2, 'socket'],
    [3, 'tun'],
    [4, 'tap'],
    [5, 'procfile'],
    [6, 'nothing'],
    [255, 'nothing'],
  ])('kind %d is %s', (number, kind) => {
    expect(decodePins(altered(12, number))).toEqual([{ ...decoded, kind }]);
  });

  test.each([
    [1, 'descriptor'],
    [2, 'inflight'],
    [3, 'unaccepted'],
    [4, 'registered'],
    [5, 'mapped'],
    [6, 'link'],
    [7, 'orphan'],
    [8, 'nowhere'],
    [255, 'nowhere'],
  ])('place %d is %s', (number, place) => {
    expect(decodePins(altered(13, number))).toEqual([{ ...decoded, place }]);
  });

  test('what is mapped has descriptor -1', () => {
    const mapped = Buffer.from(PIN);
    mapped.writeInt32LE(-1, 8);
    expect(decodePins(mapped)).toMatchObject([{ fd: -1 }]);
  });
});

test.each([
  ['none integrity [confidentiality]\n', 'confidentiality'],
  ['none [integrity] confidentiality\n', 'integrity'],
  ['[none] integrity confidentiality\n', null],
  ['[confidentiality', null],
  ['confidentiality]', null],
  ['[]', null],
  ['', null],
])('parseLockdown of %j is %j', (text, mode) => {
  expect(parseLockdown(text)).toBe(mode);
});

describe('parseConfinement', () => {
  const status = (effective: string, seccomp = 0) =>
    `Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${effective}\nSeccomp:\t${seccomp}\nSeccomp_filters:\t2\n`;

  test.each([
    ['000001ffffffffff', []],
    ['000000c000000000', []],
    ['0000000000200000', []],
    ['0000008000000000', ['CAP_PERFMON']],
    ['0000004000000000', ['CAP_BPF']],
    ['000001ffffdfffff', []],
    ['0000003fffdfffff', ['CAP_BPF', 'CAP_PERFMON']],
    ['0000000000000000', ['CAP_BPF', 'CAP_PERFMON']],
  ])('with %s it lacks %j', (effective, lacks) => {
    expect(parseConfinement(status(effective))).toEqual({ lacks, filtered: false });
  });

  test.each([
    [0, false],
    [1, false],
    [2, true],
  ])('seccomp mode %d is a filter: %j', (mode, filtered) => {
    expect(parseConfinement(status('000001ffffffffff', mode))).toEqual({ lacks: [], filtered });
  });

  test.each(['', 'CapEff:\t\nSeccomp:\n', 'CapEff:\tzz\n', 'xCapEff:\t0\n'])('%j says nothing', (text) => {
    expect(parseConfinement(text)).toEqual({ lacks: [], filtered: false });
  });
});

describe('conclusion of a verifier log', () => {
  const STATISTICS =
    'processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n';

  test.each([
    ['Linux 6.1', `; u64 a;\n1: (85) call bpf_probe_read#4\nunknown func bpf_probe_read#4\n${STATISTICS}`],
    [
      'Linux 7.3',
      `1: (85) call bpf_probe_read#4\nunknown func bpf_probe_read#4\n\nVerification failed: Policy: Operation is not allowed\n
Reason:\n  The helper is not allowed\n\nSuggestion:\n  Use a helper allowed for this program type\n\n${STATISTICS}`,
    ],
    ['with time and depth', `unknown func bpf_probe_read#4\nverification time 7 usec\nstack depth 8+0\n${STATISTICS}`],
    ['cut off', 'R1=ctx() R10=fp0\nunknown func bpf_probe_read#4'],
  ])('%s', (_, log) => {
    expect(conclusion(log)).toBe('unknown func bpf_probe_read#4');
  });

  test('is empty where the verifier said nothing', () => {
    expect(conclusion('')).toBe('');
    expect(conclusion(STATISTICS)).toBe('');
  });
});

describe('diagnose', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nsleuth-test-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  /** A host on which nothing is in the way. */
  const HOST = {
    release: '6.12.48+deb13-amd64',
    btf: file('btf', ''),
    lockdown: file('open', '[none] integrity confidentiality\n'),
    status: file('root', 'CapEff:\t000001ffffffffff\nSeccomp:\t0\n'),
  };
  const locked = file('locked', 'none integrity [confidentiality]\n');
  const integrity = file('integrity', 'none [integrity] confidentiality\n');
  const nobody = file('nobody', 'CapEff:\t0000000000000000\nSeccomp:\t0\n');
  const filtered = file('filtered', 'CapEff:\t000001ffffffffff\nSeccomp:\t2\n');
  const missing = join(directory, 'missing');
  const HELPER = 'program of this type cannot use helper bpf_probe_read#4';

  test.each([
    ['5.10.0-46-amd64', 'Linux 5.10.0-46-amd64 is too old (EINVAL)'],
    ['5.13.19', 'Linux 5.13.19 is too old (EINVAL)'],
    ['4.18.0-553.el8.x86_64', 'Linux 4.18.0-553.el8.x86_64 is too old (EINVAL)'],
    ['5.14.0-570.el9.x86_64', 'the kernel refused the probe (EINVAL)'],
    ['6.0.0', 'the kernel refused the probe (EINVAL)'],
    ['10.1.2', 'the kernel refused the probe (EINVAL)'],
  ])('Linux %s', (release, reason) => {
    expect(diagnose(new BpfError('load', 'EINVAL'), { ...HOST, release }).reason).toBe(reason);
  });

  test.each([
    ['too old comes before everything', { release: '5.10.1', btf: missing, lockdown: locked }, /too old .*5\.14$/],
    ['no BTF', { btf: missing, status: nobody }, /no BTF, .*missing is missing .*CONFIG_DEBUG_INFO_BTF$/],
    ['root does not help where the kernel is locked down', { lockdown: locked, status: nobody }, /lockdown=conf/],
    ['integrity does not keep BPF from reading', { lockdown: integrity }, /refused the probe .*kernel version$/],
    ['files that cannot be read explain nothing', { lockdown: missing, status: missing }, /refused the probe/],
    ['capabilities, whatever the errno', { status: nobody }, /without CAP_BPF and CAP_PERFMON .*EINVAL.* as root$/],
    ["the verifier's word is no seccomp filter's", { status: filtered }, /the kernel refused the probe/],
  ])('%s', (_, facts, expected) => {
    const { reason, cure } = diagnose(new BpfError('load', 'EINVAL', HELPER), { ...HOST, ...facts });
    expect(`${reason} ${cure}`).toMatch(expected);
  });

  test('lockdown is named with what the verifier made of it', () => {
    expect(diagnose(new BpfError('load', 'EINVAL', HELPER), { ...HOST, lockdown: locked })).toEqual({
      reason: `kernel lockdown (confidentiality) forbids reading kernel memory (EINVAL: ${HELPER})`,
      cure: 'boot without lockdown=confidentiality',
    });
  });

  test.each([
    ['library', 'libbpf.so.1: no such file', /^libbpf\.so\.1: no such file install libbpf1/],
    ['open', 'LIBBPF_ERRNO__FORMAT', /^the probe is damaged \(LIBBPF_ERRNO__FORMAT\) reinstall nsleuth$/],
    ['load', 'EPERM', /^the kernel refused the probe \(EPERM\) needs the initial user namespace/],
    ['load', 'EACCES', /^the kernel refused the probe \(EACCES\) needs leave from security modules/],
    ['load', 'ENOSYS', /^the kernel refused the probe \(ENOSYS\) needs a kernel with CONFIG_BPF_SYSCALL$/],
    ['attach', 'EMFILE', /^the kernel refused the probe \(EMFILE\) needs more open files/],
  ] as const)('%s: %s', (step, code, expected) => {
    const { reason, cure } = diagnose(new BpfError(step, code), HOST);
    expect(`${reason} ${cure}`).toMatch(expected);
  });

  test('a probe that cannot be read', () => {
    const error = (code: string) => Object.assign(new Error(`${code}: open`), { code });
    expect(diagnose(error('ENOENT'), HOST)).toEqual({
      reason: 'the probe cannot be read: ENOENT: open',
      cure: 'reinstall nsleuth',
    });
    expect(diagnose(error('EMFILE'), HOST).cure).toBe('needs more open files: raise ulimit -n');
    expect(diagnose('thrown', HOST).reason).toBe('the probe cannot be read: thrown');
  });
});
