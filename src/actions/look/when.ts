import { focusedList, focusedTab, hasDetail } from '../../store/focus.ts';
import { leadsAnywhere } from '../../store/jumps.ts';
import { layoutScreen } from '../../store/layout.ts';
import { selectedRow } from '../../store/reduce-tabs.ts';
import { type PlanPhase, selectedNamespace } from '../../store/state.ts';
import type { Action, ActionContext } from '../action.ts';

type When = Action['when'];
type Event = Parameters<ActionContext['dispatch']>[0];

export const anywhere: When = () => true;
export const typing: When = ({ input }) => input !== null;
export const typingFilter: When = ({ input }) => input?.purpose.kind === 'filter';
export const typingAnswer: When = ({ input }) => input?.purpose.kind === 'question';
export const typingConfirmation: When = ({ input }) => input?.purpose.kind === 'confirm';
export const notTyping: When = ({ input }) => input === null;
const inDialog: When = ({ input, dialog }) => input === null && dialog !== null;
/** A dialog that only tells something. */
export const inReading: When = (state) => inDialog(state) && state.dialog?.kind !== 'plan';
export const inMenu: When = (state) => inDialog(state) && state.dialog?.kind === 'menu';
/** The dialog of a plan, in one of these phases. */
export function inPlan(...phases: readonly PlanPhase['is'][]): When {
  return (state) => inDialog(state) && state.dialog?.kind === 'plan' && phases.includes(state.dialog.phase.is);
}
export const inSortDialog: When = (state) => inDialog(state) && state.dialog?.kind === 'sort';
/** Neither an input line nor a dialog has the keyboard. */
export const onScreen: When = ({ input, dialog }) => input === null && dialog === null;
export const inTopology: When = (state) => onScreen(state) && state.topology !== null;
export const inPanes: When = (state) => onScreen(state) && state.topology === null;
const inTable: When = (state) => inPanes(state) && state.pane === 'table';
/** A table has the keyboard, that of the namespaces or that of a tab. */
export const inList: When = (state) => inTable(state) || (inPanes(state) && focusedTab(state) !== null);
/** There is something that the filter at hand leaves out, and going back would not do something else first. */
export const filtered: When = (state) => inList(state) && focusedList(state).filter.text !== '';
export const hasNamespace: When = (state) => inPanes(state) && selectedNamespace(state) !== null;
export const hasTwoPanes: When = (state) => inPanes(state) && !state.opened && hasDetail(state);
/** There is room for a detail, or for a chart in its place. */
export const hasView: When = (state) => inPanes(state) && layoutScreen(state.size, state.opened).detail > 0;
/** The overview has the keyboard, or the table: the namespace can be opened. */
export const canOpen: When = (state) => hasNamespace(state) && !state.opened && focusedTab(state) === null;
/** The selected row of a tab leads somewhere. */
export const canJump: When = (state) =>
  inPanes(state) && focusedTab(state) !== null && leadsAnywhere(state.tab) && selectedRow(state) !== undefined;
export const onFirewall: When = (state) => inPanes(state) && focusedTab(state) === 'firewall';
/** There is something to go back from. */
export const canGoBack: When = (state) =>
  inPanes(state) && (state.opened || state.pane === 'detail' || state.view !== 'detail');

/** An action that is nothing but an event. */
export function send(event: Event): Action['run'] {
  return ({ dispatch }) => dispatch(event);
}

/** An action that is an event, which says when it happened. */
export function sendNow(event: (at: number) => Event): Action['run'] {
  return ({ dispatch }) => dispatch(event(Date.now()));
}

/** A harmless action: it changes nothing but what is shown. */
export function look(
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
