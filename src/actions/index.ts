import { layoutScreen } from '../store/layout.ts';
import { type ScreenState, selectedNamespace } from '../store/state.ts';
import { type Action, type ActionContext, TEXT } from './action.ts';
import { helpLines } from './help.ts';

type When = Action['when'];
type Event = Parameters<ActionContext['dispatch']>[0];

const typing: When = ({ input }) => input !== null;
const inDialog: When = ({ input, dialog }) => input === null && dialog !== null;
const inSortDialog: When = (state) => inDialog(state) && state.dialog?.kind === 'sort';
/** Neither an input line nor a dialog has the keyboard. */
const inPanes: When = ({ input, dialog }) => input === null && dialog === null;
const inTable: When = (state) => inPanes(state) && state.pane === 'table';
const anywhere: When = () => true;
const notTyping: When = ({ input }) => input === null;
const filtered: When = (state) => inTable(state) && !state.opened && state.filter.text !== '';
const hasDetailPane: When = (state) => inPanes(state) && !state.opened && layoutScreen(state.size, false).detail > 0;

/** An action that is nothing but an event. */
function send(event: Event): Action['run'] {
  return ({ dispatch }) => dispatch(event);
}

/** A harmless action; nothing on the screen changes the host yet. */
function look(
  group: Action['group'],
  id: string,
  keys: readonly string[],
  title: string,
  when: When,
  run: Action['run'],
  hint?: string,
): Action {
  return { id, keys, title, group, danger: false, when, run, ...(hint === undefined ? {} : { hint }) };
}

