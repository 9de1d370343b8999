import type { Action } from '../action.ts';
import { look, onScreen } from './when.ts';

/** When to scan. */
export const SCAN: readonly Action[] = [
  look(
    'Scan',
    'pause',
    ['p'],
    'Pause, or go on',
    onScreen,
    (context) => {
      context.dispatch({ type: 'pause', at: Date.now() });
      context.effects.reschedule();
    },
    'pause',
  ),
  look('Scan', 'refresh', ['r', 'f5'], 'Scan now', onScreen, ({ effects }) => effects.scan(), 'refresh'),
  look(
    'Scan',
    'slower',
    ['+', '='],
    'Longer interval between scans',
    onScreen,
    (context) => {
      context.dispatch({ type: 'interval', by: 1, at: Date.now() });
      context.effects.reschedule();
    },
    'interval',
  ),
  look('Scan', 'faster', ['-', '_'], 'Shorter interval between scans', onScreen, (context) => {
    context.dispatch({ type: 'interval', by: -1, at: Date.now() });
    context.effects.reschedule();
  }),
];
