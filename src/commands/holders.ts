import { EXIT } from '../errors.ts';
import { describeHolder, holderPid } from '../model/describe.ts';
import { type Holder, isCertain, type Snapshot } from '../model/index.ts';
import { toCsv } from '../report/csv.ts';
import { toJson } from '../report/json.ts';
import { toTable } from '../report/table.ts';
import { type CommandOptions, reportGaps, type Streams, takeSnapshot } from './command.ts';
import { theNamespace } from './select.ts';

/** Command names by pid, of every process in the snapshot: a holder often lives in another namespace. */
function commandsByPid(snapshot: Snapshot): Map<number, string> {
  return new Map(snapshot.namespaces.flatMap((ns) => ns.processes.map(({ pid, comm }) => [pid, comm] as const)));
}

/** Who sees a mount: the inhabitants of its mount namespace. Other holders are seen by every tool, or by one. */
function seenBy(holder: Holder, snapshot: Snapshot, commands: ReadonlyMap<number, string>): string {
  if (isCertain(holder) && holder.view === 'kernel') return 'kernel only';
  if (holder.kind !== 'mount') return '';
  if (holder.mountNamespace === null) return 'mount namespace not readable';
  const pids = snapshot.mountNamespaces.find(({ ino }) => ino === holder.mountNamespace)?.pids ?? [];
  if (pids.length === 0) return `mount namespace ${holder.mountNamespace}, nobody lives in it`;
  const [first = 0] = pids;
  const others = pids.length > 1 ? ` and ${pids.length - 1} more` : '';
  return `mount namespace ${holder.mountNamespace}: pid ${first} ${commands.get(first) ?? ''}${others}`;
}

/** Rows of a table of holders: kind, what, command, where it is seen. */
export function holderRows(held: readonly Holder[], snapshot: Snapshot): string[][] {
  const commands = commandsByPid(snapshot);
  return held.map((holder) => {
    const pid = holderPid(holder);
    return [
      isCertain(holder) ? holder.kind : `${holder.kind}?`,
      describeHolder(holder),
      pid === null ? '' : (commands.get(pid) ?? ''),
      seenBy(holder, snapshot, commands),
    ];
  });
}

export const HOLDER_COLUMNS = [
  { header: 'KIND', align: 'left' },
  { header: 'HOLDER', align: 'left' },
  { header: 'COMMAND', align: 'left' },
  { header: 'SEEN BY', align: 'left' },
] as const;

/** `nsleuth holders NS`: why a namespace is alive. */
export async function holders(
  selector: string,
  options: CommandOptions,
  { out, err, width }: Streams,
): Promise<number> {
  const snapshot = await takeSnapshot(options);
  const ns = theNamespace(snapshot, selector);
  if (options.json) {
    out(toJson(ns.holders));
    return EXIT.done;
  }
  const rows = holderRows(ns.holders, snapshot);
  if (options.csv) {
    out(
      toCsv(
        ['kind', 'pid', 'holder', 'command', 'seen-by'],
        rows.map(([kind = '', what = '', comm = '', seen = ''], index) => {
          const holder = ns.holders[index];
          const pid = holder === undefined ? null : holderPid(holder);
          return [kind, pid === null ? '' : String(pid), what, comm, seen];
        }),
      ),
    );
  } else out(toTable(HOLDER_COLUMNS, rows, width));
  reportGaps(snapshot, err);
  return EXIT.done;
}
