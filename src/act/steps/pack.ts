import type { StopStep } from '../../model/plan.ts';
import { close } from '../../os/libc.ts';
import { signalThrough } from '../../os/pidfd.ts';
import { type StepContext, StepError } from '../contract.ts';
import {
  awaitEnd,
  hasEnded,
  type Inhabitant,
  livesIn,
  type Mismatch,
  type Prey,
  populationOf,
  seize,
  signal,
  statOf,
} from './prey.ts';

const SIGCONT = 18;

const POLL_MS = 10;
/**
 * What had started so long before the plan was made would be in it, had it been there: it came in from elsewhere since.
 * In clock ticks (100 a second), for looking takes a while.
 */
const SEEN_TICKS = 200;

/** What forks and ends at once is easily overlooked: by procfs, which is slower to look, far more easily. */
const QUIET = 2;
const QUIET_BY_PROCFS = 20;
/** Where that was seen to happen, or may happen all the time, and there is but procfs to tell: it takes a long time. */
const QUIET_OF_ELUSIVE = 150;

const MISMATCH: Readonly<Record<Exclude<Mismatch, 'gone' | 'no room'>, string>> = {
  another: 'is another process by now',
  moved: 'is in another network namespace by now',
  'kernel thread': 'is a kernel thread',
};

/** A process that is to end, and what was done to it. */
export interface Hunted extends Prey {
  /** The plan names it. */
  readonly planned: boolean;
  asked: boolean;
  stopped: boolean;
  killed: boolean;
}

function keyOf({ pid, startTicks }: Pick<Inhabitant, 'pid' | 'startTicks'>): string {
  return `${pid} ${startTicks}`;
}

function denied({ pid, comm }: Inhabitant): StepError {
  return new StepError('denied', `pid ${pid} ${comm} may not be signalled: it takes CAP_KILL`, 'CAP_KILL');
}

/** Those that are to end, each held by a pidfd, and nobody else. */
export class Pack {
  readonly #step: StopStep;
  readonly #context: StepContext;
  readonly #planned: ReadonlySet<string>;
  readonly #alive = new Map<string, Hunted>();
  readonly #spared = new Set<string>();
  readonly #denied = new Map<string, Inhabitant>();
  /** Whether whoever else lives in the namespace is to end as well. */
  #everybody: boolean;
  #ended = 0;
  #crowded = false;
  #elusive = 0;
  /** At some look somebody was new, or gone before they could be taken hold of. */
  #fleeting = false;
  /** Since somebody was there last, there was a look during which nobody on the host forked. */
  #still = false;
  #byKernel = true;

  constructor(step: StopStep, context: StepContext) {
    this.#step = step;
    this.#context = context;
    this.#everybody = step.scope === 'namespace';
    this.#planned = new Set(step.processes.map(keyOf));
  }

  /** How many have ended. */
  get ended(): number {
    return this.#ended;
  }

  /** Some could not be taken hold of, for want of descriptors. */
  get crowded(): boolean {
    return this.#crowded;
  }

  /** How many were there at the last look, and gone before they could be taken hold of. */
  get elusive(): number {
    return this.#elusive;
  }

  /** Nobody was there at the last look, and nobody is left. */
  get isEmpty(): boolean {
    return this.#alive.size === 0 && !this.#crowded && this.#elusive === 0;
  }

