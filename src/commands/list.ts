import type { CollectOptions } from '../collect.ts';
import { chooseColumn, chooseSort } from '../columns/choose.ts';
import { FilterError, parseFilter } from '../columns/filter.ts';
import { type Column, cellText, DEFAULT_COLUMNS } from '../columns/index.ts';
import { sortNamespaces } from '../columns/sort.ts';
import { CommandError, EXIT } from '../errors.ts';
import type { Namespace } from '../model/index.ts';
import { toCsv } from '../report/csv.ts';
import { toJson } from '../report/json.ts';
import { toTable } from '../report/table.ts';
import { safeText } from '../terminal/sanitise.ts';
import { type CommandOptions, reportConcealed, reportGaps, type Streams, splitList, takeSnapshot } from './command.ts';

function filterBy(text: string): (ns: Namespace) => boolean {
  try {
    return parseFilter(text);
  } catch (error) {
    if (error instanceof FilterError) throw new CommandError(error.code, safeText(error.message), EXIT.usage);
    throw error;
  }
}

/** Collectors that only some columns need. */
const OPTIONAL = ['identity', 'containers', 'handles', 'listns'] as const;

/**
 * What a table can do without. A cookie nobody sees is not worth opening a thousand namespaces for; free text in a
 * filter looks everywhere, and JSON is a whole snapshot.
 */
function limitsFor(options: CommandOptions, columns: readonly Column[]): Partial<CollectOptions> {
  if (options.json || options.filter !== undefined) return {};
  return {
    depth: 'table',
    without: OPTIONAL.filter((source) => !columns.some(({ sources }) => sources?.includes(source))),
  };
}

/** `nsleuth list`: one row per namespace. */
export async function list(options: CommandOptions, { out, err, width }: Streams): Promise<number> {
  // What the user got wrong is said before anything is read.
  const columns = (options.columns === undefined ? DEFAULT_COLUMNS : splitList(options.columns)).map(chooseColumn);
  const order = chooseSort(options.sort ?? '+namespace');
  const accepts = filterBy(options.filter ?? '');

  const snapshot = await takeSnapshot(options, limitsFor(options, [...columns, order.column]));
  const namespaces = sortNamespaces(snapshot.namespaces.filter(accepts), order);
  if (options.json) out(toJson({ ...snapshot, namespaces }));
  else if (options.csv)
    out(
      toCsv(
        columns.map(({ id }) => id),
        namespaces.map((ns) => columns.map((column) => csvText(column, ns))),
      ),
    );
  else
    out(
      toTable(
        columns,
        namespaces.map((ns) => columns.map((column) => cellText(column, ns))),
        width,
      ),
    );
  if (!options.json) {
    reportConcealed(snapshot, err);
    reportGaps(snapshot, err);
  }
  return EXIT.done;
}

/** Values rather than what the eye sees: no glyphs, several values separated by a blank, unknown empty. */
function csvText(column: Column, ns: Namespace): string {
  const value = column.value(ns);
  if (value === null) return '';
  return typeof value === 'object' ? value.join(' ') : String(value);
}
