import { VISIBILITY_GLYPH } from '../columns/index.ts';
import { EXIT } from '../errors.ts';
import { explainVisibility } from '../model/describe.ts';
import type { Container, Namespace, Snapshot } from '../model/index.ts';
import { toJson } from '../report/json.ts';
import { toTable } from '../report/table.ts';
import { type CommandOptions, reportGaps, type Streams, takeSnapshot } from './command.ts';
import { HOLDER_COLUMNS, holderRows } from './holders.ts';
import { theNamespace } from './select.ts';

function containerText({ engine, id, name, pod }: Container): string {
  return [`${engine} ${name ?? id}`, name === null ? '' : `id ${id}`, pod === null ? '' : `pod ${pod}`]
    .filter((part) => part !== '')
    .join(', ');
}

function facts(ns: Namespace): [string, string][] {
  return [
    [
      'Namespace',
      ns.ino === null ? '? (its number cannot be learned)' : `net:[${ns.ino}]${ns.initial ? ', the initial one' : ''}`,
    ],
    ['Name', ns.names.join(', ') || '—'],
    ['Visibility', `${VISIBILITY_GLYPH[ns.visibility]} ${ns.visibility}: ${explainVisibility(ns)}`],
    ['Cookie', ns.cookie ?? '?'],
    [
      'Owner',
      ns.owner === null ? '?' : `user namespace ${ns.owner.userNamespace}, created by uid ${ns.owner.uid ?? '?'}`,
    ],
    ['Mounted on', ns.paths.join(', ') || '—'],
    ['Container', ns.container === null ? '—' : containerText(ns.container)],
  ];
}

const PROCESS_COLUMNS = [
  { header: 'PID', align: 'right' },
  { header: 'USER', align: 'left' },
  { header: 'STARTED', align: 'left' },
  { header: 'THREADS', align: 'right' },
  { header: 'CONTAINER', align: 'left' },
  { header: 'COMMAND', align: 'left' },
] as const;

function processRows(ns: Namespace): string[][] {
  return ns.processes.map((process) => [
    String(process.pid),
    process.user ?? (process.uid === null ? '?' : String(process.uid)),
    process.startedAt?.replace(/\.\d+Z$/, 'Z') ?? '?',
    String(process.threads),
    process.container === null ? '—' : containerText(process.container),
    `${process.covered ? '(covered) ' : ''}${process.cmdline || `[${process.comm}]`}`,
  ]);
}

function render(ns: Namespace, snapshot: Snapshot, width: number | undefined): string {
  const label = Math.max(...facts(ns).map(([name]) => name.length));
  const head = facts(ns).map(([name, value]) => `${name.padEnd(label)}  ${value}\n`);
  const held = toTable(HOLDER_COLUMNS, holderRows(ns, snapshot), width);
  const processes = toTable(PROCESS_COLUMNS, processRows(ns), width);
  return [
    ...head,
    `\nHolders ${ns.holders.length}\n`,
    ns.holders.length === 0 ? 'none seen\n' : held,
    `\nProcesses ${ns.processes.length}\n`,
    ns.processes.length === 0 ? 'none\n' : processes,
  ].join('');
}

/** `nsleuth show NS`: one namespace in full. */
export async function show(selector: string, options: CommandOptions, { out, err, width }: Streams): Promise<number> {
  const snapshot = await takeSnapshot(options);
  const ns = theNamespace(snapshot, selector);
  out(options.json ? toJson(ns) : render(ns, snapshot, width));
  if (!options.json) reportGaps(snapshot, err);
  return EXIT.done;
}
