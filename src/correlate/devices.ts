import type { KernelData, KernelDevice } from '../../collectors/kernel.ts';
import type { Device, DeviceReference } from '../model/index.ts';
import { flagNames, operstateOf } from '../os/netlink/device-names.ts';

function key(netns: number, ifindex: number): string {
  return `${netns} ${ifindex}`;
}

/** Devices by the namespace they are in, each with what it is connected to, in whatever namespace that is. */
export function devicesByNamespace({ devices, stack }: KernelData): Map<number, Device[]> {
  const names = new Map(devices.map((device) => [key(device.netns, device.ifindex), device.name]));
  const reference = (netns: number, ifindex: number): DeviceReference => ({
    netns,
    ifindex,
    name: names.get(key(netns, ifindex)) ?? null,
    certainty: 'certain',
  });
  const lower = new Map<string, DeviceReference[]>();
  const upper = new Map<string, DeviceReference[]>();
  const add = (to: Map<string, DeviceReference[]>, at: string, device: DeviceReference) => {
    const known = to.get(at);
    if (known === undefined) to.set(at, [device]);
    else known.push(device);
  };
  for (const { netns, ifindex, lowerNetns, lowerIfindex } of stack) {
    add(lower, key(netns, ifindex), reference(lowerNetns, lowerIfindex));
    add(upper, key(lowerNetns, lowerIfindex), reference(netns, ifindex));
  }
  const toDevice = (device: KernelDevice): Device => {
    const at = key(device.netns, device.ifindex);
    return {
      ifindex: device.ifindex,
      name: device.name,
      ...(device.rawName === undefined ? null : { rawName: device.rawName }),
      kind: device.kind === '' ? null : device.kind,
      flags: flagNames(device.flags),
      operstate: operstateOf(device),
      address: device.address === '' ? null : device.address,
      mtu: device.mtu,
      references: device.references,
      physical: null,
      peer: device.peer === null ? null : reference(device.peer.netns, device.peer.ifindex),
      lower: lower.get(at) ?? [],
      upper: upper.get(at) ?? [],
      counters: null,
      details: null,
    };
  };
  const byNamespace = new Map<number, Device[]>();
  for (const device of devices) {
    const known = byNamespace.get(device.netns);
    if (known === undefined) byNamespace.set(device.netns, [toDevice(device)]);
    else known.push(toDevice(device));
  }
  return byNamespace;
}
