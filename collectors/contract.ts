import type { Issue, View } from '../src/model/index.ts';
import type { Procfs } from '../src/os/procfs.ts';
import type { Gathered } from './index.ts';
import type { ProbeState } from './kernel/load.ts';

/**
 * How much to read. `table` leaves out what no column of a table shows: leads, which take reading every process's
 * `maps`, and the user and pid namespaces of each process.
 */
export type CollectDepth = 'full' | 'table';

/** What every collector is given. All roots are injectable, so fixture trees can drive tests. */
export interface CollectContext {
  readonly procfs: Procfs;
  /** Where sysfs is: `/sys`. */
  readonly sysRoot: string;
  /** Where iproute2 keeps its names: `/run/netns`. */
  readonly netnsDir: string;
  /** Where account names come from: `/etc/passwd`. */
  readonly passwdFile: string;
  readonly depth: CollectDepth;
  readonly signal: AbortSignal;
  /** The BPF programs, loaded at the first call at the latest; whoever made the context unloads them. */
  readonly probe: () => Promise<ProbeState>;
}

/** What a collector saw, what it could not see (`missed`) and what else deserves a word (`notes`). */
export interface Collected<Data> {
  readonly data: Data;
  /** How many subjects were read. */
  readonly seen: number;
  readonly missed: readonly Issue[];
  readonly notes: readonly Issue[];
  /** The source as a whole could not be used. */
  readonly unavailable?: boolean;
}

/**
 * One source of evidence. `collect` never throws because one process vanished or one file was malformed: such
 * things become issues. It reads what earlier stages gathered, any of which may be switched off.
 */
export interface Collector<Name extends string = string, Data = unknown> {
  readonly name: Name;
  readonly view: View;
  /** One line for `doctor`: what it reads and what it finds. */
  readonly reads: string;
  /** What it needs to see everything, in words an admin can act on. */
  readonly needs: string;
  readonly collect: (context: CollectContext, gathered: Gathered) => Collected<Data> | Promise<Collected<Data>>;
}
