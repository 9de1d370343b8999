import { detailLinesOf } from './detail.ts';
import type { ScreenEvent } from './events.ts';
import { changeFocused, focusedHeight, focusedList, focusedTab, hasDetail } from './focus.ts';
import { layoutScreen } from './layout.ts';
import { selectAt, settleTop } from './list.ts';
import { menuOf } from './menu.ts';
import { dialogLines } from './reduce-dialogs.ts';
import { freshTabs } from './reduce-tabs.ts';
import { countTopology, freshTopology, moveInTopology } from './reduce-topology.ts';
import type { Dialog, ScreenState } from './state.ts';
import { topologyHeight } from './topology.ts';

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
    const { length } = focusedList(state).registry.columns;
    return { ...state, dialog: { ...dialog, cursor: destination(dialog.cursor, by, page, length) } };
  }
  if (dialog.kind === 'menu') {
    return { ...state, dialog: { ...dialog, cursor: destination(dialog.cursor, by, page, menuOf(state).length) } };
  }
  return {
    ...state,
    dialog: {
      ...dialog,
      top: scrolled(
        Math.min(dialog.top, Math.max(0, dialogLines(state, dialog) - page)),
        by,
        page,
        dialogLines(state, dialog),
      ),
    },
  };
}

/** Moves whatever has the keyboard. */
export function move(state: ScreenState, by: Distance): ScreenState {
  if (state.dialog !== null) return moveDialog(state, state.dialog, by);
  if (state.topology !== null) {
    const page = topologyHeight(state.size);
    return moveInTopology(state, state.topology, destination(state.topology.index, by, page, countTopology(state)));
  }
  if (state.pane === 'detail' && focusedTab(state) === null) {
    const page = layoutScreen(state.size, state.opened).detail;
    const overviewTop = scrolled(state.overviewTop, by, page, detailLinesOf(state).length);
    return overviewTop === state.overviewTop ? state : { ...state, overviewTop };
  }
  const page = focusedHeight(state);
  return changeFocused(state, (list, height) =>
    selectAt(list, destination(list.index, by, page, list.items.length), height),
  );
}

/** Keeps all that scrolls inside its bounds, and what is shown up to date, after anything changed. */
export function settle(before: ScreenState): ScreenState {
  let state = freshTopology(freshTabs(before));
  const { table, detail } = layoutScreen(state.size, state.opened);
  const namespaces = settleTop(state.namespaces, table);
  const pane = state.opened || hasDetail(state) ? state.pane : 'table';
  const overviewTop = Math.min(state.overviewTop, Math.max(0, detailLinesOf(state).length - detail));
  if (namespaces !== state.namespaces || pane !== state.pane || overviewTop !== state.overviewTop) {
    state = { ...state, namespaces, pane, overviewTop };
  }
  return state;
}
