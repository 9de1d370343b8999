import { type CollectOptions, contextFor, runAll, toSnapshot } from './collect.ts';
import { type Fingerprint, fingerprint } from './correlate/fingerprint.ts';
import type { Snapshot } from './model/index.ts';
import { threadCpuMs } from './os/cpu-time.ts';
import { closeProcfs, openProcfs } from './os/procfs.ts';
import { elapsed, Run } from './run.ts';
import { Session } from './session.ts';
import { settleByKernel } from './settle-views.ts';

/**
 * How userland is spared where the kernel's view says what changed. Reading all of procfs takes 100 ms and more on a
 * host with a thousand processes; once a second that would be a tenth of a core.
 */
const PACE = {
  /** After a change, userland is read when this many times the CPU time it took has passed: 4 % of a core. */
  rest: 25,
  /** Without any change it is read this often all the same, in milliseconds: not everything shows in the kernel's view. */
  idleMs: 10_000,
} as const;

/** A snapshot, or that nothing changed since the last one but the time. */
export type Refresh =
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly type: 'unchanged'; readonly since: Pick<Snapshot, 'takenAt' | 'durationMs' | 'host' | 'coverage'> };

/** What is kept of the last look at both views. */
interface Kept {
  readonly run: Run;
  readonly snapshot: Snapshot;
  readonly fingerprint: Fingerprint;
  /** `performance.now()` when userland was last read, and the CPU time that took, in milliseconds. */
  readonly readAt: number;
  readonly cpuMs: number;
  /** Something came up that only userland can explain. */
  readonly lookAgain: boolean;
}

function same(a: Fingerprint, b: Fingerprint): boolean {
  return a.holders === b.holders && a.view === b.view;
}

/** Takes one snapshot after the other: from the kernel's view every time, from userland when that is due. */
export class LiveCollector {
  readonly #options: CollectOptions;
  readonly #session = new Session();
  #kept: Kept | undefined;

  constructor(options: CollectOptions) {
    this.#options = options;
  }

  /** @param whole also read userland, due or not. */
  async refresh(whole: boolean, signal: AbortSignal = new AbortController().signal): Promise<Refresh> {
    const started = performance.now();
    const takenAt = new Date();
    const procfs = openProcfs(this.#options.procRoot);
    try {
      const context = contextFor(procfs, this.#options, signal, this.#session);
      const kept = this.#kept;
      if (kept !== undefined && !whole) {
        const run = new Run(context, this.#options.without, kept.run);
        await run.stages((name) => name === 'kernel' || name === 'host');
        const { kernel } = run.gathered;
        const now = kernel === undefined || kernel.namespaces.length === 0 ? null : fingerprint(kernel);
        if (now !== null && !this.#isDue(kept, now, started)) {
          return await this.#byKernel(kept, run, now, takenAt, started);
        }
      }
      return await this.#byBoth(new Run(context, this.#options.without), takenAt, started);
    } finally {
      closeProcfs(procfs);
    }
  }

  #isDue({ fingerprint: before, readAt, cpuMs, lookAgain }: Kept, { holders }: Fingerprint, now: number): boolean {
    const age = now - readAt;
    return age >= PACE.idleMs || ((lookAgain || holders !== before.holders) && age >= cpuMs * PACE.rest);
  }

  async #byBoth(run: Run, takenAt: Date, started: number): Promise<Refresh> {
    const cpuBefore = threadCpuMs();
    const verdicts = await runAll(run, this.#session);
    const snapshot = toSnapshot(run, verdicts, takenAt, elapsed(started));
    const { kernel } = run.gathered;
    this.#kept =
      kernel === undefined || kernel.namespaces.length === 0
        ? undefined
        : {
            run,
            snapshot,
            fingerprint: fingerprint(kernel),
            readAt: started,
            cpuMs: threadCpuMs() - cpuBefore,
            lookAgain: verdicts.undecided.size > 0,
          };
    return { type: 'snapshot', snapshot };
  }

  async #byKernel(kept: Kept, run: Run, now: Fingerprint, takenAt: Date, started: number): Promise<Refresh> {
    const { verdicts, lookAgain } = await settleByKernel(run, this.#session);
    const concealing = verdicts.concealedTasks.length + kept.snapshot.concealedTasks.length > 0;
    if (same(now, kept.fingerprint) && !lookAgain && !concealing) {
      const host = run.gathered.host ?? kept.snapshot.host;
      const since = { takenAt: takenAt.toISOString(), durationMs: elapsed(started), host, coverage: run.coverage() };
      return { type: 'unchanged', since };
    }
    // Processes that ended meanwhile are gone at once; those that began wait for userland's turn.
    const { tasks, kernel } = run.gathered;
    if (tasks !== undefined && kernel?.hostWide === true && kernel.tasks.length > 0) {
      const running = new Set(kernel.tasks.map(({ pid }) => pid));
      const denied = new Set(tasks.denied);
      run.gathered.tasks = {
        ...tasks,
        processes: tasks.processes.filter(({ pid }) => running.has(pid) || denied.has(pid)),
      };
    }
    const snapshot = toSnapshot(run, verdicts, takenAt, elapsed(started));
    // What userland saw stays that of its last look, and so does the fingerprint that tells when it is due again.
    this.#kept = { ...kept, snapshot, fingerprint: { ...kept.fingerprint, view: now.view }, lookAgain };
    return { type: 'snapshot', snapshot };
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  /** Unloads what is loaded, without waiting. */
  unload(): void {
    this.#session.unload();
  }
}
