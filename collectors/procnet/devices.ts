import type { DeviceCounters, SafeText } from '../../src/model/index.ts';
import { sanitise } from '../../src/terminal/sanitise.ts';
import { decimal, eachLine, isDeviceName, type Parsed } from './lines.ts';

/** A line of `/proc/net/dev`. */
export interface DeviceLine {
  /** As it is, one character a byte. */
  readonly bytes: string;
  readonly counters: DeviceCounters;
}

/** A device as the tables have it. */
export interface TableDevice {
  /** Null where no table tells. */
  readonly ifindex: number | null;
  readonly name: SafeText;
  readonly rawName?: string;
  readonly counters: DeviceCounters;
}

/** The number of each device by its name, one character a byte. */
export type DeviceNumbers = ReadonlyMap<string, number>;

/** A device as another table names it. */
export type NumberedName = readonly [name: string, ifindex: number];

/** Counters of a line: eight of what was received, eight of what was sent. */
const COUNTERS = 16;

/** `/proc/net/dev`: counters of every device (dev_seq_printf_stats, net/core/net-procfs.c). */
export function parseDevices(text: string): Parsed<DeviceLine> {
  return eachLine(text, 2, (line) => {
    const [, bytes, rest] = /^ *([^ :]+):([\d ]+)$/.exec(line) ?? [];
    const numbers = (rest ?? '')
      .split(' ')
      .filter((word) => word !== '')
      .map(decimal);
    if (!isDeviceName(bytes) || numbers.length !== COUNTERS) return null;
    const at = (index: number): number => numbers[index] ?? 0;
    return {
      bytes,
      counters: {
        rxBytes: at(0),
        rxPackets: at(1),
        rxErrors: at(2),
        rxDropped: at(3),
        rxMissed: null,
        multicast: at(7),
        txBytes: at(8),
        txPackets: at(9),
        txErrors: at(10),
        txDropped: at(11),
        txCarrierErrors: null,
        collisions: at(13),
      },
    };
  });
}

/** `/proc/net/igmp`: a line for every device, below it its groups (igmp_mc_seq_show, net/ipv4/igmp.c). */
export function parseIgmp(text: string): Parsed<NumberedName> {
  const { records, malformed } = eachLine(text, 1, (line): NumberedName | 'group' | null => {
    if (/^\t{4}[0-9A-F]{8} /.test(line)) return 'group';
    const [, number, name] = /^(\d{1,10})\t([^ :]+) *: /.exec(line) ?? [];
    return isDeviceName(name) ? [name, Number(number)] : null;
  });
  return { records: records.filter((record) => record !== 'group'), malformed };
}

/**
 * `/proc/net/igmp6` and `/proc/net/dev_mcast`: every line begins with the number and the name of a device
 * (igmp6_mc_seq_show, dev_mc_seq_show).
 */
export function parseNumberedNames(text: string): Parsed<NumberedName> {
  return eachLine(text, 0, (line) => {
    const [, number, name] = /^(\d{1,10}) +([^ ]+) /.exec(line) ?? [];
    return isDeviceName(name) ? [name, Number(number)] : null;
  });
}

const LOOPBACK = 1;

/**
 * Numbers of devices, from every table that tells both. A name that two of them give different numbers was given to
 * another device meanwhile: nothing is known of it. `lo` is 1 unless another device is (Linux 3.7, aa79e66eee5d; a
 * loopback may be renamed).
 */
export function deviceNumbers(tables: readonly (readonly NumberedName[])[]): DeviceNumbers {
  const numbers = new Map<string, number>();
  const doubtful = new Set<string>();
  for (const [name, ifindex] of tables.flat()) {
    if ((numbers.get(name) ?? ifindex) !== ifindex) doubtful.add(name);
    numbers.set(name, ifindex);
  }
  if (!numbers.has('lo') && ![...numbers.values()].includes(LOOPBACK)) numbers.set('lo', LOOPBACK);
  for (const name of doubtful) numbers.delete(name);
  return numbers;
}

/** The devices of a namespace. */
export function tableDevices(lines: readonly DeviceLine[], numbers: DeviceNumbers): TableDevice[] {
  return lines.map(({ bytes, counters }) => {
    const { text: name, raw } = sanitise(bytes);
    return { ifindex: numbers.get(bytes) ?? null, name, ...(raw === undefined ? null : { rawName: raw }), counters };
  });
}
