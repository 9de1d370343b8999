import type { CollectContext, CollectDepth } from '../collectors/contract.ts';
import type { Guide } from '../collectors/guide.ts';
import { COLLECTORS, INSIDE, type InsideSource } from '../collectors/index.ts';
import { INITIAL_PID_NAMESPACE } from '../collectors/tasks.ts';
import { monotonic } from './clock.ts';
import { correlate, type Verdicts } from './correlate/index.ts';
import { uplinksOf } from './correlate/uplink.ts';
import { type Namespace, SNAPSHOT_SCHEMA, type Snapshot } from './model/index.ts';
import { namespaceLink } from './os/nsfs.ts';
import { openProcfs, type Procfs, releaseProcfs } from './os/procfs.ts';
import { elapsed, Run } from './run.ts';
import { askAgain } from './second-opinion.ts';
import { Session } from './session.ts';
import { settleViews } from './settle-views.ts';
import { VERSION } from './version.ts';

export interface CollectOptions {
  /** Where procfs is: `/proc`, or the host's procfs bind-mounted into a container. */
  readonly procRoot: string;
  /** Collectors to leave out, by name. */
  readonly without: readonly string[];
  /** Default `full`. */
  readonly depth?: CollectDepth;
  /** What to find out about the inside of every namespace. Default nothing. */
  readonly inside?: 'all' | readonly InsideSource[];
  /** Picks namespaces, by number, to find out more about. */
  readonly focus?: (snapshot: Snapshot) => ReadonlySet<number>;
  /** What to find out about those. Default everything. */
  readonly closely?: readonly InsideSource[];
  /** Where sysfs is. Default `/sys`. */
  readonly sysRoot?: string;
}

/** The names `--without` takes. */
export const SOURCES: readonly string[] = [...COLLECTORS, ...INSIDE].map(({ name }) => name);

/** Stages after which the views can be compared; the others build on what that settles. */
const VIEWS: ReadonlySet<string> = new Set(SOURCES.slice(0, SOURCES.indexOf('kernel') + 1));

/** Sources that tell where to look, and those that look: where one of them is off, the others see for themselves. */
const GUIDED = ['kernel', 'tasks', 'mounts', 'descriptors', 'pinned-mounts'] as const;

/** What collectors are given on this host. */
export function contextFor(
  procfs: Procfs,
  { depth = 'full', sysRoot = '/sys' }: Pick<CollectOptions, 'depth' | 'sysRoot'>,
  signal: AbortSignal,
  { probe }: Session,
): CollectContext {
  return { procfs, sysRoot, netnsDir: '/run/netns', passwdFile: '/etc/passwd', depth, signal, probe };
}

/** How each namespace reaches the outside, where its routes were read. */
function withUplinks(namespaces: Namespace[]): readonly Namespace[] {
  if (namespaces.every(({ routes }) => routes === null)) return namespaces;
  const uplinks = uplinksOf(namespaces);
  return namespaces.map((ns) => ({ ...ns, uplink: (ns.ino === null ? undefined : uplinks.get(ns.ino)) ?? null }));
}

/** Everything a run gathered, as one snapshot. */
export function toSnapshot(run: Run, verdicts: Verdicts, takenAt: Date, durationMs: number): Snapshot {
  const host = run.gathered.host ?? { hostname: '?', kernel: '?', bootId: null, uptimeSeconds: null, load: [] };
  const bootTime = host.uptimeSeconds === null ? null : takenAt.getTime() - host.uptimeSeconds * 1000;
  const { namespaces, leads, mountNamespaces } = correlate(run.gathered, bootTime, verdicts);
  return {
    schema: SNAPSHOT_SCHEMA,
    takenAt: takenAt.toISOString(),
    durationMs,
    tool: { name: 'nsleuth', version: VERSION },
    host,
    coverage: run.coverage(),
    namespaces: withUplinks(namespaces),
    leads,
    concealedTasks: verdicts.concealedTasks,
    mountNamespaces,
  };
}

/**
 * What the kernel's view says of where userland is to look. Null where that is not to be had, or not enough: a snapshot
 * that is more than a table holds userland's own word of everything.
 */
async function takeGuide(run: Run, session: Session): Promise<Guide | null> {
  const { procfs, depth } = run.context;
  if (depth !== 'table' || !procfs.live || !GUIDED.every((source) => run.runs(source))) return null;
  if (namespaceLink(procfs.fd, 'self/ns/pid') !== INITIAL_PID_NAMESPACE) return null;
  return session.takeGuide();
}

/** Runs every stage, and settles what the views do not agree on before the later ones build on it. */
export async function runAll(run: Run, session: Session): Promise<Verdicts> {
  // It loads on a thread of its own while userland is read.
  if (run.runs('kernel') && run.context.procfs.ofThisKernel) void session.probe();
  const guide = await takeGuide(run, session);
  if (guide !== null) run.gathered.guide = guide;
  await run.stages((name) => VIEWS.has(name));
  if (guide !== null && run.coverage().some(({ source, status }) => source === 'kernel' && status !== 'complete')) {
    // Who does not see everything is no guide.
    delete run.gathered.guide;
    await run.stages((name) => VIEWS.has(name));
  }
  const verdicts = await settleViews(run, session);
  await run.stages((name) => !VIEWS.has(name));
  return verdicts;
}

/**
 * Runs every collector in order and correlates what they saw into one snapshot.
 *
 * @param session kept by whoever takes many snapshots: the probe then is loaded once.
 * @throws SystemError when `procRoot` cannot be opened; the signal's reason when aborted.
 */
export async function collect(
  options: CollectOptions,
  signal: AbortSignal = new AbortController().signal,
  session?: Session,
): Promise<Snapshot> {
  const started = monotonic();
  const takenAt = new Date();
  const procfs = openProcfs(options.procRoot);
  const { inside = [], focus, closely, depth } = options;
  const guided = depth === 'table';
  const devices = !guided || inside === 'all' || inside.length > 0;
  let open = true;
  // As soon as nothing more is read: the rest is done while it goes.
  const release = (): void => {
    if (open) releaseProcfs(procfs);
    open = false;
  };
  const kept = session ?? new Session({ lasting: false, devices, guided });
  try {
    const run = new Run(contextFor(procfs, options, signal, kept), options.without);
    const verdicts = await runAll(run, kept);
    const everywhere = (name: InsideSource) => inside === 'all' || inside.includes(name);
    run.inspect(everywhere);
    if (focus === undefined) {
      await askAgain(run);
      release();
    }
    const snapshot = toSnapshot(run, verdicts, takenAt, elapsed(started));
    if (focus === undefined) return snapshot;
    run.inspect((name) => !everywhere(name) && (closely?.includes(name) ?? true), focus(snapshot));
    await askAgain(run);
    return toSnapshot(run, verdicts, takenAt, elapsed(started));
  } finally {
    release();
    if (session === undefined) await kept.close();
  }
}
