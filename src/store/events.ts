import type { Column } from '../columns/index.ts';
import type { Snapshot } from '../model/index.ts';
import type { Size } from './layout.ts';

/** Everything that can change the screen. Times come with the event, so that `reduce` stays pure. */
export type ScreenEvent =
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot; readonly at: number }
  | { readonly type: 'scanning'; readonly ms: number | null }
  | { readonly type: 'scan-failed'; readonly message: string; readonly at: number }
  | { readonly type: 'collector-died'; readonly message: string; readonly retryMs: number; readonly at: number }
  | { readonly type: 'resize'; readonly size: Size }
  /** Moves whatever has the keyboard: rows of the table, lines of the detail, of a dialog. */
  | { readonly type: 'move'; readonly by: number | 'page-up' | 'page-down' | 'first' | 'last' }
  | { readonly type: 'shift-columns'; readonly by: number }
  | { readonly type: 'open' }
  | { readonly type: 'back' }
  | { readonly type: 'pane' }
  /** `lines` is how much there is to scroll through. */
  | { readonly type: 'help'; readonly lines: number }
  | { readonly type: 'coverage' }
  | { readonly type: 'sort-pick' }
  | { readonly type: 'sort-by'; readonly column: Column }
  | { readonly type: 'sort-picked' }
  | { readonly type: 'sort-step'; readonly by: 1 | -1 }
  | { readonly type: 'sort-reverse' }
  | { readonly type: 'filter-edit' }
  | { readonly type: 'filter-type'; readonly text: string }
  | { readonly type: 'filter-erase'; readonly what: 'character' | 'word' | 'all' | 'next' }
  | { readonly type: 'filter-cursor'; readonly to: 'left' | 'right' | 'start' | 'end' }
  | { readonly type: 'filter-keep'; readonly at: number }
  | { readonly type: 'filter-clear'; readonly at: number }
  | { readonly type: 'pause'; readonly at: number }
  | { readonly type: 'interval'; readonly by: 1 | -1; readonly at: number }
  | { readonly type: 'status'; readonly text: string; readonly at: number };
