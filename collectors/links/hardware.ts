import { statfsSync } from 'node:fs';
import type { DeviceDetails, SafeText } from '../../src/model/index.ts';
import { AT_FDCWD } from '../../src/os/libc.ts';
import { readLink } from '../../src/os/procfs.ts';
import { sanitise } from '../../src/terminal/sanitise.ts';
import type { LinkRecord } from '../links.ts';

/** Whether text can be a name in sysfs: a part of a path that leads nowhere else, of ordinary characters. */
function isFileName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && /^[\x21-\x7e]+$/.test(name) && !name.includes('/');
}

/** The name of what a link of sysfs leads to; null where there is none. */
function target(path: string): SafeText | null {
  const link = readLink(AT_FDCWD, path);
  return link === null ? null : sanitise(link.slice(link.lastIndexOf('/') + 1)).text;
}

type Hardware = Pick<DeviceDetails, 'bus' | 'busDevice' | 'driver'>;

/** Devices of all namespaces are below `/sys/bus`, whatever namespace sysfs was mounted in. */
function driverOf(sysRoot: string, { bus, busDevice }: DeviceDetails): Hardware | null {
  if (bus === null || busDevice === null || !isFileName(bus) || !isFileName(busDevice)) return null;
  return { bus, busDevice, driver: target(`${sysRoot}/bus/${bus}/devices/${busDevice}/driver`) };
}

/**
 * Before Linux 5.14 rtnetlink does not say what a device is plugged into; sysfs does, of the namespace it was mounted
 * in.
 */
function fromSysfs(sysRoot: string, { name, rawName }: LinkRecord): Hardware | null {
  if (rawName !== undefined || !isFileName(name)) return null;
  const device = `${sysRoot}/class/net/${name}/device`;
  const busDevice = target(device);
  if (busDevice === null) return null;
  return { bus: target(`${device}/subsystem`), busDevice, driver: target(`${device}/driver`) };
}

/** Kinds that are hardware: their drivers register operations of rtnetlink all the same (drivers/net/can, drivers/net/wwan). */
const HARDWARE_KINDS: ReadonlySet<string> = new Set(['can', 'wwan']);

const SYSFS_MAGIC = 0x62656572;

/** Whether it is a sysfs, and not a tree of files in its place; null where there is nothing. */
function isSysfs(sysRoot: string): boolean | null {
  try {
    return statfsSync(`${sysRoot}/class/net`).type === SYSFS_MAGIC;
  } catch {
    return null;
  }
}

/**
 * About which devices sysfs can be asked by their names. A sysfs shows those of the namespace it was mounted in, which as
 * a rule is our own. A tree of files in its place speaks for every namespace, and for whatever device it knows.
 */
export function sysfsSpeaksFor(sysRoot: string, own: boolean): (link: Pick<LinkRecord, 'kind'>) => boolean {
  const real = isSysfs(sysRoot);
  if (real === false) return () => true;
  return ({ kind }) => real === true && own && (kind === null || HARDWARE_KINDS.has(kind));
}

/**
 * Adds what sysfs knows of a piece of hardware: that it is one, and its driver.
 *
 * @param speaksFor whether sysfs can be asked about a device by its name.
 */
export function withHardware(
  sysRoot: string,
  speaksFor: ReturnType<typeof sysfsSpeaksFor>,
  link: LinkRecord,
): LinkRecord {
  const { details } = link;
  if (link.flags.includes('loopback')) return link;
  const hardware =
    details !== null && details.bus !== null
      ? driverOf(sysRoot, details)
      : speaksFor(link)
        ? fromSysfs(sysRoot, link)
        : null;
  if (hardware === null) return link;
  return { ...link, plugged: true, details: details === null ? null : { ...details, ...hardware } };
}
