import { VISIBILITY_GLYPH } from '../../src/columns/namespaces.ts';
import { nameNamespace } from '../../src/model/describe.ts';
import type { Namespace, Snapshot } from '../../src/model/index.ts';
import { detailLinesOf, VISIBILITY_STYLE } from '../../src/store/detail.ts';
import { gapsOf, tabHeight } from '../../src/store/focus.ts';
import { type ScreenState, selectedNamespace } from '../../src/store/state.ts';
import { isTable, type TabList, type TableTab, tableOf } from '../../src/store/tabs.ts';
import { type Line, lineWidth, type Span, STYLE, span } from '../../src/terminal/style.ts';
import { truncate, wrap } from '../../src/terminal/width.ts';
import { tabStyle } from './cell-styles.ts';
import { listLines } from './list-lines.ts';
import { extent, rule } from './rule.ts';
import { tabBar } from './tab-bar.ts';

/** Cells of a namespace's name in the title before it gives way to the tabs. */
const LONGEST_NAME = 28;
/** Cells of a filter in the title. */
const LONGEST_FILTER = 24;

/** Glyph and name of a namespace, as the beginning of a title. */
export function namespaceTitle(state: ScreenState, ns: Namespace, focused: boolean): Span[] {
  const { namespaces } = state;
  return [
    span(`${VISIBILITY_GLYPH[ns.visibility]} `, VISIBILITY_STYLE[ns.visibility]),
    span(truncate(nameNamespace(ns), LONGEST_NAME), focused ? STYLE.accentBold : STYLE.bold),
    ...(namespaces.items[namespaces.index]?.mark === 'gone' ? [span('  gone', STYLE.warn)] : []),
  ];
}

/** What of a tab's table is in view, and what the filter leaves of it. */
function tableRemark({ items, all, filter, top }: TabList, height: number): string {
  const seen = extent(top, height, items.length);
  if (filter.text === '') return seen;
  const left = `${items.length} of ${all.length}: ${truncate(filter.text, LONGEST_FILTER)}`;
  return seen === '' ? left : `${left} · ${seen}`;
}

function remarkOf(state: ScreenState, height: number): string {
  const { tab, tabs, overviewTop } = state;
  return isTable(tab)
    ? tableRemark(tabs[tab], tabHeight(state))
    : extent(overviewTop, height, detailLinesOf(state).length);
}

/** The title: whose detail it is, the tabs, and how much of the current one is in view. */
function titleLine(state: ScreenState, height: number, width: number): Line {
  const ns = selectedNamespace(state);
  const { snapshot, pane, tab } = state;
  if (ns === null || snapshot === null) return rule([span('nothing selected', STYLE.dim)], '', width);
  const focused = pane === 'detail';
  const style = focused ? STYLE.accent : STYLE.dim;
  const remark = remarkOf(state, height);
  const name = namespaceTitle(state, ns, focused);
  // Three cells lead in, one blank and two dashes lead out.
  const room = width - lineWidth(name) - 3 - 4 - 4 - (remark === '' ? 0 : remark.length + 4);
  return rule([...name, span(' ── ', style), ...tabBar(tab, focused, { ns, snapshot }, room)], remark, width, style);
}

function emptyLines(tab: TableTab, list: TabList, ns: Namespace, snapshot: Snapshot, width: number): readonly Line[] {
  const section = tableOf(tab)?.section;
  const unread = tableOf(tab)?.rows(ns, snapshot) === null;
  const why = list.all.length > 0 ? 'no row matches the filter' : (section?.whyNone(ns, snapshot) ?? '');
  return wrap(`${unread ? '? ' : ''}${why}`, width - 4).map((piece) => [span(`   ${piece}`, STYLE.dim)]);
}

function gapLine(gaps: readonly string[]): Line[] {
  const [first] = gaps;
  if (first === undefined) return [];
  const more = gaps.length > 1 ? ` and ${gaps.length - 1} more` : '';
  return [[span(' ◐ not all: ', STYLE.warn), span(`${first}${more}`, STYLE.dim)]];
}

function tableTabLines(state: ScreenState, tab: TableTab, width: number): readonly Line[] {
  const list = state.tabs[tab];
  const { context } = list;
  if (context === null) return [];
  const lines = listLines(list, {
    width,
    height: tabHeight(state),
    focused: state.pane === 'detail',
    styleOf: tabStyle(tab),
  });
  const [header = [], ...rows] = lines;
  const { ns, snapshot } = context;
  return [
    ...gapLine(gapsOf(state)),
    ...(list.items.length > 0 ? [header, ...rows] : [...emptyLines(tab, list, ns, snapshot, width)]),
  ];
}

/** The detail of the selected namespace: its title, and `height` lines of the current tab. */
export function detailPaneLines(state: ScreenState, height: number, width: number): readonly Line[] {
  const { tab, overviewTop } = state;
  const body = isTable(tab)
    ? tableTabLines(state, tab, width)
    : detailLinesOf(state).slice(overviewTop, overviewTop + height);
  return [titleLine(state, height, width), ...body];
}
