import type { Action } from '../action.ts';
import { filtered, inPanes, inSortDialog, look, send, sendNow } from './when.ts';

/** Choosing from the sort dialog, which comes before all that closes dialogs. */
export const PICK_SORT: Action = look(
  'List',
  'sort-pick-this',
  ['enter'],
  'Sort by this column; picked again, the other way round',
  inSortDialog,
  send({ type: 'sort-picked' }),
  'sort by it',
);

/** Dropping a filter, which comes before going back. */
export const DROP_FILTER: Action = look(
  'List',
  'filter-drop',
  ['escape'],
  'Drop the filter',
  (state) => filtered(state) && !(state.opened && state.pane === 'table'),
  sendNow((at) => ({ type: 'filter-clear', at })),
  'drop filter',
);

/** Filtering and sorting the table that has the keyboard. */
export const LISTS: readonly Action[] = [
  look(
    'List',
    'filter',
    ['/'],
    'Filter: words, column:part, column=value, column>number; ! in front inverts',
    inPanes,
    send({ type: 'filter-edit' }),
    'filter',
  ),
  look('List', 'sort', ['s'], 'Sort by any column', inPanes, send({ type: 'sort-pick' }), 'sort'),
  look('List', 'sort-reverse', ['S'], 'Sort the other way round', inPanes, send({ type: 'sort-reverse' })),
  look('List', 'sort-next', ['>'], 'Sort by the next column', inPanes, send({ type: 'sort-step', by: 1 })),
  look('List', 'sort-previous', ['<'], 'Sort by the column before', inPanes, send({ type: 'sort-step', by: -1 })),
];
