import { CommandError, EXIT } from '../errors.ts';
import { safeText } from '../terminal/sanitise.ts';
import type { Column } from './column.ts';
import { COLUMNS, findColumn } from './index.ts';
import type { SortOrder } from './sort.ts';

/**
 * The column of that id.
 *
 * @throws CommandError naming every column there is.
 */
export function chooseColumn(id: string): Column {
  const column = findColumn(id);
  if (column === undefined) {
    const known = COLUMNS.map((candidate) => candidate.id).join(', ');
    throw new CommandError('ERR_UNKNOWN_COLUMN', `unknown column "${safeText(id)}"; columns are ${known}`, EXIT.usage);
  }
  return column;
}

/**
 * What `--sort` takes: `processes` sorts a count descending, `+processes` ascending, `-name` descending.
 *
 * @throws CommandError for an unknown column.
 */
export function chooseSort(text: string): SortOrder {
  const column = chooseColumn(text.replace(/^[+-]/, ''));
  const descending = text.startsWith('-') || (!text.startsWith('+') && column.descendingFirst === true);
  return { column, descending };
}
