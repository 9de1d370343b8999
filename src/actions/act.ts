import { selectNamespace } from '../correlate/select.ts';
import { confirmationOf, isConfirmed } from '../model/confirm.ts';
import { namespaceKey, type Snapshot } from '../model/index.ts';
import type { ActionRequest, Offer } from '../model/plan.ts';
import { type MenuItem, menuOf, requestOf } from '../store/menu.ts';
import type { Incomplete, ScreenState } from '../store/state.ts';
import type { Action, ActionContext } from './action.ts';
import { LIFECYCLE } from './lifecycle/index.ts';
import { hasNamespace, inMenu, inPanes, inPlan, look, send, typingAnswer, typingConfirmation } from './look/when.ts';
import { PROGRAMS } from './programs.ts';

/** A program that prints and ends at once would be gone from the screen before it was read. */
const PAUSES: ReadonlySet<string> = new Set(['exec', 'capture']);

function startProgram({ effects }: ActionContext, argv: readonly string[]): void {
  effects.lend(argv, PAUSES.has(argv[0] ?? ''));
}

/** Asks what is still missing, or sets about it at once. */
function begin(context: ActionContext, item: MenuItem): void {
  const { dispatch, effects } = context;
  const ask = (label: string, initial: string, completes: Incomplete): void =>
    dispatch({ type: 'ask', label, initial, completes });
  if (item.kind === 'action') {
    const request = requestOf(item);
    const { question } = item.asked;
    if (question === undefined) effects.plan(request);
    else ask(question.label, question.initial, { kind: 'action', request, field: question.field });
    return;
  }
  const { argv, question } = item.start;
  if (question !== undefined) {
    ask(question.label, question.initial, { kind: 'program', argv });
    return;
  }
  if (context.getState().dialog !== null) dispatch({ type: 'back' });
  startProgram(context, argv);
}

/** Where the keys of actions work: in the panes, and in the menu that lists them. */
function offered(state: ScreenState, id: string): MenuItem | undefined {
  return state.readOnly || !(inPanes(state) || inMenu(state))
    ? undefined
    : menuOf(state).find(({ row }) => row.id === id);
}

/** The keys of everything that can be done to namespaces. */
const DOING: readonly Action[] = [
  ...LIFECYCLE.map(({ id, title, screen: { keys, hint } }) => ({ id, title, keys, hint })),
  ...PROGRAMS,
].map(
  ({ id, title, keys, hint }): Action => ({
    id,
    title,
    keys,
    group: 'Act',
    danger: true,
    ...(hint === undefined ? {} : { hint }),
    when: (state) => offered(state, id) !== undefined,
    run: (context) => {
      const item = offered(context.getState(), id);
      if (item !== undefined) begin(context, item);
    },
  }),
);

/** A key of the screen that belongs to changing something. */
function acting(...[group, id, keys, title, when, run, hint]: Parameters<typeof look>): Action {
  return { ...look(group, id, keys, title, (state) => !state.readOnly && when(state), run, hint), danger: true };
}

/** Choosing from the menu, which comes before all that closes dialogs. */
export const PICK_ACTION: Action = acting(
  'Act',
  'menu-pick',
  ['enter'],
  'Do the selected thing',
  inMenu,
  (context) => {
    const state = context.getState();
    const item = state.dialog?.kind === 'menu' ? menuOf(state)[state.dialog.cursor] : undefined;
    if (item !== undefined) begin(context, item);
  },
  'do it',
);

/** The menu of everything that can be done here. */
export const MENU: Action = acting(
  'Act',
  'menu',
  ['a'],
  'Everything that can be done here',
  inPanes,
  send({ type: 'menu' }),
  'act',
);

/** Marking namespaces, and a key for each thing that can be done. */
export const ACT: readonly Action[] = [
  acting(
    'Act',
    'mark',
    ['space'],
    'Mark the namespace, or not; actions are about those that are marked',
    hasNamespace,
    send({ type: 'mark' }),
    'mark',
  ),
  acting('Act', 'mark-all', ['*'], 'Mark all that are listed, or none', hasNamespace, send({ type: 'mark-all' })),
  ...DOING,
];

/** The offers of the plan that is shown, or of what came of it. */
function offersOf({ dialog }: ScreenState): readonly Offer[] {
  if (dialog?.kind !== 'plan') return [];
  const { phase } = dialog;
  if (phase.is === 'ready') return phase.plan.offers;
  return phase.is === 'done' ? (phase.outcome.verification?.offers ?? []) : [];
}

