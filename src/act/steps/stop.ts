import { monotonic } from '../../clock.ts';
import type { StopStep } from '../../model/plan.ts';
import { type Perform, type StepContext, StepError } from '../contract.ts';
import { Freezer } from './freezing.ts';
import { type Hunted, Pack } from './pack.ts';
import { describeSurvivor, signal, statOf } from './prey.ts';

const SIGKILL = 9;
const SIGTERM = 15;
const SIGCONT = 18;
const SIGSTOP = 19;

/** How often it is looked for new processes while SIGTERM does its work. */
const LOOK_MS = 100;
/** This many processes at once that the plan did not have, and the namespace is a runaway: SIGTERM is a race nobody wins. */
const RUNAWAY = 20;
/** In so many looks nobody was there that had been there before: they fork as fast as they end. */
const TURNOVERS = 5;
/** From so many processes on that heed no SIGTERM, all of them running, they count as one too: a bomb at its limit. */
const CROWD = 20;
/** How much of its time SIGTERM has had by then. */
const BUSY_SHARE = 0.3;
/** How many of them are running, at so many looks in a row. */
const BUSY = 0.75;
const BUSY_LOOKS = 3;
/** How long a killed process may take to end before it is looked again. */
const ROUND_MS = 200;
/** How long all may take to end after SIGKILL. */
const KILL_MS = 8000;
/** How long what somebody else keeps frozen is waited for: it may be about to be thawed. */
const FROZEN_MS = 1000;
/** So many sweeps in a row that find nobody running are enough: it is looked again when all are killed. */
const SWEEPS = 2;
/** A sweep that still finds new ones after so long is not getting anywhere: those it has are killed first. */
const SWEEP_MS = 400;
/** Survivors named in a message. */
const NAMED = 5;

function processes(count: number): string {
  return `${count} ${count === 1 ? 'process' : 'processes'}`;
}

/** Ends processes and keeps account of it. */
class Hunt {
  readonly #step: StopStep;
  readonly #context: StepContext;
  readonly #pack: Pack;
  readonly #freezer: Freezer;
  #askedLater = 0;
  #killed = 0;
  #runaway: boolean;

