import type { Action } from '../action.ts';
import { inList, look, notTyping, send } from './when.ts';

/** Moving about in whatever has the keyboard. */
export const MOVE: readonly Action[] = [
  look('Move', 'up', ['up', 'k'], 'One row or line up', notTyping, send({ type: 'move', by: -1 })),
  look('Move', 'down', ['down', 'j'], 'One row or line down', notTyping, send({ type: 'move', by: 1 })),
  look('Move', 'page-up', ['page-up', 'ctrl-b'], 'One page up', notTyping, send({ type: 'move', by: 'page-up' })),
  look(
    'Move',
    'page-down',
    ['page-down', 'ctrl-f'],
    'One page down',
    notTyping,
    send({ type: 'move', by: 'page-down' }),
  ),
  look('Move', 'first', ['home', 'g'], 'To the top', notTyping, send({ type: 'move', by: 'first' })),
  look('Move', 'last', ['end', 'G'], 'To the bottom', notTyping, send({ type: 'move', by: 'last' })),
  look('Move', 'columns-left', ['left', 'h'], 'Columns further left', inList, send({ type: 'shift-columns', by: -1 })),
  look(
    'Move',
    'columns-right',
    ['right', 'l'],
    'Columns further right',
    inList,
    send({ type: 'shift-columns', by: 1 }),
  ),
];
