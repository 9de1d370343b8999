import type { Column } from '../../src/columns/column.ts';
import type { List } from '../../src/store/list.ts';

/** A column and the cells it gets on this screen. */
export interface PlacedColumn<Row, Context> {
  readonly column: Column<Row, Context>;
  readonly width: number;
}

/** What of a list decides which columns are shown. */
type Columns<Row, Context> = Pick<List<Row, Context>, 'columns' | 'usual' | 'ranking' | 'columnShift' | 'sort'>;

/** Blank cells between two columns. */
export const GAP = 2;

function importance<Row, Context>(
  { id }: Column<Row, Context>,
  { columns, ranking, sort }: Columns<Row, Context>,
): number {
  if (id === sort?.column.id) return -1;
  const rank = ranking.indexOf(id);
  return rank === -1 ? ranking.length + columns.findIndex((column) => column.id === id) : rank;
}

/** The usual columns, or those that scrolling leaves, plus the one sorted by: what a table is sorted by must be on it. */
function candidates<Row, Context>({
  columns,
  usual,
  columnShift,
  sort,
}: Columns<Row, Context>): readonly Column<Row, Context>[] {
  const shown =
    columnShift === 0 ? columns.slice(0, usual) : columns.filter((_, index) => index === 0 || index > columnShift);
  if (sort === null || shown.some(({ id }) => id === sort.column.id)) return shown;
  const [first, ...rest] = shown;
  return first === undefined ? [sort.column] : [first, sort.column, ...rest];
}

/** Those of the candidates that fit, by importance; once they are scrolled, one after the other. */
function choose<Row, Context>(
  list: Columns<Row, Context>,
  width: number,
  least: (column: Column<Row, Context>) => number,
): readonly Column<Row, Context>[] {
  const wanted = candidates(list);
  const scrolled = list.columnShift > 0;
  const byImportance = scrolled ? wanted : wanted.toSorted((a, b) => importance(a, list) - importance(b, list));
  const chosen = new Set<Column<Row, Context>>();
  let left = width + GAP;
  for (const column of byImportance) {
    if (least(column) + GAP > left) {
      if (scrolled && chosen.size > 1) break;
      continue;
    }
    chosen.add(column);
    left -= least(column) + GAP;
  }
  return wanted.filter((column) => chosen.has(column));
}

/**
 * Chooses the columns that fit `width` cells and widens those with room to grow. Widths depend on nothing but the
 * columns and the terminal, so they stay put while rows come, go and scroll.
 */
export function placeColumns<Row, Context>(
  list: Columns<Row, Context>,
  width: number,
): readonly PlacedColumn<Row, Context>[] {
  // The arrow beside the header of the sorted column needs a cell too.
  const least = (column: Column<Row, Context>): number =>
    column.id === list.sort?.column.id ? Math.max(column.width, column.header.length + 1) : column.width;
  const placed = choose(list, width, least);
  const left = placed.reduce((rest, column) => rest - least(column) - GAP, width + GAP);
  const room = placed.map((column) => Math.max(0, (column.maxWidth ?? column.width) - least(column)));
  const total = room.reduce((sum, cells) => sum + cells, 0);
  const spare = Math.max(0, Math.min(left, total));
  let given = 0;
  return placed.map((column, index) => {
    const cells = room[index] ?? 0;
    // The last column that grows takes what rounding left over.
    const isLast = room.slice(index + 1).every((other) => other === 0);
    const more = total === 0 ? 0 : Math.min(cells, isLast ? spare - given : Math.round((spare * cells) / total));
    given += more;
    return { column, width: least(column) + more };
  });
}
