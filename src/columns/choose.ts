import { CommandError, EXIT } from '../errors.ts';
import { safeText } from '../terminal/sanitise.ts';
import type { Column, Registry } from './column.ts';
import type { SortOrder } from './sort.ts';

/** The column of that id, in whatever case it is written. */
export function findColumn<Row, Context>(
  { columns }: Registry<Row, Context>,
  id: string,
): Column<Row, Context> | undefined {
  const wanted = id.toLowerCase();
  return columns.find((column) => column.id === wanted);
}

/**
 * The column of that id.
 *
 * @throws CommandError naming every column there is.
 */
export function chooseColumn<Row, Context>(registry: Registry<Row, Context>, id: string): Column<Row, Context> {
  const column = findColumn(registry, id);
  if (column === undefined) {
    const known = registry.columns.map((candidate) => candidate.id).join(', ');
    throw new CommandError('ERR_UNKNOWN_COLUMN', `unknown column "${safeText(id)}"; columns are ${known}`, EXIT.usage);
  }
  return column;
}

/**
 * The columns of those ids, or the ones shown by default.
 *
 * @throws CommandError for an unknown column.
 */
export function chooseColumns<Row, Context>(
  registry: Registry<Row, Context>,
  ids: readonly string[] = registry.defaults,
): Column<Row, Context>[] {
  return ids.map((id) => chooseColumn(registry, id));
}

/**
 * What `--sort` takes: `processes` sorts a count descending, `+processes` ascending, `-name` descending.
 *
 * @throws CommandError for an unknown column.
 */
export function chooseSort<Row, Context>(registry: Registry<Row, Context>, text: string): SortOrder<Row, Context> {
  const column = chooseColumn(registry, text.replace(/^[+-]/, ''));
  const descending = text.startsWith('-') || (!text.startsWith('+') && column.descendingFirst === true);
  return { column, descending };
}
