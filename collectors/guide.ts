import type { BpfPrograms } from '../src/os/bpf.ts';
import { decodeOpen, decodeTasks, type KernelTask, type Remembered } from './kernel/decode.ts';

/**
 * Where userland has to look to see what it can see at all: what the kernel's own view said just before. It saves a table
 * the walk through descriptors that pin nothing, and through facts of a process that the kernel has told. See
 * docs/decisions/0012-guided-walk.md.
 */
export interface Guide {
  /** Tasks by pid; of processes with a single thread only. */
  readonly alone: ReadonlyMap<number, KernelTask>;
  /** Processes the kernel lists. */
  readonly pids: ReadonlySet<number>;
  /** Descriptors that pin a namespace or may lead to one, by pid, and by thread that has the table. */
  readonly tables: ReadonlyMap<number, ReadonlyMap<number, readonly number[]>>;
}

/** Programs that make a guide. */
export const GUIDE_PROGRAMS = ['list_tasks', 'list_open'] as const;

/** Makes a guide of the kernel's tasks and descriptors. */
export function guideOf(tasks: readonly KernelTask[], tables: Guide['tables']): Guide {
  const alone = new Map<number, KernelTask>();
  const pids = new Set<number>();
  for (const task of tasks) {
    const { pid, tid } = task;
    if (pids.has(pid)) alone.delete(pid);
    else if (pid === tid) alone.set(pid, task);
    pids.add(pid);
  }
  return { alone, pids, tables };
}

/**
 * Asks the kernel where to look.
 *
 * @param memory of whoever reads the tasks next.
 * @throws BpfError
 */
export function readGuide(programs: BpfPrograms, memory?: Remembered<KernelTask>): Guide {
  return guideOf(decodeTasks(programs.iterate('list_tasks'), memory), decodeOpen(programs.iterate('list_open')));
}
