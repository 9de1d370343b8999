import { parseStat } from '../../collectors/tasks.ts';
import type { Capability } from '../model/plan.ts';
import { namespaceLink } from '../os/nsfs.ts';
import { type Procfs, readSmall } from '../os/procfs.ts';

/** Bits of `CapEff` (include/uapi/linux/capability.h). */
const BITS: Readonly<Record<Capability, bigint>> = {
  CAP_KILL: 5n,
  CAP_NET_ADMIN: 12n,
  CAP_SYS_CHROOT: 18n,
  CAP_SYS_PTRACE: 19n,
  CAP_SYS_ADMIN: 21n,
};

/** What nsleuth must not harm, and what it may do: facts about itself. */
export interface Self {
  readonly pid: number;
  /** Itself, its ancestors and the first process: never ended. */
  readonly lineage: readonly number[];
  /** Inode of the network namespace it runs in; null where that may not be told. */
  readonly netns: number | null;
  /** Effective uid. */
  readonly uid: number;
  readonly capabilities: readonly Capability[];
}

/** A process's ancestors, the nearest first, as far as procfs shows them. */
function ancestorsOf(procfs: Procfs, pid: number): number[] {
  const line: number[] = [];
  for (let at = pid; ; ) {
    const parent = parseStat(readSmall(procfs.fd, `${at}/stat`) ?? '')?.ppid ?? 0;
    if (parent <= 0 || line.includes(parent)) return line;
    line.push(parent);
    if (parent === 1) return line;
    at = parent;
  }
}

/** Effective capabilities among those that steps need, from the text of `/proc/self/status`. */
export function effectiveCapabilities(status: string): Capability[] {
  const effective = BigInt(`0x${/^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return (Object.keys(BITS) as Capability[]).filter((name) => ((effective >> BITS[name]) & 1n) === 1n);
}

/** What nsleuth is, right now. */
export function readSelf(procfs: Procfs): Self {
  const netns = namespaceLink(procfs.fd, 'thread-self/ns/net');
  return {
    pid: process.pid,
    lineage: [process.pid, ...ancestorsOf(procfs, process.pid), 1],
    netns: netns > 0 ? netns : null,
    uid: process.geteuid?.() ?? -1,
    capabilities: effectiveCapabilities(readSmall(procfs.fd, 'self/status') ?? ''),
  };
}
