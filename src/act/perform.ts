import { setImmediate } from 'node:timers/promises';
import { monotonic } from '../clock.ts';
import { CommandError } from '../errors.ts';
import type { Plan, Step, StepKind, StepResult, StepStatus } from '../model/plan.ts';
import { SystemError } from '../os/errors.ts';
import { safeText } from '../terminal/sanitise.ts';
import { type StepContext, StepError } from './contract.ts';
import { OpenTargets } from './open-targets.ts';
import { perform } from './steps/index.ts';

/** Steps that want nothing but that something is no more. */
const REMOVING: ReadonlySet<StepKind> = new Set(['stop', 'unmount', 'remove-name', 'close-sockets']);

/** Steps that wait for others to do something. The rest keep the thread from beginning to end. */
const WAITING: ReadonlySet<StepKind> = new Set(['stop']);

/**
 * Namespaces worked on side by side: processes that take their time to end keep only their own namespace waiting. Each
 * costs a few descriptors.
 */
const ABREAST = 256;

/** Keys of the namespaces a step needs open. */
function targetsOf(step: Step): string[] {
  return step.kind === 'move-device' ? [step.namespace.key, step.to.key] : [step.namespace.key];
}

/**
 * The steps that must go one after the other, in the order of the plan: those about one namespace. Where a device moves
 * from one to another that has steps of its own, all do.
 */
function chainsOf(steps: readonly Step[]): readonly (readonly Step[])[] {
  const chains = new Map<string, Step[]>();
  for (const step of steps) {
    const known = chains.get(step.namespace.key);
    if (known === undefined) chains.set(step.namespace.key, [step]);
    else known.push(step);
  }
  const crossing = steps.some((step) => step.kind === 'move-device' && chains.has(step.to.key));
  return crossing ? [steps] : [...chains.values()];
}

/** What came of a step that threw. */
function fromError(error: unknown, kind: StepKind): Pick<StepResult, 'status' | 'message' | 'capability'> {
  if (error instanceof StepError) {
    const { status, message, capability } = error;
    if (status === 'gone') return { status: REMOVING.has(kind) ? 'nothing' : 'changed', message };
    return { status, message, ...(capability === undefined ? {} : { capability }) };
  }
  if (error instanceof SystemError) return { status: 'failed', message: error.message };
  return { status: 'failed', message: `internal error: ${error instanceof Error ? error.message : String(error)}` };
}

/** Where a plan's steps are told about. */
export interface PlanListener {
  /** A step begins, or something of it was done. */
  progress(step: Step, detail: string | null): void;
  /** A step is over. A CommandError it throws stops the plan. */
  result(result: StepResult): void;
}

/** How the steps of a plan went. */
export interface Performed {
  /** In the order of the plan. */
  readonly results: readonly StepResult[];
  readonly stopped: string | null;
  readonly interrupted: boolean;
}

/** What all steps of a plan are given; the rest of a step's context is made for it here. */
type PlanContext = Omit<StepContext, 'open' | 'isHeld' | 'find' | 'say'>;

const STOPS: Readonly<Partial<Record<StepStatus, string>>> = {
  changed: 'the host is not as it was when the plan was made',
  denied: 'not permitted',
};

/** One plan being carried out. */
class Performance {
  readonly #context: PlanContext;
  readonly #listener: PlanListener;
  readonly #targets: OpenTargets;
  /** How many steps still need a namespace open. */
  readonly #uses = new Map<string, number>();
  readonly #spoilt = new Set<string>();
  readonly #results: StepResult[] = [];
  #stopped: string | null = null;
  /** The last step that keeps the thread: the next one waits for it, and for the event loop to have had a turn. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(plan: Plan, context: PlanContext, listener: PlanListener) {
    this.#context = context;
    this.#listener = listener;
    this.#targets = new OpenTargets(context.procfs, context.snapshot);
    for (const key of plan.steps.flatMap(targetsOf)) this.#uses.set(key, (this.#uses.get(key) ?? 0) + 1);
  }

  /** Why a step is not to be done; null when it is. */
  #skips(step: Step): string | null {
    if (this.#stopped === null && this.#context.signal.aborted) this.#stopped = 'interrupted';
    return this.#stopped ?? (this.#spoilt.has(step.namespace.key) ? 'a step before it failed' : null);
  }

