import { nameNamespace } from '../model/describe.ts';
import type { SafeText } from '../model/index.ts';
import type { RulesetText } from '../ruleset.ts';
import { wrap } from '../terminal/width.ts';
import { coverageLines } from './coverage.ts';
import { focusedTab } from './focus.ts';
import { sortPlace } from './list.ts';
import { planDialogLines } from './plan-dialog.ts';
import { type Dialog, type RulesetAnswer, type ScreenState, selectedNamespace } from './state.ts';

/** Lines of a ruleset that are kept: more than anybody scrolls through. */
const MOST_LINES = 20_000;

let last: { of: RulesetAnswer; width: number; lines: readonly SafeText[] } | undefined;

/** What the dialog of a ruleset says, broken to `width` cells. The last answer is remembered: a frame asks several times. */
export function rulesetLines(answer: RulesetAnswer | null, width: number): readonly SafeText[] {
  if (answer === null) return ['asking nft…'];
  if (last?.of !== answer || last.width !== width) {
    const lines = answer.lines ?? [answer.reason ?? ''];
    last = { of: answer, width, lines: lines.flatMap((line) => wrap(line, Math.max(10, width - 2))) };
  }
  return last.lines;
}

/** How many lines there are to scroll through in a dialog that is text. */
export function dialogLines(state: ScreenState, dialog: Exclude<Dialog, { kind: 'sort' | 'menu' }>): number {
  switch (dialog.kind) {
    case 'help':
      return dialog.lines;
    case 'coverage':
      return coverageLines(state.coverage, state.snapshot?.concealedTasks ?? [], state.size.columns).length;
    case 'ruleset':
      return rulesetLines(dialog.answer, state.size.columns).length;
    case 'plan':
      return planDialogLines(dialog, state.size.columns).length;
  }
}

function sortedPlace(state: ScreenState): number {
  const tab = focusedTab(state);
  return tab === null ? sortPlace(state.namespaces) : sortPlace(state.tabs[tab]);
}

/** Opens the choice of what to sort by, at what it is sorted by. */
export function pickSort(state: ScreenState): ScreenState {
  return { ...state, dialog: { kind: 'sort', cursor: Math.max(0, sortedPlace(state)) } };
}

/** Opens the ruleset of the selected namespace, which is yet to be told. */
export function awaitRuleset(state: ScreenState, of: string): ScreenState {
  const ns = selectedNamespace(state);
  return ns === null
    ? state
    : { ...state, dialog: { kind: 'ruleset', top: 0, of, name: nameNamespace(ns), answer: null } };
}

function answerOf(ruleset: RulesetText): RulesetAnswer {
  if (ruleset.text === null) return { lines: null, reason: ruleset.reason };
  const lines = ruleset.text.split('\n', MOST_LINES + 1);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) return { lines: null, reason: 'nftables has no rules in it' };
  if (lines.length <= MOST_LINES) return { lines, reason: null };
  return { lines: [...lines.slice(0, MOST_LINES), `… only the first ${MOST_LINES} lines are kept`], reason: null };
}

/** What was told of a ruleset; nobody may be waiting for it any more. */
export function takeRuleset(state: ScreenState, of: string, ruleset: RulesetText): ScreenState {
  const { dialog } = state;
  if (dialog?.kind !== 'ruleset' || dialog.of !== of) return state;
  return { ...state, dialog: { ...dialog, top: 0, answer: answerOf(ruleset) } };
}

/** The collecting thread could not do what it was asked: nobody is to wait for a ruleset any longer. */
export function failRuleset(state: ScreenState, message: string): ScreenState {
  const { dialog } = state;
  if (dialog?.kind !== 'ruleset' || dialog.answer !== null) return state;
  return { ...state, dialog: { ...dialog, answer: { lines: null, reason: message } } };
}
