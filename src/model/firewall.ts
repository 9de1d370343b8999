import type { SafeText } from './text.ts';

/** A chain of an nftables table; one that is written inside a rule has a name from the kernel: `__chain0`. */
export interface FirewallChain {
  readonly name: SafeText;
  /** `filter`, `nat`, `route`; null for a chain that only others jump to. */
  readonly type: SafeText | null;
  /** Where packets enter it: `input`, `prerouting`, `ingress`… */
  readonly hook: string | null;
  readonly priority: number | null;
  /** Devices an ingress or egress chain is bound to; `eth*` for all whose names begin so. */
  readonly devices: readonly SafeText[];
  /** `accept` or `drop`; null for a chain that only others jump to. */
  readonly policy: string | null;
  readonly rules: number;
}

/** A table of nftables. */
export interface FirewallTable {
  /** `ip`, `ip6`, `inet`, `arp`, `bridge`, `netdev`. */
  readonly family: string;
  readonly name: SafeText;
  readonly rawName?: string;
  /** `dormant`: nothing in it is in force; `owner`: gone when the process that made it ends. */
  readonly flags: readonly string[];
  readonly chains: readonly FirewallChain[];
  /** Named sets and maps; those written inside a rule are part of it. */
  readonly sets: number;
}

/** What filters packets in a namespace. */
export interface Firewall {
  /** Null where nftables could not be asked. */
  readonly tables: readonly FirewallTable[] | null;
  /** Tables of the older iptables, by family; null where they could not be read. */
  readonly legacy: readonly { readonly family: 'ip' | 'ip6' | 'arp'; readonly tables: readonly SafeText[] }[] | null;
}
