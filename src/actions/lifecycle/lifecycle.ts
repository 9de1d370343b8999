import type { InsideSource } from '../../../collectors/index.ts';
import type { Self } from '../../act/self.ts';
import type { Namespace, Snapshot } from '../../model/index.ts';
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
  /** It may be given several times: then `read` gets them all. */
  readonly repeatable?: true;
  /** What it means. @throws CommandError for a value that makes no sense. */
  readonly read: (value: string | boolean | readonly string[], found: Finder) => ActionOptions;
}

/** Finds namespaces by what the user calls them. */
export interface Finder {
  /** Key of a namespace. @throws CommandError for an unknown or ambiguous one. */
  readonly namespace: (selector: string) => string;
  /** The name a selector is, where it is one. */
  readonly named: (selector: string) => Pick<ActionOptions, 'oldName'>;
}

/** Where on the screen an action is asked for. */
export interface Here {
  /** The marked namespaces; where none are, the selected one. */
  readonly targets: readonly Namespace[];
  /** The selected one. */
  readonly selected: Namespace | null;
  /** The tab that has the keyboard, and its selected row; null while the table of namespaces has it. */
  readonly tab: { readonly id: string; readonly row: unknown } | null;
}

/** What has to be typed before a request is complete. */
export interface Question {
  readonly label: string;
  /** `to` is a namespace, by whatever NS may be. */
  readonly field: 'name' | 'to';
  readonly initial: string;
}

/** What a key asks for. */
export interface Asked {
  readonly targets: readonly Namespace[];
  readonly options: ActionOptions;
  readonly question?: Question;
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
  readonly screen: {
    /** Key names, the one to show first. */
    readonly keys: readonly string[];
    /** A word for the footer; without one it is in the menu and the help only. */
    readonly hint?: string;
    /** What is asked for here; null where it makes no sense. Called at every frame. */
    readonly ask: (here: Here) => Asked | null;
  };
}
