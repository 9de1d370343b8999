import type { Device, DeviceReference, Namespace } from '../model/index.ts';

function isHere({ ino }: Namespace, { netns, nsid }: DeviceReference): boolean {
  return netns === ino && nsid === undefined;
}

/**
 * Where traffic enters and leaves a namespace: each packet passes one of these once, so their counters may be added up.
 * Not among them are the loopback, what sits on another device of the same namespace (a bridge or bond on its ports, a
 * vlan or macvlan on its parent: the traffic is counted below), and cables whose two ends are both in it. A tunnel is one
 * unless the kernel tells what it sits on: WireGuard and most of `ip tunnel` then count beside the device that carries
 * their packets.
 */
export function edgeDevices(ns: Namespace): readonly Device[] {
  return (ns.devices ?? []).filter(
    ({ flags, lower, peer }) =>
      !flags.includes('loopback') &&
      !lower.some((reference) => isHere(ns, reference)) &&
      !(peer !== null && isHere(ns, peer)),
  );
}
