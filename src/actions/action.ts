import type { ActionRequest } from '../model/plan.ts';
import type { ScreenEvent } from '../store/events.ts';
import type { ScreenState } from '../store/state.ts';
import type { Key } from '../terminal/keys.ts';

/** What an action may do besides changing the screen's state. */
export interface ActionEffects {
  /** Leaves the screen with exit code 0. */
  quit(): void;
  /** Leaves the screen and dies of SIGINT. */
  interrupt(): void;
  /** Stops like any job; draws again when continued. */
  suspend(): void;
  /** Scans now. */
  scan(): void;
  /** Asks for the firewall ruleset of the selected namespace. */
  ruleset(): void;
  /** Takes a changed interval or pause into account. */
  reschedule(): void;
  /** Has a plan made of what is asked. */
  plan(request: ActionRequest): void;
  /** Carries out the plan that is shown. */
  perform(): void;
  /** Ends it after the step at hand. */
  stopPlan(): void;
  /** Lets go of the plan: it was closed. */
  dropPlan(): void;
  /** Hands the terminal to nsleuth itself with these arguments, and takes it back. */
  lend(argv: readonly string[], pause: boolean): void;
  /** Draws the whole screen anew. */
  redraw(): void;
}

/** What `run` works with. */
export interface ActionContext {
  readonly dispatch: (event: ScreenEvent) => void;
  readonly getState: () => ScreenState;
  readonly effects: ActionEffects;
}

/** Headings of the help, in order. */
export const GROUPS = [
  'Move',
  'List',
  'Look',
  'Tabs',
  'Act',
  'Plan',
  'Topology',
  'Scan',
  'While typing',
  'Screen',
] as const;

/** One thing a key does. Key dispatch, help and footer are all derived from the table of these. */
export interface Action {
  readonly id: string;
  /** Key names (see `Key`), the one to show first. `TEXT` stands for any key that types something. */
  readonly keys: readonly string[];
  /** What it does, for the help. */
  readonly title: string;
  readonly group: (typeof GROUPS)[number];
  /** A word for the footer; actions without one are not listed there. */
  readonly hint?: string;
  /** It changes the host: never offered in read-only mode, and never done without asking. */
  readonly danger: boolean;
  /** Whether it works in this state. At most one action answers to a key in any state: the first in the table. */
  readonly when: (state: ScreenState) => boolean;
  readonly run: (context: ActionContext, key: Key) => void;
}

/** Key name that matches every key that types something, pasted text included. */
export const TEXT = 'text';
