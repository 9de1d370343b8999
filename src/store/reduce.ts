import { COLUMNS, type Column } from '../columns/index.ts';
import { coverageLines } from './coverage.ts';
import { detailLines } from './detail.ts';
import type { ScreenEvent } from './events.ts';
import { layoutScreen, scrollTo } from './layout.ts';
import { clearFilter, editFilter, eraseFilter, keepFilter, moveFilterCursor, typeFilter } from './reduce-filter.ts';
import { select, takeSnapshot, withRows } from './reduce-rows.ts';
import { type Dialog, INTERVALS, type ScreenState, selectedNamespace } from './state.ts';
import { intervalText } from './time.ts';

type Distance = Extract<ScreenEvent, { type: 'move' }>['by'];

/** Where a move leads from `at`, among `count` places of which `page` are visible. */
function destination(at: number, by: Distance, page: number, count: number): number {
  const last = Math.max(0, count - 1);
  const to = {
    'page-up': at - Math.max(1, page - 1),
    'page-down': at + Math.max(1, page - 1),
    first: 0,
    last,
  };
  return Math.min(Math.max(0, typeof by === 'number' ? at + by : to[by]), last);
}

/** A scroll offset after a move: like `destination`, but the end of the text stays at the end of the window. */
function scrolled(top: number, by: Distance, page: number, lines: number): number {
  return Math.min(destination(top, by, page, lines), Math.max(0, lines - page));
}

function moveDialog(state: ScreenState, dialog: Dialog, by: Distance): ScreenState {
  const page = Math.max(1, layoutScreen(state.size, state.opened).body - 1);
  if (dialog.kind === 'sort') {
    return { ...state, dialog: { ...dialog, cursor: destination(dialog.cursor, by, page, COLUMNS.length) } };
  }
  const lines =
    dialog.kind === 'help'
      ? dialog.lines
      : coverageLines(state.coverage, state.snapshot?.concealedTasks ?? [], state.size.columns).length;
  return { ...state, dialog: { ...dialog, top: scrolled(dialog.top, by, page, lines) } };
}

/** How many lines the detail pane has to show, and how many it can. */
function detailExtent(state: ScreenState): { readonly lines: number; readonly page: number } {
  const page = layoutScreen(state.size, state.opened).detail;
  const ns = selectedNamespace(state);
  const lines =
    ns === null || state.snapshot === null
      ? 0
      : detailLines(ns, state.snapshot, state.size.columns, state.opened).length;
  return { lines, page };
}

function move(state: ScreenState, by: Distance): ScreenState {
  if (state.dialog !== null) return moveDialog(state, state.dialog, by);
  if (state.pane === 'detail') {
    const { lines, page } = detailExtent(state);
    return { ...state, detailTop: scrolled(state.detailTop, by, page, lines) };
  }
  const { table } = layoutScreen(state.size, state.opened);
  return select(state, destination(state.selectedIndex, by, table, state.rows.length));
}

/** Keeps all that scrolls inside its bounds after sizes or contents changed. */
function settle(state: ScreenState): ScreenState {
  const { table, detail } = layoutScreen(state.size, state.opened);
  const { lines, page } = detailExtent(state);
  const top = table === 0 ? state.top : scrollTo(state.top, Math.max(0, state.selectedIndex), table, state.rows.length);
  const detailTop = Math.min(state.detailTop, Math.max(0, lines - page));
  const pane = detail === 0 ? 'table' : state.pane;
  return top === state.top && detailTop === state.detailTop && pane === state.pane
    ? state
    : { ...state, top, detailTop, pane };
}

function sortBy(state: ScreenState, column: Column): ScreenState {
  const again = column.id === state.sort.column.id;
  const descending = again ? !state.sort.descending : (column.descendingFirst ?? false);
  return withRows({ ...state, sort: { column, descending } });
}

function sortStep(state: ScreenState, by: 1 | -1): ScreenState {
  const at = COLUMNS.findIndex(({ id }) => id === state.sort.column.id);
  const column = COLUMNS[(at + by + COLUMNS.length) % COLUMNS.length];
  return column === undefined ? state : sortBy(state, column);
}

/** One step back: dialog, opened detail, focus, filter, in that order. */
function back(state: ScreenState): ScreenState {
  if (state.dialog !== null) return { ...state, dialog: null };
  if (state.opened) return { ...state, opened: false, pane: 'table', detailTop: 0 };
  return { ...state, pane: 'table' };
}

function changeInterval(state: ScreenState, by: 1 | -1, at: number): ScreenState {
  const next =
    by === 1 ? INTERVALS.find((ms) => ms > state.intervalMs) : INTERVALS.findLast((ms) => ms < state.intervalMs);
  if (next === undefined) return state;
  return { ...state, intervalMs: next, status: { text: `scans every ${intervalText(next)}`, tone: 'plain', at } };
}

function apply(state: ScreenState, event: ScreenEvent): ScreenState {
  switch (event.type) {
    case 'snapshot':
      return takeSnapshot(state, event.snapshot, event.at);
    case 'scanning':
      return { ...state, scanningMs: event.ms };
    case 'scan-failed':
      return {
        ...state,
        scanningMs: null,
        status: { text: `the scan failed: ${event.message}`, tone: 'alert', at: event.at },
      };
    case 'collector-died': {
      const text = `the collector thread died (${event.message}), starts again in ${intervalText(event.retryMs)}`;
      return { ...state, scanningMs: null, collector: 'down', status: { text, tone: 'alert', at: event.at } };
    }
    case 'resize':
      return { ...state, size: event.size };
    case 'move':
      return move(state, event.by);
    case 'shift-columns':
      return {
        ...state,
        columnShift: Math.min(Math.max(0, state.columnShift + event.by), Math.max(0, state.columns.length - 2)),
      };
    case 'open':
      return selectedNamespace(state) === null ? state : { ...state, opened: true, pane: 'detail', detailTop: 0 };
    case 'back':
      return back(state);
    case 'pane':
      return { ...state, pane: state.pane === 'table' ? 'detail' : 'table' };
    case 'help':
      return { ...state, dialog: { kind: 'help', top: 0, lines: event.lines } };
    case 'coverage':
      return { ...state, dialog: { kind: 'coverage', top: 0 } };
    case 'sort-pick':
      return {
        ...state,
        dialog: {
          kind: 'sort',
          cursor: Math.max(
            0,
            COLUMNS.findIndex(({ id }) => id === state.sort.column.id),
          ),
        },
      };
    case 'sort-picked': {
      const column = state.dialog?.kind === 'sort' ? COLUMNS[state.dialog.cursor] : undefined;
      return column === undefined ? state : sortBy({ ...state, dialog: null }, column);
    }
    case 'sort-by':
      return sortBy(state, event.column);
    case 'sort-step':
      return sortStep(state, event.by);
    case 'sort-reverse':
      return sortBy(state, state.sort.column);
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
