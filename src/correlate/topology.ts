import { deviceState } from '../model/device-text.ts';
import type { Address, Device, Namespace } from '../model/index.ts';
import type {
  Topology,
  TopologyDevice,
  TopologyEdge,
  TopologyEnd,
  TopologyNamespace,
  TopologyProcess,
} from '../model/topology.ts';
import {
  type DeviceEdge,
  type DeviceNode,
  deviceGraph,
  type NamespaceNode,
  type UnnumberedDevice,
} from './device-graph.ts';
import { isBarelyKnown, isLoopback, isPhysical } from './device-kinds.ts';
import type { TunEdge } from './tun-processes.ts';
import { uplinksIn } from './uplink.ts';

/** The address of each device that one would name first, by ifindex. */
function firstAddresses(addresses: readonly Address[]): Map<number | null, string> {
  const first = new Map<number | null, string>();
  const wanted = [...addresses.filter(({ scope }) => scope === 'global'), ...addresses];
  for (const { ifindex, address, prefixLength } of wanted) {
    if (!first.has(ifindex)) first.set(ifindex, prefixLength === null ? address : `${address}/${prefixLength}`);
  }
  return first;
}

function stateOf(device: Device | null): string | null {
  return device === null || isBarelyKnown(device) ? null : deviceState(device);
}

function toDevice(
  { id, namespace, ifindex, name, device }: DeviceNode | UnnumberedDevice,
  addresses: ReadonlyMap<number | null, string>,
): TopologyDevice {
  return {
    id,
    namespace: namespace.id,
    ifindex,
    name,
    kind: device?.kind ?? null,
    physical: device !== null && isPhysical(device),
    loopback: device !== null && isLoopback(device),
    state: stateOf(device),
    address: ifindex === null ? null : (addresses.get(ifindex) ?? null),
    known: device !== null,
  };
}

function devicesOf({ ns, devices, unnumbered }: NamespaceNode): TopologyDevice[] {
  const addresses = firstAddresses(ns?.addresses ?? []);
  return [...devices.values(), ...unnumbered.values()].map((node) => toDevice(node, addresses));
}

function processId(pid: number): string {
  return `pid ${pid}`;
}

function toEnd({ id, namespace, ifindex, name }: DeviceNode | UnnumberedDevice): TopologyEnd {
  return { node: id, netns: namespace.ino, ifindex, name };
}

function fullName({ name, ifindex, namespace }: DeviceNode): string {
  return `${name ?? `ifindex ${ifindex}`} of ${namespace.label}`;
}

/** Who says that two devices are connected. */
function evidenceOf({ kind, from, to, fromTells, toTells }: DeviceEdge): string {
  if (fromTells && toTells) return 'both ends say so';
  const [by, other] = fromTells ? [from, to] : [to, from];
  const says = `only ${fullName(by)} says so`;
  if (other.device === null) return `${says}: the other end is not in the snapshot`;
  const elsewhere = (kind === 'veth' || kind === 'netkit') && other.peers.length > 1;
  return elsewhere ? `${says}: ${fullName(other)} names another` : says;
}

function toEdge(edge: DeviceEdge): TopologyEdge {
  const { kind, from, to, certainty } = edge;
  return { kind, from: toEnd(from), to: toEnd(to), certainty, evidence: evidenceOf(edge) };
}

function toTunEdge({ device, pid, comm, certainty, evidence }: TunEdge): TopologyEdge {
  const to = { node: processId(pid), netns: null, ifindex: null, name: comm, pid };
  return { kind: 'tun-process', from: toEnd(device), to, certainty, evidence };
}

/** How all namespaces hang together: what the devices of a snapshot say of each other. */
export function topologyOf(namespaces: readonly Namespace[]): Topology {
  const graph = deviceGraph(namespaces);
  const uplinks = uplinksIn(graph);
  const processes = new Map(
    graph.tuns.map(({ pid, comm }): [number, TopologyProcess] => [pid, { id: processId(pid), pid, comm }]),
  );
  return {
    namespaces: graph.namespaces.map(
      (node): TopologyNamespace => ({
        id: node.id,
        ino: node.ino,
        label: node.label,
        initial: node.ns?.initial ?? false,
        visibility: node.ns?.visibility ?? null,
        uplink: uplinks.get(node) ?? null,
      }),
    ),
    devices: graph.namespaces.flatMap(devicesOf),
    processes: [...processes.values()],
    edges: [...graph.edges.map(toEdge), ...graph.tuns.map(toTunEdge)],
  };
}
