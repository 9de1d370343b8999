import { nameNamespace } from '../model/describe.ts';
import type { Device, DeviceReference, Namespace, SafeText } from '../model/index.ts';
import type { EdgeKind } from '../model/topology.ts';
import { isMaster, stackedEdge } from './device-kinds.ts';
import { addTuns, type TunEdge } from './tun-processes.ts';

export interface NamespaceNode {
  /** Told apart by it: its inode number where that is known. */
  readonly id: string;
  readonly ino: number | null;
  readonly label: SafeText;
  /** Null for one that is only referred to. */
  readonly ns: Namespace | null;
  /** By which id the namespace that refers to it knows it, where that is all there is. */
  readonly nsid: number | null;
  /** By ifindex. */
  readonly devices: Map<number, DeviceNode>;
  /** Those whose number no source tells: nothing can refer to them. */
  unnumbered: ReadonlyMap<string, UnnumberedDevice>;
}

/** A device that is known by its name alone. */
export interface UnnumberedDevice {
  readonly id: string;
  readonly namespace: NamespaceNode;
  readonly ifindex: null;
  readonly name: SafeText;
  /** Null for one that is only referred to. */
  readonly device: Device | null;
}

/** What a device is connected to, and how sure that is. */
export interface Link {
  readonly node: DeviceNode;
  readonly edge: DeviceEdge;
}

export interface DeviceNode {
  /** Its place in `DeviceGraph.devices`. */
  readonly index: number;
  readonly id: string;
  readonly namespace: NamespaceNode;
  readonly ifindex: number;
  readonly name: SafeText | null;
  /** Null for one that is only referred to. */
  readonly device: Device | null;
  /** Other ends of its cable: one, unless the snapshot contradicts itself. */
  peers: readonly Link[];
  /** What it sits on, and what sits on it. */
  lowers: readonly Link[];
  uppers: readonly Link[];
  /** What is part of it, and what it is part of. */
  ports: readonly Link[];
  masters: readonly Link[];
  /** A process is known to have it open. */
  open: boolean;
}

export interface DeviceEdge {
  readonly kind: EdgeKind;
  readonly from: DeviceNode;
  readonly to: DeviceNode;
  certainty: DeviceReference['certainty'];
  /** Who tells of it: its ends, or one of them. */
  fromTells: boolean;
  toTells: boolean;
}

/** All devices of all namespaces, and what connects them. */
export interface DeviceGraph {
  readonly namespaces: readonly NamespaceNode[];
  /** The living ones by their number. */
  readonly byIno: ReadonlyMap<number, NamespaceNode>;
  readonly initial: NamespaceNode | null;
  readonly devices: readonly DeviceNode[];
  readonly edges: readonly DeviceEdge[];
  readonly tuns: readonly TunEdge[];
}

/** Most devices have no links of most sorts: they share one list. */
const NONE: Link[] = [];
const NOTHING: ReadonlyMap<string, UnnumberedDevice> = new Map();

function add(node: DeviceNode, sort: 'peers' | 'lowers' | 'uppers' | 'ports' | 'masters', link: Link): void {
  if (node[sort] === NONE) node[sort] = [link];
  else (node[sort] as Link[]).push(link);
}

/** A number for two devices in their order. */
function pair({ index }: DeviceNode, other: DeviceNode): number {
  return index * 2 ** 26 + other.index;
}

/** Puts the graph together. Whatever is referred to becomes a node, in the snapshot or not. */
class Builder {
  readonly namespaces: NamespaceNode[] = [];
  readonly byIno = new Map<number, NamespaceNode>();
  readonly devices: DeviceNode[] = [];
  readonly edges: DeviceEdge[] = [];
  readonly #cables = new Map<number, DeviceEdge>();
  readonly #stacks = new Map<number, DeviceEdge>();
  readonly #byId = new Map<string, NamespaceNode>();
  /** Namespaces without a number, by who has which id for them. */
  readonly #byNsid = new Map<string, NamespaceNode>();

  /** @param left its number may be another's by now. */
  addNamespace(ns: Namespace, left: boolean): NamespaceNode {
    const named = ns.ino !== null && !left && !this.#byId.has(String(ns.ino));
    const id = named ? String(ns.ino) : `${ns.ino ?? 'no number'} #${this.namespaces.length}`;
    const node = this.#namespace({ id, ino: ns.ino, label: nameNamespace(ns), ns, nsid: null });
    if (named && ns.ino !== null) this.byIno.set(ns.ino, node);
    for (const witness of ns.ino === null ? ns.witnesses : []) {
      if (witness.source === 'nsids') this.#byNsid.set(`${witness.from} ${witness.nsid}`, node);
    }
    for (const device of ns.devices ?? []) {
      if (device.ifindex !== null) this.#device(node, device.ifindex, device.name, device);
      else this.unnumbered(node, device.name, device);
    }
    return node;
  }

