import { tabHeight } from './focus.ts';
import { rearrange, settleTop, toItems } from './list.ts';
import { type ScreenState, selectedNamespace } from './state.ts';
import { isTable, TABS, type TabId, type TabList, type TableTab, tableOf } from './tabs.ts';

type Lists = ScreenState['tabs'];

/** Every list changed; the same lists where none was. */
function changeLists(lists: Lists, change: (list: TabList, tab: TableTab) => TabList): Lists {
  let changed = false;
  const entries = (Object.entries(lists) as [TableTab, TabList][]).map(([tab, list]) => {
    const next = change(list, tab);
    changed ||= next !== list;
    return [tab, next] as const;
  });
  return changed ? (Object.fromEntries(entries) as Lists) : lists;
}

/** A list of something that is not shown: an old snapshot must not be kept for it. */
function emptied(list: TabList): TabList {
  return list.context === null ? list : { ...list, all: [], items: [], context: null, index: -1, top: 0 };
}

/** The lists of another namespace: nothing is selected in them. How they are sorted and filtered stays. */
function ofAnother(state: ScreenState): ScreenState {
  const tabs = changeLists(state.tabs, (list) => ({ ...emptied(list), selected: null }));
  return { ...state, tabs, tabsOf: state.namespaces.selected, overviewTop: 0 };
}

/** Brings the list of the current tab up to date, and empties the others. */
export function freshTabs(before: ScreenState): ScreenState {
  const state = before.namespaces.selected === before.tabsOf ? before : ofAnother(before);
  const ns = selectedNamespace(state);
  const { snapshot, history, tab: current } = state;
  const table = tableOf(current);
  const tabs = changeLists(state.tabs, (list, tab) => {
    if (tab !== current || ns === null || snapshot === null || table === null) return emptied(list);
    const height = tabHeight(state);
    if (list.context?.ns === ns && list.context.snapshot === snapshot && list.context.history === history) {
      return settleTop(list, height);
    }
    const all = toItems(table.rows(ns, snapshot) ?? [], table.keyOf);
    return rearrange({ ...list, all, context: { ns, snapshot, history } }, height);
  });
  return tabs === state.tabs ? state : { ...state, tabs };
}

/** Shows a tab. */
export function showTab(state: ScreenState, tab: TabId): ScreenState {
  return tab === state.tab ? state : freshTabs({ ...state, tab, overviewTop: 0 });
}

/** Shows the next tab, or the one before; from the last one the first. */
export function stepTab(state: ScreenState, by: 1 | -1): ScreenState {
  const at = TABS.findIndex(({ id }) => id === state.tab);
  const next = TABS[(at + by + TABS.length) % TABS.length];
  return next === undefined ? state : showTab(state, next.id);
}

/** The row that is selected in the current tab; undefined where there is none. */
export function selectedRow({ tab, tabs }: Pick<ScreenState, 'tab' | 'tabs'>): unknown {
  if (!isTable(tab)) return undefined;
  const list = tabs[tab];
  return list.items[list.index]?.row;
}
