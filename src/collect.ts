import type { CollectContext, CollectDepth, Collected } from '../collectors/contract.ts';
import { COLLECTORS, type Gathered } from '../collectors/index.ts';
import { correlate } from './correlate/index.ts';
import { type Coverage, type CoverageStatus, SNAPSHOT_SCHEMA, type Snapshot } from './model/index.ts';
import { closeProcfs, openProcfs } from './os/procfs.ts';
import { safeText } from './terminal/sanitise.ts';
import { VERSION } from './version.ts';

export interface CollectOptions {
  /** Where procfs is: `/proc`, or the host's procfs bind-mounted into a container. */
  readonly procRoot: string;
  /** Collectors to leave out, by name. */
  readonly without: readonly string[];
  /** Default `full`. */
  readonly depth?: CollectDepth;
}

type Stage = (typeof COLLECTORS)[number];

/** The names `--without` takes. */
export const SOURCES: readonly string[] = COLLECTORS.map(({ name }) => name);

const NOTHING = { seen: 0, missed: [], notes: [] } as const;

function statusOf({ unavailable, missed }: Collected<unknown>): CoverageStatus {
  if (unavailable) return 'unavailable';
  return missed.length > 0 ? 'partial' : 'complete';
}

/** Runs one stage. A collector that throws has a bug: that costs its own evidence, not the others'. */
async function runStage(stage: Stage, context: CollectContext, gathered: Gathered): Promise<Coverage> {
  const { name: source, view } = stage;
  const started = performance.now();
  try {
    const collected = await stage.collect(context, gathered);
    Object.assign(gathered, { [source]: collected.data });
    const { seen, missed, notes } = collected;
    return { source, view, status: statusOf(collected), seen, missed, notes, durationMs: elapsed(started) };
  } catch (error) {
    context.signal.throwIfAborted();
    const reason = safeText(error instanceof Error ? error.message : String(error));
    const missed = [{ subject: source, reason }];
    return { ...NOTHING, source, view, status: 'unavailable', missed, durationMs: elapsed(started) };
  }
}

function elapsed(since: number): number {
  return Math.round((performance.now() - since) * 1000) / 1000;
}

/**
 * Runs every collector in order and correlates what they saw into one snapshot.
 *
 * @throws SystemError when `procRoot` cannot be opened; the signal's reason when aborted.
 */
export async function collect(
  options: CollectOptions,
  signal: AbortSignal = new AbortController().signal,
): Promise<Snapshot> {
  const started = performance.now();
  const takenAt = new Date();
  const procfs = openProcfs(options.procRoot);
  try {
    const context: CollectContext = {
      procfs,
      netnsDir: '/run/netns',
      passwdFile: '/etc/passwd',
      depth: options.depth ?? 'full',
      signal,
    };
    const gathered: Gathered = {};
    const coverage: Coverage[] = [];
    for (const stage of COLLECTORS) {
      if (options.without.includes(stage.name)) {
        coverage.push({ ...NOTHING, source: stage.name, view: stage.view, status: 'off', durationMs: 0 });
      } else {
        coverage.push(await runStage(stage, context, gathered));
      }
    }
    const host = gathered.host ?? { hostname: '?', kernel: '?', bootId: null, uptimeSeconds: null, load: [] };
    const bootTime = host.uptimeSeconds === null ? null : takenAt.getTime() - host.uptimeSeconds * 1000;
    const { namespaces, leads, mountNamespaces } = correlate(gathered, bootTime);
    return {
      schema: SNAPSHOT_SCHEMA,
      takenAt: takenAt.toISOString(),
      durationMs: elapsed(started),
      tool: { name: 'nsleuth', version: VERSION },
      host,
      coverage,
      namespaces,
      leads,
      mountNamespaces,
    };
  } finally {
    closeProcfs(procfs);
  }
}