  #namespace({ id, ino, label, ns, nsid }: Omit<NamespaceNode, 'devices' | 'unnumbered'>): NamespaceNode {
    const node = { id, ino, label, ns, nsid, devices: new Map<number, DeviceNode>(), unnumbered: NOTHING };
    this.namespaces.push(node);
    this.#byId.set(node.id, node);
    return node;
  }

  #device(namespace: NamespaceNode, ifindex: number, name: SafeText | null, device: Device | null): DeviceNode {
    const known = namespace.devices.get(ifindex);
    if (known !== undefined) return known;
    const node: DeviceNode = {
      index: this.devices.length,
      id: `${namespace.id}/${ifindex}`,
      namespace,
      ifindex,
      name,
      device,
      peers: NONE,
      lowers: NONE,
      uppers: NONE,
      ports: NONE,
      masters: NONE,
      open: false,
    };
    namespace.devices.set(ifindex, node);
    this.devices.push(node);
    return node;
  }

  unnumbered(namespace: NamespaceNode, name: SafeText, device: Device | null = null): UnnumberedDevice {
    const known = namespace.unnumbered.get(name);
    if (known !== undefined) return known;
    const node = { id: `${namespace.id}/${name}`, namespace, ifindex: null, name, device };
    namespace.unnumbered = new Map([...namespace.unnumbered, [name, node]]);
    return node;
  }

  /** The living namespace of that number; one that is not in the snapshot is made up for. */
  numbered(ino: number): NamespaceNode {
    return (
      this.byIno.get(ino) ??
      this.#byId.get(String(ino)) ??
      this.#namespace({ id: String(ino), ino, label: String(ino), ns: null, nsid: null })
    );
  }

  /** The namespace another one knows by an id, or of which it knows no more than that it is another. */
  #foreign({ nsid, ifindex }: DeviceReference, { namespace, name }: DeviceNode): NamespaceNode {
    const known = nsid === undefined ? undefined : this.#byNsid.get(`${namespace.ino} ${nsid}`);
    const id = `${namespace.id}/${nsid === undefined ? `beyond ${name} ${ifindex}` : `nsid ${nsid}`}`;
    const label = nsid === undefined ? `a namespace beyond ${namespace.label}` : `nsid ${nsid} of ${namespace.label}`;
    return known ?? this.unknown(id, label, nsid);
  }

  /** One that is only referred to, and not by its number. */
  unknown(id: string, label: SafeText, nsid: number | null = null): NamespaceNode {
    return this.#byId.get(id) ?? this.#namespace({ id, ino: null, label, ns: null, nsid });
  }

  /** What `node` refers to. */
  refer(node: DeviceNode, reference: DeviceReference): DeviceNode {
    const { netns, ifindex, name } = reference;
    const namespace = netns ? this.numbered(netns) : this.#foreign(reference, node);
    return this.#device(namespace, ifindex, name, null);
  }

  /** A connection that has not been told of before. */
  #edge(kind: EdgeKind, from: DeviceNode, to: DeviceNode): DeviceEdge {
    const edge: DeviceEdge = { kind, from, to, certainty: 'probable', fromTells: false, toTells: false };
    this.edges.push(edge);
    return edge;
  }

  addPeer(one: DeviceNode, other: DeviceNode, { certainty }: DeviceReference): void {
    const [from, to] = one.index < other.index ? [one, other] : [other, one];
    const key = pair(from, to);
    let edge = this.#cables.get(key);
    if (edge === undefined) {
      edge = this.#edge((one.device ?? other.device)?.kind === 'netkit' ? 'netkit' : 'veth', from, to);
      this.#cables.set(key, edge);
      add(from, 'peers', { node: to, edge });
      add(to, 'peers', { node: from, edge });
    }
    tell(edge, one, certainty);
  }

  /** @param by which of them says so. */
  addStacked(upper: DeviceNode, lower: DeviceNode, by: DeviceNode, { certainty }: DeviceReference): void {
    const key = pair(upper, lower);
    let edge = this.#stacks.get(key);
    if (edge === undefined) {
      const kind = stackedEdge(upper.device, lower.device);
      const port = kind === 'bridge-port' || kind === 'bond-port';
      const part = port || isMaster(upper.device) || (upper.device === null && isEnslaved(lower, upper));
      edge = port ? this.#edge(kind, lower, upper) : this.#edge(kind, upper, lower);
      this.#stacks.set(key, edge);
      add(upper, part ? 'ports' : 'lowers', { node: lower, edge });
      add(lower, part ? 'masters' : 'uppers', { node: upper, edge });
    }
    tell(edge, by, certainty);
  }
}

function tell(edge: DeviceEdge, by: DeviceNode, certainty: DeviceReference['certainty']): void {
  if (edge.from === by) edge.fromTells = true;
  else edge.toTells = true;
  if (certainty === 'certain') edge.certainty = certainty;
}

function isEnslaved({ device, namespace }: DeviceNode, to: DeviceNode): boolean {
  return namespace === to.namespace && device?.details?.master === to.ifindex;
}

/** Adds what a device says of others. */
function connect(builder: Builder, node: DeviceNode, device: Device): void {
  const other = (reference: DeviceReference): DeviceNode | null => {
    const there = builder.refer(node, reference);
    return there === node ? null : there;
  };
  if (device.peer !== null) {
    const peer = other(device.peer);
    if (peer !== null) builder.addPeer(node, peer, device.peer);
  }
  for (const reference of device.lower) {
    const lower = other(reference);
    if (lower !== null) builder.addStacked(node, lower, node, reference);
  }
  for (const reference of device.upper) {
    const upper = other(reference);
    if (upper !== null) builder.addStacked(upper, node, node, reference);
  }
}

/** The graph of what a snapshot's devices say of each other. */
export function deviceGraph(namespaces: readonly Namespace[]): DeviceGraph {
  const builder = new Builder();
  let initial: NamespaceNode | null = null;
  // One that has no devices has left where another one of that number has.
  const living = new Set(namespaces.filter(({ devices }) => devices !== null).map(({ ino }) => ino));
  for (const ns of namespaces) {
    const node = builder.addNamespace(ns, ns.devices === null && living.has(ns.ino));
    if (ns.initial) initial = node;
  }
  for (const node of [...builder.devices]) if (node.device !== null) connect(builder, node, node.device);
  const tuns = addTuns(namespaces, builder);
  return {
    namespaces: builder.namespaces,
    byIno: builder.byIno,
    initial,
    devices: builder.devices,
    edges: builder.edges,
    tuns,
  };
}
