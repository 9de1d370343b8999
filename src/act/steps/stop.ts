import type { StopStep } from '../../model/plan.ts';
import {
  type Freezable,
  freezableOf,
  freeze,
  freezingHierarchies,
  isHeld,
  processesIn,
  thaw,
} from '../../os/cgroup.ts';
import { close } from '../../os/libc.ts';
import { signalThrough } from '../../os/pidfd.ts';
import { type Perform, type StepContext, StepError } from '../contract.ts';
import {
  awaitEnd,
  describeSurvivor,
  type Inhabitant,
  inhabitants,
  livesIn,
  type Mismatch,
  type Prey,
  seize,
  signal,
} from './prey.ts';

const SIGKILL = 9;
const SIGTERM = 15;
const SIGCONT = 18;
const SIGSTOP = 19;

const POLL_MS = 10;
/** How often it is looked for new processes while SIGTERM does its work. */
const LOOK_MS = 100;
/** This many processes that the plan did not have, and the namespace is a runaway: SIGTERM is a race nobody wins. */
const RUNAWAY = 20;
/** From so many processes on that heed no SIGTERM and leave us no CPU time they count as one too. */
const CROWD = 20;
/** How long a crowd may ignore SIGTERM while it starves the host, in milliseconds. */
const STARVED_MS = 500;
/** The host is starved when a pause takes so many times as long as it was to. */
const STARVED = 3;
/** How long a killed process may take to end before it is looked again. */
const ROUND_MS = 200;
/** How long all may take to end after SIGKILL. */
const KILL_MS = 8000;
/** A sweep that still finds new ones after so many rounds is not getting anywhere by signals alone. */
const MOST_SWEEPS = 400;
/** Survivors named in a message. */
const NAMED = 5;

const MISMATCH: Readonly<Record<Exclude<Mismatch, 'gone'>, string>> = {
  another: 'is another process by now',
  moved: 'is in another network namespace by now',
  'kernel thread': 'is a kernel thread',
};

