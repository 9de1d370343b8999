import { type Column, findColumn } from '../../src/columns/index.ts';

/** A column and the cells it gets on this screen. */
export interface PlacedColumn {
  readonly column: Column;
  readonly width: number;
}

/** Blank cells between two columns. */
export const GAP = 2;

/** Which of the usual columns matter most where not all fit. Others come after these, in the order asked for. */
const MOST_USEFUL: readonly string[] = [
  'namespace',
  'visibility',
  'name',
  'held-by',
  'processes',
  'command',
  'container',
  'user',
];

function importance(column: Column, sortedBy: Column): number {
  if (column.id === sortedBy.id) return -1;
  const rank = MOST_USEFUL.indexOf(column.id);
  return rank === -1 ? MOST_USEFUL.length : rank;
}

/** The columns wanted, less those scrolled out, plus the one sorted by: what a table is sorted by must be on it. */
function candidates(columns: readonly Column[], shift: number, sortedBy: Column): Column[] {
  const shown = columns.filter((_, index) => index === 0 || index > shift);
  if (shown.some(({ id }) => id === sortedBy.id)) return shown;
  const [first, ...rest] = shown;
  const sorted = findColumn(sortedBy.id) ?? sortedBy;
  return first === undefined ? [sorted] : [first, sorted, ...rest];
}

/**
 * Chooses the columns that fit `width` cells and widens those with room to grow. Widths depend on nothing but the
 * columns and the terminal, so they stay put while rows come, go and scroll.
 */
export function placeColumns(
  columns: readonly Column[],
  shift: number,
  sortedBy: Column,
  width: number,
): readonly PlacedColumn[] {
  const wanted = candidates(columns, shift, sortedBy);
  const byImportance =
    shift === 0 ? wanted.toSorted((a, b) => importance(a, sortedBy) - importance(b, sortedBy)) : wanted;
  const chosen = new Set<Column>();
  let left = width + GAP;
  // The arrow beside the header of the sorted column needs a cell too.
  const least = (column: Column): number =>
    column.id === sortedBy.id ? Math.max(column.width, column.header.length + 1) : column.width;
  for (const column of byImportance) {
    if (least(column) + GAP > left) continue;
    chosen.add(column);
    left -= least(column) + GAP;
  }
  const placed = wanted.filter((column) => chosen.has(column));
  const room = placed.map((column) => Math.max(0, (column.maxWidth ?? column.width) - least(column)));
  const total = room.reduce((sum, cells) => sum + cells, 0);
  const spare = Math.min(left, total);
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
