import { VISIBILITY_GLYPH } from '../columns/index.ts';
import { openSnapshotNamespace } from '../enter.ts';
import { EXIT } from '../errors.ts';
import { describeConcealedTask, describeDisagreement, describeReferences } from '../model/describe.ts';
import { describeLinks, deviceKind, deviceState, whyNoDevices } from '../model/device-text.ts';
import { type Evidence, evidenceFor } from '../model/evidence.ts';
import { concealedIn, explainVisibility, leadsFor } from '../model/explain.ts';
import type { Container, Namespace, Snapshot } from '../model/index.ts';
import { describeBestWay, whyNoWay } from '../model/ways.ts';
import { close } from '../os/libc.ts';
import { describeWay } from '../os/open-namespace.ts';
import { closeProcfs, openProcfs } from '../os/procfs.ts';
import { toJson } from '../report/json.ts';
import { type TableColumn, toTable } from '../report/table.ts';
import { type CommandOptions, reportGaps, type Streams, takeSnapshot } from './command.ts';
import { HOLDER_COLUMNS, holderRows } from './holders.ts';
import { theNamespace } from './select.ts';

function containerText({ engine, id, name, pod }: Container): string {
  return [`${engine} ${name ?? id}`, name === null ? '' : `id ${id}`, pod === null ? '' : `pod ${pod}`]
    .filter((part) => part !== '')
    .join(', ');
}

function facts(ns: Namespace, snapshot: Snapshot, way: string): [string, string][] {
  return [
    [
      'Namespace',
      ns.ino === null ? '? (its number cannot be learned)' : `net:[${ns.ino}]${ns.initial ? ', the initial one' : ''}`,
    ],
    ['Name', ns.names.join(', ') || '—'],
    ['Visibility', `${VISIBILITY_GLYPH[ns.visibility]} ${ns.visibility}: ${explainVisibility(ns, snapshot)}`],
    ['Enters by', way],
    ['Cookie', ns.cookie ?? '?'],
    ['References', describeReferences(ns.references)],
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

const EVIDENCE_COLUMNS = [
  { header: '', align: 'left' },
  { header: 'SOURCE', align: 'left' },
  { header: 'VIEW', align: 'left' },
  { header: 'SEES IT', align: 'left' },
  { header: 'HOLDERS', align: 'right' },
  { header: 'COVERAGE', align: 'left' },
] as const;

const SEES = { yes: '●', no: '×', unknown: '?' } as const;

function evidenceRow({ source, sees, status, holders }: Evidence, { coverage }: Snapshot): string[] {
  const entry = coverage.find((candidate) => candidate.source === source);
  const gaps = entry === undefined || entry.missed.length === 0 ? '' : `, ${entry.missed.length} missed`;
  const why = status === 'unavailable' ? (entry?.missed[0] ?? entry?.notes[0])?.reason : undefined;
  // The kernel's are those that nobody else shows: none of them says nothing of the others.
  const counted = holders !== null && sees !== 'unknown' && (source !== 'kernel' || holders > 0);
  const held = counted ? String(holders) : '—';
  return [
    SEES[sees],
    source,
    entry?.view ?? '—',
    sees,
    held,
    why === undefined ? `${status}${gaps}` : `${status}: ${why}`,
  ];
}

const DEVICE_COLUMNS = [
  { header: 'NAME', align: 'left' },
  { header: 'KIND', align: 'left' },
  { header: 'STATE', align: 'left' },
  { header: 'MAC', align: 'left' },
  { header: 'CONNECTED TO', align: 'left' },
] as const;

function deviceRows(ns: Namespace, { namespaces }: Snapshot): string[][] {
  return (ns.devices ?? []).map((device) => [
    device.name,
    deviceKind(device),
    deviceState(device),
    device.address ?? '—',
    describeLinks(device, ns, namespaces) || '—',
  ]);
}

const CONCEALED_COLUMNS = [
  { header: '', align: 'left' },
  { header: 'TASK', align: 'left' },
  { header: 'UID', align: 'right' },
  { header: 'WHY', align: 'left' },
] as const;

/** A title with a count, and a table or what is said where there is none. */
function section(
  title: string,
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
  none = 'none',
): string {
  return `\n${title} ${rows.length}\n${rows.length === 0 ? `${none}\n` : toTable(columns, rows, width)}`;
}

/** Opens it, to say by which way that works, and lets go of it again: nothing is changed by that. */
function entersBy(ns: Namespace, snapshot: Snapshot, procRoot: string): string {
  const expected = describeBestWay(ns, snapshot) ?? `— ${whyNoWay(ns, snapshot)}`;
  const procfs = openProcfs(procRoot);
  try {
    if (!procfs.ofThisKernel) return expected;
    const opened = openSnapshotNamespace(procfs, ns, snapshot);
    if (opened.fd === null) return opened.why === 'gone' ? '— it is gone' : expected;
    close(opened.fd);
    return describeWay(opened.way);
  } finally {
    closeProcfs(procfs);
  }
}

function render(ns: Namespace, snapshot: Snapshot, way: string, width: number | undefined): string {
  const known = facts(ns, snapshot, way);
  const label = Math.max(...known.map(([name]) => name.length));
  const evidence = evidenceFor(ns, snapshot).map((each) => evidenceRow(each, snapshot));
  const concealed = concealedIn(ns, snapshot).map((task) => [
    '!',
    describeConcealedTask(task),
    String(task.uid ?? '?'),
    describeDisagreement(task),
  ]);
  const leads = holderRows(leadsFor(ns, snapshot), snapshot);
  return [
    ...known.map(([name, value]) => `${name.padEnd(label)}  ${value}\n`),
    `\nEvidence\n${toTable(EVIDENCE_COLUMNS, evidence, width)}`,
    concealed.length === 0 ? '' : section('Concealed tasks', CONCEALED_COLUMNS, concealed, width),
    section('Holders', HOLDER_COLUMNS, holderRows(ns.holders, snapshot), width, 'none seen'),
    leads.length === 0 ? '' : section('Leads: what may hold it', HOLDER_COLUMNS, leads, width),
    ns.devices === null
      ? `\nDevices ?\n${whyNoDevices(ns)}\n`
      : section('Devices', DEVICE_COLUMNS, deviceRows(ns, snapshot), width),
    section('Processes', PROCESS_COLUMNS, processRows(ns), width),
  ].join('');
}

/** `nsleuth show NS`: one namespace in full. */
export async function show(selector: string, options: CommandOptions, { out, err, width }: Streams): Promise<number> {
  const snapshot = await takeSnapshot(options);
  const ns = theNamespace(snapshot, selector);
  out(options.json ? toJson(ns) : render(ns, snapshot, entersBy(ns, snapshot, options.proc), width));
  if (!options.json) reportGaps(snapshot, err);
  return EXIT.done;
}
