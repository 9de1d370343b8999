/**
 * What tables of settings are written in: a field says under which key, and in which words, an attribute of a device
 * kind appears. Keys and words are those of `ip -details -json link` (iproute2 7.1).
 */
import type { Settings, SettingValue } from '../../src/model/index.ts';
import { address, eachAttribute, hardwareAddress, ipv4, u64, unsigned } from '../../src/os/netlink/attributes.ts';
import { named } from '../../src/os/netlink/names.ts';

/** Settings while they are put together. */
export type Draft = Record<string, SettingValue>;

/** Puts what one attribute says into the draft: nothing, where it says nothing. */
export type Field = (draft: Draft, bytes: Buffer, at: number, end: number) => void;
export type Fields = Readonly<Record<number, Field>>;

/** The settings of one kind of device, or of one kind of port. */
export interface Kind {
  /** By attribute number. */
  readonly fields: Fields;
  /** Keys whose values are devices: `if7` until their names are known. */
  readonly devices?: readonly string[];
  /** Settles what depends on several attributes. */
  readonly complete?: (draft: Draft) => void;
}

export function decodeSettings({ fields, complete }: Kind, bytes: Buffer, at: number, end: number): Settings {
  const draft: Draft = {};
  eachAttribute(bytes, at, end, (type, from, to) => fields[type]?.(draft, bytes, from, to));
  complete?.(draft);
  return draft;
}

/** Reads a value, or undefined where there is nothing to say. */
type Read = (bytes: Buffer, at: number, end: number) => SettingValue | undefined;

function field(key: string, size: number, read: Read): Field {
  return (draft, bytes, at, end) => {
    if (end - at < size) return; // the kernel does not send less; what does is not what we take it for
    const value = read(bytes, at, end);
    if (value !== undefined) draft[key] = value;
  };
}

/** A number of one to eight bytes. */
export function number(key: string): Field {
  return field(key, 1, unsigned);
}

export function numberUnlessZero(key: string): Field {
  return field(key, 1, (bytes, at, end) => unsigned(bytes, at, end) || undefined);
}

export function signed(key: string): Field {
  return field(key, 4, (bytes, at) => bytes.readInt32LE(at));
}

/** A port or the like: two bytes, the high one first. */
export function bigEndian(key: string): Field {
  return field(key, 2, (bytes, at) => bytes.readUInt16BE(at));
}

export function boolean(key: string): Field {
  return field(key, 1, (bytes, at, end) => unsigned(bytes, at, end) !== 0);
}

/** Set by being there: what is in it does not matter. */
export function flag(key: string): Field {
  return field(key, 0, () => true);
}

/** `0` for 0, as printf's `%#x` has it. */
function hexadecimal(value: number): string {
  return value === 0 ? '0' : `0x${value.toString(16)}`;
}

export function hex(key: string): Field {
  return field(key, 1, (bytes, at, end) => hexadecimal(unsigned(bytes, at, end)));
}

export function hexUnlessZero(key: string): Field {
  return field(key, 1, (bytes, at, end) => {
    const value = unsigned(bytes, at, end);
    return value === 0 ? undefined : hexadecimal(value);
  });
}

/** A flow label: four bytes, the high one first. */
export function flowLabel(key: string): Field {
  return field(key, 4, (bytes, at) => {
    const value = bytes.readUInt32BE(at);
    return value === 0 ? undefined : hexadecimal(value);
  });
}

/** One word for each number; a number that has none stays one. */
export function word(key: string, words: Readonly<Record<number, string>>): Field {
  return field(key, 1, (bytes, at, end) => named(words, unsigned(bytes, at, end)));
}

/** ETH_P_…, in network byte order (include/uapi/linux/if_ether.h). */
const PROTOCOLS: Readonly<Record<number, string>> = {
  0x0800: 'ip',
  0x8100: '802.1Q',
  0x86dd: 'ipv6',
  0x8847: 'mpls_uc',
  0x8848: 'mpls_mc',
  0x88a8: '802.1ad',
};

