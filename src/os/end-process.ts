import { writeSync } from 'node:fs';

/** How long the main thread may take to give the terminal back before the process is ended without asking. */
const GRACE_MS = 2000;

/**
 * Ends the whole process, from whichever thread: for a thread that cannot come home from another namespace, since
 * whatever it read or did next would be about the wrong one. `process.abort()` and `process.exit()` end no more than
 * the thread when called in a worker, so signals do it: SIGTERM, for which the screen restores the terminal, then
 * SIGKILL. This thread does nothing in between.
 */
export function endProcess(message: string): never {
  writeSync(2, `nsleuth: ${message}; ending\n`);
  process.kill(process.pid, 'SIGTERM');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, GRACE_MS);
  process.kill(process.pid, 'SIGKILL');
  throw new Error(message);
}
