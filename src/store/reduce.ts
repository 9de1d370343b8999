import { safeText } from '../terminal/sanitise.ts';
import type { ScreenEvent } from './events.ts';
import { changeFocused, hasDetail } from './focus.ts';
import { rearrange, shiftColumns, sortBy, sortPlace, sortStep } from './list.ts';
import {
  askFor,
  awaitPlan,
  beginPlan,
  confirmPlan,
  finishPlan,
  followPlan,
  keepMarks,
  refusePlan,
  stopPlan,
  takePlan,
  takeResult,
  toggleAllMarks,
  toggleMark,
} from './reduce-acting.ts';
import { awaitRuleset, failRuleset, pickSort, takeRuleset } from './reduce-dialogs.ts';
import { clearFilter, editFilter, eraseFilter, keepFilter, moveFilterCursor, typeFilter } from './reduce-filter.ts';
import { jump, jumpBack } from './reduce-jumps.ts';
import { move, settle } from './reduce-move.ts';
import { takeLook, takeSnapshot } from './reduce-rows.ts';
import { showTab, stepTab } from './reduce-tabs.ts';
import { enterFromTopology, findAgain, toggleTopology } from './reduce-topology.ts';
import { INTERVALS, type ScreenState, selectedNamespace, VIEWS } from './state.ts';
import { intervalText } from './time.ts';

function sort(state: ScreenState, place: number): ScreenState {
  return changeFocused(state, (list, height) => rearrange(sortBy(list, place), height));
}

/** One step back: dialog, topology, opened detail or focus, in that order; a chart in the place of the detail last. */
function back(state: ScreenState): ScreenState {
  if (state.dialog !== null) return { ...state, dialog: null, input: null };
  if (state.topology !== null) return { ...state, topology: null };
  if (state.opened) return { ...state, opened: false, pane: 'table', overviewTop: 0 };
  if (state.pane === 'detail') return { ...state, pane: 'table' };
  return { ...state, view: 'detail' };
}

function changeInterval(state: ScreenState, by: 1 | -1, at: number): ScreenState {
  const next =
    by === 1 ? INTERVALS.find((ms) => ms > state.intervalMs) : INTERVALS.findLast((ms) => ms < state.intervalMs);
  if (next === undefined) return state;
  return { ...state, intervalMs: next, status: { text: `scans every ${intervalText(next)}`, tone: 'plain', at } };
}

/** A tab that was chosen is to be seen: instead of a chart, and alone where there is no room beside the table. */
function revealDetail(state: ScreenState): ScreenState {
  if (hasDetail(state)) return state;
  const shown = { ...state, view: 'detail' as const };
  return hasDetail(shown) || selectedNamespace(state) === null ? shown : { ...shown, opened: true, pane: 'detail' };
}

function apply(state: ScreenState, event: ScreenEvent): ScreenState {
  switch (event.type) {
    case 'snapshot':
      return keepMarks(takeSnapshot(state, event.snapshot, event.at));
    case 'look':
      return takeLook(state, event.snapshot);
    case 'scanning':
      return { ...state, scanningMs: event.ms };
    case 'scan-failed':
      return {
        ...failRuleset(state, event.message),
        scanningMs: null,
        status: { text: `the scan failed: ${event.message}`, tone: 'alert', at: event.at },
      };
    case 'collector-died': {
      const text = `the collector thread died (${event.message}), starts again in ${intervalText(event.retryMs)}`;
      const status = { text, tone: 'alert', at: event.at } as const;
      return { ...failRuleset(state, text), scanningMs: null, collector: 'down', status };
    }
    case 'resize':
      return { ...state, size: event.size };
    case 'move':
      return move(state, event.by);
    case 'shift-columns':
      return changeFocused(state, (list) => shiftColumns(list, event.by));
    case 'open':
      return selectedNamespace(state) === null ? state : { ...state, opened: true, pane: 'detail', overviewTop: 0 };
    case 'back':
      return back(state);
    case 'pane':
      return { ...state, pane: state.pane === 'table' ? 'detail' : 'table' };
    case 'tab':
      return revealDetail(showTab(state, event.id));
    case 'tab-step':
      return revealDetail(stepTab(state, event.by));
    case 'jump':
      return state.topology === null ? jump(state, event.at) : enterFromTopology(state, state.topology, event.at);
    case 'jump-back':
      return jumpBack(state, event.at);
    case 'topology':
      return toggleTopology(state);
    case 'find-again':
      return state.topology === null ? state : findAgain(state, state.topology, event.by, event.at);
    case 'view':
      return { ...state, view: VIEWS[(VIEWS.indexOf(state.view) + 1) % VIEWS.length] ?? 'detail' };
    case 'ruleset-asked':
      return awaitRuleset(state, event.of);
    case 'ruleset':
      return takeRuleset(state, event.of, event.ruleset);
    case 'help':
      return { ...state, dialog: { kind: 'help', top: 0, lines: event.lines } };
    case 'coverage':
      return { ...state, dialog: { kind: 'coverage', top: 0 } };
    case 'sort-pick':
      return pickSort(state);
    case 'sort-picked':
      return state.dialog?.kind === 'sort' ? sort({ ...state, dialog: null }, state.dialog.cursor) : state;
    case 'sort-by':
      return sort(state, event.column);
    case 'sort-step':
      return changeFocused(state, (list, height) => rearrange(sortStep(list, event.by), height));
    case 'sort-reverse':
      return changeFocused(state, (list, height) => rearrange(sortBy(list, sortPlace(list)), height));
    case 'filter-edit':
      return editFilter(state);
    case 'filter-type':
      return state.input === null ? state : typeFilter(state, state.input, event.text);
    case 'filter-erase':
      return state.input === null ? state : eraseFilter(state, state.input, event.what);
    case 'filter-cursor':
      return state.input === null ? state : moveFilterCursor(state, state.input, event.to);
    case 'filter-keep':
      return state.input === null ? state : keepFilter(state, state.input, event.at);
    case 'filter-clear':
      return clearFilter(state, event.at);
    case 'input-error':
      return state.input === null ? state : { ...state, input: { ...state.input, error: safeText(event.text) } };
    case 'input-close':
      return { ...state, input: null };
    case 'mark':
      return toggleMark(state);
    case 'mark-all':
      return toggleAllMarks(state);
    case 'menu':
      return { ...state, dialog: { kind: 'menu', cursor: 0 } };
    case 'ask':
      return askFor(state, event.label, event.initial, event.completes);
    case 'plan-asked':
      return awaitPlan(state, event.request);
    case 'plan':
      return takePlan(state, event.plan);
    case 'plan-refused':
      return refusePlan(state, event.message);
    case 'plan-confirm':
      return confirmPlan(state);
    case 'plan-begun':
      return beginPlan(state);
    case 'plan-progress':
      return followPlan(state, event.step, event.detail);
    case 'plan-result':
      return takeResult(state, event.result);
    case 'plan-stopping':
      return stopPlan(state);
    case 'plan-done':
      return finishPlan(state, event.outcome);
    case 'pause':
      return {
        ...state,
        paused: !state.paused,
        status: { text: state.paused ? 'goes on' : 'paused: p goes on, r scans once', tone: 'plain', at: event.at },
      };
    case 'interval':
      return changeInterval(state, event.by, event.at);
    case 'status':
      return { ...state, status: { text: event.text, tone: 'plain', at: event.at } };
  }
}

/** The screen after an event. Pure: same state, same event, same answer. */
export function reduce(state: ScreenState, event: ScreenEvent): ScreenState {
  return settle(apply(state, event));
}
