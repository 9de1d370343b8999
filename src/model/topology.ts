import type { Visibility } from './namespace.ts';
import type { Uplink } from './network.ts';
import type { SafeText } from './text.ts';

/**
 * How two devices hang together, or a device and a process.
 * - `veth`, `netkit`: two ends of one cable
 * - `macvlan`, `macvtap`, `ipvlan`, `vlan`: a child on its parent
 * - `bridge-port`, `bond-port`: a port and the bridge or bond it belongs to
 * - `tunnel`: a tunnel and the device its packets leave by
 * - `tun-process`: a tun or tap and a process that has it open
 * - `lower`: any other device and what it sits on
 */
export type EdgeKind =
  | 'veth'
  | 'netkit'
  | 'macvlan'
  | 'macvtap'
  | 'ipvlan'
  | 'vlan'
  | 'bridge-port'
  | 'bond-port'
  | 'tunnel'
  | 'tun-process'
  | 'lower';

export interface TopologyNamespace {
  /** Told apart by it from all others of this topology: its inode number where that is known. */
  readonly id: string;
  readonly ino: number | null;
  /** What it is called; of one that is only referred to: by whom. */
  readonly label: SafeText;
  readonly initial: boolean;
  /** Null for one that is only referred to: it is not in the snapshot. */
  readonly visibility: Visibility | null;
  readonly uplink: Uplink | null;
}

export interface TopologyDevice {
  /** Told apart by it from all others: the id of its namespace and its ifindex. */
  readonly id: string;
  /** Id of its namespace. */
  readonly namespace: string;
  /** Null where no source tells its number. */
  readonly ifindex: number | null;
  readonly name: SafeText | null;
  /** Null for physical devices and the loopback, and where it is not known. */
  readonly kind: SafeText | null;
  /** A piece of hardware: it is on the wire. */
  readonly physical: boolean;
  readonly loopback: boolean;
  /** `up`, or why not; null where not known. */
  readonly state: string | null;
  /** Its first address with the prefix length, a global one before others; null for none and where not read. */
  readonly address: string | null;
  /** False for one that is only referred to: it is not in the snapshot. */
  readonly known: boolean;
}

export interface TopologyProcess {
  readonly id: string;
  readonly pid: number;
  /** Null where no namespace shows the process. */
  readonly comm: SafeText | null;
}

/** One end of an edge: a device, or a process. */
export interface TopologyEnd {
  /** Id of the device or process. */
  readonly node: string;
  /** Inode of the device's namespace; null where its number is not known, and for a process. */
  readonly netns: number | null;
  readonly ifindex: number | null;
  readonly name: SafeText | null;
  readonly pid?: number;
}

/** A connection. Each is there once, though both ends may know of it. */
export interface TopologyEdge {
  readonly kind: EdgeKind;
  /** What sits on the other one; the port; the tun. Ends of a cable are in no particular order. */
  readonly from: TopologyEnd;
  readonly to: TopologyEnd;
  /** As in `DeviceReference`: `probable` where both ends fit each other and nobody says so. */
  readonly certainty: 'certain' | 'probable';
  /** Who says so, in words. */
  readonly evidence: SafeText;
}

/** How all network namespaces hang together. */
export interface Topology {
  readonly namespaces: readonly TopologyNamespace[];
  readonly devices: readonly TopologyDevice[];
  /** Those at the other end of a tun or tap. */
  readonly processes: readonly TopologyProcess[];
  readonly edges: readonly TopologyEdge[];
}
