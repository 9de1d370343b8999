import type { DeviceReference } from './device.ts';
import type { SafeText } from './text.ts';

/** `inet`, `inet6`, or the family's number for others: `family 28`. */
export type AddressFamily = string;

/** An IP address of a device (RTM_NEWADDR, rtnetlink(7)). Where only a table of `/proc/net` shows it, less is told. */
export interface Address {
  readonly family: AddressFamily;
  readonly ifindex: number | null;
  readonly address: string;
  /** Null where not told. */
  readonly prefixLength: number | null;
  /** The other end of a point-to-point device, where it differs from `address`. */
  readonly peer: string | null;
  readonly broadcast: string | null;
  readonly anycast: string | null;
  /** `global`, `link`, `host`, `site`, `nowhere` or its number; null where not told. */
  readonly scope: string | null;
  /** IFA_F_… as iproute2 names them: `permanent` is left out where it is ordinary, `dynamic` is its absence. */
  readonly flags: readonly string[];
  readonly label: SafeText | null;
  /** Seconds left; null for ever. */
  readonly validSeconds: number | null;
  readonly preferredSeconds: number | null;
  /** Who added it, as iproute2 names it: `kernel_lo`, `kernel_ra`, `kernel_ll`; null where not told (before 5.18). */
  readonly protocol: string | null;
}

/** One way a route goes. */
export interface NextHop {
  /** Null for what is on the link itself. */
  readonly gateway: string | null;
  readonly ifindex: number | null;
  readonly weight: number | null;
  /** `onlink`, `linkdown`, `dead`, `pervasive`, `offload`, `unresolved`, `trap`. */
  readonly flags: readonly string[];
}

/**
 * An entry of a routing table (RTM_NEWROUTE). Type, table, protocol, scope and tos are null where only a table of
 * `/proc/net` shows it, which does not tell.
 */
export interface Route {
  readonly family: AddressFamily;
  /** `unicast`, `local`, `broadcast`, `blackhole`… */
  readonly type: string | null;
  /** `default`, or address and prefix length: `10.0.0.0/8`. */
  readonly destination: string;
  /** It is where everything goes that no other route wants. */
  readonly default: boolean;
  /** Only what comes from there: address and prefix length. */
  readonly source: string | null;
  readonly nextHops: readonly NextHop[];
  /** `main`, `local`, `default` or a number. */
  readonly table: string | null;
  /** `kernel`, `boot`, `static`, `dhcp`… */
  readonly protocol: string | null;
  readonly scope: string | null;
  readonly preferredSource: string | null;
  /** Lower is preferred. */
  readonly metric: number | null;
  readonly tos: number | null;
  /** Only what comes in by this device. */
  readonly incoming: number | null;
  readonly flags: readonly string[];
  /** Router preference of IPv6: `low`, `medium`, `high`. */
  readonly preference: string | null;
  /** `3/4`: realms it comes from and leads to, as ip-route(8) has them. */
  readonly realms: string | null;
  /** RTAX_… by their names in ip-route(8): `mtu`, `advmss`…; `lock`, `features` and `congctl` are words. */
  readonly metrics: Readonly<Record<string, number | SafeText>>;
  /** Id of a nexthop object. */
  readonly nextHopId: number | null;
  /** Lightweight tunnel: `mpls`, `ip`, `seg6`, `bpf`… */
  readonly encapsulation: string | null;
  readonly expiresSeconds: number | null;
}

/** A rule of policy routing (RTM_NEWRULE). */
export interface Rule {
  readonly family: AddressFamily;
  readonly priority: number;
  /** Holds for what the rest does not describe. */
  readonly inverted: boolean;
  /** `all`, or address and prefix length. */
  readonly source: string;
  readonly destination: string;
  readonly incoming: SafeText | null;
  readonly outgoing: SafeText | null;
  readonly tos: number;
  readonly mark: number | null;
  readonly mask: number | null;
  /** `lookup`, `goto`, `nop`, `blackhole`, `unreachable`, `prohibit`. */
  readonly action: string;
  readonly table: string | null;
  readonly goto: number | null;
  readonly protocol: string;
  readonly suppressPrefixLength: number | null;
  readonly suppressGroup: number | null;
  readonly l3mdev: boolean;
  readonly ipProtocol: number | null;
  /** First and last. */
  readonly sourcePorts: readonly [number, number] | null;
  readonly destinationPorts: readonly [number, number] | null;
  readonly uids: readonly [number, number] | null;
  readonly tunnelId: string | null;
  /** What else it asks of a packet or does with it, as ip-rule(8) writes it: `dscp 46`. Absent where there is nothing. */
  readonly further?: readonly string[];
  /** `iif_detached`, `oif_detached`: there is no such device; `unresolved`: no rule to go to. Absent where none is set. */
  readonly flags?: readonly string[];
}

/** An entry of a neighbour table: ARP or neighbour discovery (RTM_NEWNEIGH). */
export interface Neighbour {
  readonly family: AddressFamily;
  readonly ifindex: number | null;
  readonly address: string;
  readonly hardwareAddress: string | null;
  /** `reachable`, `stale`, `permanent`, `failed`…; several at once are possible. None where not told. */
  readonly state: readonly string[];
  /** `router`, `proxy`, `extern_learn`, `offload`, `managed`. */
  readonly flags: readonly string[];
}

/** A hardware address a device listens to, or a bridge or tunnel sends to. */
export interface HardwareFilter {
  readonly ifindex: number | null;
  readonly hardwareAddress: string;
  /** `unicast`: a filter of the device itself; `multicast`; `forwarding`: learnt or set on a bridge or a tunnel. */
  readonly kind: 'unicast' | 'multicast' | 'forwarding';
  readonly vlan: number | null;
  /** Where a tunnel sends it: an IP address. */
  readonly destination: string | null;
  readonly state: readonly string[];
  readonly flags: readonly string[];
  /** How many want it, of multicast. */
  readonly users: number | null;
}

/** A namespace as another one knows it: an entry of its table of ids (RTM_GETNSID). */
export interface NamespaceIdEntry {
  readonly nsid: number;
  /** Inode of the namespace it stands for; null where nobody could tell. */
  readonly netns: number | null;
}

/** One step on the way out: by what relation, to which device. */
export interface UplinkStep {
  readonly device: DeviceReference;
  /**
   * `route`: a route leaves by it, a default one if any arrives; `link`: no route does, but it is on the link; `peer`,
   * `lower`, `port` (of the bridge before it), `master`, `underlay`.
   */
  readonly by: 'route' | 'link' | 'peer' | 'lower' | 'port' | 'master' | 'underlay';
}

/** How a namespace reaches the outside: the devices from its default route on. */
export interface Uplink {
  /** `wire`: a physical device; `process`: a tun whose other end is a process; `nowhere`; `unknown`: the way was lost. */
  readonly reaches: 'wire' | 'process' | 'nowhere' | 'unknown';
  readonly steps: readonly UplinkStep[];
  /** Why the way was lost, or ends, or what is amiss on one that arrives; null where there is nothing to say. */
  readonly reason: string | null;
}