  constructor(step: StopStep, context: StepContext) {
    this.#step = step;
    this.#context = context;
    this.#runaway = step.freeze;
    this.#pack = new Pack(step, context);
    this.#freezer = new Freezer(
      context.procfs,
      (pid) => this.#pack.isWanted(pid),
      (detail) => context.say(detail),
    );
  }

  /** SIGTERM. A stopped process does not see it before it goes on. @returns how many were there to receive it. */
  #ask(prey: readonly Hunted[]): number {
    let asked = 0;
    for (const each of prey) {
      if (signal(each, SIGTERM) === 'sent') asked++;
      signal(each, SIGCONT);
      each.asked = true;
    }
    return asked;
  }

  /**
   * SIGTERM, and time to heed it. What is started meanwhile may be what one of them needs to end in order, so it is left
   * to that until none of those is there that were asked.
   */
  async #terminate(): Promise<void> {
    const { graceMs } = this.#step;
    const first = this.#pack.left();
    this.#context.say(`SIGTERM to ${processes(this.#ask(first))}`);
    const began = monotonic();
    let turnovers = 0;
    let busy = 0;
    let quiet = 0;
    for (const until = began + graceMs; ; ) {
      await this.#pack.settle(Math.min(LOOK_MS, Math.max(0, until - monotonic())), this.#context.signal);
      const fresh = await this.#pack.seizeInhabitants();
      const left = this.#pack.left();
      quiet = this.#pack.isEmpty ? quiet + 1 : 0;
      if (quiet >= this.#pack.quietLooks) return;
      const now = monotonic();
      const unplanned = left.filter(({ planned }) => !planned).length;
      const replaced = fresh.length + this.#pack.elusive;
      if (replaced > 0 && unplanned === left.length && replaced >= left.length) turnovers++;
      const stubborn = now - began > graceMs * BUSY_SHARE && left.length >= CROWD && left.length > first.length / 2;
      busy = stubborn && this.#areBusy(left) ? busy + 1 : 0;
      const multiplying = unplanned >= RUNAWAY || turnovers >= TURNOVERS;
      if (multiplying || busy >= BUSY_LOOKS) {
        const why = multiplying ? 'they multiply' : 'they heed no SIGTERM, and run all the time';
        this.#context.say(`${processes(left.length)} there, ${unplanned} of them new: ${why}`);
        this.#runaway = true;
        return;
      }
      if (now >= until) return;
      if (this.#context.signal.aborted) {
        throw new StepError('failed', `interrupted: SIGTERM was sent, ${processes(left.length)} still there`);
      }
      if (left.every(({ asked }) => !asked)) this.#askedLater += this.#ask(left);
    }
  }

  #areBusy(prey: readonly Hunted[]): boolean {
    const running = prey.filter(({ pid }) => statOf(this.#context.procfs, pid)?.state === 'R').length;
    return running >= prey.length * BUSY;
  }

  /** SIGSTOP to whoever runs, again and again until nobody new is found. */
  async #sweepStop(): Promise<void> {
    let stopped = 0;
    const until = monotonic() + SWEEP_MS;
    for (let quiet = 0; quiet < SWEEPS && monotonic() < until; ) {
      await this.#pack.seizeInhabitants();
      const running = this.#pack.left().filter((prey) => !prey.stopped);
      for (const prey of running) {
        if (signal(prey, SIGSTOP) === 'sent') stopped++;
        prey.stopped = true;
      }
      quiet = running.length + this.#pack.elusive === 0 ? quiet + 1 : 0;
      // Those that are gone need no descriptor.
      await this.#pack.settle(0, null);
    }
    if (stopped > 0) this.#context.say(`stopped ${processes(stopped)}`);
  }

  #kill(): void {
    for (const prey of this.#pack.left()) {
      if (signal(prey, SIGKILL) !== 'sent' || prey.killed) continue;
      prey.killed = true;
      this.#killed++;
    }
  }

  /** Stops everything where it stands: by cgroup where there is one for them alone, else by SIGSTOP until nothing new appears. */
  async #freezeAndKill(): Promise<void> {
    try {
      await this.#freezer.freeze(this.#pack.left().map(({ pid }) => pid));
      await this.#sweepStop();
      this.#kill();
    } finally {
      // SIGKILL reaches what version 1 froze once it is thawed, before anything else it could do.
      this.#freezer.thaw();
    }
  }

  /** SIGKILL, frozen first where they multiply, until nothing is left. */
  async #killAll(): Promise<void> {
    const began = monotonic();
    for (let round = 0, quiet = 0; ; round++) {
      // Nobody there: it is only looked whether that is so.
      if (this.#runaway && !this.#pack.isEmpty) await this.#freezeAndKill();
      else this.#kill();
      await this.#pack.settle(ROUND_MS, null);
      const fresh = await this.#pack.seizeInhabitants();
      const left = this.#pack.left();
      quiet = this.#pack.isEmpty ? quiet + 1 : 0;
      if (quiet >= this.#pack.quietLooks) return;
      // They fork faster than they are killed one by one.
      const replaced = this.#pack.elusive > 0 || fresh.some(({ planned }) => !planned);
      if (round > 0 && replaced) this.#runaway = true;
      const waited = monotonic() - began;
      if (waited >= KILL_MS || (left.length > 0 && !replaced && this.#isVain(left, waited))) throw this.#unended(left);
    }
  }

  /** Whether there is nothing more to wait for: it was interrupted, or somebody else keeps all that are left frozen. */
  #isVain(left: readonly Hunted[], waitedMs: number): boolean {
    if (this.#context.signal.aborted) return true;
    return waitedMs >= FROZEN_MS && left.every(({ pid }) => this.#freezer.keeperOf(pid) !== null);
  }

  #unended(left: readonly Hunted[]): StepError {
    const { procfs, signal: interrupt } = this.#context;
    if (left.length === 0) {
      if (this.#pack.crowded) return this.#pack.noRoom();
      return new StepError('failed', 'there always is another process, gone before it can be taken hold of');
    }
    const named = left.slice(0, NAMED).map((prey) => describeSurvivor(procfs, prey, this.#freezer.keeperOf(prey.pid)));
    const more = left.length > NAMED ? ` and ${left.length - NAMED} more` : '';
    const why = interrupt.aborted ? 'interrupted: ' : '';
    return new StepError('failed', `${why}${processes(left.length)} did not end: ${named.join(', ')}${more}`);
  }

  async run(): Promise<string> {
    const { procfs, say } = this.#context;
    if (!procfs.live) {
      throw new StepError('failed', `${procfs.name} shows other pids than ours: nobody was signalled`);
    }
    this.#pack.hold();
    await this.#pack.seizePlanned();
    await this.#pack.seizeInhabitants();
    if (this.#pack.isEmpty && !this.#pack.isRefused) return '';
    try {
      if (!this.#runaway && this.#step.graceMs > 0) {
        await this.#terminate();
        this.#pack.letLeave();
      }
      if (!this.#pack.isEmpty) await this.#killAll();
    } finally {
      if (this.#askedLater > 0) say(`SIGTERM to ${processes(this.#askedLater)} more`);
      if (this.#killed > 0) say(`SIGKILL to ${processes(this.#killed)}`);
      if (this.#pack.ended > 0) say(`${processes(this.#pack.ended)} ended`);
    }
    this.#pack.refuseDenied();
    return `${processes(this.#pack.ended)} ended`;
  }

  close(): void {
    this.#freezer.thaw();
    this.#pack.close();
  }
}

/** Ends processes: SIGTERM, a while later SIGKILL; what multiplies faster than it ends is frozen first. */
export const stop: Perform<'stop'> = async (step, context) => {
  const hunt = new Hunt(step, context);
  // Should the process exit meanwhile, say because its output is a broken pipe: nothing stays frozen.
  const leave = (): void => hunt.close();
  process.once('exit', leave);
  try {
    const message = await hunt.run();
    return message === '' ? { status: 'nothing', message: 'nobody is there any more' } : { status: 'done', message };
  } finally {
    process.off('exit', leave);
    hunt.close();
  }
};
