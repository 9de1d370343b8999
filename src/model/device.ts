import type { SafeText } from './text.ts';

/** A device in some namespace: devices are told apart by both together. */
export interface DeviceReference {
  /** Inode of the namespace; null where its number is not known. */
  readonly netns: number | null;
  readonly ifindex: number;
  readonly name: SafeText | null;
  /** Where `netns` is null: the id by which the namespace of the device that refers to this one knows that namespace. */
  readonly nsid?: number;
  /**
   * `certain`: the kernel's own view says so, or rtnetlink with an nsid whose namespace was identified.
   * `probable`: both ends fit each other and no other device does, but nobody says so.
   */
  readonly certainty: 'certain' | 'probable';
}

/** 64-bit counters since the device was made (struct rtnl_link_stats64, include/uapi/linux/if_link.h). */
export interface DeviceCounters {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  /** Null where only `/proc/net/dev` told: there `rxDropped` has them as well. */
  readonly rxMissed: number | null;
  readonly multicast: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
  /** Null where only `/proc/net/dev` told, which adds up several kinds of errors. */
  readonly txCarrierErrors: number | null;
  readonly collisions: number;
}

/** A setting of a device kind, by the name and in the words `ip -details -json link` prints. */
export type SettingValue =
  | string
  | number
  | boolean
  | readonly SettingValue[]
  | { readonly [name: string]: SettingValue };
export type Settings = Readonly<Record<string, SettingValue>>;

/** What rtnetlink tells of a device beyond what the kernel's own view has. */
export interface DeviceDetails {
  /** ARPHRD_… as iproute2 names it: `ether`, `loopback`, `none`, `tunnel`… */
  readonly linkType: string;
  readonly permanentAddress: string | null;
  readonly broadcast: string | null;
  readonly alternativeNames: readonly SafeText[];
  readonly alias: SafeText | null;
  /** Null where the driver does not tell. */
  readonly carrier: boolean | null;
  readonly carrierChanges: number | null;
  /** How many ask it to receive everything: packet sockets, macvlans, bridges. */
  readonly promiscuity: number | null;
  readonly allmulti: number | null;
  readonly minMtu: number | null;
  readonly maxMtu: number | null;
  readonly queueingDiscipline: SafeText | null;
  readonly txQueueLength: number | null;
  readonly txQueues: number | null;
  readonly rxQueues: number | null;
  readonly gsoMaxSize: number | null;
  readonly gsoMaxSegments: number | null;
  readonly group: number;
  /** `default` or `dormant` (IFLA_LINKMODE). */
  readonly linkMode: string;
  /** How it makes its link-local address: `eui64`, `none`, `stable_secret`, `random`. */
  readonly addressGeneration: string | null;
  /** What it is enslaved to, in the same namespace. */
  readonly master: number | null;
  /** IFLA_LINK: the ifindex of its peer or of what it sits on; null for a device on its own. */
  readonly link: number | null;
  /** IFLA_LINK_NETNSID: the namespace `link` counts in, by the id it has here; null for this namespace. */
  readonly linkNsid: number | null;
  /** Settings of its kind: the mode of a macvlan, the id of a vlan. */
  readonly settings: Settings;
  /** What kind of port it is, `bridge` or `bond`, and its settings as one. */
  readonly portKind: SafeText | null;
  readonly portSettings: Settings;
  /** An XDP program on it: `driver`, `generic` or `hardware`. */
  readonly xdp: { readonly mode: string; readonly program: number | null } | null;
  /** What it is plugged into: `pci` and `0000:00:03.0`. Null for devices of software. */
  readonly bus: SafeText | null;
  readonly busDevice: SafeText | null;
  readonly driver: SafeText | null;
}

/** A network device: what the kernel's own view and rtnetlink have of it. */
export interface Device {
  /** Null where only a table without numbers shows it (`/proc/<pid>/net/dev`). */
  readonly ifindex: number | null;
  readonly name: SafeText;
  readonly rawName?: string;
  /** `veth`, `macvlan`, `bridge`…; null for physical devices and the loopback. */
  readonly kind: SafeText | null;
  /** IFF_… without their prefix, lower case: `up`, `promisc`… (netdevice(7)). */
  readonly flags: readonly string[];
  /** Operational state (RFC 2863): `up`, `down`, `lowerlayerdown`… */
  readonly operstate: string;
  readonly address: string | null;
  readonly mtu: number | null;
  /** Reference count; 1 is the baseline. Null where the kernel does not give it away. */
  readonly references: number | null;
  /** A piece of hardware, or a virtual machine's: it sits on a bus. Null where that is not known. */
  readonly physical: boolean | null;
  /** The other end of a veth or netkit. */
  readonly peer: DeviceReference | null;
  /** What it sits on: the parent of a macvlan, the ports of a bridge, the underlay of a tunnel. */
  readonly lower: readonly DeviceReference[];
  /** What sits on it. */
  readonly upper: readonly DeviceReference[];
  /** Null where nobody read them. */
  readonly counters: DeviceCounters | null;
  /** Null where rtnetlink was not asked. */
  readonly details: DeviceDetails | null;
}