/** Every key the screen reacts to. The order is that of the footer and, inside a group, of the help. */
export const ACTIONS: readonly Action[] = [
  look('Move', 'up', ['up', 'k'], 'One row or line up', notTyping, send({ type: 'move', by: -1 })),
  look('Move', 'down', ['down', 'j'], 'One row or line down', notTyping, send({ type: 'move', by: 1 })),
  look('Move', 'page-up', ['page-up', 'ctrl-b'], 'One page up', notTyping, send({ type: 'move', by: 'page-up' })),
  look(
    'Move',
    'page-down',
    ['page-down', 'ctrl-f', 'space'],
    'One page down',
    notTyping,
    send({ type: 'move', by: 'page-down' }),
  ),
  look('Move', 'first', ['home', 'g'], 'To the top', notTyping, send({ type: 'move', by: 'first' })),
  look('Move', 'last', ['end', 'G'], 'To the bottom', notTyping, send({ type: 'move', by: 'last' })),
  look('Move', 'columns-left', ['left', 'h'], 'Columns further left', inTable, send({ type: 'shift-columns', by: -1 })),
  look(
    'Move',
    'columns-right',
    ['right', 'l'],
    'Columns further right',
    inTable,
    send({ type: 'shift-columns', by: 1 }),
  ),

  look(
    'List',
    'sort-pick',
    ['enter'],
    'Sort by this column; picked again, the other way round',
    inSortDialog,
    send({ type: 'sort-picked' }),
    'sort by it',
  ),
  look(
    'Look',
    'close',
    ['escape', 'q', 'enter', '?', 'c', 's'],
    'Close this dialog',
    inDialog,
    send({ type: 'back' }),
    'close',
  ),

  look(
    'Look',
    'open',
    ['enter'],
    'Open the namespace: its detail takes the whole screen',
    (state) => inTable(state) && !state.opened && selectedNamespace(state) !== null,
    send({ type: 'open' }),
    'open',
  ),
  look(
    'Look',
    'back',
    ['escape'],
    'Back to the table',
    (state) => inPanes(state) && (state.opened || state.pane === 'detail'),
    send({ type: 'back' }),
    'back',
  ),
  look(
    'List',
    'filter-drop',
    ['escape'],
    'Drop the filter',
    filtered,
    ({ dispatch }) => dispatch({ type: 'filter-clear', at: Date.now() }),
    'drop filter',
  ),
  look(
    'Look',
    'pane',
    ['tab', 'shift-tab'],
    'Between the table and the detail pane',
    hasDetailPane,
    send({ type: 'pane' }),
    'pane',
  ),
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

  look(
    'Scan',
    'pause',
    ['p'],
    'Pause, or go on',
    inPanes,
    (context) => {
      context.dispatch({ type: 'pause', at: Date.now() });
      context.effects.reschedule();
    },
    'pause',
  ),
  look('Scan', 'refresh', ['r', 'f5'], 'Scan now', inPanes, ({ effects }) => effects.scan(), 'refresh'),
  look(
    'Scan',
    'slower',
    ['+', '='],
    'Longer interval between scans',
    inPanes,
    (context) => {
      context.dispatch({ type: 'interval', by: 1, at: Date.now() });
      context.effects.reschedule();
    },
    'interval',
  ),
  look('Scan', 'faster', ['-', '_'], 'Shorter interval between scans', inPanes, (context) => {
    context.dispatch({ type: 'interval', by: -1, at: Date.now() });
    context.effects.reschedule();
  }),
  look(
    'Look',
    'coverage',
    ['c'],
    'What each source read, what it missed and why',
    inPanes,
    send({ type: 'coverage' }),
    'coverage',
  ),

  look(
    'While typing a filter',
    'filter-keep',
    ['enter'],
    'Keep the filter',
    typing,
    ({ dispatch }) => dispatch({ type: 'filter-keep', at: Date.now() }),
    'keep',
  ),
  look(
    'While typing a filter',
    'filter-clear',
    ['escape'],
    'Clear the filter',
    typing,
    ({ dispatch }) => dispatch({ type: 'filter-clear', at: Date.now() }),
    'clear',
  ),
  look(
    'While typing a filter',
    'erase',
    ['backspace', 'ctrl-h'],
    'Erase the character before the cursor',
    typing,
    send({ type: 'filter-erase', what: 'character' }),
  ),
  look(
    'While typing a filter',
    'erase-next',
    ['delete', 'ctrl-d'],
    'Erase the character under the cursor',
    typing,
    send({ type: 'filter-erase', what: 'next' }),
  ),
  look(
    'While typing a filter',
    'erase-word',
    ['ctrl-w'],
    'Erase the word before the cursor',
    typing,
    send({ type: 'filter-erase', what: 'word' }),
  ),
  look(
    'While typing a filter',
    'erase-all',
    ['ctrl-u'],
    'Erase all before the cursor',
    typing,
    send({ type: 'filter-erase', what: 'all' }),
  ),
  look(
    'While typing a filter',
    'cursor-left',
    ['left', 'ctrl-b'],
    'Cursor left',
    typing,
    send({ type: 'filter-cursor', to: 'left' }),
  ),
  look(
    'While typing a filter',
    'cursor-right',
    ['right', 'ctrl-f'],
    'Cursor right',
    typing,
    send({ type: 'filter-cursor', to: 'right' }),
  ),
  look(
    'While typing a filter',
    'cursor-start',
    ['home', 'ctrl-a'],
    'Cursor to the start',
    typing,
    send({ type: 'filter-cursor', to: 'start' }),
  ),
  look(
    'While typing a filter',
    'cursor-end',
    ['end', 'ctrl-e'],
    'Cursor to the end',
    typing,
    send({ type: 'filter-cursor', to: 'end' }),
  ),
  look(
    'While typing a filter',
    'filter-type',
    [TEXT],
    'The filter works while it is typed',
    typing,
    ({ dispatch }, key) => dispatch({ type: 'filter-type', text: key.text ?? '' }),
  ),

  look(
    'Screen',
    'help',
    ['?', 'f1'],
    'This help',
    inPanes,
    ({ dispatch }) => dispatch({ type: 'help', lines: helpLines(ACTIONS).length }),
    'help',
  ),
  look('Screen', 'redraw', ['ctrl-l'], 'Draw the screen anew', anywhere, ({ effects }) => effects.redraw()),
  look('Screen', 'suspend', ['ctrl-z'], 'Stop, as any job; fg comes back', anywhere, ({ effects }) =>
    effects.suspend(),
  ),
  look('Screen', 'quit', ['q'], 'Quit', inPanes, ({ effects }) => effects.quit(), 'quit'),
  look('Screen', 'interrupt', ['ctrl-c'], 'Quit at once', anywhere, ({ effects }) => effects.interrupt()),
];

/** The actions whose keys work in this state. */
export function actionsHere(state: ScreenState): readonly Action[] {
  return ACTIONS.filter((action) => action.when(state));
}
