/** What devices of each kind (`rtnl_link_ops->kind`) do with what is sent out of them. */

import type { Device } from '../model/index.ts';
import type { EdgeKind } from '../model/topology.ts';

/** What comes in by one port may leave by any other. */
const SWITCHES: ReadonlySet<string> = new Set(['bridge', 'openvswitch', 'batadv']);
/** What comes in by any port comes in by the device itself. */
const AGGREGATES: ReadonlySet<string> = new Set(['bond', 'team']);
const OTHER_MASTERS: ReadonlySet<string> = new Set(['vrf', 'hsr']);

/** They wrap packets in packets of their own, which leave by the routes of the namespace the tunnel was made in. */
const TUNNELS: ReadonlySet<string> = new Set([
  'vxlan',
  'gre',
  'gretap',
  'erspan',
  'ip6gre',
  'ip6gretap',
  'ip6erspan',
  'ipip',
  'sit',
  'ip6tnl',
  'vti',
  'vti6',
  'xfrm',
]);
/** Tunnels of which the kernel does not tell that namespace: their rtnl_link_ops have no get_link_net. */
const SECRETIVE_TUNNELS: ReadonlySet<string> = new Set(['wireguard', 'geneve', 'bareudp', 'gtp', 'ovpn', 'amt']);

/** Whatever is sent out of them is dropped, or comes back. */
const DEAD_ENDS: ReadonlySet<string> = new Set(['dummy', 'ifb', 'nlmon', 'vsockmon', 'vcan', 'netdevsim']);

const STACKED: Readonly<Record<string, EdgeKind>> = {
  macvlan: 'macvlan',
  macvtap: 'macvtap',
  ipvlan: 'ipvlan',
  ipvtap: 'ipvlan',
  vlan: 'vlan',
};

type Kinded = Pick<Device, 'kind'> | null;

function isOneOf(kinds: ReadonlySet<string>, device: Kinded): boolean {
  return device?.kind != null && kinds.has(device.kind);
}

export const isSwitch = (device: Kinded): boolean => isOneOf(SWITCHES, device);
export const isAggregate = (device: Kinded): boolean => isOneOf(AGGREGATES, device);
export const isTunnel = (device: Kinded): boolean => isOneOf(TUNNELS, device) || isOneOf(SECRETIVE_TUNNELS, device);
export const isDeadEnd = (device: Kinded): boolean => isOneOf(DEAD_ENDS, device);

/** Whether what is below it are ports: devices that are part of it. */
export function isMaster(device: Kinded): boolean {
  return isSwitch(device) || isAggregate(device) || isOneOf(OTHER_MASTERS, device);
}

/** Whether IFLA_LINK_NETNSID was read and says from which namespace a tunnel sends: absent, from its own. */
export function tellsOrigin(tunnel: Device): boolean {
  return tunnel.details !== null && !isOneOf(SECRETIVE_TUNNELS, tunnel);
}

/** What connects a device with one it sits on. */
export function stackedEdge(upper: Device | null, lower: Device | null): EdgeKind {
  if (upper === null) {
    if (lower?.details?.portKind === 'bridge') return 'bridge-port';
    return lower?.details?.portKind === 'bond' ? 'bond-port' : 'lower';
  }
  if (isSwitch(upper)) return 'bridge-port';
  if (isAggregate(upper)) return 'bond-port';
  if (isTunnel(upper)) return 'tunnel';
  return (upper.kind === null ? undefined : STACKED[upper.kind]) ?? 'lower';
}

/** Whether only a table without kind, flags and MTU shows it (`/proc/<pid>/net/dev`). */
export function isBarelyKnown({ mtu, details }: Device): boolean {
  return mtu === null && details === null;
}

export function isLoopback(device: Device): boolean {
  return device.flags.includes('loopback') || (isBarelyKnown(device) && device.name === 'lo');
}

/** Whether it is on the wire. The kernel's own view has no more to say of hardware than that it has no kind. */
export function isPhysical(device: Device): boolean {
  return device.physical ?? (device.kind === null && !isBarelyKnown(device) && !isLoopback(device));
}

/** Whether something is plugged in at its other end; null where that is not known. */
export function hasCarrier(device: Device): boolean | null {
  if (isBarelyKnown(device)) return null;
  // default_operstate (net/core/link_watch.c)
  return device.details?.carrier ?? !['down', 'lowerlayerdown', 'notpresent'].includes(device.operstate);
}
