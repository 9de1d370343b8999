import { layoutChart, layoutScreen } from './layout.ts';
import type { List } from './list.ts';
import { type NamespaceList, type ScreenState, selectedNamespace } from './state.ts';
import { isTable, type TabList, type TableTab, tableOf } from './tabs.ts';

/** Cells of the lines of the detail; 0 while a chart is in its place. */
export function detailWidth({ size, view }: Pick<ScreenState, 'size' | 'view'>): number {
  return layoutChart(size, view !== 'detail').detail;
}

/** Whether the detail can have the keyboard: there is room for it, and it is shown. */
export function hasDetail({ size, opened, view }: ScreenState): boolean {
  return layoutScreen(size, opened).detail > 0 && detailWidth({ size, view }) > 0;
}

/** Why what the current tab lists may not be all. */
export function gapsOf(state: ScreenState): readonly string[] {
  const { snapshot, tab } = state;
  const ns = selectedNamespace(state);
  return ns === null || snapshot === null ? [] : (tableOf(tab)?.section.gaps(ns, snapshot) ?? []);
}

/** Rows of the current tab's table in view: below its header, and below the line that says what is missing. */
export function tabHeight(state: ScreenState): number {
  const { detail } = layoutScreen(state.size, state.opened);
  return Math.max(0, detail - 1 - (gapsOf(state).length > 0 ? 1 : 0));
}

/** The tab whose table has the keyboard; null while that is the overview or the table of namespaces. */
export function focusedTab(state: ScreenState): TableTab | null {
  return state.pane === 'detail' && hasDetail(state) && isTable(state.tab) ? state.tab : null;
}

/** The list that sorting, filtering and scrolling columns are about. */
export function focusedList(state: ScreenState): NamespaceList | TabList {
  const tab = focusedTab(state);
  return tab === null ? state.namespaces : state.tabs[tab];
}

/** Rows of that list in view. */
export function focusedHeight(state: ScreenState): number {
  return focusedTab(state) === null ? layoutScreen(state.size, state.opened).table : tabHeight(state);
}

/** Changes that list, whatever it lists. */
export function changeFocused(
  state: ScreenState,
  change: <Row, Context>(list: List<Row, Context>, height: number) => List<Row, Context>,
): ScreenState {
  const tab = focusedTab(state);
  const height = focusedHeight(state);
  if (tab === null) {
    const namespaces = change(state.namespaces, height);
    return namespaces === state.namespaces ? state : { ...state, namespaces };
  }
  const list = change(state.tabs[tab], height);
  return list === state.tabs[tab] ? state : { ...state, tabs: { ...state.tabs, [tab]: list } };
}