  /** In how many looks in a row nobody must be there before it is believed. */
  get quietLooks(): number {
    if (!this.#everybody) return 1;
    if (this.#byKernel) return QUIET;
    return this.#fleeting || !this.#still ? QUIET_OF_ELUSIVE : QUIET_BY_PROCFS;
  }

  /** Somebody may not be signalled. */
  get isRefused(): boolean {
    return this.#denied.size > 0;
  }

  get #ino(): number {
    return this.#step.namespace.ino;
  }

  /** Those that have not ended, as far as is known. */
  left(): Hunted[] {
    return [...this.#alive.values()];
  }

  /** Holds the namespace, so that its number stays its own. Where that is not permitted, only the plan's processes end. */
  hold(): void {
    try {
      this.#context.open(this.#step.namespace);
    } catch (error) {
      if (!(error instanceof StepError) || error.status === 'changed' || error.status === 'gone') throw error;
      this.#everybody = false;
      this.#context.say(`${error.message}: only processes of the plan are ended`);
    }
  }

  /** Nothing that nsleuth stands on is ever ended, whatever the plan says. */
  #isOurs(pid: number): boolean {
    return this.#context.self.lineage.includes(pid);
  }

  /** Whether somebody in the namespace is left alone: the plan says so, or they came in after it was made. */
  #spares(each: Inhabitant): boolean {
    if (this.#isOurs(each.pid) || this.#step.except.includes(each.pid)) return true;
    const { uptimeSeconds } = this.#context.snapshot.host;
    if (uptimeSeconds === null || this.#planned.has(keyOf(each))) return false;
    if (each.startTicks >= uptimeSeconds * 100 - SEEN_TICKS) return false;
    if (!this.#spared.has(keyOf(each))) {
      this.#spared.add(keyOf(each));
      this.#context.say(`pid ${each.pid} ${each.comm} came in from elsewhere after the plan was made: it is let be`);
    }
    return true;
  }

  #add(prey: Prey): Hunted {
    const hunted = { ...prey, planned: this.#planned.has(keyOf(prey)), asked: false, stopped: false, killed: false };
    this.#alive.set(keyOf(prey), hunted);
    return hunted;
  }

  #release(prey: Hunted): void {
    this.#alive.delete(keyOf(prey));
    close(prey.pidfd);
  }

  /** Takes hold of those the plan names, and makes sure that all of them may be ended before anything is done. */
  async seizePlanned(): Promise<void> {
    const { processes, scope } = this.#step;
    const ours = processes.find(({ pid }) => this.#isOurs(pid));
    if (ours !== undefined) throw new StepError('changed', `pid ${ours.pid} is nsleuth or an ancestor of it`);
    const seized = await seize(this.#context, processes, this.#ino);
    for (const prey of seized) if (typeof prey === 'object') this.#add(prey);
    for (const [index, prey] of seized.entries()) {
      const { pid, comm } = processes[index] ?? { pid: 0, comm: '?' };
      if (typeof prey === 'object') {
        if (signal(prey, 0) === 'denied') throw denied(prey);
      } else if (prey === 'no room') {
        if (scope === 'named') throw this.noRoom();
        this.#crowded = true;
      } else if (prey !== 'gone' && scope === 'named') {
        throw new StepError('changed', `pid ${pid} (${comm}) ${MISMATCH[prey]}`);
      } else if (prey === 'moved') this.#context.say(`pid ${pid} ${comm} left the namespace and was let go`);
    }
  }

  noRoom(): StepError {
    return new StepError(
      'failed',
      'not enough descriptors to take hold of them all: ulimit -n sets how many there may be',
    );
  }

  /** Takes hold of whoever lives in the namespace by now. @returns those that are new. */
  async seizeInhabitants(): Promise<readonly Hunted[]> {
    this.#elusive = 0;
    if (!this.#everybody) return [];
    this.#crowded = false;
    const found: Hunted[] = [];
    const { inhabitants, byKernel, still } = await populationOf(this.#context, this.#ino);
    this.#byKernel = byKernel;
    const there = inhabitants.filter(
      (each) => !this.#alive.has(keyOf(each)) && !this.#denied.has(keyOf(each)) && !this.#spares(each),
    );
    for (const prey of await seize(this.#context, there, this.#ino)) {
      if (prey === 'no room') this.#crowded = true;
      else if (typeof prey !== 'object') this.#elusive++;
      if (typeof prey !== 'object') continue;
      if (signal(prey, 0) === 'denied') {
        this.#denied.set(keyOf(prey), prey);
        close(prey.pidfd);
      } else found.push(this.#add(prey));
    }
    this.#fleeting ||= this.#elusive > 0 || found.some(({ planned }) => !planned);
    this.#still = this.isEmpty && (this.#still || still);
    return found;
  }

  /** Waits for those that are left to end, and lets go of their pidfds. */
  async settle(limitMs: number, signal: AbortSignal | null): Promise<void> {
    const before = this.left();
    const left = new Set(await awaitEnd(before, limitMs, signal, POLL_MS));
    for (const prey of before) {
      if (left.has(prey)) continue;
      this.#ended++;
      this.#release(prey);
    }
  }

  /** Lets go of those that have left the namespace since they were taken hold of. */
  letLeave(): void {
    for (const prey of this.left()) {
      if (livesIn(this.#context.procfs, prey.pid, this.#ino) !== false) continue;
      this.#context.say(`pid ${prey.pid} ${prey.comm} left the namespace and was let go`);
      this.#release(prey);
    }
  }

  /** Whether a process that shares a cgroup with those that are to end is to end as well, or has ended. */
  isWanted(pid: number): boolean {
    const { procfs } = this.#context;
    // 0: it is in a pid namespace that is not below ours.
    if (pid === 0 || this.#isOurs(pid)) return false;
    for (const prey of this.#alive.values()) if (prey.pid === pid) return true;
    const inside = livesIn(procfs, pid, this.#ino);
    if (inside === null) return hasEnded(procfs, pid);
    const stat = statOf(procfs, pid);
    return inside && this.#everybody && stat !== null && !this.#spares({ pid, ...stat });
  }

  /** @throws StepError where somebody is left whom we may not signal. */
  refuseDenied(): void {
    for (const each of this.#denied.values()) if (!hasEnded(this.#context.procfs, each.pid)) throw denied(each);
  }

  close(): void {
    for (const { pidfd, stopped, wasStopped } of this.#alive.values()) {
      // Whatever went wrong: nothing stays stopped that was not.
      if (stopped && !wasStopped) signalThrough(pidfd, SIGCONT);
      close(pidfd);
    }
    this.#alive.clear();
  }
}
