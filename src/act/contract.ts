import type { KernelTask } from '../../collectors/kernel.ts';
import type { Namespace, Snapshot } from '../model/index.ts';
import type { Capability, Step, Target } from '../model/plan.ts';
import { SystemError } from '../os/errors.ts';
import type { Procfs } from '../os/procfs.ts';
import type { Self } from './self.ts';

/** What a step works with. */
export interface StepContext {
  readonly procfs: Procfs;
  /** What the plan was made from. */
  readonly snapshot: Snapshot;
  readonly self: Self;
  /** Where names of namespaces are: `/run/netns`. */
  readonly netnsDir: string;
  /**
   * Opens a namespace of the plan, and makes sure that it is the one the plan means. It stays open, and alive, until the
   * last step about it is over, so its inode number is nobody else's until then.
   *
   * @throws StepError when it is gone, is another one by now, or cannot be opened.
   */
  readonly open: (target: Target) => number;
  /** Whether a namespace that is open is still held by what the plan knows of: else it is gone when it is closed. */
  readonly isHeld: (target: Target) => boolean;
  /** A namespace of the snapshot. */
  readonly find: (target: Target) => Namespace | undefined;
  /** Every task there is right now, by the kernel's own iterator; null without the kernel's view. */
  readonly tasks: () => Promise<readonly KernelTask[] | null>;
  /** Takes down one thing that was done. */
  readonly say: (detail: string) => void;
  readonly signal: AbortSignal;
}

/** What a step that went well says. */
export interface StepOutcome {
  readonly status: 'done' | 'nothing';
  readonly message: string;
}

/** Does one kind of step: makes sure that everything is what the plan means, right before acting on it. */
export type Perform<Kind extends Step['kind']> = (
  step: Extract<Step, { kind: Kind }>,
  context: StepContext,
) => Promise<StepOutcome> | StepOutcome;

/**
 * Why a step did not do what it says.
 * - `changed`: what it was to act on is another by now; nothing was done to it
 * - `gone`: what it was to act on is no more: for most steps there is nothing left to do then
 */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly status: 'changed' | 'denied' | 'failed' | 'gone';
  readonly capability: Capability | undefined;

  constructor(status: StepError['status'], message: string, capability?: Capability) {
    super(message);
    this.status = status;
    this.capability = capability;
  }
}

/** A system call that failed, as what comes of the step. @param capability what would have given leave. */
export function stepError(
  error: SystemError,
  capability: Capability,
  explained: Readonly<Record<string, string>> = {},
) {
  const { code, message } = error;
  if (code === 'EPERM' || code === 'EACCES') {
    return new StepError('denied', `${message}: it takes ${capability}`, capability);
  }
  const words = explained[code];
  return new StepError('failed', words === undefined ? message : `${message}: ${words}`);
}

/** Runs system calls; what they fail with becomes what comes of the step. */
export function trying<T>(capability: Capability, work: () => T, explained?: Readonly<Record<string, string>>): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof SystemError ? stepError(error, capability, explained) : error;
  }
}
