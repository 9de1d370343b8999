import { setImmediate, setTimeout } from 'node:timers/promises';
import type { KernelTask } from '../../collectors/kernel.ts';
import { lifecycleOf } from '../actions/lifecycle/index.ts';
import { monotonic } from '../clock.ts';
import { type CollectOptions, collect } from '../collect.ts';
import { CommandError, EXIT } from '../errors.ts';
import { namespaceKey, type Snapshot } from '../model/index.ts';
import type { ActionId, ActionRequest, Offer, Outcome, Plan, Step, StepResult, Verification } from '../model/plan.ts';
import { BpfError } from '../os/bpf.ts';
import { goingFirst } from '../os/priority.ts';
import { closeProcfs, openProcfs, type Procfs } from '../os/procfs.ts';
import { Session } from '../session.ts';
import { AuditTrail, auditFile } from './audit.ts';
import { type PlanListener, performPlan } from './perform.ts';
import { readSelf } from './self.ts';
import { checkPlan, expectedGone } from './verify.ts';

/**
 * How long the kernel may take to tear down what nothing holds any more, from when it tore down the last one: it is done
 * by a workqueue, after grace periods.
 */
const TEARDOWN_MS = 3000;
/** A reference may outlive its holder by so long (an RCU grace period, a workqueue). */
const FADING_MS = 500;
const POLL_MS = 20;

/** Keys of the namespaces that a request is about, and of those that have to be looked into for it. */
function concerned({ targets, options }: ActionRequest, { namespaces }: Snapshot): ReadonlySet<string> {
  const home = namespaces.filter(({ initial }) => initial).map(namespaceKey);
  return new Set([...targets, ...(options.to === undefined ? home : [options.to])]);
}

/** A procfs whose numbers of processes are not ours: what it calls 71 would be another process here. */
function elsewhere({ name }: Procfs): CommandError {
  return new CommandError(
    'ERR_PROC',
    `${name} is no procfs of the pid namespace nsleuth runs in: by it things can be looked at, and nothing done`,
    EXIT.failed,
  );
}

/** Closes the account. @returns why the plan stopped, which may be that the account could not be closed. */
function endOf(trail: AuditTrail, stopped: string | null, verification: Verification | null): string | null {
  try {
    trail.write({ event: 'end', stopped, verification });
    return stopped;
  } catch (error) {
    if (error instanceof CommandError) return stopped ?? error.message;
    throw error;
  }
}

/** The same, for mounts that could not be unmounted. */
function lazily({ action, options }: ActionRequest, busy: readonly Step[], { namespaces }: Snapshot): Offer[] {
  const keys = new Set(busy.map(({ namespace }) => namespace.key));
  const targets = namespaces.map(namespaceKey).filter((key) => keys.has(key));
  if (targets.length === 0 || options.lazy || (action !== 'unmount' && action !== 'release')) return [];
  return [{ text: 'detach what is busy', request: { action, targets, options: { ...options, lazy: true } } }];
}

export interface ActorOptions extends Pick<CollectOptions, 'procRoot' | 'without' | 'sysRoot'> {
  readonly netnsDir?: string;
  /** Where the audit trail is kept. */
  readonly auditFile?: string;
}

/** Makes plans, carries them out, and looks what came of it. Runs on a thread that may enter namespaces. */
export class Actor {
  readonly #options: ActorOptions;
  readonly #session = new Session({ lasting: false });
  #seen: Snapshot | undefined;
  #asked: Promise<readonly KernelTask[] | null> | undefined;

  constructor(options: ActorOptions) {
    // Without cookies a namespace is not told from another that has its number by now.
    this.#options = { ...options, without: options.without.filter((name) => name !== 'identity') };
  }

  /** A fresh look through both views, and into the namespaces that matter. */
  #look(action: ActionId, keys: (snapshot: Snapshot) => ReadonlySet<string>, signal: AbortSignal): Promise<Snapshot> {
    const { procRoot, without, sysRoot } = this.#options;
    const focus = (snapshot: Snapshot): ReadonlySet<number> => {
      const wanted = keys(snapshot);
      const numbers = snapshot.namespaces.flatMap((ns) => (wanted.has(namespaceKey(ns)) ? [ns.ino] : []));
      return new Set(numbers.filter((ino) => ino !== null));
    };
    const options = { procRoot, without, focus, closely: lifecycleOf(action).inside };
    return collect(sysRoot === undefined ? options : { ...options, sysRoot }, signal, this.#session);
  }

