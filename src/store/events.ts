import type { Snapshot } from '../model/index.ts';
import type { ActionRequest, Outcome, Plan, StepResult } from '../model/plan.ts';
import type { RulesetText } from '../ruleset.ts';
import type { Size } from './layout.ts';
import type { Incomplete } from './state.ts';
import type { TabId } from './tabs.ts';

/** Everything that can change the screen. Times come with the event, so that `reduce` stays pure. */
export type ScreenEvent =
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot; readonly at: number }
  /** The last snapshot, in which one namespace was looked at again. */
  | { readonly type: 'look'; readonly snapshot: Snapshot }
  | { readonly type: 'scanning'; readonly ms: number | null }
  | { readonly type: 'scan-failed'; readonly message: string; readonly at: number }
  | { readonly type: 'collector-died'; readonly message: string; readonly retryMs: number; readonly at: number }
  | { readonly type: 'resize'; readonly size: Size }
  /** Moves whatever has the keyboard: rows of a table, lines of the overview, of the topology, of a dialog. */
  | { readonly type: 'move'; readonly by: number | 'page-up' | 'page-down' | 'first' | 'last' }
  | { readonly type: 'shift-columns'; readonly by: number }
  | { readonly type: 'open' }
  | { readonly type: 'back' }
  | { readonly type: 'pane' }
  | { readonly type: 'tab'; readonly id: TabId }
  | { readonly type: 'tab-step'; readonly by: 1 | -1 }
  /** To what the selected row of the tab, or the line of the topology, refers to. */
  | { readonly type: 'jump'; readonly at: number }
  | { readonly type: 'jump-back'; readonly at: number }
  | { readonly type: 'topology' }
  | { readonly type: 'find-again'; readonly by: 1 | -1; readonly at: number }
  | { readonly type: 'view' }
  /** `of` is the key of the namespace that is asked, or was. */
  | { readonly type: 'ruleset-asked'; readonly of: string }
  | { readonly type: 'ruleset'; readonly of: string; readonly ruleset: RulesetText }
  /** `lines` is how much there is to scroll through. */
  | { readonly type: 'help'; readonly lines: number }
  | { readonly type: 'coverage' }
  | { readonly type: 'sort-pick' }
  /** `column` is an index into the columns of the registry of the list that has the keyboard. */
  | { readonly type: 'sort-by'; readonly column: number }
  | { readonly type: 'sort-picked' }
  | { readonly type: 'sort-step'; readonly by: 1 | -1 }
  | { readonly type: 'sort-reverse' }
  | { readonly type: 'filter-edit' }
  | { readonly type: 'filter-type'; readonly text: string }
  | { readonly type: 'filter-erase'; readonly what: 'character' | 'word' | 'all' | 'next' }
  | { readonly type: 'filter-cursor'; readonly to: 'left' | 'right' | 'start' | 'end' }
  | { readonly type: 'filter-keep'; readonly at: number }
  | { readonly type: 'filter-clear'; readonly at: number }
  /** Why what was typed will not do. */
  | { readonly type: 'input-error'; readonly text: string }
  | { readonly type: 'input-close' }
  /** Marks the selected namespace, or takes the mark away, and goes on to the next one. */
  | { readonly type: 'mark' }
  /** Marks all that are listed; where all are, none. */
  | { readonly type: 'mark-all' }
  | { readonly type: 'menu' }
  | { readonly type: 'ask'; readonly label: string; readonly initial: string; readonly completes: Incomplete }
  | { readonly type: 'plan-asked'; readonly request: ActionRequest }
  | { readonly type: 'plan'; readonly plan: Plan }
  | { readonly type: 'plan-refused'; readonly message: string }
  /** What cannot be undone is to be confirmed by typing. */
  | { readonly type: 'plan-confirm' }
  | { readonly type: 'plan-begun' }
  | { readonly type: 'plan-progress'; readonly step: number; readonly detail: string | null }
  | { readonly type: 'plan-result'; readonly result: StepResult }
  | { readonly type: 'plan-stopping' }
  | { readonly type: 'plan-done'; readonly outcome: Outcome }
  | { readonly type: 'pause'; readonly at: number }
  | { readonly type: 'interval'; readonly by: 1 | -1; readonly at: number }
  | { readonly type: 'status'; readonly text: string; readonly at: number };
