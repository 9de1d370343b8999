import { INSIDE, type InsideData, type InsideSource } from '../collectors/index.ts';
import { type Difference, settled } from '../collectors/procnet/compare.ts';
import { monotonic } from './clock.ts';
import { type CollectOptions, contextFor, runAll, toSnapshot } from './collect.ts';
import { type Fingerprint, fingerprint } from './correlate/fingerprint.ts';
import { insideOf } from './correlate/inside.ts';
import { refreshDevices } from './correlate/links.ts';
import { type Namespace, namespaceKey, type Snapshot } from './model/index.ts';
import { threadCpuMs } from './os/cpu-time.ts';
import { closeProcfs, openProcfs } from './os/procfs.ts';
import { type RulesetText, rulesetOf } from './ruleset.ts';
import { elapsed, Run } from './run.ts';
import { differencesOf, OPINIONS } from './second-opinion.ts';
import { Session } from './session.ts';
import { settleByKernel } from './settle-views.ts';

/**
 * How userland is spared where the kernel's view says what changed. Reading all of procfs takes 100 ms and more on a
 * host with a thousand processes; once a second that would be a tenth of a core.
 */
const PACE = {
  /** After a change, userland is read when this many times the CPU time it took has passed: 4 % of a core. */
  rest: 25,
  /**
   * Without any change it is read all the same, since not everything shows in the kernel's view, and all namespaces are
   * looked into: when this many times the CPU time that took has passed, which is 1 % of a core.
   */
  idleRest: 100,
  /** Userland is not read again without a change before this, in milliseconds. */
  idleMs: 10_000,
  /** Neither waits longer than this. */
  longestMs: 30_000,
  /** How often `/proc/net` of the selected namespace is compared with netlink: a table of TCP sockets takes 3.5 ms. */
  opinionMs: 5000,
} as const;

/** How long to wait until what took that much CPU time is done again, in milliseconds. */
function pause(cpuMs: number, shortest: number): number {
  return Math.min(PACE.longestMs, Math.max(shortest, cpuMs * PACE.idleRest));
}

/** What the table and the topology show of every namespace. The selected one is asked for everything, every time. */
const EVERYWHERE: readonly InsideSource[] = ['nsids', 'links', 'addresses', 'routes', 'sockets'];
/** Everything but the ids: telling which namespaces they stand for takes asking all of them. */
const FOCUSED: readonly InsideSource[] = INSIDE.map(({ name }) => name).filter((name) => name !== 'nsids');

type Since = Pick<Snapshot, 'takenAt' | 'durationMs' | 'host' | 'coverage'>;

/** What changed since the last refresh. */
export type Refresh =
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  /** These namespaces instead of those with the same keys, and nothing else but the time. */
  | { readonly type: 'update'; readonly namespaces: readonly Namespace[]; readonly since: Since | null };

/** What is asked of a refresh. */
export interface RefreshOptions {
  /** Also read userland, due or not. */
  readonly whole: boolean;
  /** Key of the namespace that is looked at closely. */
  readonly focus: string | null;
}

/** What is kept of the last look at both views. */
interface Kept {
  readonly run: Run;
  readonly snapshot: Snapshot;
  /** What the kernel's view said when userland was last read, and when the snapshot was made. */
  readonly fingerprint: Fingerprint;
  readonly shown: Fingerprint;
  /** `monotonic()` when userland was last read, and the CPU time that took, in milliseconds. */
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
  #last: Snapshot | undefined;
  /** What netlink and `/proc/net` did not agree on about the namespace that is looked at closely, last look last. */
  #opinions: Opinions = { focus: null, at: 0, rounds: [] };
  /** Last run that found anything out about the inside of namespaces, when it last asked all, and what that took. */
  #inside: { readonly run: Run; readonly readAt: number; readonly cpuMs: number } | undefined;

  constructor(options: CollectOptions) {
    this.#options = options;
  }