function many(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`;
}

/** Ends processes and keeps account of it. */
class Hunt {
  readonly #step: StopStep;
  readonly #context: StepContext;
  readonly #known = new Map<string, Prey>();
  readonly #ended = new Set<string>();
  /** Those that were stopped, and not yet killed. */
  readonly #stopped = new Set<Prey>();
  readonly #killed = new Set<Prey>();
  #late = 0;
  #runaway: boolean;
  /** Whether whoever else lives in the namespace is to end as well. */
  #everybody: boolean;

  constructor(step: StopStep, context: StepContext) {
    this.#step = step;
    this.#context = context;
    this.#runaway = step.freeze;
    this.#everybody = step.scope === 'namespace';
  }

  /** Holds the namespace, so that its number stays its own. Where that is not permitted, only the plan's processes end. */
  #hold(): void {
    try {
      this.#context.open(this.#step.namespace);
    } catch (error) {
      if (!(error instanceof StepError) || error.status === 'changed' || error.status === 'gone') throw error;
      this.#everybody = false;
      this.#context.say(`${error.message}: only processes of the plan are ended`);
    }
  }

  get #ino(): number {
    return this.#step.namespace.ino;
  }

  #key({ pid, startTicks }: Inhabitant): string {
    return `${pid} ${startTicks}`;
  }

  #alive(): Prey[] {
    return [...this.#known].filter(([key]) => !this.#ended.has(key)).map(([, prey]) => prey);
  }

  /** Nothing that nsleuth stands on is ever ended, whatever the plan says. */
  #isOurs({ pid }: Inhabitant): boolean {
    return this.#context.self.lineage.includes(pid);
  }

  /** Takes hold of those the plan names. */
  async #seizePlanned(): Promise<void> {
    for (const planned of this.#step.processes) {
      if (this.#isOurs(planned)) throw new StepError('changed', `pid ${planned.pid} is nsleuth or an ancestor of it`);
      const prey = await seize(this.#context, planned, this.#ino);
      if (typeof prey === 'object') this.#known.set(this.#key(planned), prey);
      else if (prey !== 'gone' && this.#step.scope === 'named') {
        throw new StepError('changed', `pid ${planned.pid} (${planned.comm}) ${MISMATCH[prey]}`);
      } else if (prey === 'moved') {
        this.#context.say(`pid ${planned.pid} ${planned.comm} left the namespace and was let go`);
      }
    }
  }

  /** Takes hold of whoever lives in the namespace by now. @returns those that are new. */
  async #seizeInhabitants(): Promise<readonly Prey[]> {
    if (!this.#everybody) return [];
    const found: Prey[] = [];
    for (const each of await inhabitants(this.#context, this.#ino)) {
      const key = this.#key(each);
      if (this.#known.has(key) || this.#isOurs(each)) continue;
      const prey = await seize(this.#context, each, this.#ino);
      if (typeof prey !== 'object') continue;
      this.#known.set(key, prey);
      this.#ended.delete(key);
      found.push(prey);
    }
    return found;
  }

  #send(prey: Iterable<Prey>, number: number): void {
    for (const each of prey) signal(each, number);
  }

  /** Waits for what is alive to end. @returns how many have not. */
  async #settle(limitMs: number): Promise<number> {
    const left = new Set(await awaitEnd(this.#alive(), limitMs, this.#context.signal, POLL_MS));
    for (const prey of this.#alive()) if (!left.has(prey)) this.#ended.add(this.#key(prey));
    return left.size;
  }

  /** SIGTERM, and time to heed it; whoever is started meanwhile gets it as well. */
  async #terminate(): Promise<void> {
    const { graceMs } = this.#step;
    // A stopped process does not see SIGTERM before it goes on.
    const ask = (prey: readonly Prey[]) => {
      this.#send(prey, SIGTERM);
      this.#send(prey, SIGCONT);
    };
    const first = this.#alive();
    ask(first);
    this.#context.say(`SIGTERM to ${many(first.length, 'process', 'processes')}`);
    const began = performance.now();
    for (const until = began + graceMs; ; ) {
      const looked = performance.now();
      const left = await this.#settle(Math.min(LOOK_MS, Math.max(0, until - looked)));
      const fresh = await this.#seizeInhabitants();
      this.#late += fresh.length;
      if (this.#late >= RUNAWAY) {
        this.#context.say(`${this.#late} new processes meanwhile: they multiply`);
        this.#runaway = true;
        return;
      }
      const now = performance.now();
      const starved = now - looked > LOOK_MS * STARVED && now - began > STARVED_MS;
      if (starved && left >= CROWD && left > first.length / 2) {
        this.#context.say(`${left} processes heed no SIGTERM and leave the host no CPU time`);
        this.#runaway = true;
        return;
      }
      ask(fresh);
      if (left + fresh.length === 0 || performance.now() >= until) return;
      if (this.#context.signal.aborted) {
        const rest = many(left + fresh.length, 'process is', 'processes are');
        throw new StepError('failed', `interrupted: SIGTERM was sent, ${rest} still there`);
      }
    }
  }

  /** The cgroups of what is alive that hold nothing else. */
  #cgroups(): readonly Freezable[] {
    const { procfs } = this.#context;
    const hierarchies = freezingHierarchies(procfs);
    const found = new Map<string, Freezable | null>();
    for (const { pid } of this.#alive()) {
      for (const group of freezableOf(procfs, pid, hierarchies)) {
        if (!found.has(group.directory)) found.set(group.directory, this.#isOwn(group) ? group : null);
        if (found.get(group.directory) !== null) break;
      }
    }
    return [...found.values()].filter((group) => group !== null);
  }

  /** Whether a cgroup holds nobody but who is to end. What was started in it meanwhile is looked at as well. */
  #isOwn(group: Freezable): boolean {
    const inside = processesIn(group);
    return inside !== null && !isHeld(group) && inside.every((pid) => this.#isWanted(pid));
  }

  #isWanted(pid: number): boolean {
    // 0: it is in a pid namespace that is not below ours.
    if (pid === 0 || this.#context.self.lineage.includes(pid)) return false;
    if (!this.#everybody) return this.#alive().some((prey) => prey.pid === pid);
    return livesIn(this.#context.procfs, pid, this.#ino) !== false;
  }

  /** Stops everything where it stands: by cgroup where there is one for them alone, else by SIGSTOP until nothing new appears. */
  async #freeze(): Promise<readonly Freezable[]> {
    const frozen: Freezable[] = [];
    for (const group of this.#cgroups()) {
      if (!(await freeze(group))) continue;
      // Nothing moves in there any more: now it can be told for certain who is in it.
      const strangers = (processesIn(group) ?? [0]).filter((pid) => !this.#isWanted(pid));
      if (strangers.length > 0) {
        thaw(group);
        this.#context.say(`cgroup ${group.directory} holds others too, and goes on`);
        continue;
      }
      frozen.push(group);
      this.#context.say(`froze cgroup ${group.directory}`);
    }
    await this.#sweepStop();
    return frozen;
  }

  /** SIGSTOP to whoever runs, again and again until twice nobody new is found. */
  async #sweepStop(): Promise<void> {
    let quiet = 0;
    let stopped = 0;
    for (let sweep = 0; sweep < MOST_SWEEPS && quiet < 2; sweep++) {
      await this.#seizeInhabitants();
      const running = this.#alive().filter((prey) => !this.#stopped.has(prey));
      for (const prey of running) {
        if (signal(prey, SIGSTOP)) stopped++;
        this.#stopped.add(prey);
      }
      quiet = running.length === 0 ? quiet + 1 : 0;
    }
    if (stopped > 0) this.#context.say(`stopped ${many(stopped, 'process', 'processes')}`);
  }

  #kill(): void {
    for (const prey of this.#alive()) {
      if (signal(prey, SIGKILL)) this.#killed.add(prey);
    }
    this.#stopped.clear();
  }

  /** SIGKILL, frozen first where they multiply, until nothing is left. */
  async #killAll(): Promise<void> {
    const until = performance.now() + KILL_MS;
    for (let round = 0; ; round++) {
      if (this.#runaway) await this.#freezeAndKill();
      else this.#kill();
      await this.#settle(ROUND_MS);
      const fresh = await this.#seizeInhabitants();
      const left = this.#alive();
      if (left.length === 0) return;
      // Fork faster than they are killed one by one.
      if (fresh.length > 0 && round > 0) this.#runaway = true;
      if (performance.now() < until) continue;
      const named = left.slice(0, NAMED).map((prey) => describeSurvivor(this.#context.procfs, prey));
      const more = left.length > NAMED ? ` and ${left.length - NAMED} more` : '';
      throw new StepError(
        'failed',
        `${many(left.length, 'process', 'processes')} did not end: ${named.join(', ')}${more}`,
      );
    }
  }

  async #freezeAndKill(): Promise<void> {
    const frozen = await this.#freeze();
    try {
      this.#kill();
    } finally {
      // SIGKILL reaches what version 1 froze once it is thawed, before anything else it could do.
      for (const group of frozen) thaw(group);
    }
  }

  async run(): Promise<string> {
    this.#hold();
    await this.#seizePlanned();
    await this.#seizeInhabitants();
    if (this.#alive().length === 0) return '';
    if (!this.#runaway && this.#step.graceMs > 0) await this.#terminate();
    if (this.#alive().length > 0) await this.#killAll();
    if (this.#killed.size > 0) this.#context.say(`SIGKILL to ${many(this.#killed.size, 'process', 'processes')}`);
    return `${many(this.#ended.size, 'process', 'processes')} ended`;
  }

  close(): void {
    // Whatever went wrong: nothing stays stopped that was not.
    for (const { pidfd } of this.#stopped) signalThrough(pidfd, SIGCONT);
    for (const { pidfd } of this.#known.values()) close(pidfd);
  }
}

/** Ends processes: SIGTERM, a while later SIGKILL; what multiplies faster than it ends is frozen first. */
export const stop: Perform<'stop'> = async (step, context) => {
  const hunt = new Hunt(step, context);
  try {
    const message = await hunt.run();
    return message === '' ? { status: 'nothing', message: 'nobody is there any more' } : { status: 'done', message };
  } finally {
    hunt.close();
  }
};
