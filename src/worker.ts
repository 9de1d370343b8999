/**
 * The threads that touch the host, so that the screen never waits for it. One collects: it answers each `collect` with
 * a snapshot, with what little changed since the last one, or with why there is none. The other, started when something
 * is to be done, makes plans and carries them out.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Actor } from './act/actor.ts';
import { monotonic } from './clock.ts';
import { LiveCollector } from './live.ts';
import { returnFreedMemory } from './os/freed-memory.ts';
import type { ActorReply, ActorRequest } from './store/actor-thread.ts';
import type { CollectorOptions, CollectorReply, CollectorRequest } from './store/collector-thread.ts';

/** How often freed memory is given back at most: that takes up to 30 ms. */
const RETURN_MS = 10_000;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function collecting(options: CollectorOptions): void {
  const collector = new LiveCollector(options);
  let returnedAt = Number.NEGATIVE_INFINITY;

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
      return { type: 'failed', message: messageOf(error) };
    }
  }

  // A thread that dies leaves its descriptors to the process, and another one takes its place.
  process.on('exit', () => collector.unload());
  parentPort?.on('message', async (request: CollectorRequest) => {
    const reply = await answer(request);
    parentPort?.postMessage(reply);
    // A whole snapshot went through it. On a small host that changes, one does every second.
    if (reply.type === 'snapshot' && monotonic() - returnedAt >= RETURN_MS) {
      returnFreedMemory();
      returnedAt = monotonic();
    }
  });
}

function acting(options: CollectorOptions): void {
  const actor = new Actor(options);
  let plan: Awaited<ReturnType<Actor['plan']>> | undefined;
  let interrupt = new AbortController();
  const reply = (answer: ActorReply): void => parentPort?.postMessage(answer);

  async function answer(request: ActorRequest): Promise<void> {
    switch (request.type) {
      case 'plan':
        plan = await actor.plan(request.request.action, () => request.request);
        return reply({ type: 'plan', plan });
      case 'perform': {
        if (plan === undefined) return;
        interrupt = new AbortController();
        const listener = {
          progress: ({ id }: { readonly id: number }, detail: string | null) =>
            reply({ type: 'progress', step: id, detail }),
          result: (result: Extract<ActorReply, { type: 'result' }>['result']) => reply({ type: 'result', result }),
        };
        return reply({ type: 'outcome', outcome: await actor.perform(plan, listener, interrupt.signal) });
      }
      case 'interrupt':
        interrupt.abort();
    }
  }

  process.on('exit', () => actor.unload());
  parentPort?.on('message', (request: ActorRequest) => {
    answer(request).catch((error: unknown) => reply({ type: 'refused', message: messageOf(error) }));
  });
}

const { acts = false, ...options } = workerData as CollectorOptions & { readonly acts?: boolean };
if (acts) acting(options);
else collecting(options);
