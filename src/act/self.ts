import { parseStat } from '../../collectors/tasks.ts';
import type { Capability } from '../model/plan.ts';
import { effectiveCapabilities } from '../os/capabilities.ts';
import { namespaceLink } from '../os/nsfs.ts';
import { type Procfs, readSmall } from '../os/procfs.ts';

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
