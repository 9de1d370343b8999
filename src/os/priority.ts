import { readdirSync } from 'node:fs';
import { errno, getpriority, setpriority } from './libc.ts';

const PRIO_PROCESS = 0;
const HIGHEST = -20;

/** Threads of this process. */
function threads(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [];
  }
}

/**
 * Lets this process go first for as long as something runs (setpriority(2), which in Linux is about one thread, hence
 * about each): what multiplies must be overtaken. Where that is not permitted it runs as it is.
 */
export async function goingFirst<T>(run: () => Promise<T>): Promise<T> {
  const raised = new Map<number, number>();
  for (const tid of threads()) {
    errno(0);
    const before = getpriority(PRIO_PROCESS, tid);
    if (before === -1 && errno() !== 0) continue;
    if (setpriority(PRIO_PROCESS, tid, HIGHEST) === 0) raised.set(tid, before);
  }
  try {
    return await run();
  } finally {
    // Threads that were started meanwhile inherited it.
    const usual = raised.values().next().value ?? 0;
    if (raised.size > 0) for (const tid of threads()) setpriority(PRIO_PROCESS, tid, raised.get(tid) ?? usual);
  }
}
