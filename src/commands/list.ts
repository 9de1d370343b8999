import type { CollectOptions } from '../collect.ts';
import type { Column } from '../columns/column.ts';
import { NAMESPACES } from '../columns/namespaces.ts';
import { EXIT } from '../errors.ts';
import type { Namespace } from '../model/index.ts';
import { toJson } from '../report/json.ts';
import { type CommandOptions, reportConcealed, reportGaps, type Streams, takeSnapshot } from './command.ts';
import { arrange, type Choice, chooseRows, toText } from './rows.ts';

/** Collectors that only some columns need. */
const OPTIONAL = ['identity', 'containers', 'handles', 'listns'] as const;
/** Those among them that look into namespaces. */
const INSIDE = ['links', 'addresses', 'routes', 'sockets'] as const;

/**
 * What a table can do without. A cookie nobody sees is not worth opening a thousand namespaces for; free text in a
 * filter looks everywhere, and JSON is a whole snapshot.
 */
function limitsFor(options: CommandOptions, { columns, order, filtered }: Choice<Namespace>): Partial<CollectOptions> {
  const drawnOn: readonly Column<Namespace>[] = [...columns, ...filtered, ...(order === null ? [] : [order.column])];
  const needed = (source: (typeof OPTIONAL | typeof INSIDE)[number]) =>
    drawnOn.some(({ sources }) => sources?.includes(source));
  const inside = INSIDE.filter(needed);
  if (options.json || options.filter !== undefined) return { inside };
  return { inside, depth: 'table', without: OPTIONAL.filter((source) => !needed(source)) };
}

/** `nsleuth list`: one row per namespace. */
export async function list(options: CommandOptions, { out, err, width }: Streams): Promise<number> {
  // What the user got wrong is said before anything is read.
  const choice = chooseRows(NAMESPACES, { ...options, sort: options.sort ?? '+namespace' });

  const snapshot = await takeSnapshot(options, limitsFor(options, choice));
  const namespaces = arrange(choice, snapshot.namespaces, undefined);
  if (options.json) out(toJson({ ...snapshot, namespaces }));
  else out(toText(choice, namespaces, undefined, options.csv ? 'csv' : { width }));
  if (!options.json) {
    reportConcealed(snapshot, err);
    reportGaps(snapshot, err);
  }
  return EXIT.done;
}
