import type { ScreenState } from '../store/state.ts';
import { ACT, ANSWERS, MENU, PICK_ACTION, PLAN } from './act.ts';
import type { Action } from './action.ts';
import { helpLines } from './help.ts';
import { CLOSE, DETAIL, TAB_KEYS, VIEWS } from './look/detail.ts';
import { DROP_FILTER, LISTS, PICK_SORT } from './look/lists.ts';
import { MOVE } from './look/move.ts';
import { SCAN } from './look/scan.ts';
import { LEAVE_TOPOLOGY, TOPOLOGY } from './look/topology.ts';
import { TYPING } from './look/typing.ts';
import { anywhere, inPanes, look, onScreen } from './look/when.ts';

/** The screen as a program. The last ones are those the footer never leaves out. */
const SCREEN: readonly Action[] = [
  look(
    'Screen',
    'help',
    ['?', 'f1'],
    'This help',
    onScreen,
    ({ dispatch, getState }) => dispatch({ type: 'help', lines: helpLines(offeredIn(getState())).length }),
    'help',
  ),
  look('Screen', 'redraw', ['ctrl-l'], 'Draw the screen anew', anywhere, ({ effects }) => effects.redraw()),
  look('Screen', 'suspend', ['ctrl-z'], 'Stop, as any job; fg comes back', anywhere, ({ effects }) =>
    effects.suspend(),
  ),
  LEAVE_TOPOLOGY,
  look('Screen', 'quit', ['q'], 'Quit', inPanes, ({ effects }) => effects.quit(), 'quit'),
  look('Screen', 'interrupt', ['ctrl-c'], 'Quit at once', anywhere, ({ effects }) => effects.interrupt()),
];

/** Every key the screen reacts to. The order is that of the footer and, inside a group, of the help. */
export const ACTIONS: readonly Action[] = [
  ...PLAN,
  ...MOVE,
  PICK_SORT,
  PICK_ACTION,
  CLOSE,
  ...TOPOLOGY,
  DROP_FILTER,
  ...DETAIL,
  ...TAB_KEYS,
  MENU,
  ...LISTS,
  ...ACT,
  ...VIEWS,
  ...SCAN,
  ...ANSWERS,
  ...TYPING,
  ...SCREEN,
];

/** What is offered at all: nothing that changes the host, where that is forbidden. */
export function offeredIn({ readOnly }: Pick<ScreenState, 'readOnly'>): readonly Action[] {
  return readOnly ? ACTIONS.filter(({ danger }) => !danger) : ACTIONS;
}

/** The actions whose keys work in this state. */
export function actionsHere(state: ScreenState): readonly Action[] {
  return ACTIONS.filter((action) => action.when(state));
}
