import { openSnapshotNamespace } from '../enter.ts';
import { namespaceKey, type Snapshot } from '../model/index.ts';
import type { Plan, Step, StepKind, StepResult, StepStatus, Target } from '../model/plan.ts';
import { SystemError } from '../os/errors.ts';
import { close, errno, O_CLOEXEC, O_RDONLY, openat } from '../os/libc.ts';
import { inNetworkNamespace } from '../os/network-namespace.ts';
import { cookieOfOwnNamespace } from '../os/nsfs.ts';
import type { Procfs } from '../os/procfs.ts';
import { safeText } from '../terminal/sanitise.ts';
import { type StepContext, StepError, trying } from './contract.ts';
import { perform } from './steps/index.ts';

/** Steps that want nothing but that something is no more. */
const REMOVING: ReadonlySet<StepKind> = new Set(['stop', 'unmount', 'remove-name', 'close-sockets']);

/** The namespaces of a plan, open: no other namespace can have the number of one that is. */
class OpenTargets {
  readonly #procfs: Procfs;
  readonly #snapshot: Snapshot;
  readonly #open = new Map<string, number>();

  constructor(procfs: Procfs, snapshot: Snapshot) {
    this.#procfs = procfs;
    this.#snapshot = snapshot;
  }

  find(target: Target) {
    return this.#snapshot.namespaces.find((ns) => namespaceKey(ns) === target.key);
  }

  open(target: Target): number {
    const known = this.#open.get(target.key);
    if (known !== undefined) return known;
    const ns = this.find(target);
    if (ns === undefined) throw new StepError('gone', `${target.label} is gone`);
    const opened = openSnapshotNamespace(this.#procfs, ns, this.#snapshot, { mayActivate: true });
    if (opened.fd === null) {
      if (opened.why === 'replaced') throw this.#replaced(target);
      if (opened.why === 'gone') throw new StepError('gone', `${target.label} is gone`);
      throw new StepError('failed', `nothing leads into ${target.label} that may be opened`);
    }
    try {
      const { fd, cookie } = this.#enter(opened.fd, target);
      // Where the kernel does not tell the id of a namespace (before Linux 6.18), a socket made inside does.
      if (cookie !== null && target.cookie !== null && cookie !== target.cookie) {
        close(fd);
        throw this.#replaced(target);
      }
      this.#open.set(target.key, fd);
      return fd;
    } finally {
      close(opened.fd);
    }
  }

  /** Opens it anew from inside: a descriptor that was opened by a bind mount would keep that mount busy. */
  #enter(fd: number, { label }: Target) {
    return trying('CAP_SYS_ADMIN', () =>
      inNetworkNamespace(this.#procfs.fd, fd, label, () => {
        const again = openat(this.#procfs.fd, 'thread-self/ns/net', O_RDONLY | O_CLOEXEC);
        if (again < 0) throw new SystemError('open', label, errno());
        const cookie = cookieOfOwnNamespace();
        return { fd: again, cookie: cookie === null ? null : String(cookie) };
      }),
    );
  }

  #replaced({ label }: Target): StepError {
    return new StepError('changed', `${label} is another network namespace by now, with the same number`);
  }

  close(key: string): void {
    const fd = this.#open.get(key);
    if (fd !== undefined) close(fd);
    this.#open.delete(key);
  }

  closeAll(): void {
    for (const key of [...this.#open.keys()]) this.close(key);
  }
}

/** Keys of the namespaces a step needs open. */
function targetsOf(step: Step): string[] {
  return step.kind === 'move-device' ? [step.namespace.key, step.to.key] : [step.namespace.key];
}

/** What came of a step that threw. */
function fromError(error: unknown, kind: StepKind): Pick<StepResult, 'status' | 'message' | 'capability'> {
  if (error instanceof StepError) {
    const { status, message, capability } = error;
    if (status === 'gone') return { status: REMOVING.has(kind) ? 'nothing' : 'changed', message };
    return { status, message, ...(capability === undefined ? {} : { capability }) };
  }
  if (error instanceof SystemError) return { status: 'failed', message: error.message };
  throw error;
}

/** Where a plan's steps are told about. */
export interface PlanListener {
  /** A step begins, or something of it was done. */
  progress(step: Step, detail: string | null): void;
  /** A step is over. What this throws stops the plan. */
  result(result: StepResult): void;
}

/** How the steps of a plan went. */
export interface Performed {
  readonly results: readonly StepResult[];
  readonly stopped: string | null;
  readonly interrupted: boolean;
}

const STOPS: Readonly<Partial<Record<StepStatus, string>>> = {
  changed: 'the host is not as it was when the plan was made',
  denied: 'not permitted',
};

/**
 * Carries a plan out, step by step. What is not as the plan has it stops all of it; what merely fails stops what was to
 * be done to the same namespace after it. Between two steps it can be interrupted.
 */
export async function performPlan(
  plan: Plan,
  context: Omit<StepContext, 'open' | 'find' | 'say'>,
  listener: PlanListener,
): Promise<Performed> {
  const targets = new OpenTargets(context.procfs, context.snapshot);
  const lastUse = new Map(plan.steps.flatMap((step) => targetsOf(step).map((key) => [key, step.id] as const)));
  const spoilt = new Set<string>();
  const results: StepResult[] = [];
  let stopped: string | null = null;
  const finish = (result: StepResult): void => {
    results.push(result);
    listener.result(result);
  };
  try {
    for (const step of plan.steps) {
      const startedAt = new Date().toISOString();
      if (stopped === null && context.signal.aborted) stopped = 'interrupted';
      const skip = stopped ?? (spoilt.has(step.namespace.key) ? 'a step before it failed' : null);
      if (skip !== null) {
        finish({ step: step.id, status: 'skipped', message: skip, details: [], startedAt, durationMs: 0 });
        continue;
      }
      const started = performance.now();
      const details: string[] = [];
      const say = (detail: string): void => {
        const text = safeText(detail);
        details.push(text);
        listener.progress(step, text);
      };
      listener.progress(step, null);
      const scope: StepContext = {
        ...context,
        say,
        open: (target) => targets.open(target),
        find: (target) => targets.find(target),
      };
      const came = await perform(step, scope).catch((error: unknown) => fromError(error, step.kind));
      finish({
        ...came,
        step: step.id,
        message: safeText(came.message),
        details,
        startedAt,
        durationMs: Math.round(performance.now() - started),
      });
      stopped ??= STOPS[came.status] ?? null;
      if (came.status === 'failed') spoilt.add(step.namespace.key);
      for (const key of targetsOf(step)) if (lastUse.get(key) === step.id) targets.close(key);
    }
  } finally {
    targets.closeAll();
  }
  return {
    results,
    stopped,
    interrupted: context.signal.aborted && results.some(({ status }) => status === 'skipped'),
  };
}
