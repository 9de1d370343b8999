/**
 * Decodes the probe's records (records.h, whose comments give every offset): pure, over the bytes that came from the
 * kernel in this machine's byte order. All of them are fixed in size and aligned to 8, so numbers are read as words.
 */
import type { SafeText } from '../../src/model/index.ts';
import { type Sanitised, sanitise } from '../../src/terminal/sanitise.ts';

/** Bytes of each record. */
export const RECORD = { namespace: 48, device: 104, stack: 24, task: 80, file: 96, open: 16 } as const;

/** A number this kernel does not keep (UNKNOWN, records.h). */
const UNKNOWN = -0x8000_0000;
const PF_KTHREAD = 0x0020_0000;
const NANOSECONDS_PER_TICK = 10_000_000;
const HIGH = 2 ** 32;

/** A network namespace on the kernel's own list, or one that left it while its memory is in use. */
export interface KernelNamespace {
  readonly ino: number;
  /** Decimal `net_cookie`; null before Linux 5.12. */
  readonly cookie: string | null;
  /** nsfs id, for opening by handle; null before Linux 6.18. */
  readonly id: bigint | null;
  /** References. At zero it is dead and waits for teardown. Null where this kernel's field is not known. */
  readonly count: number | null;
  /** References to its memory alone. */
  readonly passive: number;
  /** From Linux 6.19: what listns(2) and handles go by. */
  readonly active: number | null;
  /** User namespace that owns it, and the uid that created that, as the initial user namespace has it. */
  readonly owner: { readonly userNamespace: number; readonly uid: number };
  /** It was on the list in an earlier walk, is not any more, and its memory has not been freed. */
  readonly departed: boolean;
}

/** A device, by (netns, ifindex). */
export interface KernelDevice {
  readonly netns: number;
  readonly ifindex: number;
  readonly name: SafeText;
  readonly rawName?: string;
  /** `rtnl_link_ops->kind`; empty for physical devices and the loopback. */
  readonly kind: SafeText;
  readonly flags: number;
  readonly mtu: number;
  /** IF_OPER_… (RFC 2863). */
  readonly operstate: number;
  /** NETREG_… (include/linux/netdevice.h). */
  readonly registration: number;
  /** ARPHRD_… */
  readonly type: number;
  /** Colon-separated, lower case; empty when it has none. */
  readonly address: string;
  /** Sum of its per-CPU reference counts; 1 is the baseline. Null where the kernel does not give it away. */
  readonly references: number | null;
  /** The other end of a veth or netkit. */
  readonly peer: { readonly netns: number; readonly ifindex: number } | null;
}

/** One device stacked on another, in whatever namespaces they are. */
export interface KernelStacking {
  readonly netns: number;
  readonly ifindex: number;
  readonly lowerNetns: number;
  readonly lowerIfindex: number;
  /** The upper one is a bridge, bond or the like, and the lower one its port. */
  readonly master: boolean;
}

/** A task, as the kernel's own iterator has it. Numbers are those of our pid namespace. */
export interface KernelTask {
  readonly tid: number;
  readonly pid: number;
  readonly parent: number;
  /** Effective, as the initial user namespace has it. */
  readonly uid: number;
  /** Clock ticks after boot, what field 22 of `/proc/<pid>/stat` holds. */
  readonly startTicks: number;
  readonly kernelThread: boolean;
  readonly zombie: boolean;
  /** 0 when it has none any more. */
  readonly netns: number;
  readonly mountNamespace: number;
  readonly userNamespace: number;
  readonly pidNamespace: number;
  /** Changes whenever a mount in its mount namespace does. */
  readonly mountEvent: number;
  readonly comm: SafeText;
  readonly rawComm?: string;
  /** The same for tasks that are in the same cgroups, in every hierarchy; 0 where that is not known. */
  readonly cgroups: number;
}

const KINDS = ['nothing', 'nsfs', 'socket', 'tun', 'tap', 'procfile'] as const;
const PLACES = ['nowhere', 'descriptor', 'inflight', 'unaccepted', 'registered', 'mapped', 'link', 'orphan'] as const;

