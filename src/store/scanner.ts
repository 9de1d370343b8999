import { monotonic } from '../clock.ts';
import { type CollectorOptions, CollectorThread } from './collector-thread.ts';
import type { Store } from './store.ts';

/** Between the end of one scan and the start of the next there is at least this share of the scan's time. */
const REST = 0.25;
/** From here on a scan counts as slow, and the header says how long it has taken. */
const SLOW_MS = 1000;
/** How long a selection stays before it is looked at closely. */
const SETTLE_MS = 120;

/** Keeps scanning at the interval the store holds, unless paused, and tells the store what comes of it. */
export class Scanner {
  readonly #store: Store;
  readonly #thread: CollectorThread;
  #timer: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #tookMs = 0;
  #running = false;
  #looking: NodeJS.Timeout | undefined;
  /** What was last looked at closely, and what will be next. */
  #focus: string | null = null;
  #nextFocus: string | null = null;
  /** A scan came due while something else was asked: whether it is to read everything. */
  #waiting: boolean | undefined;
  /** Whose ruleset is to be asked for next. */
  #wantedRuleset: string | undefined;

  constructor(store: Store, script: URL, options: CollectorOptions) {
    this.#store = store;
    this.#thread = new CollectorThread(script, options, {
      snapshot: (snapshot) => {
        this.#store.dispatch({ type: 'snapshot', snapshot, at: Date.now() });
        this.#answered();
      },
      look: (snapshot) => {
        this.#store.dispatch({ type: 'look', snapshot });
        this.#answered();
      },
      ruleset: (of, ruleset) => {
        this.#store.dispatch({ type: 'ruleset', of, ruleset });
        this.#answered();
      },
      failed: (message) => {
        this.#store.dispatch({ type: 'scan-failed', message, at: Date.now() });
        this.#answered();
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
  readonly scan = (): void => {
    if (!this.#running) this.#scan(true);
  };

  #scan(whole: boolean): void {
    clearTimeout(this.#timer);
    const focus = this.#store.getState().namespaces.selected;
    if (!this.#thread.ask({ type: 'collect', whole, focus })) {
      this.#waiting = whole || this.#waiting === true;
      return;
    }
    this.#focus = focus;
    this.#running = true;
    this.#startedAt = monotonic();
    this.#watch = setInterval(() => {
      this.#store.dispatch({ type: 'scanning', ms: monotonic() - this.#startedAt });
    }, SLOW_MS);
  }

  /** Plans the next scan anew, after the interval or the pause changed. */
  readonly reschedule = (): void => {
    if (!this.#running) this.#plan();
  };

  /** Looks closely at the namespace that is selected now, unless that was done; soon, while the keys still move it. */
  readonly look = (): void => {
    const focus = this.#store.getState().namespaces.selected;
    if (focus === this.#nextFocus) return;
    clearTimeout(this.#looking);
    this.#nextFocus = focus;
    if (focus === null || focus === this.#focus) return;
    this.#looking = setTimeout(() => {
      if (this.#thread.ask({ type: 'look', focus })) this.#focus = focus;
    }, SETTLE_MS);
  };

  /** Asks for the firewall ruleset of the selected namespace, as soon as the thread has time for it. */
  readonly ruleset = (): void => {
    const of = this.#store.getState().namespaces.selected;
    if (of === null) return;
    this.#store.dispatch({ type: 'ruleset-asked', of });
    if (!this.#thread.ask({ type: 'ruleset', focus: of })) this.#wantedRuleset = of;
  };

  /** Stops for good. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    clearTimeout(this.#looking);
    this.#stopWatching();
    await this.#thread.close();
  }

  #answered(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (this.#running) this.#finished();
    else if (waiting !== undefined) this.#scan(waiting);
    // What was selected while the thread was busy has not been looked at.
    if (this.#nextFocus !== null && this.#nextFocus !== this.#focus) {
      const next = this.#nextFocus;
      if (this.#thread.ask({ type: 'look', focus: next })) this.#focus = next;
    }
    const focus = this.#wantedRuleset;
    if (focus !== undefined && this.#thread.ask({ type: 'ruleset', focus })) this.#wantedRuleset = undefined;
  }

  #finished(): void {
    this.#tookMs = monotonic() - this.#startedAt;
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
    const due = this.#startedAt + intervalMs - monotonic();
    this.#timer = setTimeout(() => this.#scan(false), Math.max(due, this.#tookMs * REST));
  }
}