  #finish(step: Step, result: StepResult): void {
    this.#results.push(result);
    this.#stopped ??= STOPS[result.status] ?? null;
    if (result.status === 'failed') this.#spoilt.add(step.namespace.key);
    for (const key of targetsOf(step)) {
      const left = (this.#uses.get(key) ?? 0) - 1;
      this.#uses.set(key, left);
      if (left === 0) this.#targets.close(key);
    }
    try {
      this.#listener.result(result);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.#stopped ??= error.message;
    }
  }

  async #do(step: Step): Promise<void> {
    const startedAt = new Date().toISOString();
    const skip = this.#skips(step);
    if (skip !== null) {
      this.#finish(step, { step: step.id, status: 'skipped', message: skip, details: [], startedAt, durationMs: 0 });
      return;
    }
    const started = monotonic();
    const details: string[] = [];
    const say = (detail: string): void => {
      const text = safeText(detail);
      details.push(text);
      this.#listener.progress(step, text);
    };
    this.#listener.progress(step, null);
    const scope: StepContext = {
      ...this.#context,
      say,
      open: (target) => this.#targets.open(target),
      isHeld: (target) => this.#targets.isHeld(target),
      find: (target) => this.#targets.find(target),
    };
    const came = await perform(step, scope).catch((error: unknown) => {
      // What was done has to be told even then; but who knows what a bug does next.
      if (!(error instanceof StepError || error instanceof SystemError)) this.#stopped ??= 'internal error';
      return fromError(error, step.kind);
    });
    const durationMs = Math.round(monotonic() - started);
    this.#finish(step, { ...came, step: step.id, message: safeText(came.message), details, startedAt, durationMs });
  }

  /** After a turn of the event loop a signal has been heard, and who waits has been woken. */
  async #inTurn(step: Step): Promise<void> {
    const before = this.#turn;
    const own = before.then(() => setImmediate()).then(() => this.#do(step));
    this.#turn = own.catch(() => {});
    await own;
  }

  async #chain(steps: readonly Step[]): Promise<void> {
    for (const step of steps) await (WAITING.has(step.kind) ? this.#do(step) : this.#inTurn(step));
  }

  async run({ steps }: Plan): Promise<Performed> {
    const waiting = [...chainsOf(steps)];
    const broken: unknown[] = [];
    const worker = async (): Promise<void> => {
      try {
        for (let chain = waiting.shift(); chain !== undefined; chain = waiting.shift()) await this.#chain(chain);
      } catch (error) {
        broken.push(error);
        this.#stopped ??= 'internal error';
      }
    };
    const workers: Promise<void>[] = [];
    // One after the other: those that wait already are not kept waiting by the rest all beginning at once.
    for (let count = Math.min(ABREAST, waiting.length); count > 0; count--) {
      workers.push(worker());
      await setImmediate();
    }
    await Promise.all(workers);
    this.#targets.closeAll();
    if (broken.length > 0) throw broken[0];
    const { aborted } = this.#context.signal;
    return {
      results: this.#results.toSorted((a, b) => a.step - b.step),
      stopped: this.#stopped,
      interrupted: aborted && this.#results.some(({ status }) => status === 'skipped' || status === 'failed'),
    };
  }
}

/**
 * Carries a plan out: the steps about one namespace one after the other, those about different ones side by side. What
 * is not as the plan has it stops all of it; what merely fails stops what was to be done to the same namespace after it.
 * Between two steps it can be interrupted.
 */
export async function performPlan(plan: Plan, context: PlanContext, listener: PlanListener): Promise<Performed> {
  return new Performance(plan, context, listener).run(plan);
}
