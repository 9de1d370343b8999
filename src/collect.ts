import type { CollectContext, CollectDepth, Collected } from '../collectors/contract.ts';
import { COLLECTORS, type Gathered } from '../collectors/index.ts';
import { kernelName } from '../collectors/kernel.ts';
import { listTaskIds } from '../collectors/tasks.ts';
import { seenTaskIds, unheld, unlistedProcesses, unseenTasks } from './correlate/cross-view.ts';
import { correlate, type Verdicts } from './correlate/index.ts';
import { type Questions, questions, settle } from './correlate/verdict.ts';
import {
  type ConcealedTask,
  type Coverage,
  type CoverageStatus,
  SNAPSHOT_SCHEMA,
  type Snapshot,
} from './model/index.ts';
import { closeProcfs, openProcfs } from './os/procfs.ts';
import { Session } from './session.ts';
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

/** Looked at again before a difference between the views is reported. */
const AGAIN: readonly string[] = ['tasks', 'mounts', 'descriptors', 'pinned-mounts', 'kernel'];
/** Where the views still differ after this many looks, the host changes faster than it can be read. */
const MOST_LOOKS = 4;

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

/** Runs the stages that are to run, and keeps what they gathered and how well they could see. */
class Run {
  readonly context: CollectContext;
  readonly gathered: Gathered = {};
  readonly #coverage = new Map<string, Coverage>();
  readonly #without: readonly string[];

  constructor(context: CollectContext, without: readonly string[]) {
    this.context = context;
    this.#without = without;
  }

  async stages(wanted: (name: string) => boolean): Promise<void> {
    for (const stage of COLLECTORS) {
      const { name: source, view } = stage;
      if (!wanted(source)) continue;
      this.#coverage.set(
        source,
        this.#without.includes(source)
          ? { ...NOTHING, source, view, status: 'off', durationMs: 0 }
          : await runStage(stage, this.context, this.gathered),
      );
    }
  }

  /** In the order of the stages. */
  coverage(): Coverage[] {
    return COLLECTORS.flatMap(({ name }) => this.#coverage.get(name) ?? []);
  }
}

/**
 * Lets both views look at the host until they agree, or twice at what they do not agree on.
 *
 * The views are taken one after the other, so a namespace or process that came or went in between is in one of them
 * only. Nothing of that is reported before it was so twice: kernel, userland, kernel.
 */
async function lookTwice(run: Run, session: Session): Promise<Verdicts> {
  let before: Questions | null = null;
  let now = questions(run.gathered);
  let settled = settle(before, now, session.hidden);
  for (let looks = 1; looks < MOST_LOOKS; looks++) {
    const unlisted = now.unlisted.size > settled.unlisted.size;
    if (settled.undecided.size === 0 && !unlisted) break;
    await run.stages((name) => AGAIN.includes(name));
    before = now;
    now = questions(run.gathered);
    settled = settle(before, now, session.hidden);
    // What the kernel's list lacked twice is settled either way.
    if (settled.undecided.size === 0) break;
  }
  session.hidden = settled.hidden;
  return { ...settled, concealedTasks: await concealedTasks(run, session) };
}

/** Tasks that one view shows and the other does not, looked for once more in procfs and in the kernel. */
async function concealedTasks({ gathered, context }: Run, session: Session): Promise<ConcealedTask[]> {
  const unseen = unseenTasks(gathered, seenTaskIds(gathered));
  const strangers = unlistedProcesses(gathered);
  if (unseen.length + strangers.length === 0) return [];
  const state = await session.probe();
  if (!('probe' in state)) return [];
  const pids = new Set(unseen.map(({ pid }) => pid));
  const listed = listTaskIds(context.procfs, pids);
  const listedAgain = listTaskIds(context.procfs, pids);
  const running = new Map(state.probe.tasks().map((task) => [task.tid, task]));
  return [
    ...unseen
      .filter(({ tid, startTicks }) => running.get(tid)?.startTicks === startTicks)
      .filter(({ tid }) => !listed.has(tid) && !listedAgain.has(tid))
      .map(({ pid, tid, comm, uid, netns, startTicks }): ConcealedTask => {
        return { pid, tid, comm: kernelName(comm), uid, netns: netns || null, startTicks, seenBy: 'kernel' };
      }),
    ...strangers
      .filter(({ pid }) => listed.has(pid) && !running.has(pid) && listTaskIds(context.procfs, []).has(pid))
      .map(({ pid, comm, uid, netns, startTicks }): ConcealedTask => {
        return { pid, tid: pid, comm, uid, netns: netns[0]?.ino ?? null, startTicks, seenBy: 'procfs' };
      }),
  ];
}

/** What only a deeper look into the kernel finds: worth its time where a namespace has no holder userland shows. */
async function lookDeeper({ gathered }: Run, session: Session): Promise<void> {
  if (gathered.kernel === undefined || unheld(gathered).length === 0) return;
  const state = await session.probe();
  if (!('probe' in state)) return;
  gathered.kernel = { ...gathered.kernel, pins: [...gathered.kernel.pins, ...(await state.probe.deepPins())] };
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
  const started = performance.now();
  const takenAt = new Date();
  const procfs = openProcfs(options.procRoot);
  const kept = session ?? new Session();
  try {
    const context: CollectContext = {
      procfs,
      netnsDir: '/run/netns',
      passwdFile: '/etc/passwd',
      depth: options.depth ?? 'full',
      signal,
      probe: kept.probe,
    };
    // It loads on a thread of its own while userland is read.
    if (!options.without.includes('kernel')) void kept.probe();
    const run = new Run(context, options.without);
    const early = COLLECTORS.findIndex(({ name }) => name === 'kernel');
    const isEarly = (name: string): boolean => COLLECTORS.findIndex((stage) => stage.name === name) <= early;
    await run.stages(isEarly);
    const verdicts = await lookTwice(run, kept);
    await lookDeeper(run, kept);
    await run.stages((name) => !isEarly(name));

    const { gathered } = run;
    const host = gathered.host ?? { hostname: '?', kernel: '?', bootId: null, uptimeSeconds: null, load: [] };
    const bootTime = host.uptimeSeconds === null ? null : takenAt.getTime() - host.uptimeSeconds * 1000;
    const { namespaces, leads, mountNamespaces } = correlate(gathered, bootTime, verdicts);
    return {
      schema: SNAPSHOT_SCHEMA,
      takenAt: takenAt.toISOString(),
      durationMs: elapsed(started),
      tool: { name: 'nsleuth', version: VERSION },
      host,
      coverage: run.coverage(),
      namespaces,
      leads,
      concealedTasks: verdicts.concealedTasks,
      mountNamespaces,
    };
  } finally {
    closeProcfs(procfs);
    if (session === undefined) await kept.close();
  }
}
