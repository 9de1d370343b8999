import type { CollectOptions } from '../collect.ts';
import type { Column, Registry } from '../columns/column.ts';
import { NAMESPACES } from '../columns/namespaces.ts';
import { EXIT } from '../errors.ts';
import type { Namespace } from '../model/index.ts';
import { toJson } from '../report/json.ts';
import { type History, ingest, NO_HISTORY } from '../store/history.ts';
import { LIVE_NAMESPACES, RATE_COLUMNS } from '../store/namespace-columns.ts';
import { type CommandOptions, reportConcealed, reportGaps, type Streams, takeSnapshot } from './command.ts';
import { arrange, chooseRows, toText } from './rows.ts';

type ListColumn = Column<Namespace, History>;

/** Columns that take two looks to know, and how far apart those are, in milliseconds. */
const RATES: readonly string[] = RATE_COLUMNS.map(({ id }) => id);
const RATE_MS = 1000;

const LISTED: Registry<Namespace, History> = { ...LIVE_NAMESPACES, defaults: NAMESPACES.defaults };

/** Collectors that only some columns need. */
const OPTIONAL = ['identity', 'containers', 'handles', 'listns'] as const;
/** Those among them that look into namespaces. */
const INSIDE = ['nsids', 'links', 'addresses', 'routes', 'sockets'] as const;

/**
 * What a table can do without. A cookie nobody sees is not worth opening a thousand namespaces for; free text in a
 * filter looks everywhere, and JSON is a whole snapshot.
 */
function limitsFor(options: CommandOptions, drawnOn: readonly ListColumn[]): Partial<CollectOptions> {
  const needed = (source: (typeof OPTIONAL | typeof INSIDE)[number]) =>
    drawnOn.some(({ sources }) => sources?.includes(source));
  const inside = INSIDE.filter(needed);
  if (options.json || options.filter !== undefined) return { inside };
  return { inside, depth: 'table', without: OPTIONAL.filter((source) => !needed(source)) };
}

/** `nsleuth list`: one row per namespace. */
export async function list(options: CommandOptions, { out, err, width }: Streams): Promise<number> {
  // What the user got wrong is said before anything is read.
  const choice = chooseRows(LISTED, { ...options, sort: options.sort ?? '+namespace' });
  const { columns, order, filtered } = choice;
  const drawnOn = [...columns, ...filtered, ...(order === null ? [] : [order.column])];
  const limits = limitsFor(options, drawnOn);

  let history = NO_HISTORY;
  if (drawnOn.some(({ id }) => RATES.includes(id))) {
    history = ingest(history, await takeSnapshot(options, limits));
    const { setTimeout } = process.getBuiltinModule('node:timers/promises');
    await setTimeout(RATE_MS);
  }
  const snapshot = await takeSnapshot(options, limits);
  history = ingest(history, snapshot);
  const namespaces = arrange(choice, snapshot.namespaces, history);
  if (options.json) out(toJson({ ...snapshot, namespaces }));
  else out(toText(choice, namespaces, history, options.csv ? 'csv' : { width }));
  if (!options.json) {
    reportConcealed(snapshot, err);
    reportGaps(snapshot, err);
  }
  return EXIT.done;
}
