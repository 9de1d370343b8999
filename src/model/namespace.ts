import type { Holder } from './holder.ts';
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
  readonly processes: readonly Process[];
  readonly container: Container | null;
}

/**
 * What tells one namespace from all others over time: the cookie where there is one, since inode numbers are
 * recycled at once.
 */
export function namespaceKey(ns: Namespace): string {
  if (ns.cookie !== null) return `cookie:${ns.cookie}`;
  if (ns.ino !== null) return `net:[${ns.ino}]`;
  const first = ns.holders[0];
  return first?.kind === 'procfile' ? `procfile:${first.pid}:${first.fd}` : 'unknown';
}
