import type { Coverage } from './coverage.ts';
import type { Holder } from './holder.ts';
import type { ConcealedTask, Namespace } from './namespace.ts';
import type { SafeText } from './text.ts';

export const SNAPSHOT_SCHEMA = 'nsleuth/snapshot/1';

export interface Host {
  readonly hostname: SafeText;
  /** Release, what `uname -r` prints. */
  readonly kernel: SafeText;
  /** `/proc/sys/kernel/random/boot_id`: cookies and inode numbers mean nothing across boots. */
  readonly bootId: string | null;
  readonly uptimeSeconds: number | null;
  /** Load averages over 1, 5 and 15 minutes. */
  readonly load: readonly number[];
}

/** A mount namespace and who lives in it: whoever does sees its mounts. */
export interface MountNamespace {
  /** Inode; null for processes whose mount namespace may not be read. */
  readonly ino: number | null;
  readonly pids: readonly number[];
}

/** Everything known about the network namespaces of one host at one moment. */
export interface Snapshot {
  readonly schema: typeof SNAPSHOT_SCHEMA;
  /** ISO 8601, when collection began. */
  readonly takenAt: string;
  readonly durationMs: number;
  readonly tool: { readonly name: 'nsleuth'; readonly version: string };
  readonly host: Host;
  readonly coverage: readonly Coverage[];
  readonly namespaces: readonly Namespace[];
  /** Suspected holders whose namespace the kernel does not tell: leads for namespaces without a certain holder. */
  readonly leads: readonly Holder[];
  /** Tasks that only one of the two views shows. */
  readonly concealedTasks: readonly ConcealedTask[];
  readonly mountNamespaces: readonly MountNamespace[];
}
