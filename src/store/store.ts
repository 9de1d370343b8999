import { monotonic } from '../clock.ts';
import type { ScreenEvent } from './events.ts';
import { reduce } from './reduce.ts';
import type { ScreenState } from './state.ts';

/**
 * Frames are at least this far apart. A key after a pause is drawn at once; a burst, or a key repeating, is drawn at
 * this pace, which stays well below the 50 ms a key may take.
 */
const FRAME_MS = 16;

/** The screen's state, outside React: changed by `dispatch` alone, drawn by whoever subscribes. */
export class Store {
  #state: ScreenState;
  readonly #listeners = new Set<() => void>();
  #lastFrame = Number.NEGATIVE_INFINITY;
  #frame: NodeJS.Timeout | NodeJS.Immediate | undefined;

  constructor(state: ScreenState) {
    this.#state = state;
  }

  /** The current state; a new object whenever something changed. */
  readonly getState = (): ScreenState => this.#state;

  /** Applies an event. Listeners hear of it at the next frame, once for all events until then. */
  readonly dispatch = (event: ScreenEvent): void => {
    const next = reduce(this.#state, event);
    if (next === this.#state) return;
    this.#state = next;
    this.#schedule();
  };

  /** Calls `listener` whenever there is a new frame to draw. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Stops drawing. */
  close(): void {
    this.#listeners.clear();
    clearTimeout(this.#frame as NodeJS.Timeout | undefined);
    clearImmediate(this.#frame as NodeJS.Immediate | undefined);
    this.#frame = undefined;
  }

  #schedule(): void {
    if (this.#frame !== undefined) return;
    const wait = this.#lastFrame + FRAME_MS - monotonic();
    const draw = (): void => {
      this.#frame = undefined;
      this.#lastFrame = monotonic();
      for (const listener of this.#listeners) listener();
    };
    this.#frame = wait > 0 ? setTimeout(draw, wait) : setImmediate(draw);
  }
}
