import { confirmationOf } from '../model/confirm.ts';
import type { ActionRequest, Outcome, Plan, StepResult } from '../model/plan.ts';
import { safeText } from '../terminal/sanitise.ts';
import { layoutScreen } from './layout.ts';
import { selectAt } from './list.ts';
import type { Incomplete, PlanPhase, ScreenState } from './state.ts';

/** Further down than any text goes: the end is in view. */
const END = Number.MAX_SAFE_INTEGER;

/** Marks the selected namespace, or takes its mark away, and goes on to the next. */
export function toggleMark(state: ScreenState): ScreenState {
  const { namespaces, marked } = state;
  const { selected, index, items } = namespaces;
  if (selected === null) return state;
  const next = new Set(marked);
  if (!next.delete(selected)) next.add(selected);
  const at = Math.min(index + 1, items.length - 1);
  const { table } = layoutScreen(state.size, state.opened);
  return { ...state, marked: next, namespaces: selectAt(namespaces, at, table) };
}

/** Marks all namespaces that are listed; where all are marked, none. */
export function toggleAllMarks(state: ScreenState): ScreenState {
  const listed = state.namespaces.items.filter(({ mark }) => mark !== 'gone').map(({ key }) => key);
  const all = listed.length > 0 && listed.every((key) => state.marked.has(key));
  return { ...state, marked: all ? new Set() : new Set([...state.marked, ...listed]) };
}

/** Marks of namespaces that are gone for good are dropped. */
export function keepMarks(state: ScreenState): ScreenState {
  const { marked, population } = state;
  if (marked.size === 0 || [...marked].every((key) => population.byKey.has(key))) return state;
  return { ...state, marked: new Set([...marked].filter((key) => population.byKey.has(key))) };
}

/** Opens the input line for something an action has to know. */
export function askFor(state: ScreenState, label: string, initial: string, completes: Incomplete): ScreenState {
  const purpose = { kind: 'question', label: safeText(label), completes } as const;
  return { ...state, dialog: null, input: { text: initial, cursor: initial.length, error: null, purpose } };
}

/** Opens the dialog of a plan that is yet to be made. */
export function awaitPlan(state: ScreenState, request: ActionRequest): ScreenState {
  return { ...state, input: null, dialog: { kind: 'plan', top: 0, request, phase: { is: 'planning' } } };
}

function inPhase(state: ScreenState, phase: PlanPhase, top: number): ScreenState {
  const { dialog } = state;
  return dialog?.kind === 'plan' ? { ...state, dialog: { ...dialog, top, phase } } : state;
}

/** What a plan is at, while its dialog is open. */
function phaseOf({ dialog }: ScreenState): PlanPhase | null {
  return dialog?.kind === 'plan' ? dialog.phase : null;
}

/** A plan is made. */
export function takePlan(state: ScreenState, plan: Plan): ScreenState {
  return phaseOf(state)?.is === 'planning' ? inPhase(state, { is: 'ready', plan }, 0) : state;
}

/** Opens the input line for the word that confirms it. */
export function confirmPlan(state: ScreenState): ScreenState {
  const phase = phaseOf(state);
  if (phase?.is !== 'ready') return state;
  const purpose = { kind: 'confirm', confirmation: confirmationOf(phase.plan) } as const;
  return { ...state, input: { text: '', cursor: 0, error: null, purpose } };
}

/** There is no plan, or it was not begun, and why. */
export function refusePlan(state: ScreenState, message: string): ScreenState {
  return inPhase({ ...state, input: null }, { is: 'refused', message: safeText(message) }, 0);
}

/** It is being carried out. */
export function beginPlan(state: ScreenState): ScreenState {
  const phase = phaseOf(state);
  if (phase?.is !== 'ready') return state;
  const running = { is: 'running', plan: phase.plan, results: [], doing: null, stopping: false } as const;
  return inPhase({ ...state, input: null }, running, END);
}

/** A step has begun, or something of it was done. */
export function followPlan(state: ScreenState, step: number, detail: string | null): ScreenState {
  const phase = phaseOf(state);
  if (phase?.is !== 'running') return state;
  return inPhase(state, { ...phase, doing: { step, detail: detail === null ? null : safeText(detail) } }, END);
}

/** A step is over. */
export function takeResult(state: ScreenState, result: StepResult): ScreenState {
  const phase = phaseOf(state);
  if (phase?.is !== 'running') return state;
  return inPhase(state, { ...phase, results: [...phase.results, result] }, END);
}

/** It is to end after the step at hand. */
export function stopPlan(state: ScreenState): ScreenState {
  const phase = phaseOf(state);
  return phase?.is === 'running' && state.dialog?.kind === 'plan'
    ? inPhase(state, { ...phase, stopping: true }, state.dialog.top)
    : state;
}

/** It was carried out, and looked at again. Marks have served their purpose. */
export function finishPlan(state: ScreenState, outcome: Outcome): ScreenState {
  const phase = phaseOf(state);
  if (phase?.is !== 'running') return state;
  const { plan, results } = phase;
  return inPhase({ ...state, marked: new Set() }, { is: 'done', plan, results, outcome }, END);
}
