import type { DeviceGraph, DeviceNode, NamespaceNode } from './device-graph.ts';
import {
  hasCarrier,
  isAggregate,
  isDeadEnd,
  isLoopback,
  isMaster,
  isPhysical,
  isSwitch,
  isTunnel,
} from './device-kinds.ts';
import { arriving, type Hop, type LinkWays, leaving, linkHop, wayFrom, waysTo } from './link-ways.ts';

/**
 * Where what is sent out of a device comes out, as far as no routing is needed for it.
 * - `wire`: here; it is hardware
 * - `process`: at the process behind a tun
 * - `tunnel`: wrapped, by the routes of another namespace or of this one
 * - `through`: at another device: its peer, its ports, what it sits on
 * - `nowhere`, or nobody knows: `lost`
 */
export type Outlet = 'wire' | 'process' | 'tunnel' | 'through' | 'nowhere' | 'lost';

function outletOf({ device, peers, lowers, ports, open }: DeviceNode): Outlet {
  if (device === null) return 'lost';
  if (isPhysical(device)) return 'wire';
  if (isLoopback(device)) return 'nowhere';
  if (device.kind === 'tun') return open || hasCarrier(device) ? 'process' : 'nowhere';
  if (peers.length > 0 || lowers.length > 0 || ports.length > 0) return 'through';
  if (isTunnel(device)) return 'tunnel';
  return isMaster(device) || isDeadEnd(device) ? 'nowhere' : 'lost';
}

/** Where frames arrive that leave by a device, and the way there. */
export interface Arrival {
  /** The device that takes them: a bridge rather than its port. */
  readonly end: DeviceNode;
  readonly hops: readonly Hop[];
}

interface Addresses {
  /** By what hangs together and address. */
  readonly owners: ReadonlyMap<string, readonly NamespaceNode[]>;
  /** Devices with any address. */
  readonly addressed: ReadonlySet<DeviceNode>;
}

/** Ways into single namespaces that are kept: each may be as big as the graph. */
const KEPT = 64;

/** Ways that need no routing, found when first asked for. */
export class LinkLayer {
  readonly #graph: DeviceGraph;
  readonly #outlets: readonly Outlet[];
  readonly #ways = new Map<Outlet, LinkWays>();
  readonly #into = new Map<NamespaceNode, LinkWays>();
  #addresses: Addresses | undefined;
  #segments: Int32Array | undefined;

  constructor(graph: DeviceGraph) {
    this.#graph = graph;
    this.#outlets = graph.devices.map(outletOf);
  }

  outlet(node: DeviceNode): Outlet {
    return this.#outlets[node.index] ?? 'lost';
  }

  /** The shortest way from a device to a place of that kind, without the device itself; null where there is none. */
  wayTo(outlet: Outlet, from: DeviceNode): Hop[] | null {
    let ways = this.#ways.get(outlet);
    if (ways === undefined) {
      const targets = this.#graph.devices.filter((node) => this.outlet(node) === outlet);
      // Of one that is not in the snapshot nobody knows what becomes of what arrives there.
      const arrivals = targets.filter(({ device }) => device === null);
      ways = waysTo([...targets.map(leaving), ...arrivals.map(arriving)], this.#graph);
      this.#ways.set(outlet, ways);
    }
    return wayFrom(from, ways, this.#graph);
  }

  /** The shortest way from a device into a namespace. */
  wayInto(namespace: NamespaceNode, from: DeviceNode): Hop[] | null {
    let ways = this.#into.get(namespace);
    if (ways === undefined) {
      // What comes in by the port of a bridge is the bridge's.
      const ends = [...namespace.devices.values()].filter(({ masters }) => !masters.some(takesAll));
      ways = waysTo(ends.map(arriving), this.#graph);
      if (this.#into.size >= KEPT) this.#into.clear();
      this.#into.set(namespace, ways);
    }
    return wayFrom(from, ways, this.#graph);
  }

  /** Where frames first arrive that leave by a device. */
  arrivals(node: DeviceNode, before: readonly Hop[] = [], seen = new Set<DeviceNode>()): Arrival[] {
    if (seen.has(node)) return [];
    seen.add(node);
    const onwards = (next: DeviceNode, hop: Hop) => this.arrivals(next, [...before, hop], seen);
    return [
      ...node.peers.map((peer) => climb(peer.node, [...before, linkHop(peer, 'peer')])),
      ...node.lowers.flatMap((lower) =>
        onwards(lower.node, linkHop(lower, lower.edge.kind === 'tunnel' ? 'underlay' : 'lower')),
      ),
      ...node.ports.flatMap((port) => onwards(port.node, linkHop(port, 'port'))),
    ];
  }

  /** Namespaces with an address, among those that frames from a device can come to. */
  ownersOf(address: string, near: DeviceNode): readonly NamespaceNode[] {
    return this.#readAddresses().owners.get(`${this.#segment(near)} ${address}`) ?? [];
  }

  /** Whether what arrives at a device may be routed on: a bridge without any address takes nothing for itself. */
  mayRoute(node: DeviceNode): boolean {
    if (!isSwitch(node.device) || (node.namespace.ns?.addresses ?? null) === null) return true;
    const { addressed } = this.#readAddresses();
    return addressed.has(node) || node.uppers.some((upper) => addressed.has(upper.node));
  }

  /** The number of what a device can be connected with at all. */
  #segment({ index }: DeviceNode): number {
    this.#segments ??= segmentsOf(this.#graph.devices);
    return this.#segments[index] ?? -1;
  }

  #readAddresses(): Addresses {
    if (this.#addresses !== undefined) return this.#addresses;
    const owners = new Map<string, NamespaceNode[]>();
    const addressed = new Set<DeviceNode>();
    for (const namespace of this.#graph.namespaces) {
      for (const { ifindex, address } of namespace.ns?.addresses ?? []) {
        const node = ifindex === null ? undefined : namespace.devices.get(ifindex);
        if (node === undefined) continue;
        addressed.add(node);
        const key = `${this.#segment(node)} ${address}`;
        const known = owners.get(key);
        if (known === undefined) owners.set(key, [namespace]);
        else known.push(namespace);
      }
    }
    this.#addresses = { owners, addressed };
    return this.#addresses;
  }
}

function takesAll({ node: { device } }: { readonly node: DeviceNode }): boolean {
  return isSwitch(device) || isAggregate(device);
}

/** From a port up to the bridge that takes what it receives. */
function climb(node: DeviceNode, hops: readonly Hop[]): Arrival {
  const climbed = new Set<DeviceNode>();
  let end = node;
  let way = hops;
  for (;;) {
    climbed.add(end);
    const master = end.masters.find((link) => takesAll(link) && !climbed.has(link.node));
    if (master === undefined) return { end, hops: way };
    way = [...way, linkHop(master, 'master')];
    end = master.node;
  }
}

/** Numbers what hangs together. */
function segmentsOf(devices: readonly DeviceNode[]): Int32Array {
  const segments = new Int32Array(devices.length).fill(-1);
  for (const first of devices) {
    if (segments[first.index] !== -1) continue;
    segments[first.index] = first.index;
    const queue = [first];
    for (const { peers, lowers, uppers, ports, masters } of queue) {
      for (const links of [peers, lowers, uppers, ports, masters]) {
        for (const { node } of links) {
          if (segments[node.index] !== -1) continue;
          segments[node.index] = first.index;
          queue.push(node);
        }
      }
    }
  }
  return segments;
}
