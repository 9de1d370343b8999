import type { Namespace, Snapshot } from '../model/index.ts';

/** What a column holds for one row, as JSON, CSV, sort and filter see it. Null is "not known". */
export type CellValue = string | number | boolean | readonly string[] | null;

/** What the cells of things inside a namespace need besides their row: it names devices, processes and other namespaces. */
export interface InNamespace {
  readonly ns: Namespace;
  readonly snapshot: Snapshot;
}

/** One column of a table: table, sort, filter, CSV and the docs are all derived from it. */
export interface Column<Row, Context = void> {
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
  readonly value: (row: Row, context: Context) => CellValue;
  /** What the eye sees; already safe to draw, not yet cut to width. Absent: `formatCell(value(row))`. */
  readonly text?: (row: Row, context: Context) => string;
  /** Sort key. Absent: `value(row)`. */
  readonly sortKey?: (row: Row, context: Context) => CellValue;
  /** Collectors it draws on that not every table needs: no other column shows what these tell. */
  readonly sources?: readonly (
    | 'identity'
    | 'containers'
    | 'handles'
    | 'listns'
    | 'addresses'
    | 'sockets'
    | 'links'
    | 'nsids'
    | 'routes'
  )[];
  /** First click sorts descending: for counts, where the big ones matter. */
  readonly descendingFirst?: boolean;
  /** False where its few words or numbers would make free text in a filter match nearly everything. */
  readonly searched?: false;
}

/** All columns of one kind of row. */
export interface Registry<Row, Context = void> {
  /** In the order the help and the docs list them. */
  readonly columns: readonly Column<Row, Context>[];
  /** Ids of those that are shown when nothing else is asked for. */
  readonly defaults: readonly string[];
  /** Where free text in a filter looks besides the columns; the text is in lower case. */
  readonly alsoMatches?: (row: Row, text: string, context: Context) => boolean;
  /** What tells rows apart that sort alike. Absent: they keep the order they came in. */
  readonly tieBreaker?: (row: Row) => number;
}

/** What unknown (`?`) and nothing (`—`) look like everywhere. */
export function formatCell(value: CellValue): string {
  if (value === null) return '?';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'object') return value.length === 0 ? '—' : value.join(', ');
  return value === '' ? '—' : String(value);
}

export function cellText<Row, Context>(column: Column<Row, Context>, row: Row, context: Context): string {
  return column.text ? column.text(row, context) : formatCell(column.value(row, context));
}

/** Values rather than what the eye sees: no glyphs, several values separated by a blank, unknown empty. */
export function csvText<Row, Context>(column: Column<Row, Context>, row: Row, context: Context): string {
  const value = column.value(row, context);
  if (value === null) return '';
  return typeof value === 'object' ? value.join(' ') : String(value);
}