/** Something that pins a namespace, and by what it is alive itself. See `enum file_place` in records.h. */
export interface KernelPin {
  readonly place: (typeof PLACES)[number];
  readonly kind: (typeof KINDS)[number];
  readonly netns: number;
  /** Whose descriptor or mapping; 0 for links and orphans. */
  readonly pid: number;
  /** Differs from `pid` for a thread with a descriptor table of its own. */
  readonly tid: number;
  /** The descriptor it was reached by; -1 where there is none. */
  readonly fd: number;
  /** Inode of the file; of what carries it, for what is in flight or registered. */
  readonly inode: number;
  /** Position in a queue or table; a link's id. */
  readonly slot: number;
  /** Network namespace the task itself is in. */
  readonly taskNetns: number;
  /** Of a tun: where its device is, and which it is. */
  readonly deviceNetns: number;
  readonly ifindex: number;
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
  /** TCP_… (include/net/tcp_states.h), which other families use as well. */
  readonly state: number;
  readonly localPort: number;
  readonly remotePort: number;
  /** Bytes waiting; of a listening socket, connections. */
  readonly receiveQueue: number;
  readonly sendQueue: number;
  /** 16 bytes each as hexadecimal; IPv4 in the first four. */
  readonly local: string;
  readonly remote: string;
}

/** The same memory as 32-bit words. */
function words(bytes: Buffer): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
}

function known(value: number): number | null {
  const signed = value | 0;
  return signed === UNKNOWN ? null : signed;
}

function named({ text: name, raw }: Sanitised): Pick<KernelDevice, 'name' | 'rawName'> {
  return raw === undefined ? { name } : { name, rawName: raw };
}

function called({ text: comm, raw }: Sanitised): Pick<KernelTask, 'comm' | 'rawComm'> {
  return raw === undefined ? { comm } : { comm, rawComm: raw };
}

/** A NUL-terminated name, one character a byte. */
function text(bytes: Buffer, start: number, size: number): string {
  let end = start;
  while (end < start + size && bytes[end] !== 0) end++;
  return bytes.toString('latin1', start, end);
}

/**
 * What was decoded last, and from which bytes: most of what is read once a second is what it was before, and comparing
 * costs a fraction of decoding.
 */
export class Remembered<Item> {
  words = new Uint32Array(0);
  items: readonly Item[] = [];
}

