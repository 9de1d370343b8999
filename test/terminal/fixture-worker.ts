/**
 * A collector thread that reads what it answers from a file: `procRoot` is the path of a `Scene` in JSON. Tests
 * rewrite the file to make namespaces come and go, scans fail or hang, and the thread die.
 */
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { Snapshot } from '../../src/model/index.ts';
import type { CollectorOptions } from '../../src/store/collector-thread.ts';

/** What the next scan does. */
export interface Scene {
  readonly snapshot?: Snapshot;
  readonly fail?: string;
  readonly die?: string;
  /** Keeps the thread busy, as a scan of a very large host would. */
  readonly busyMs?: number;
}

const { procRoot } = workerData as CollectorOptions;

parentPort?.on('message', () => {
  const { snapshot, fail, die, busyMs } = JSON.parse(readFileSync(procRoot, 'utf8')) as Scene;
  if (busyMs !== undefined) {
    const end = performance.now() + busyMs;
    while (performance.now() < end) JSON.stringify(snapshot);
  }
  if (die !== undefined) throw new Error(die);
  parentPort?.postMessage(fail === undefined ? { type: 'snapshot', snapshot } : { type: 'failed', message: fail });
});
