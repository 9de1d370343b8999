import { type CollectorOptions, CollectorThread } from './collector-thread.ts';
import type { Store } from './store.ts';

/** Between the end of one scan and the start of the next there is at least this share of the scan's time. */
const REST = 0.25;
/** From here on a scan counts as slow, and the header says how long it has taken. */
const SLOW_MS = 1000;

/** Keeps scanning at the interval the store holds, unless paused, and tells the store what comes of it. */
export class Scanner {
  readonly #store: Store;
  readonly #thread: CollectorThread;
  #timer: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #tookMs = 0;
  #running = false;

  constructor(store: Store, script: URL, options: CollectorOptions) {
    this.#store = store;
    this.#thread = new CollectorThread(script, options, {
      snapshot: (snapshot) => {
        this.#store.dispatch({ type: 'snapshot', snapshot, at: Date.now() });
        this.#finished();
      },
      failed: (message) => {
        this.#store.dispatch({ type: 'scan-failed', message, at: Date.now() });
        this.#finished();
      },
      died: (message, retryMs) => {
        this.#store.dispatch({ type: 'collector-died', message, retryMs, at: Date.now() });
        this.#stopWatching();
      },
      ready: () => this.scan(),
    });
    this.scan();
  }

  /** Reads everything anew now, unless a scan is under way. */
  readonly scan = (): void => this.#scan(true);

  #scan(whole: boolean): void {
    clearTimeout(this.#timer);
    if (!this.#thread.collect(whole)) return;
    this.#running = true;
    this.#startedAt = performance.now();
    this.#watch = setInterval(() => {
      this.#store.dispatch({ type: 'scanning', ms: performance.now() - this.#startedAt });
    }, SLOW_MS);
  }

  /** Plans the next scan anew, after the interval or the pause changed. */
  readonly reschedule = (): void => {
    if (!this.#running) this.#plan();
  };

  /** Stops for good. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopWatching();
    await this.#thread.close();
  }

  #finished(): void {
    this.#tookMs = performance.now() - this.#startedAt;
    this.#stopWatching();
    this.#plan();
  }

  #stopWatching(): void {
    clearInterval(this.#watch);
    this.#running = false;
  }

  #plan(): void {
    clearTimeout(this.#timer);
    const { paused, intervalMs } = this.#store.getState();
    if (paused) return;
    const due = this.#startedAt + intervalMs - performance.now();
    this.#timer = setTimeout(() => this.#scan(false), Math.max(due, this.#tookMs * REST));
  }
}