const OFFER_DIGITS = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];

/** Whether the plan that is shown does anything. */
function isPlan(state: ScreenState): boolean {
  const { dialog } = state;
  return (
    inPlan('ready')(state) &&
    dialog?.kind === 'plan' &&
    dialog.phase.is === 'ready' &&
    dialog.phase.plan.steps.length > 0
  );
}

/** The dialog of a plan: confirming, stopping, going on with an offer, closing. Comes before all other keys. */
export const PLAN: readonly Action[] = [
  acting(
    'Plan',
    'plan-confirm',
    ['y'],
    'Confirm: carries it out; what cannot be undone is confirmed by typing',
    isPlan,
    ({ dispatch, effects, getState }) => {
      const { dialog } = getState();
      if (dialog?.kind !== 'plan' || dialog.phase.is !== 'ready') return;
      if (confirmationOf(dialog.phase.plan).words.length === 0) effects.perform();
      else dispatch({ type: 'plan-confirm' });
    },
    'confirm',
  ),
  acting(
    'Plan',
    'plan-stop',
    ['escape', 'ctrl-c', 'q'],
    'While it runs: end after the step at hand',
    inPlan('running'),
    ({ effects }) => effects.stopPlan(),
    'stop after this step',
  ),
  acting(
    'Plan',
    'plan-offer',
    OFFER_DIGITS,
    'Take up an offer: another plan',
    (state) => offersOf(state).length > 0 && inPlan('ready', 'done')(state),
    ({ effects, getState }, { name }) => {
      const offer = offersOf(getState())[Number(name) - 1];
      if (offer !== undefined) effects.plan(offer.request);
    },
    'offers',
  ),
  acting(
    'Plan',
    'plan-close',
    ['escape', 'q', 'enter', 'n'],
    'Close it; of a plan nothing is done',
    inPlan('planning', 'refused', 'ready', 'done'),
    ({ dispatch, effects }) => {
      effects.dropPlan();
      dispatch({ type: 'back' });
    },
    'close',
  ),
];

/** What an answer makes of a request. @returns a message where it will not do. */
function completed(
  { request, field }: Extract<Incomplete, { kind: 'action' }>,
  answer: string,
  snapshot: Snapshot | null,
): ActionRequest | string {
  const text = answer.trim();
  if (text === '') return 'nothing was typed';
  if (field === 'name') return { ...request, options: { ...request.options, name: text } };
  const selection = selectNamespace(snapshot?.namespaces ?? [], text, { self: null, inodeAt: () => null });
  if (selection.found !== null)
    return { ...request, options: { ...request.options, to: namespaceKey(selection.found) } };
  if (selection.ambiguous.length > 0) return 'several namespaces are called that';
  return selection.near.length > 0
    ? `no such namespace; did you mean ${selection.near.join(', ')}?`
    : 'no such namespace';
}

/** Enter and Escape at an input line that is no filter. */
export const ANSWERS: readonly Action[] = [
  acting(
    'While typing',
    'answer',
    ['enter'],
    'Answer the question',
    typingAnswer,
    (context) => {
      const { input, snapshot } = context.getState();
      if (input?.purpose.kind !== 'question') return;
      const { completes } = input.purpose;
      if (completes.kind === 'program') {
        if (input.text.trim() === '') return context.dispatch({ type: 'input-error', text: 'nothing was typed' });
        context.dispatch({ type: 'input-close' });
        // A shell understands quotes, pipes and the rest.
        return startProgram(context, [...completes.argv, '/bin/sh', '-c', input.text]);
      }
      const request = completed(completes, input.text, snapshot);
      if (typeof request === 'string') context.dispatch({ type: 'input-error', text: request });
      else context.effects.plan(request);
    },
    'go on',
  ),
  acting(
    'While typing',
    'confirm',
    ['enter'],
    'Carry the plan out, if what was typed confirms it',
    typingConfirmation,
    ({ dispatch, effects, getState }) => {
      const { input } = getState();
      if (input?.purpose.kind !== 'confirm') return;
      if (isConfirmed(input.purpose.confirmation, input.text)) effects.perform();
      else dispatch({ type: 'input-error', text: 'that is not it: nothing is done' });
    },
    'confirm',
  ),
  acting(
    'While typing',
    'answer-cancel',
    ['escape'],
    'Do not',
    (state) => typingAnswer(state) || typingConfirmation(state),
    send({ type: 'input-close' }),
    'cancel',
  ),
];
