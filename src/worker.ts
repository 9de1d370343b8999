/**
 * The collector thread: everything that reads the host happens here, so that the screen never waits for it. It
 * answers each `collect` with a snapshot, with what little changed since the last one, or with why there is none.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { LiveCollector } from './live.ts';
import type { CollectorOptions, CollectorReply, CollectorRequest } from './store/collector-thread.ts';

const collector = new LiveCollector(workerData as CollectorOptions);

async function answer(request: CollectorRequest): Promise<CollectorReply> {
  try {
    switch (request.type) {
      case 'look':
        return collector.look(request.focus);
      case 'ruleset':
        return { type: 'ruleset', focus: request.focus, ruleset: collector.ruleset(request.focus) };
      case 'collect':
        return await collector.refresh(request);
    }
  } catch (error) {
    return { type: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

// A thread that dies leaves its descriptors to the process, and another one takes its place.
process.on('exit', () => collector.unload());

parentPort?.on('message', async (request: CollectorRequest) => {
  parentPort?.postMessage(await answer(request));
});
