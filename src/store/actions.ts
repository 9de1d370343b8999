import type { ActionRequest } from '../model/plan.ts';
import { type ActorReply, ActorThread } from './actor-thread.ts';
import type { CollectorOptions } from './collector-thread.ts';
import type { Store } from './store.ts';

/** Has plans made and carried out, and tells the store what comes of it. */
export class Actions {
  readonly #store: Store;
  readonly #thread: ActorThread;
  readonly #scan: () => void;

  /** @param scan is called when something was done: the table must not show the host as it was. */
  constructor(store: Store, script: URL, options: CollectorOptions, scan: () => void) {
    this.#store = store;
    this.#scan = scan;
    this.#thread = new ActorThread(script, options, (reply) => this.#take(reply));
  }

  /** Has a plan made. */
  readonly plan = (request: ActionRequest): void => {
    this.#store.dispatch({ type: 'plan-asked', request });
    this.#thread.ask({ type: 'plan', request });
  };

  /** Carries out the plan that is shown. */
  readonly perform = (): void => {
    this.#store.dispatch({ type: 'plan-begun' });
    this.#thread.ask({ type: 'perform' });
  };

  /** Ends it after the step at hand. */
  readonly stop = (): void => {
    this.#store.dispatch({ type: 'plan-stopping' });
    this.#thread.ask({ type: 'interrupt' });
  };

  /** Lets go of the plan. */
  readonly drop = (): void => {
    this.#thread.drop();
  };

  #take(reply: ActorReply): void {
    const { dispatch } = this.#store;
    switch (reply.type) {
      case 'plan':
        dispatch({ type: 'plan', plan: reply.plan });
        break;
      case 'refused':
        dispatch({ type: 'plan-refused', message: reply.message });
        break;
      case 'progress':
        dispatch({ type: 'plan-progress', step: reply.step, detail: reply.detail });
        break;
      case 'result':
        dispatch({ type: 'plan-result', result: reply.result });
        break;
      case 'outcome':
        dispatch({ type: 'plan-done', outcome: reply.outcome });
        this.#scan();
    }
  }
}
