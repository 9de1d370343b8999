import { chooseColumns } from '../columns/choose.ts';
import type { Column, Registry } from '../columns/column.ts';
import { type Predicate, parseFilter } from '../columns/filter.ts';
import { type SortOrder, sortRows } from '../columns/sort.ts';
import { scrollTo } from './layout.ts';

/** One row of a list. */
export interface Item<Row> {
  /** What tells it from the others from one refresh to the next. */
  readonly key: string;
  readonly row: Row;
  /** Whether it has just appeared, or ceased to be. */
  readonly mark: 'new' | 'gone' | null;
}

/** A filter that is understood. */
export interface Filter<Row, Context> {
  readonly text: string;
  readonly predicate: Predicate<Row, Context>;
}

/** A table with a selected row: what it could show, how, and what it shows. */
export interface List<Row, Context> {
  readonly registry: Registry<Row, Context>;
  /** Those that can be scrolled to, in order. */
  readonly columns: readonly Column<Row, Context>[];
  /** How many of them, from the first, are shown while nothing is scrolled out to the left. */
  readonly usual: number;
  /** Ids of those that matter most where not all fit; the others follow in their order. */
  readonly ranking: readonly string[];
  /** How many columns after the first are scrolled out to the left. */
  readonly columnShift: number;
  /** Null: the order the rows come in. */
  readonly sort: SortOrder<Row, Context> | null;
  readonly filter: Filter<Row, Context>;
  /** What there is to list; nothing while there is no context. */
  readonly all: readonly Item<Row>[];
  readonly context: Context | null;
  /** What is listed: filtered and sorted. */
  readonly items: readonly Item<Row>[];
  /** Key of the selected row; null while there is none. */
  readonly selected: string | null;
  /** Where the selected row is; -1 while there is none. */
  readonly index: number;
  /** First visible row. */
  readonly top: number;
}

/** A list that shows nothing yet. */
export function newList<Row, Context>(
  registry: Registry<Row, Context>,
  { columns, ranking = [] }: { readonly columns?: readonly string[] | undefined; readonly ranking?: readonly string[] },
): List<Row, Context> {
  const chosen = chooseColumns(registry, columns);
  // Who names columns wants those and no others; else all can be scrolled to.
  const further = columns === undefined ? registry.columns.filter((column) => !chosen.includes(column)) : [];
  return {
    registry,
    columns: [...chosen, ...further],
    usual: chosen.length,
    ranking,
    columnShift: 0,
    sort: null,
    filter: { text: '', predicate: () => true },
    all: [],
    context: null,
    items: [],
    selected: null,
    index: -1,
    top: 0,
  };
}

/** Rows as items. Rows of which nothing tells them apart are told apart by their place. */
export function toItems<Row>(rows: readonly Row[], keyOf: (row: Row) => string | null): readonly Item<Row>[] {
  const seen = new Set<string>();
  return rows.map((row, index) => {
    const own = keyOf(row);
    const key = own === null || seen.has(own) ? `${own ?? ''}#${index}` : own;
    seen.add(key);
    return { key, row, mark: null };
  });
}

function sortItems<Row, Context>(
  { tieBreaker }: Registry<Row, Context>,
  items: readonly Item<Row>[],
  { column, descending }: SortOrder<Row, Context>,
  context: Context,
): readonly Item<Row>[] {
  const keyOf = column.sortKey ?? column.value;
  const { id, header, description, width, align } = column;
  const ofItem = { id, header, description, width, align, value: ({ row }: Item<Row>) => keyOf(row, context) };
  return sortRows(
    tieBreaker === undefined ? {} : { tieBreaker: ({ row }: Item<Row>) => tieBreaker(row) },
    items,
    { column: ofItem, descending },
    undefined,
  );
}

function arrange<Row, Context>({ registry, all, context, filter, sort }: List<Row, Context>): readonly Item<Row>[] {
  if (context === null) return [];
  const passing = filter.text === '' ? all : all.filter(({ row }) => filter.predicate(row, context));
  return sort === null ? passing : sortItems(registry, passing, sort, context);
}

/**
 * Filters and sorts again, after the content, the filter or the order changed, and puts the selection back on its row.
 * A row that is no longer listed gives its place to the one that now stands there. The selected row keeps its place on
 * the screen, except at the top of the list, where what arrives above it must come into view.
 *
 * @param height rows in view; 0 while the list is not.
 */
export function rearrange<Row, Context>(list: List<Row, Context>, height: number): List<Row, Context> {
  const items = arrange(list);
  const found = items.findIndex(({ key }) => key === list.selected);
  const index = found !== -1 ? found : Math.min(Math.max(0, list.index), items.length - 1);
  const moved = list.index === -1 || list.top === 0 ? 0 : index - list.index;
  return {
    ...list,
    items,
    // While nothing is listed, what was selected is remembered: it may be listed again.
    selected: items[index]?.key ?? list.selected,
    index,
    top: height === 0 ? list.top : scrollTo(list.top + moved, index, height, items.length),
  };
}

/** Selects the row at `index`, or the nearest there is. */
export function selectAt<Row, Context>(list: List<Row, Context>, index: number, height: number): List<Row, Context> {
  const to = Math.min(Math.max(0, index), list.items.length - 1);
  if (to < 0 || to === list.index) return list;
  return {
    ...list,
    index: to,
    selected: list.items[to]?.key ?? null,
    top: height === 0 ? list.top : scrollTo(list.top, to, height, list.items.length),
  };
}

/** Keeps the selected row in view after the height changed. */
export function settleTop<Row, Context>(list: List<Row, Context>, height: number): List<Row, Context> {
  const top = height === 0 ? list.top : scrollTo(list.top, Math.max(0, list.index), height, list.items.length);
  return top === list.top ? list : { ...list, top };
}

/** Sorts by a column; by the one it is sorted by already, the other way round. */
export function sortBy<Row, Context>(list: List<Row, Context>, place: number): List<Row, Context> {
  const column = list.registry.columns[place];
  if (column === undefined) return list;
  const again = column.id === list.sort?.column.id;
  const descending = again ? !list.sort.descending : (column.descendingFirst ?? false);
  return { ...list, sort: { column, descending } };
}

/** Where in the registry the column is that the list is sorted by; -1 for none. */
export function sortPlace<Row, Context>({ registry, sort }: List<Row, Context>): number {
  return registry.columns.findIndex(({ id }) => id === sort?.column.id);
}

/** Sorts by the next column of the registry, or the one before. */
export function sortStep<Row, Context>(list: List<Row, Context>, by: 1 | -1): List<Row, Context> {
  const { length } = list.registry.columns;
  const at = sortPlace(list);
  // From no order at all, the first one is next, the last one before.
  const from = at === -1 && by === -1 ? length : at;
  return sortBy(list, (from + by + length) % length);
}

/**
 * Filters by a text.
 *
 * @throws FilterError for a text that is no filter.
 */
export function filterBy<Row, Context>(list: List<Row, Context>, text: string): List<Row, Context> {
  return { ...list, filter: { text, predicate: parseFilter(list.registry, text) } };
}

/** Scrolls columns in and out at the left, the first one always stays. */
export function shiftColumns<Row, Context>(list: List<Row, Context>, by: number): List<Row, Context> {
  const most = Math.max(0, list.columns.length - 2);
  const columnShift = Math.min(Math.max(0, list.columnShift + by), most);
  return columnShift === list.columnShift ? list : { ...list, columnShift };
}