function sameWords(a: Uint32Array, b: Uint32Array, from: number, length: number): boolean {
  for (let at = from; at < from + length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** `count` records of `size` bytes each; never more than there is memory for. */
function decode<Item>(
  bytes: Buffer,
  size: number,
  count: number,
  memory: Remembered<Item> | undefined,
  one: (at: number, word: number) => Item,
): Item[] {
  const items: Item[] = [];
  const view = words(bytes);
  const most = Math.min(count, Math.floor(bytes.length / size));
  for (let index = 0; index < most; index++) {
    const word = (index * size) >>> 2;
    const before = memory?.items[index];
    const same = before !== undefined && memory !== undefined && sameWords(view, memory.words, word, size >>> 2);
    items.push(same ? before : one(index * size, word));
  }
  if (memory !== undefined) {
    // A copy: the memory is the kernel's, or a buffer that is used again.
    memory.words = view.slice(0, (most * size) >>> 2);
    memory.items = items;
  }
  return items;
}

export function decodeNamespaces(
  bytes: Buffer,
  count: number,
  memory?: Remembered<KernelNamespace>,
): KernelNamespace[] {
  const view = words(bytes);
  const at = (word: number): number => view[word] ?? 0;
  return decode(bytes, RECORD.namespace, count, memory, (byte, w) => {
    const cookie = bytes.readBigUInt64LE(byte);
    const id = bytes.readBigUInt64LE(byte + 8);
    return {
      ino: at(w + 4),
      cookie: cookie === 0n ? null : String(cookie),
      id: id === 0n ? null : id,
      count: known(at(w + 5)),
      passive: at(w + 6) | 0,
      active: known(at(w + 7)),
      owner: { userNamespace: at(w + 8), uid: at(w + 9) },
      departed: at(w + 10) !== 0,
    };
  });
}

function hardwareAddress(bytes: Buffer, start: number, length: number): string {
  let address = '';
  for (let at = start; at < start + Math.min(length, 32); at++) {
    address += `${address === '' ? '' : ':'}${(bytes[at] ?? 0).toString(16).padStart(2, '0')}`;
  }
  return address;
}

export function decodeDevices(bytes: Buffer, count: number, memory?: Remembered<KernelDevice>): KernelDevice[] {
  const view = words(bytes);
  const at = (word: number): number => view[word] ?? 0;
  return decode(bytes, RECORD.device, count, memory, (byte, w) => ({
    netns: at(w),
    ifindex: at(w + 1),
    flags: at(w + 2),
    mtu: at(w + 3),
    references: known(at(w + 4)),
    operstate: at(w + 5),
    type: at(w + 6) & 0xffff,
    registration: at(w + 6) >>> 24,
    peer: at(w + 8) === 0 ? null : { netns: at(w + 7), ifindex: at(w + 8) },
    ...named(sanitise(text(bytes, byte + 40, 16))),
    kind: sanitise(text(bytes, byte + 56, 16)).text,
    address: hardwareAddress(bytes, byte + 72, (at(w + 6) >>> 16) & 0xff),
  }));
}

export function decodeStack(bytes: Buffer, count: number, memory?: Remembered<KernelStacking>): KernelStacking[] {
  const view = words(bytes);
  const at = (word: number): number => view[word] ?? 0;
  return decode(bytes, RECORD.stack, count, memory, (_, w) => ({
    netns: at(w),
    ifindex: at(w + 1),
    lowerNetns: at(w + 2),
    lowerIfindex: at(w + 3),
    master: at(w + 4) !== 0,
  }));
}

/** Tasks of a process the iterator met while it was being born or buried have no number, and are left out. */
export function decodeTasks(bytes: Buffer, memory?: Remembered<KernelTask>): KernelTask[] {
  const view = words(bytes);
  const at = (word: number): number => view[word] ?? 0;
  return decode(bytes, RECORD.task, Number.POSITIVE_INFINITY, memory, (byte, w) => ({
    startTicks: Math.floor((at(w) + at(w + 1) * HIGH) / NANOSECONDS_PER_TICK),
    mountEvent: at(w + 2) + at(w + 3) * HIGH,
    tid: at(w + 4),
    pid: at(w + 5),
    parent: at(w + 6),
    uid: at(w + 7),
    kernelThread: (at(w + 8) & PF_KTHREAD) !== 0,
    zombie: at(w + 9) !== 0,
    netns: at(w + 10),
    mountNamespace: at(w + 11),
    userNamespace: at(w + 12),
    pidNamespace: at(w + 13),
    ...called(sanitise(text(bytes, byte + 56, 16))),
    cgroups: at(w + 18) + at(w + 19) * HIGH,
  })).filter(({ tid, pid }) => tid > 0 && pid > 0);
}

export function decodePins(
  bytes: Buffer,
  count: number = Number.POSITIVE_INFINITY,
  memory?: Remembered<KernelPin>,
): KernelPin[] {
  const view = words(bytes);
  const at = (word: number): number => view[word] ?? 0;
  return decode(bytes, RECORD.file, count, memory, (byte, w) => ({
    pid: at(w),
    tid: at(w + 1),
    fd: at(w + 2) | 0,
    kind: KINDS[at(w + 3) & 0xff] ?? 'nothing',
    place: PLACES[(at(w + 3) >>> 8) & 0xff] ?? 'nowhere',
    state: (at(w + 3) >>> 16) & 0xff,
    netns: at(w + 4),
    deviceNetns: at(w + 5),
    inode: at(w + 6) + at(w + 7) * HIGH,
    slot: at(w + 8),
    ifindex: at(w + 9),
    family: at(w + 10) & 0xffff,
    type: at(w + 10) >>> 16,
    protocol: at(w + 11) & 0xffff,
    localPort: at(w + 11) >>> 16,
    remotePort: at(w + 12) & 0xffff,
    receiveQueue: at(w + 13),
    sendQueue: at(w + 14),
    taskNetns: at(w + 15),
    local: bytes.toString('hex', byte + 64, byte + 80),
    remote: bytes.toString('hex', byte + 80, byte + 96),
  }));
}

/** By pid and thread, the descriptors of `struct open_record`. */
export function decodeOpen(bytes: Buffer): Map<number, Map<number, number[]>> {
  const tables = new Map<number, Map<number, number[]>>();
  for (let at = 0; at + RECORD.open <= bytes.length; at += RECORD.open) {
    const pid = bytes.readUInt32LE(at);
    const tid = bytes.readUInt32LE(at + 4);
    const table = tables.get(pid) ?? new Map<number, number[]>();
    if (table.size === 0) tables.set(pid, table);
    const fds = table.get(tid);
    if (fds === undefined) table.set(tid, [bytes.readInt32LE(at + 8)]);
    else fds.push(bytes.readInt32LE(at + 8));
  }
  return tables;
}
