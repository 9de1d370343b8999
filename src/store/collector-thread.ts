import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { Refresh } from '../live.ts';
import { namespaceKey, type Snapshot } from '../model/index.ts';
import type { RulesetText } from '../ruleset.ts';
import { safeText } from '../terminal/sanitise.ts';

/** What the screen asks of the collector thread. */
export type CollectorRequest =
  | {
      readonly type: 'collect';
      /** Read everything anew, also what the kernel says has not changed. */
      readonly whole: boolean;
      /** Key of the namespace that is looked at closely. */
      readonly focus: string | null;
    }
  /** Look at this one closely, now. */
  | { readonly type: 'look'; readonly focus: string }
  /** The full firewall ruleset of this one. */
  | { readonly type: 'ruleset'; readonly focus: string };

/** What the collector thread answers. */
export type CollectorReply =
  | Refresh
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'ruleset'; readonly focus: string; readonly ruleset: RulesetText };

/** What `src/worker.ts` is started with. */
export interface CollectorOptions {
  readonly procRoot: string;
  readonly without: readonly string[];
}

/** What comes of a request. Each is answered by exactly one of these. */
export interface CollectorListener {
  snapshot(snapshot: Snapshot): void;
  /** One namespace was looked at again, the rest is that of the last snapshot. */
  look(snapshot: Snapshot): void;
  ruleset(focus: string, ruleset: RulesetText): void;
  /** The thread is well, what it was asked for is not. */
  failed(message: string): void;
  /** The thread is gone; a new one starts after `retryMs`, when `ready` is called. */
  died(message: string, retryMs: number): void;
  ready(): void;
}

/** First and longest wait before a thread that died is started again; doubled each time in between. */
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

/**
 * The young generation is where a scan's rubbish lands: small, it is swept often and the process stays small. The
 * old generation bounds what a host with very many processes may take before the thread, and not the screen, dies.
 */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 512 } as const;

/**
 * Lets the heaps of both threads grow by no more than this before V8 sweeps them: by itself it lets them double. At a
 * thousand namespaces that kept 180 MiB where 140 serve, for 1 to 2 % of a core.
 */
const GROWTH = '--heap-growing-percent=30';

/**
 * Keeps the main thread's young generation at the size it has: V8 would double it up to 2 × 16 MiB as soon as a few
 * snapshots have passed through it, for no gain here. Creating a worker sets this flag back to 2 (seen in Node 20,
 * V8 11.3), so it is set once the worker is up. An engine that no longer knows the flag ignores it.
 */
function keepHeapsSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString(GROWTH);
}

/** A snapshot with what little changed since. */
function updated(snapshot: Snapshot, { namespaces, since }: Extract<CollectorReply, { type: 'update' }>): Snapshot {
  const changed = new Map(namespaces.map((ns) => [namespaceKey(ns), ns]));
  return {
    ...snapshot,
    ...since,
    namespaces:
      changed.size === 0 ? snapshot.namespaces : snapshot.namespaces.map((ns) => changed.get(namespaceKey(ns)) ?? ns),
  };
}

/** The thread that collects, kept alive: the screen never waits for it. */
export class CollectorThread {
  readonly #script: URL;
  readonly #options: CollectorOptions;
  readonly #listener: CollectorListener;
  #worker: Worker | undefined;
  #retry: NodeJS.Timeout | undefined;
  #deaths = 0;
  #busy = false;
  #closed = false;
  /** The last snapshot: most of the time there is nothing else to say than that it still holds. */
  #last: Snapshot | undefined;

  constructor(script: URL, options: CollectorOptions, listener: CollectorListener) {
    this.#script = script;
    this.#options = options;
    this.#listener = listener;
    this.#start();
  }

  /** Asks for something. Does nothing and returns false while an answer is awaited or the thread is down. */
  ask(request: CollectorRequest): boolean {
    if (this.#worker === undefined || this.#busy) return false;
    this.#busy = true;
    this.#worker.postMessage(request);
    return true;
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#worker?.terminate();
  }

  #start(): void {
    const worker = new Worker(this.#script, {
      workerData: this.#options,
      resourceLimits: RESOURCE_LIMITS,
      // Whatever it prints would land in the middle of a frame.
      stdout: true,
      stderr: true,
    });
    this.#worker = worker;
    let reason = 'it ended';
    worker.stdout.resume();
    worker.stderr.resume();
    worker.once('online', keepHeapsSmall);
    worker.on('message', (reply: CollectorReply) => {
      this.#busy = false;
      if (this.#closed) return;
      if (reply.type === 'failed') {
        this.#listener.failed(safeText(reply.message));
        return;
      }
      this.#deaths = 0;
      if (reply.type === 'ruleset') {
        this.#listener.ruleset(reply.focus, reply.ruleset);
        return;
      }
      if (reply.type === 'snapshot') this.#last = reply.snapshot;
      else if (this.#last !== undefined) this.#last = updated(this.#last, reply);
      if (this.#last === undefined) return;
      if (reply.type === 'update' && reply.since === null) this.#listener.look(this.#last);
      else this.#listener.snapshot(this.#last);
    });
    worker.on('error', (error: unknown) => {
      reason = error instanceof Error ? error.message : String(error);
    });
    worker.once('exit', () => this.#died(reason));
  }

  #died(reason: string): void {
    this.#worker = undefined;
    this.#busy = false;
    if (this.#closed) return;
    const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#deaths);
    this.#deaths += 1;
    this.#listener.died(safeText(reason), wait);
    this.#retry = setTimeout(() => {
      this.#start();
      this.#listener.ready();
    }, wait);
  }
}
