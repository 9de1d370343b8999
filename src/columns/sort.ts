import type { Namespace } from '../model/index.ts';
import { type CellValue, type Column, formatCell } from './column.ts';

export interface SortOrder {
  readonly column: Column;
  readonly descending: boolean;
}

/** Unknown values go last, whichever way the sort goes: they are the least useful rows. */
function compareValues(a: CellValue, b: CellValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const left = formatCell(a);
  const right = formatCell(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A new array in the given order; ties keep inode order, so rows do not jump between refreshes. */
export function sortNamespaces(namespaces: readonly Namespace[], order: SortOrder): Namespace[] {
  const { column, descending } = order;
  const key = column.sortKey ?? column.value;
  return namespaces
    .map((ns) => ({ ns, key: key(ns) }))
    .sort((a, b) => {
      if (a.key === null || b.key === null) {
        if (a.key !== b.key) return a.key === null ? 1 : -1;
      } else {
        const order = compareValues(a.key, b.key);
        if (order !== 0) return descending ? -order : order;
      }
      return (a.ns.ino ?? 0) - (b.ns.ino ?? 0);
    })
    .map(({ ns }) => ns);
}
