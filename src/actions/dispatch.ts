import type { Key } from '../terminal/keys.ts';
import { type Action, type ActionContext, TEXT } from './action.ts';
import { ACTIONS } from './index.ts';

function answers(action: Action, key: Key): boolean {
  return action.keys.includes(key.name) || (key.text !== undefined && action.keys.includes(TEXT));
}

/** The action a key stands for in the current state, if any. */
export function actionFor(key: Key, context: Pick<ActionContext, 'getState'>): Action | undefined {
  const state = context.getState();
  return ACTIONS.find((action) => answers(action, key) && action.when(state));
}

/** Does what a key stands for. A key that stands for nothing here does nothing. */
export function pressKey(key: Key, context: ActionContext): void {
  actionFor(key, context)?.run(context, key);
}
