/**
 * The collector thread: everything that reads the host happens here, so that the screen never waits for it. It
 * answers each `collect` with one snapshot, or with why there is none.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { collect } from './collect.ts';
import type { CollectorOptions, CollectorReply, CollectorRequest } from './store/collector-thread.ts';

const options = workerData as CollectorOptions;

async function answer(): Promise<CollectorReply> {
  try {
    return { type: 'snapshot', snapshot: await collect(options) };
  } catch (error) {
    return { type: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on('message', async (request: CollectorRequest) => {
  if (request.type === 'collect') parentPort?.postMessage(await answer());
});
