import { type CellValue, type Column, formatCell, type Registry } from './column.ts';

export interface SortOrder<Row, Context = void> {
  readonly column: Column<Row, Context>;
  readonly descending: boolean;
}

function compareValues(a: CellValue, b: CellValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const left = formatCell(a);
  const right = formatCell(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * A new array in the given order. Unknown values go last, whichever way the sort goes: they are the least useful rows.
 * Ties fall by the registry's tie-breaker, so that rows do not jump between refreshes.
 */
export function sortRows<Row, Context>(
  { tieBreaker }: Pick<Registry<Row, Context>, 'tieBreaker'>,
  rows: readonly Row[],
  { column, descending }: SortOrder<Row, Context>,
  context: Context,
): Row[] {
  const keyOf = column.sortKey ?? column.value;
  return rows
    .map((row) => ({ row, key: keyOf(row, context) }))
    .sort((a, b) => {
      if (a.key === null || b.key === null) {
        if (a.key !== b.key) return a.key === null ? 1 : -1;
      } else {
        const order = compareValues(a.key, b.key);
        if (order !== 0) return descending ? -order : order;
      }
      return tieBreaker === undefined ? 0 : tieBreaker(a.row) - tieBreaker(b.row);
    })
    .map(({ row }) => row);
}
