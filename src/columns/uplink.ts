import type { DeviceReference, SafeText, Uplink, UplinkStep } from '../model/index.ts';
import { namespaceName } from './cells.ts';
import type { InNamespace } from './column.ts';

/** Where a way ends that does not end at a device. */
const END = { wire: null, process: 'a process', nowhere: 'nowhere', unknown: '?' } as const;

function nameDevice({ name, ifindex }: DeviceReference): SafeText {
  return name ?? `ifindex ${ifindex}`;
}

/** The way out in a few words: `mvx → eth0`, `tun0 → a process`, `nowhere`; where it was lost, `?` at its end. */
export function uplinkText({ reaches, steps }: Uplink): string {
  const end = END[reaches];
  const named = steps.map(
    ({ device }) => `${nameDevice(device)}${device.certainty === 'probable' ? ' (probably)' : ''}`,
  );
  return [...named, ...(end === null ? [] : [end])].join(' → ');
}

function describeStep({ device, by }: UplinkStep, context: InNamespace): string {
  // How a way begins needs no word; where that is not by a route, the reason says so.
  const relation = by === 'route' || by === 'link' ? '' : `${by} `;
  const name = `${relation}${nameDevice(device)}${device.certainty === 'probable' ? ' (probably)' : ''}`;
  const { netns, nsid } = device;
  if (netns !== null) return netns === context.ns.ino ? name : `${name} in ${namespaceName(netns, context)}`;
  return `${name} in ${nsid === undefined ? '?' : `the namespace with id ${nsid}`}`;
}

/** The way out in full: by what each device leads to the next, and in which namespace that is. */
export function describeUplink(uplink: Uplink, context: InNamespace): string {
  const end = uplink.reaches === 'wire' ? 'the wire' : END[uplink.reaches];
  const way = [...uplink.steps.map((step) => describeStep(step, context)), end].join(' → ');
  return uplink.reason === null ? way : `${way} (${uplink.reason})`;
}
