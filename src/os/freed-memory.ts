import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { koffi } from './koffi.ts';

interface Ways {
  /** V8's collector; none where it does not let itself be called. */
  readonly collect: (() => void) | null;
  /** malloc_trim(3): glibc's own, there is none in musl. */
  readonly trim: ((keep: number) => number) | null;
}

let ways: Ways | undefined;

function found<T>(find: () => T): T | null {
  try {
    return find();
  } catch {
    return null;
  }
}

function findWays(): Ways {
  // A context made from then on has it.
  setFlagsFromString('--expose-gc');
  return {
    collect: found(() => runInNewContext('gc') as () => void),
    trim: found(() => koffi.load(null).func('int malloc_trim(size_t keep)') as (keep: number) => number),
  };
}

/**
 * Gives memory that is used no more back to the kernel: V8 collects this thread's when it has grown by some 10 MiB, and
 * glibc keeps what was freed, for each thread on its own. Takes 20 to 30 ms at a thousand namespaces.
 */
export function returnFreedMemory(): void {
  ways ??= findWays();
  ways.collect?.();
  ways.trim?.(0);
}
