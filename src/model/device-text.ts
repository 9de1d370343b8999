import { nameNamespace } from './describe.ts';
import type { Device, DeviceReference } from './device.ts';
import type { Namespace } from './namespace.ts';
import type { SafeText } from './text.ts';

/** Devices named for one link before "and n more". */
const NAMED = 4;

/** `up`, or why not. Devices that keep no operational state count as up while they are up (RFC 2863, `unknown`). */
export function deviceState({ flags, operstate }: Pick<Device, 'flags' | 'operstate'>): string {
  if (!flags.includes('up')) return 'down';
  return operstate === 'unknown' ? 'up' : operstate;
}

/** What kind of device it is; a physical one has none. */
export function deviceKind({ kind, flags }: Pick<Device, 'kind' | 'flags'>): SafeText {
  return kind ?? (flags.includes('loopback') ? 'loopback' : '—');
}

function describeReference(
  { netns, ifindex, name, nsid, certainty }: DeviceReference,
  here: Namespace,
  namespaces: readonly Namespace[],
): string {
  const device = `${name ?? `ifindex ${ifindex}`}${certainty === 'probable' ? ' (probably)' : ''}`;
  if (netns === here.ino) return device;
  if (!netns) return `${device} in ${nsid === undefined ? '?' : `the namespace with id ${nsid} here`}`;
  // One that has no devices has left, and its number may be used again.
  const there = namespaces.find(({ ino, devices }) => ino === netns && devices !== null);
  return `${device} in ${there === undefined ? netns : nameNamespace(there)}`;
}

/** What a device is connected to: "peer veth1 in 4026531833 init", "over eth0", "under br0"; empty for nothing. */
export function describeLinks(device: Device, here: Namespace, namespaces: readonly Namespace[]): string {
  const links = [
    ['peer', device.peer === null ? [] : [device.peer]],
    ['over', device.lower],
    ['under', device.upper],
  ] as const;
  return links
    .filter(([, references]) => references.length > 0)
    .map(([word, references]) => {
      const named = references.slice(0, NAMED).map((reference) => describeReference(reference, here, namespaces));
      const more = references.length > NAMED ? ` and ${references.length - NAMED} more` : '';
      return `${word} ${named.join(', ')}${more}`;
    })
    .join('; ');
}
