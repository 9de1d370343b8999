import { chooseColumns, chooseSort } from '../columns/choose.ts';
import { type Column, cellText, csvText, type Registry } from '../columns/column.ts';
import { FilterError, filteredColumns, type Predicate, parseFilter } from '../columns/filter.ts';
import { type SortOrder, sortRows } from '../columns/sort.ts';
import { CommandError, EXIT } from '../errors.ts';
import { toCsv } from '../report/csv.ts';
import { toTable } from '../report/table.ts';
import { safeText } from '../terminal/sanitise.ts';
import { type CommandOptions, splitList } from './command.ts';

/** What `--columns`, `--sort` and `--filter` chose of one kind of row. */
export interface Choice<Row, Context = void> {
  readonly registry: Registry<Row, Context>;
  readonly columns: readonly Column<Row, Context>[];
  /** Null: the order the rows come in. */
  readonly order: SortOrder<Row, Context> | null;
  readonly accepts: Predicate<Row, Context>;
  /** Columns the filter names. */
  readonly filtered: readonly Column<Row, Context>[];
}

/**
 * What the options choose.
 *
 * @throws CommandError for an unknown column or a filter that is none.
 */
export function chooseRows<Row, Context>(
  registry: Registry<Row, Context>,
  { columns, sort, filter = '' }: Pick<CommandOptions, 'columns' | 'sort' | 'filter'>,
): Choice<Row, Context> {
  try {
    return {
      registry,
      columns: chooseColumns(registry, columns === undefined ? undefined : splitList(columns)),
      order: sort === undefined ? null : chooseSort(registry, sort),
      accepts: parseFilter(registry, filter),
      filtered: filteredColumns(registry, filter),
    };
  } catch (error) {
    if (error instanceof FilterError) throw new CommandError(error.code, safeText(error.message), EXIT.usage);
    throw error;
  }
}

/** The rows the filter accepts, in the order chosen. */
export function arrange<Row, Context>(
  { registry, order, accepts }: Choice<Row, Context>,
  rows: readonly Row[],
  context: Context,
): readonly Row[] {
  const accepted = rows.filter((row) => accepts(row, context));
  return order === null ? accepted : sortRows(registry, accepted, order, context);
}

/** Rows as CSV, its header the ids of the columns, or as a table. */
export function toText<Row, Context>(
  { columns }: Pick<Choice<Row, Context>, 'columns'>,
  rows: readonly Row[],
  context: Context,
  form: 'csv' | { readonly width: number | undefined },
): string {
  const cells = (text: typeof csvText) => rows.map((row) => columns.map((column) => text(column, row, context)));
  if (form === 'csv') {
    return toCsv(
      columns.map(({ id }) => id),
      cells(csvText),
    );
  }
  return toTable(columns, cells(cellText), form.width);
}
