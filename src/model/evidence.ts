import type { Coverage, CoverageStatus } from './coverage.ts';
import { type Holder, isProvenByUserland } from './holder.ts';
import type { Namespace } from './namespace.ts';
import type { Snapshot } from './snapshot.ts';

/** What one source says about one namespace. */
export interface Evidence {
  readonly source: string;
  /**
   * - `yes`: it shows the namespace
   * - `no`: it looked, and does not
   * - `unknown`: it was off or could not look
   */
  readonly sees: 'yes' | 'no' | 'unknown';
  readonly status: CoverageStatus;
  /** How many holders it showed; null for sources that only witness. */
  readonly holders: number | null;
}

/** Sources that find holders, and those that only know of a namespace. Others (host, containers) say nothing of it. */
const FINDERS = ['tasks', 'mounts', 'descriptors', 'pinned-mounts'] as const;
const WITNESSES = ['kernel', 'handles', 'listns', 'nsids'] as const;

/** The userland source a holder comes from. */
function finderOf(holder: Holder, { mountNamespaces }: Pick<Snapshot, 'mountNamespaces'>): (typeof FINDERS)[number] {
  if (holder.kind === 'task') return 'tasks';
  if (holder.kind !== 'mount') return 'descriptors';
  const lived = mountNamespaces.some(({ ino, pids }) => ino === holder.mountNamespace && pids.length > 0);
  return lived ? 'mounts' : 'pinned-mounts';
}

function answer(coverage: Coverage | undefined, sees: boolean): Evidence['sees'] {
  if (sees) return 'yes';
  if (coverage === undefined || coverage.status === 'off' || coverage.status === 'unavailable') return 'unknown';
  // A source that missed everything has not looked.
  return coverage.status === 'partial' && coverage.seen === 0 ? 'unknown' : 'no';
}

/** Which source sees a namespace and which does not, in the order they run. */
export function evidenceFor(ns: Namespace, snapshot: Pick<Snapshot, 'coverage' | 'mountNamespaces'>): Evidence[] {
  const found = new Map<string, number>();
  for (const holder of ns.holders) {
    if (!isProvenByUserland(holder)) continue;
    const finder = finderOf(holder, snapshot);
    found.set(finder, (found.get(finder) ?? 0) + 1);
  }
  const coverageOf = (name: string) => snapshot.coverage.find(({ source }) => source === name);
  const row = (source: string, sees: boolean, holders: number | null): Evidence => {
    const coverage = coverageOf(source);
    return { source, sees: answer(coverage, sees), status: coverage?.status ?? 'off', holders };
  };
  return [
    ...FINDERS.map((source) => row(source, found.has(source), found.get(source) ?? 0)),
    ...WITNESSES.filter((source) => source !== 'nsids' || coverageOf(source) !== undefined).map((source) =>
      row(
        source,
        ns.witnesses.some((witness) => witness.source === source),
        source === 'kernel' ? ns.holders.filter((holder) => holder.view === 'kernel').length : null,
      ),
    ),
  ];
}