export function ethernetProtocol(key: string): Field {
  return field(key, 2, (bytes, at) => {
    const protocol = bytes.readUInt16BE(at);
    return PROTOCOLS[protocol] ?? `[${protocol}]`;
  });
}

/** The names of the bits that are set, and what is left of them as a hexadecimal number. */
export function bitNames(bits: number, names: readonly (readonly [bit: number, name: string])[]): string[] {
  const found = names.filter(([bit]) => (bits & bit) !== 0);
  const rest = found.reduce((left, [bit]) => left & ~bit, bits) >>> 0;
  return [...found.map(([, name]) => name), ...(rest === 0 ? [] : [rest.toString(16)])];
}

export function hardware(key: string): Field {
  return field(key, 1, hardwareAddress);
}

function isZero(bytes: Buffer, at: number, end: number): boolean {
  for (let index = at; index < end; index++) if (bytes[index] !== 0) return false;
  return true;
}

/** An IP address; none when it is all zero. */
export function ip(key: string): Field {
  return field(key, 4, (bytes, at, end) => (isZero(bytes, at, end) ? undefined : address(bytes, at, end)));
}

/** An IP address of a tunnel's end: all zero stands for any. */
export function endpoint(key: string): Field {
  return field(key, 4, (bytes, at, end) => (isZero(bytes, at, end) ? 'any' : address(bytes, at, end)));
}

/** The key of a tunnel, which is a number that is written like an IPv4 address. */
export function tunnelKey(key: string): Field {
  return field(key, 4, (bytes, at) => ipv4(bytes, at));
}

/** An ifindex; its name takes its place when all devices are known. */
export function device(key: string): Field {
  return field(key, 4, (bytes, at) => {
    const ifindex = bytes.readUInt32LE(at);
    return ifindex === 0 ? undefined : unnamedDevice(ifindex);
  });
}

/** What a device is called whose name is not known. */
export function unnamedDevice(ifindex: number): string {
  return `if${ifindex}`;
}

/** Time left or passed, in seconds: the kernel counts hundredths (USER_HZ, jiffies_to_clock_t). */
export function timer(key: string): Field {
  return field(key, 8, (bytes, at) => u64(bytes, at) / 100);
}

/** An attribute made of attributes, as an object. */
export function object(key: string, fields: Fields): Field {
  return field(key, 0, (bytes, at, end) => decodeSettings({ fields }, bytes, at, end));
}

/** An attribute made of attributes that are all of one kind, as a list. */
export function list(key: string, size: number, read: (bytes: Buffer, at: number, end: number) => SettingValue): Field {
  return field(key, 0, (bytes, start, stop) => {
    const values: SettingValue[] = [];
    eachAttribute(bytes, start, stop, (_, at, end) => {
      if (end - at >= size) values.push(read(bytes, at, end));
    });
    return values;
  });
}

/** An array of numbers of two or four bytes. */
export function eachNumber(key: string, size: 2 | 4): Field {
  return field(key, size, (bytes, start, end) => {
    const values: number[] = [];
    for (let at = start; at + size <= end; at += size) values.push(unsigned(bytes, at, at + size));
    return values;
  });
}

/** A structure of at least so many bytes. */
export function structure(key: string, size: number, read: (bytes: Buffer, at: number) => SettingValue): Field {
  return field(key, size, read);
}

/** A structure, or number, that becomes several settings. */
export function several(size: number, read: (draft: Draft, bytes: Buffer, at: number) => void): Field {
  return (draft, bytes, at, end) => {
    if (end - at >= size) read(draft, bytes, at);
  };
}

/** Takes a number out that was put into the draft for `complete` alone. */
export function take(draft: Draft, key: string): number {
  const value = draft[key];
  delete draft[key];
  return typeof value === 'number' ? value : 0;
}
