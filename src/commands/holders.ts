import { HOLDERS } from '../columns/holders.ts';
import { EXIT } from '../errors.ts';
import { toJson } from '../report/json.ts';
import { type CommandOptions, reportGaps, type Streams, takeSnapshot } from './command.ts';
import { arrange, chooseRows, toText } from './rows.ts';
import { theNamespace } from './select.ts';

/** What `--csv` has by default: a program wants the process by itself. */
const CSV_COLUMNS = 'kind,pid,holder,command,seen-by';

/** `nsleuth holders NS`: why a namespace is alive. */
export async function holders(
  selector: string,
  options: CommandOptions,
  { out, err, width }: Streams,
): Promise<number> {
  const choice = chooseRows(HOLDERS, options.csv ? { columns: CSV_COLUMNS, ...options } : options);
  const snapshot = await takeSnapshot(options);
  const ns = theNamespace(snapshot, selector);
  const context = { ns, snapshot };
  const rows = arrange(choice, ns.holders, context);
  if (options.json) {
    out(toJson(rows));
    return EXIT.done;
  }
  out(toText(choice, rows, context, options.csv ? 'csv' : { width }));
  reportGaps(snapshot, err);
  return EXIT.done;
}
