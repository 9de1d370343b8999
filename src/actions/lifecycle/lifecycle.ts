import type { InsideSource } from '../../../collectors/index.ts';
import type { Self } from '../../act/self.ts';
import type { Snapshot } from '../../model/index.ts';
import type { ActionId, ActionOptions, ActionRequest, Plan } from '../../model/plan.ts';

/** What a plan is made from. */
export interface PlanFacts {
  readonly snapshot: Snapshot;
  readonly self: Self;
  /** Where names of namespaces are: `/run/netns`. */
  readonly netnsDir: string;
}

/** An option of an action's command: `--grace <seconds>`. */
export interface CommandOption {
  readonly flags: string;
  readonly description: string;
  /** What it means. @throws CommandError for a value that makes no sense. */
  readonly read: (value: string | boolean, found: Finder) => ActionOptions;
}

/** Finds namespaces by what the user calls them. */
export interface Finder {
  /** Key of a namespace. @throws CommandError for an unknown or ambiguous one. */
  readonly namespace: (selector: string) => string;
  /** The name a selector is, where it is one. */
  readonly named: (selector: string) => Pick<ActionOptions, 'oldName'>;
}

/** One lifecycle action: what it does to namespaces, and how it is asked for. Adding one is a file and a row. */
export interface Lifecycle {
  readonly id: ActionId;
  /** What it does, for help and menus: an imperative. */
  readonly title: string;
  /** What it has to know about the inside of namespaces. */
  readonly inside: readonly InsideSource[];
  /**
   * What it would do, step by step. Pure.
   *
   * @throws CommandError when it makes no sense, or must not be done.
   */
  readonly plan: (request: ActionRequest, facts: PlanFacts) => Plan;
  readonly command: {
    /** Arguments behind its name: `<NS...>`, `<NS> <DEV>`. */
    readonly usage: string;
    readonly options: readonly CommandOption[];
    /** What the arguments ask for. */
    readonly read: (
      args: readonly (string | readonly string[])[],
      found: Finder,
    ) => Pick<ActionRequest, 'targets' | 'options'>;
  };
}
