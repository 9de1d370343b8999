/**
 * A collector thread that reads what it answers from a file: `procRoot` is the path of a `Scene` in JSON. Tests
 * rewrite the file to make namespaces come and go, scans fail or hang, and the thread die.
 */
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { Snapshot } from '../../src/model/index.ts';
import type { RulesetText } from '../../src/ruleset.ts';
import type { CollectorOptions, CollectorReply, CollectorRequest } from '../../src/store/collector-thread.ts';

/** What the next scan does. */
export interface Scene {
  readonly snapshot?: Snapshot;
  readonly fail?: string;
  readonly die?: string;
  /** Keeps the thread busy, as a scan of a very large host would. */
  readonly busyMs?: number;
  readonly ruleset?: RulesetText;
}

const { procRoot } = workerData as CollectorOptions;

function answer({ snapshot, fail, ruleset }: Scene, request: CollectorRequest): CollectorReply {
  if (fail !== undefined) return { type: 'failed', message: fail };
  if (request.type === 'ruleset') return { type: 'ruleset', focus: request.focus, ruleset: ruleset ?? { text: '' } };
  if (request.type === 'look') return { type: 'update', namespaces: [], since: null };
  return snapshot === undefined ? { type: 'failed', message: 'no scene' } : { type: 'snapshot', snapshot };
}

parentPort?.on('message', (request: CollectorRequest) => {
  const scene = JSON.parse(readFileSync(procRoot, 'utf8')) as Scene;
  if (scene.busyMs !== undefined) {
    const end = performance.now() + scene.busyMs;
    while (performance.now() < end) JSON.stringify(scene.snapshot);
  }
  if (scene.die !== undefined) throw new Error(scene.die);
  parentPort?.postMessage(answer(scene, request));
});
