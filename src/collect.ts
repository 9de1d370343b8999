import { setTimeout } from 'node:timers/promises';
import type { CollectContext, CollectDepth, Collected } from '../collectors/contract.ts';
import { COLLECTORS, type Gathered } from '../collectors/index.ts';
import { kernelName } from '../collectors/kernel.ts';
import { listTaskIds } from '../collectors/tasks.ts';
import { isAlive, kernelKey, seenTaskIds, unlistedProcesses, unseenTasks } from './correlate/cross-view.ts';
import { correlate, type Verdicts } from './correlate/index.ts';
import { FADING_MS, type Question, questions, remember, settle } from './correlate/verdict.ts';
import {
  type ConcealedTask,
  type Coverage,
  type CoverageStatus,
  SNAPSHOT_SCHEMA,
  type Snapshot,
} from './model/index.ts';
import { namespaceLink } from './os/nsfs.ts';
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
/** How often it is looked whether a namespace nothing holds is still there. */
const FADING_POLL_MS = 20;

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

/** Whether procfs both lists a task and shows it in the namespace: then it only came after userland had looked. */
function vouches({ context }: Run, { ns, tasks }: Question): boolean {
  const listed = listTaskIds(context.procfs, new Set(tasks.map(({ pid }) => pid)));
  return tasks.some(
    ({ pid, tid }) => listed.has(tid) && namespaceLink(context.procfs.fd, `${pid}/task/${tid}/ns/net`) === ns.ino,
  );
}

/**
 * Looks at both views until what they do not agree on is settled: nothing is reported that was so only once.
 *
 * The views are taken one after the other, so a namespace that came or went in between is in one of them only. What
 * is seen for the first time and cannot be settled at once is left out: the next snapshot has it.
 */
async function settleViews(run: Run, session: Session): Promise<Verdicts> {
  let missingBefore: ReadonlySet<number> = session.unlisted;
  for (let looks = 1; ; looks++) {
    let open = questions(run.gathered);
    // A namespace somebody moved into while userland was being read is no riddle.
    const vouched = new Set([...open.unheld].filter(([, one]) => vouches(run, one)).map(([key]) => key));
    const puzzling = [...open.unheld.keys()].filter((key) => !vouched.has(key));
    // Most of what appears without a holder is gone at the next look; only what stays is worth digging.
    if (puzzling.some((key) => !session.lasting || session.unheldSince.has(key))) {
      await lookDeeper(run, session);
      open = questions(run.gathered);
    }
    const now = performance.now();
    session.unheldSince = remember(session.unheldSince, open, now);
    const settled = settle(open, session.unheldSince, vouched, missingBefore, now);
    session.unlisted = open.unlisted;

    const riddles = puzzling.filter((key) => settled.undecided.has(key)).flatMap((key) => open.unheld.get(key) ?? []);
    const again = riddles.some(({ evidence }) => evidence !== '') || open.unlisted.size > settled.unlisted.size;
    const fading = !session.lasting && riddles.length > 0;
    const done = looks === MOST_LOOKS || !(again || fading) || (!again && !(await outlast(run, session, riddles)));
    if (done) return { ...settled, concealedTasks: await concealedTasks(run, session) };
    missingBefore = open.unlisted;
    await run.stages((name) => AGAIN.includes(name));
  }
}

/** Waits for namespaces nothing holds to go. True when some are still there after `FADING_MS`. */
async function outlast({ context }: Run, session: Session, riddles: readonly Question[]): Promise<boolean> {
  const state = await session.probe();
  if (!('probe' in state)) return false;
  const keys = new Set(riddles.map(({ ns }) => kernelKey(ns)));
  for (const started = performance.now(); performance.now() - started < FADING_MS; ) {
    if (!state.probe.namespaces().some((ns) => isAlive(ns) && keys.has(kernelKey(ns)))) return false;
    await setTimeout(FADING_POLL_MS, undefined, { signal: context.signal });
  }
  return true;
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
  if (gathered.kernel === undefined) return;
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
  const kept = session ?? new Session({ lasting: false });
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
    const verdicts = await settleViews(run, kept);
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
