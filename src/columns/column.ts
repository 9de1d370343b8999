import type { Namespace } from '../model/index.ts';

/** What a column holds for one namespace, as JSON, CSV, sort and filter see it. Null is "not known". */
export type CellValue = string | number | boolean | readonly string[] | null;

/** One column of the namespace table: table, sort, filter, CSV, JSON and the docs are all derived from it. */
export interface Column {
  /** What `--columns`, `--sort` and `--filter` call it. */
  readonly id: string;
  readonly header: string;
  /** One sentence for the docs and the help. */
  readonly description: string;
  /** Narrowest useful width in cells. */
  readonly width: number;
  /** Widest useful width; columns with room to grow share what is left. Absent: never grows. */
  readonly maxWidth?: number;
  readonly align: 'left' | 'right';
  readonly value: (ns: Namespace) => CellValue;
  /** What the eye sees; already safe to draw, not yet cut to width. Absent: `formatCell(value(ns))`. */
  readonly text?: (ns: Namespace) => string;
  /** Sort key. Absent: `value(ns)`. */
  readonly sortKey?: (ns: Namespace) => CellValue;
  /** Collectors it draws on that not every table needs: no other column shows what these tell. */
  readonly sources?: readonly ('identity' | 'containers' | 'handles' | 'listns')[];
  /** First click sorts descending: for counts, where the big ones matter. */
  readonly descendingFirst?: boolean;
}

/** What unknown (`?`) and nothing (`—`) look like everywhere. */
export function formatCell(value: CellValue): string {
  if (value === null) return '?';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'object') return value.length === 0 ? '—' : value.join(', ');
  return value === '' ? '—' : String(value);
}

export function cellText(column: Column, ns: Namespace): string {
  return column.text ? column.text(ns) : formatCell(column.value(ns));
}