  /**
   * What an action would do, by a fresh look at the host.
   *
   * @param request what is wanted, once it is known which namespaces there are.
   * @throws CommandError when it makes no sense, or must not be done.
   */
  plan(
    action: ActionId,
    request: (snapshot: Snapshot) => ActionRequest,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Plan> {
    return goingFirst(async () => {
      const snapshot = await this.#look(action, (first) => concerned(request(first), first), signal);
      this.#seen = snapshot;
      return this.#planFrom(request(snapshot), snapshot);
    });
  }

  #planFrom(request: ActionRequest, snapshot: Snapshot): Plan {
    const procfs = openProcfs(this.#options.procRoot);
    try {
      const { netnsDir = '/run/netns' } = this.#options;
      return lifecycleOf(request.action).plan(request, { snapshot, self: readSelf(procfs), netnsDir });
    } finally {
      closeProcfs(procfs);
    }
  }

  /**
   * Carries out the last plan, keeps account of it in the audit trail, and looks what came of it.
   *
   * @throws CommandError before anything is done, when the audit trail cannot be written.
   */
  perform(plan: Plan, listener: PlanListener, signal: AbortSignal = new AbortController().signal): Promise<Outcome> {
    return goingFirst(() => this.#perform(plan, listener, signal));
  }

  async #perform(plan: Plan, listener: PlanListener, signal: AbortSignal): Promise<Outcome> {
    const snapshot = this.#seen;
    if (snapshot === undefined) throw new Error('there is no plan to carry out');
    const { procRoot, netnsDir = '/run/netns', auditFile: file = auditFile() } = this.#options;
    const procfs = openProcfs(procRoot);
    try {
      if (!procfs.live) throw elsewhere(procfs);
      const trail = new AuditTrail(procfs, file);
      try {
        trail.write({ event: 'plan', plan });
        const record = (result: StepResult): void => {
          try {
            trail.write({ event: 'step', result });
          } finally {
            // It was done, whether or not that could be written down.
            listener.result(result);
          }
        };
        const progress = (step: Step, detail: string | null): void => listener.progress(step, detail);
        const context = { procfs, snapshot, self: readSelf(procfs), netnsDir, tasks: () => this.#tasks(), signal };
        const performed = await performPlan(plan, context, { progress, result: record });
        const verification = performed.results.every(({ status }) => status === 'skipped')
          ? null
          : await this.#verify(plan, performed.results);
        const { stopped, interrupted, results } = performed;
        return { results, stopped: endOf(trail, stopped, verification), interrupted, verification };
      } finally {
        trail.close();
      }
    } finally {
      closeProcfs(procfs);
    }
  }

  /**
   * Every task the kernel shows us; null without its view. All who ask in one turn of the event loop share an answer, none
   * of which is older than its question.
   */
  #tasks(): Promise<readonly KernelTask[] | null> {
    this.#asked ??= setImmediate().then(() => {
      this.#asked = undefined;
      return this.#readTasks();
    });
    return this.#asked;
  }

  async #readTasks(): Promise<readonly KernelTask[] | null> {
    if (this.#options.without.includes('kernel')) return null;
    const state = await this.#session.probe();
    if (!('probe' in state)) return null;
    try {
      return state.probe.tasks();
    } catch (error) {
      if (error instanceof BpfError) return null;
      throw error;
    }
  }

  /** Waits for the namespaces that should be gone, as long as the kernel may take to free them. */
  async #awaitTeardown(plan: Plan): Promise<void> {
    const cookies = expectedGone(plan);
    if (cookies.size === 0) return;
    const state = this.#options.without.includes('kernel') ? null : await this.#session.probe();
    const fading = monotonic() + FADING_MS;
    let until = monotonic() + TEARDOWN_MS;
    for (let before = cookies.size; monotonic() < until; await setTimeout(POLL_MS)) {
      if (state === null || !('probe' in state)) return;
      try {
        const left = state.probe.namespaces().filter(({ cookie }) => cookie !== null && cookies.has(cookie));
        // What still has a reference by now is held by something: waiting does not help.
        const held = left.every(({ count }) => count !== null && count > 0);
        if (left.length === 0 || (held && monotonic() >= fading)) return;
        if (left.length < before) until = monotonic() + TEARDOWN_MS;
        before = left.length;
      } catch (error) {
        if (error instanceof BpfError) return;
        throw error;
      }
    }
  }

  async #verify(plan: Plan, results: readonly StepResult[]): Promise<Verification> {
    await this.#awaitTeardown(plan);
    const { request } = plan;
    const keys = (now: Snapshot): ReadonlySet<string> => concerned(request, now);
    const snapshot = await this.#look(request.action, keys, new AbortController().signal);
    const checks = checkPlan(plan, snapshot);
    const done = checks.every(({ holds }) => holds === true);
    const busy = plan.steps.filter(
      ({ kind, id }) => kind === 'unmount' && results.some(({ step, status }) => step === id && status === 'failed'),
    );
    const offers = done ? [] : [...lazily(request, busy, snapshot), ...this.#offers(plan, snapshot)];
    return { at: snapshot.takenAt, checks, offers };
  }

  /** What would bring what is still missing: the rest of the clean-up, or what that would leave to others. */
  #offers({ expectations }: Plan, snapshot: Snapshot): readonly Offer[] {
    const left = new Set(
      expectations.flatMap((each) => (each.kind === 'gone' || each.kind === 'empty' ? [each.namespace.key] : [])),
    );
    const targets = snapshot.namespaces.map(namespaceKey).filter((key) => left.has(key));
    if (targets.length === 0) return [];
    try {
      const request: ActionRequest = { action: 'release', targets, options: {} };
      const rest = this.#planFrom(request, snapshot);
      return [...(rest.steps.length === 0 ? [] : [{ text: 'release what is left', request }]), ...rest.offers];
    } catch {
      return [];
    }
  }

  /** Unloads what is loaded. */
  async close(): Promise<void> {
    await this.#session.close();
  }

  unload(): void {
    this.#session.unload();
  }
}
