import { Worker } from 'node:worker_threads';
import type { ActionRequest, Outcome, Plan, StepResult } from '../model/plan.ts';
import { safeText } from '../terminal/sanitise.ts';
import type { CollectorOptions } from './collector-thread.ts';

/** What the screen asks of the thread that acts. */
export type ActorRequest =
  | { readonly type: 'plan'; readonly request: ActionRequest }
  /** Carry out the last plan. */
  | { readonly type: 'perform' }
  /** End after the step at hand. */
  | { readonly type: 'interrupt' };

/** What it answers. */
export type ActorReply =
  | { readonly type: 'plan'; readonly plan: Plan }
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'progress'; readonly step: number; readonly detail: string | null }
  | { readonly type: 'result'; readonly result: StepResult }
  | { readonly type: 'outcome'; readonly outcome: Outcome };

export type ActorListener = (reply: ActorReply) => void;

/**
 * The thread that makes and carries out plans: apart from the one that collects, so that the screen goes on showing what
 * becomes of it. It lives as long as a plan is of interest.
 */
export class ActorThread {
  readonly #script: URL;
  readonly #options: CollectorOptions;
  readonly #listener: ActorListener;
  #worker: Worker | undefined;

  constructor(script: URL, options: CollectorOptions, listener: ActorListener) {
    this.#script = script;
    this.#options = options;
    this.#listener = listener;
  }

  /** Asks for something. What comes of it is told to the listener. */
  ask(request: ActorRequest): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(request);
  }

  /** Lets go of the thread. What it is doing ends at once, so it is not called while a plan is carried out. */
  drop(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(this.#script, {
      workerData: { ...this.#options, acts: true },
      stdout: true,
      stderr: true,
    });
    worker.stdout.resume();
    worker.stderr.resume();
    worker.on('message', (reply: ActorReply) => {
      if (this.#worker === worker) this.#listener(reply);
    });
    const ended = (message: string): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#listener({ type: 'refused', message: safeText(message) });
    };
    worker.on('error', (error: unknown) => ended(`the acting thread died: ${String(error)}`));
    worker.once('exit', () => ended('the acting thread ended'));
    return worker;
  }
}
