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

/** Before Linux 5.14 rtnetlink does not say what a device is plugged into; sysfs does, of our own namespace. */
function fromSysfs(sysRoot: string, { name, rawName }: LinkRecord): Hardware | null {
  if (rawName !== undefined || !isFileName(name)) return null;
  const device = `${sysRoot}/class/net/${name}/device`;
  const busDevice = target(device);
  if (busDevice === null) return null;
  return { bus: target(`${device}/subsystem`), busDevice, driver: target(`${device}/driver`) };
}

/**
 * Adds what sysfs knows of a piece of hardware: its driver.
 *
 * @param own the device is in the namespace nsleuth runs in, which is that of `sysRoot` as a rule.
 */
export function withHardware(sysRoot: string, own: boolean, link: LinkRecord): LinkRecord {
  const { details, kind } = link;
  if (details === null || kind !== null || link.flags.includes('loopback')) return link;
  const hardware = details.bus !== null ? driverOf(sysRoot, details) : own ? fromSysfs(sysRoot, link) : null;
  return hardware === null ? link : { ...link, details: { ...details, ...hardware } };
}
