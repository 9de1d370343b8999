import { nameNamespace } from '../model/describe.ts';
import type { Namespace } from '../model/index.ts';
import { detailWidth, tabHeight } from './focus.ts';
import { type Jump, jumpFrom, type Target } from './jumps.ts';
import { layoutScreen } from './layout.ts';
import { filterBy, type List, rearrange, selectAt } from './list.ts';
import { freshTabs, selectedRow, showTab } from './reduce-tabs.ts';
import { type Place, type ScreenState, selectedNamespace } from './state.ts';
import { isTable, tableOf } from './tabs.ts';

/** Places one can come back to; older ones are forgotten. */
const LONGEST_TRAIL = 50;

function say(state: ScreenState, text: string, at: number, tone: 'plain' | 'warn' = 'plain'): ScreenState {
  return { ...state, status: { text, tone, at } };
}

/** A list with a row selected, and whether its filter had to go for that; null where it has no such row. */
interface Found<Row, Context> {
  readonly list: List<Row, Context>;
  readonly unfiltered: boolean;
}

/** Selects the row with that key. A filter that hides it is dropped: who goes there wants to see it. */
function selectKey<Row, Context>(list: List<Row, Context>, key: string, height: number): Found<Row, Context> | null {
  const index = list.items.findIndex((item) => item.key === key);
  if (index !== -1) return { list: selectAt(list, index, height), unfiltered: false };
  if (!list.all.some((item) => item.key === key)) return null;
  return { list: rearrange({ ...filterBy(list, ''), selected: key }, height), unfiltered: true };
}

/** Where the user is. */
function here(state: ScreenState): Place | null {
  const { namespaces, tab, tabs, pane, opened } = state;
  if (namespaces.selected === null) return null;
  return { namespace: namespaces.selected, tab, item: isTable(tab) ? tabs[tab].selected : null, pane, opened };
}

/** Goes to a place, as far as it still is there, and says what is in the way. */
function goTo(state: ScreenState, { namespace, tab, item, pane, opened }: Place, at: number): ScreenState {
  const table = layoutScreen(state.size, opened).table;
  const found = selectKey(state.namespaces, namespace, table);
  if (found === null) return say(state, 'that namespace is gone', at, 'warn');
  // A chart in place of the detail would hide where one has got to.
  const view = detailWidth(state) === 0 ? 'detail' : state.view;
  const arrived: ScreenState = { ...state, namespaces: found.list, pane, opened, view, topology: null };
  let there = showTab(freshTabs(arrived), tab);
  if (found.unfiltered) there = say(there, 'it was hidden by the filter, which is cleared', at);
  if (item === null || !isTable(tab)) return there;
  const row = selectKey(there.tabs[tab], item, tabHeight(there));
  if (row === null) {
    const ns = selectedNamespace(there);
    const { snapshot } = there;
    if (ns === null || snapshot === null) return there;
    const read = tableOf(tab)?.rows(ns, snapshot) !== null;
    const why = read ? 'it is not there any more' : tableOf(tab)?.section.whyNone(ns, snapshot);
    return say(there, `${nameNamespace(ns)}: ${why}`, at, 'warn');
  }
  const selected = { ...there, tabs: { ...there.tabs, [tab]: row.list } };
  return row.unfiltered ? say(selected, 'it was hidden by the filter, which is cleared', at) : selected;
}

function keyOf({ namespaces }: ScreenState, ns: Namespace): string | null {
  return namespaces.all.find(({ row }) => row === ns)?.key ?? null;
}

/** Goes where a jump leads, and remembers where it came from. */
function follow(state: ScreenState, jump: Jump, at: number): ScreenState {
  if ('why' in jump) return say(state, jump.why, at, 'warn');
  const target: Target = jump;
  const namespace = keyOf(state, target.ns);
  if (namespace === null) return say(state, `${nameNamespace(target.ns)} is gone`, at, 'warn');
  const from = here(state);
  const trail = from === null ? state.trail : [...state.trail, from].slice(-LONGEST_TRAIL);
  const { tab, item } = target;
  // Where there is no room for the detail beside the table, it is opened.
  const opened = state.opened || layoutScreen(state.size, false).detail === 0;
  return goTo({ ...state, trail, status: null }, { namespace, tab, item, pane: 'detail', opened }, at);
}

/** Goes where the selected row of the current tab leads. */
export function jump(state: ScreenState, at: number): ScreenState {
  const row = selectedRow(state);
  const ns = selectedNamespace(state);
  const { snapshot, tab } = state;
  if (row === undefined || ns === null || snapshot === null) return state;
  return follow(state, jumpFrom(tab, row, { ns, snapshot }), at);
}

/** Goes to a namespace, and a device of it where one is named. */
export function goToTarget(state: ScreenState, target: Target, at: number): ScreenState {
  return follow(state, target, at);
}

/** Goes back to where the last jump came from. */
export function jumpBack(state: ScreenState, at: number): ScreenState {
  const place = state.trail.at(-1);
  if (place === undefined) return say(state, 'nowhere to go back to', at);
  return goTo({ ...state, trail: state.trail.slice(0, -1), status: null }, place, at);
}
