import type { Device } from './device.ts';
import type { Firewall } from './firewall.ts';
import type { Holder } from './holder.ts';
import type { Address, HardwareFilter, NamespaceIdEntry, Neighbour, Route, Rule, Uplink } from './network.ts';
import type { Socket } from './socket.ts';
import type { SafeText } from './text.ts';

/**
 * How much it takes to see a namespace.
 * - `plain`: `ip netns list` or a scan of `/proc/<pid>/ns/net` shows it
 * - `obscure`: it has a holder, but only a deeper look finds it
 * - `hidden`: the kernel lists it and no certain holder can be found, or its processes are concealed
 * - `dying`: its count reached zero and teardown has not finished
 */
export type Visibility = 'plain' | 'obscure' | 'hidden' | 'dying';

/** The container or service a process belongs to, read off its cgroup. */
export interface Container {
  /** `docker`, `podman`, `containerd`, `cri-o`, `lxc`, `nspawn`, `kubernetes`, or `systemd` for a plain unit. */
  readonly engine: string;
  /** Container id, LXC name or unit name. */
  readonly id: SafeText;
  /** Human name where the engine told it. */
  readonly name: SafeText | null;
  /** Kubernetes pod UID. */
  readonly pod: string | null;
}

/** A process with at least one thread in the namespace. */
export interface Process {
  readonly pid: number;
  readonly ppid: number;
  readonly comm: SafeText;
  readonly rawComm?: string;
  /** Arguments joined by spaces, at most 4096 bytes; empty for kernel threads and zombies. */
  readonly cmdline: SafeText;
  readonly rawCmdline?: string;
  readonly uid: number | null;
  readonly user: SafeText | null;
  /** Start, ISO 8601, from field 22 of `/proc/<pid>/stat` and the host's boot time. */
  readonly startedAt: string | null;
  /** Field 22 of `/proc/<pid>/stat`, clock ticks after boot: with `pid`, the identity of the process. */
  readonly startTicks: number;
  readonly kernelThread: boolean;
  /** Threads of this process in this namespace. */
  readonly threads: number;
  readonly cgroup: SafeText;
  readonly userNamespace: number | null;
  readonly pidNamespace: number | null;
  readonly mountNamespace: number | null;
  /** Its pid in each nested pid namespace, outermost first (`NSpid`). */
  readonly namespacePids: readonly number[];
  /** A mount laid over `/proc/<pid>` hides it from other tools. */
  readonly covered: boolean;
  readonly container: Container | null;
}

/** Who created a namespace: NS_GET_USERNS and NS_GET_OWNER_UID (ioctl_ns(2)). */
export interface Owner {
  readonly userNamespace: number;
  /** Effective uid of the creator of that user namespace, in our user namespace. */
  readonly uid: number | null;
}

/** A source that knows of a namespace without being what holds it. */
export type Witness =
  | { readonly source: 'kernel' | 'handles' | 'listns' }
  /** Another namespace has an id for it. */
  | { readonly source: 'nsids'; readonly from: number; readonly nsid: number };

/** How often the kernel refers to a namespace. */
export interface References {
  /** What keeps it alive; at zero it is dead and waits for teardown. Null where the kernel's field is not known. */
  readonly count: number | null;
  /** What keeps its memory only. */
  readonly passive: number;
  /** From Linux 6.19: what keeps it visible to listns(2) and openable by handle. Null before. */
  readonly active: number | null;
}

/** Something two ways of asking the kernel for the same thing do not agree on, three looks in a row. */
export interface Discrepancy {
  /** What it is about: `tcp socket 0.0.0.0:22 (listen)`. */
  readonly subject: SafeText;
  /** Where it shows, and where it does not: `sock_diag`, `/proc/net/tcp`. */
  readonly shownBy: string;
  readonly missingFrom: string;
}

/** A task that one view shows and the other does not, twice in a row. */
export interface ConcealedTask {
  readonly pid: number;
  readonly tid: number;
  readonly comm: SafeText;
  readonly uid: number | null;
  /** Network namespace it is in, where known. */
  readonly netns: number | null;
  /** Field 22 of `/proc/<pid>/stat`: clock ticks after boot. */
  readonly startTicks: number;
  /** The view that shows it. */
  readonly seenBy: 'kernel' | 'procfs';
}

/** One network namespace and all that is known of it. */
export interface Namespace {
  /**
   * nsfs inode, what `net:[4026531833]` shows. Reused after death. Null only when the evidence proves that a
   * namespace exists but the kernel tells nobody its number (a file under a dead process's `/proc/<pid>/net`).
   */
  readonly ino: number | null;
  /** `net->net_cookie`, never reused until reboot. A decimal string: it is 64 bits wide. Null where not readable. */
  readonly cookie: string | null;
  readonly initial: boolean;
  readonly visibility: Visibility;
  /** Names in `/run/netns`, as `ip netns` shows them. */
  readonly names: readonly SafeText[];
  /** Every bind mount path, in any mount namespace, without duplicates. */
  readonly paths: readonly SafeText[];
  readonly owner: Owner | null;
  readonly holders: readonly Holder[];
  /** Sources that know of it, besides those its holders come from. */
  readonly witnesses: readonly Witness[];
  /** Null without the kernel's own view. */
  readonly references: References | null;
  readonly processes: readonly Process[];
  /** Null where neither the kernel's own view nor rtnetlink nor `/proc/<pid>/net/dev` told. */
  readonly devices: readonly Device[] | null;
  // What is inside. Null: not read; coverage says why where it was wanted.
  readonly addresses: readonly Address[] | null;
  readonly routes: readonly Route[] | null;
  readonly rules: readonly Rule[] | null;
  readonly neighbours: readonly Neighbour[] | null;
  readonly filters: readonly HardwareFilter[] | null;
  readonly sockets: readonly Socket[] | null;
  readonly firewall: Firewall | null;
  readonly nsids: readonly NamespaceIdEntry[] | null;
  /** Counters of the protocols (snmp, netstat, sockstat), by protocol and name. */
  readonly protocols: Readonly<Record<string, Readonly<Record<string, number>>>> | null;
  readonly discrepancies: readonly Discrepancy[];
  readonly uplink: Uplink | null;
  /** When its counters were read, milliseconds on a clock that never goes back; null where they were not. */
  readonly countersAt: number | null;
  readonly container: Container | null;
}

/**
 * What tells one namespace from all others over time: the cookie where there is one, since inode numbers are
 * recycled at once.
 */
export function namespaceKey(ns: Namespace): string {
  if (ns.cookie !== null) return `cookie:${ns.cookie}`;
  if (ns.ino !== null) return `net:[${ns.ino}]`;
  const id = ns.witnesses.find((witness) => witness.source === 'nsids');
  if (id !== undefined) return `nsid:${id.from}:${id.nsid}`;
  const first = ns.holders[0];
  return first?.kind === 'procfile' ? `procfile:${first.pid}:${first.fd}` : 'unknown';
}