  async refresh(
    { whole, focus }: RefreshOptions,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Refresh> {
    const started = monotonic();
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
          return await this.#byKernel(kept, run, now, { takenAt, started, focus });
        }
      }
      return await this.#byBoth(new Run(context, this.#options.without), { takenAt, started, focus });
    } finally {
      closeProcfs(procfs);
    }
  }

  /** Looks into one namespace again, and at nothing else: it was just selected. */
  look(focus: string): Refresh {
    if (this.#inside === undefined) return { type: 'update', namespaces: [], since: null };
    const procfs = openProcfs(this.#options.procRoot);
    try {
      const context = contextFor(procfs, this.#options, new AbortController().signal, this.#session);
      const looked = this.#lookInto(new Run(context, this.#options.without, this.#inside.run), focus);
      return { type: 'update', namespaces: typeof looked === 'object' ? [looked] : [], since: null };
    } finally {
      closeProcfs(procfs);
    }
  }

  /** The full firewall ruleset of a namespace of the last snapshot, as nft lists it, or why it cannot be told. */
  ruleset(focus: string): RulesetText {
    const ns = this.#last?.namespaces.find((each) => namespaceKey(each) === focus);
    if (ns === undefined || this.#last === undefined) {
      return { text: null, why: 'gone', reason: 'the namespace is gone' };
    }
    const procfs = openProcfs(this.#options.procRoot);
    try {
      return rulesetOf(procfs, ns, this.#last);
    } finally {
      closeProcfs(procfs);
    }
  }

  #isDue({ fingerprint: before, readAt, cpuMs, lookAgain }: Kept, { holders }: Fingerprint, now: number): boolean {
    const age = now - readAt;
    return age >= pause(cpuMs, PACE.idleMs) || ((lookAgain || holders !== before.holders) && age >= cpuMs * PACE.rest);
  }

  /** Looks into all namespaces when that is due. Returns whether it was. */
  #lookEverywhere(run: Run, now: number): boolean {
    const inside = this.#inside;
    if (inside !== undefined) {
      run.keepInside(inside.run);
      if (now - inside.readAt < pause(inside.cpuMs, 0)) {
        this.#inside = { ...inside, run };
        return false;
      }
    }
    const cpuBefore = threadCpuMs();
    // What was found out about a namespace while it was selected grows old, and can be large.
    run.forgetInside();
    run.inspect((name) => EVERYWHERE.includes(name));
    this.#inside = { run, readAt: now, cpuMs: threadCpuMs() - cpuBefore };
    return true;
  }

  /**
   * Looks closely into one namespace of the last snapshot.
   *
   * @returns the namespace as it is now; `gone` when it cannot be looked into; `changed` when it takes a new snapshot to
   * say how it is.
   */
  #lookInto(run: Run, focus: string | null): Namespace | 'gone' | 'changed' {
    // Those of an earlier look say nothing of this one.
    delete run.gathered.discrepancies;
    const ns = focus === null ? undefined : this.#last?.namespaces.find((each) => namespaceKey(each) === focus);
    if (ns === undefined || ns.ino === null || ns.visibility === 'dying') return 'gone';
    const { ino } = ns;
    const compared = this.#isDoubtful(focus);
    run.inspect((name) => FOCUSED.includes(name) && (compared || name !== 'procnet'), new Set([ino]));
    if (compared) this.#compare(run.gathered.inside?.get(ino), focus);
    const { rounds } = this.#opinions;
    run.gathered.discrepancies = new Map([[ino, rounds.length < OPINIONS ? [] : settled(rounds)]]);
    const links = run.gathered.inside?.get(ino)?.links?.links;
    const devices = links === undefined ? ns.devices : refreshDevices(ns.devices ?? [], links);
    if (devices === null) return 'changed';
    return { ...ns, ...insideOf(ino, run.gathered), devices };
  }

  /** Whether `/proc/net` is to be asked too: now and then, and as long as it differs. */
  #isDoubtful(focus: string | null): boolean {
    const { focus: before, at, rounds } = this.#opinions;
    return focus !== before || monotonic() - at >= PACE.opinionMs || (rounds.at(-1)?.length ?? 0) > 0;
  }

  /** What stays different from one look to the next, as long as the same namespace is looked at. */
  #compare(data: InsideData | undefined, focus: string | null): void {
    const before = this.#opinions.focus === focus ? this.#opinions.rounds : [];
    const rounds = [...before, data === undefined ? [] : differencesOf(data)].slice(-OPINIONS);
    this.#opinions = { focus, at: monotonic(), rounds };
  }

  async #byBoth(run: Run, { takenAt, started, focus }: Moment): Promise<Refresh> {
    const cpuBefore = threadCpuMs();
    const verdicts = await runAll(run, this.#session);
    const cpuMs = threadCpuMs() - cpuBefore;
    // The first snapshot is waited for: what is inside comes with the second one.
    if (this.#last !== undefined) {
      this.#lookEverywhere(run, started);
      this.#lookInto(run, focus);
    }
    const snapshot = toSnapshot(run, verdicts, takenAt, elapsed(started));
    this.#last = snapshot;
    const { kernel } = run.gathered;
    const seen = kernel === undefined || kernel.namespaces.length === 0 ? null : fingerprint(kernel);
    this.#kept =
      seen === null
        ? undefined
        : {
            run,
            snapshot,
            fingerprint: seen,
            shown: seen,
            readAt: started,
            cpuMs,
            lookAgain: verdicts.undecided.size > 0,
          };
    return { type: 'snapshot', snapshot };
  }

  async #byKernel(kept: Kept, run: Run, now: Fingerprint, { takenAt, started, focus }: Moment): Promise<Refresh> {
    const { verdicts, lookAgain } = await settleByKernel(run, this.#session);
    const concealing = verdicts.concealedTasks.length + kept.snapshot.concealedTasks.length > 0;
    const everywhere = this.#lookEverywhere(run, started);
    const looked = this.#lookInto(run, focus);
    const stays = same(now, kept.shown) && !lookAgain && !concealing && !everywhere;
    if (stays && looked !== 'changed') {
      const host = run.gathered.host ?? kept.snapshot.host;
      const since = { takenAt: takenAt.toISOString(), durationMs: elapsed(started), host, coverage: run.coverage() };
      return { type: 'update', namespaces: looked === 'gone' ? [] : [looked], since };
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
    // What userland saw stays that of its last look, and so does what tells when it is due again.
    this.#last = snapshot;
    this.#kept = { ...kept, snapshot, shown: now, lookAgain };
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

/** What was compared of the namespace that is looked at closely. */
interface Opinions {
  readonly focus: string | null;
  /** `monotonic()` when it was compared last. */
  readonly at: number;
  readonly rounds: readonly (readonly Difference[])[];
}

/** When a refresh began, and what it is to look at closely. */
interface Moment {
  readonly takenAt: Date;
  readonly started: number;
  readonly focus: string | null;
}
