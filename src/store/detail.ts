import { VISIBILITY_GLYPH } from '../columns/index.ts';
import { describeHolder, describeReferences, holderPid } from '../model/describe.ts';
import { concealedIn, explainVisibility, leadsFor } from '../model/explain.ts';
import {
  type Holder,
  isCertain,
  type Namespace,
  type Process,
  type Snapshot,
  type Visibility,
} from '../model/index.ts';
import { describeBestWay, whyNoWay } from '../model/ways.ts';
import { type Line, type Span, STYLE, type Style, span } from '../terminal/style.ts';
import { fit, wrap } from '../terminal/width.ts';
import { deviceLines } from './detail-devices.ts';
import { concealedLines, evidenceLines } from './detail-evidence.ts';
import { heading, paragraph } from './detail-lines.ts';
import { startText } from './time.ts';

/** Processes named for one mount before "and n more". */
const NAMED_WATCHERS = 4;

/** How each visibility is coloured wherever it is drawn. */
export const VISIBILITY_STYLE: Readonly<Record<Visibility, Style>> = {
  plain: STYLE.plain,
  obscure: STYLE.warn,
  hidden: STYLE.alert,
  dying: STYLE.odd,
};

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

function wayLines(ns: Namespace, snapshot: Snapshot, width: number): Line[] {
  const way = describeBestWay(ns, snapshot);
  return way === null
    ? paragraph('Enters by', `— ${whyNoWay(ns, snapshot)}`, width, STYLE.dim)
    : paragraph('Enters by', way, width);
}

function identityLines(ns: Namespace, snapshot: Snapshot, width: number): Line[] {
  const owner =
    ns.owner === null ? '?' : `user namespace ${ns.owner.userNamespace}, created by uid ${ns.owner.uid ?? '?'}`;
  const identity = [
    `net:[${ns.ino ?? '?'}]`,
    `cookie ${ns.cookie ?? '?'}`,
    ...(ns.initial ? ['initial'] : []),
    describeReferences(ns.references),
  ];
  const glyph = `${VISIBILITY_GLYPH[ns.visibility]} ${ns.visibility}`;
  const why = explainVisibility(ns, snapshot);
  return [
    ...paragraph('Identity', identity.join(' · '), width),
    ...paragraph('Visible', `${glyph}: ${why}`, width, VISIBILITY_STYLE[ns.visibility]),
    ...evidenceLines(ns, snapshot, width),
    ...wayLines(ns, snapshot, width),
    ...paragraph('Owner', owner, width),
    ...paragraph('Names', ns.names.join(', ') || '—', width),
    ...ns.paths.flatMap((path, index) => paragraph(index === 0 ? 'Mounted at' : '', path, width)),
    ...containerLines(ns, width),
  ];
}

function containerLines(ns: Namespace, width: number): Line[] {
  if (ns.container === null) return paragraph('Container', '—', width);
  const { engine, id, name, pod } = ns.container;
  const parts = [engine, ...(name === null ? [] : [name]), id, ...(pod === null ? [] : [`pod ${pod}`])];
  return paragraph('Container', parts.join(' · '), width);
}

/** Command names by pid, over every process of the snapshot: those that see a mount live anywhere. */
function commandsOf(snapshot: Snapshot, pids: readonly number[]): Map<number, string> {
  const wanted = new Set(pids);
  const found = new Map<number, string>();
  if (wanted.size === 0) return found;
  for (const { processes } of snapshot.namespaces) {
    for (const { pid, comm } of processes) if (wanted.has(pid)) found.set(pid, comm);
  }
  return found;
}

/** Where a mount is to be seen from: which mount namespace, and who lives there. */
function mountSeenBy(mountNamespace: number | null, snapshot: Snapshot): string {
  const where = mountNamespace === null ? 'mount namespace ?' : `mount namespace ${mountNamespace}`;
  const pids = snapshot.mountNamespaces.find(({ ino }) => ino === mountNamespace)?.pids ?? [];
  if (pids.length === 0) return `in ${where}, no process seen there`;
  const named = pids.slice(0, NAMED_WATCHERS);
  const commands = commandsOf(snapshot, named);
  const list = named.map((pid) => `${pid}${commands.has(pid) ? ` ${commands.get(pid)}` : ''}`).join(', ');
  const more = pids.length > named.length ? ` and ${pids.length - named.length} more` : '';
  return `in ${where}, seen by ${count(pids.length, 'process', 'processes')}: ${list}${more}`;
}

/** How sure a holder is: suspected, or named by nobody but the kernel. */
function holderTags(holder: Holder): Span[] {
  if (!isCertain(holder)) return [span(' (suspected)', STYLE.warn)];
  return holder.view === 'kernel' ? [span(' (kernel)', STYLE.accent)] : [];
}

function holderLines(holder: Holder, ns: Namespace, snapshot: Snapshot, width: number): Line[] {
  const lines: Line[] = [[span(`   ${describeHolder(holder)}`), ...holderTags(holder)]];
  if (holder.kind === 'mount') {
    for (const piece of wrap(mountSeenBy(holder.mountNamespace, snapshot), Math.max(10, width - 6))) {
      lines.push([span(`     ${piece}`, STYLE.dim)]);
    }
    return lines;
  }
  const owner = holderPid(holder);
  if (owner === null) return lines;
  const command = ns.processes.find(({ pid }) => pid === owner)?.comm ?? commandsOf(snapshot, [owner]).get(owner);
  if (command !== undefined) lines[0] = [...(lines[0] ?? []), span(`  ${command}`, STYLE.dim)];
  return lines;
}

function processTags(process: Process, concealed: ReadonlySet<number>): Span[] {
  return [
    ...(concealed.has(process.pid) ? [span(' concealed from /proc', STYLE.alert)] : []),
    ...(process.covered ? [span(' concealed by a mount over its /proc entry', STYLE.alert)] : []),
    ...(process.container === null ? [] : [span(` ${process.container.name ?? process.container.id}`, STYLE.dim)]),
  ];
}

function processLines(process: Process, tags: readonly Span[], now: string, width: number, whole: boolean): Line[] {
  const user = process.user ?? (process.uid === null ? '?' : String(process.uid));
  const fixed = ` ${fit(String(process.pid), 8, 'right')}  ${fit(user, 10)}  ${fit(startText(process.startedAt, now), 10)}  ${fit(String(process.threads), 4, 'right')}  `;
  const command = process.cmdline || `[${process.comm}]`;
  if (!whole) return [[span(fixed), span(command), ...tags]];
  const pieces = wrap(command, Math.max(20, width - fixed.length - 1));
  return pieces.map((piece, index) => [
    span(index === 0 ? fixed : ' '.repeat(fixed.length)),
    span(piece),
    ...(index === pieces.length - 1 ? tags : []),
  ]);
}

function makeDetail(ns: Namespace, snapshot: Snapshot, width: number, whole: boolean): readonly Line[] {
  const leads = leadsFor(ns, snapshot);
  const concealed = new Set(
    concealedIn(ns, snapshot)
      .filter(({ seenBy }) => seenBy === 'kernel')
      .map(({ pid }) => pid),
  );
  return [
    ...identityLines(ns, snapshot, width),
    ...concealedLines(ns, snapshot),
    heading('Holders', ns.holders.length),
    ...(ns.holders.length === 0 ? [[span('   none seen', STYLE.dim)]] : []),
    ...ns.holders.flatMap((holder) => holderLines(holder, ns, snapshot, width)),
    ...(leads.length === 0
      ? []
      : [heading('Leads: what may hold it, the kernel does not say which namespace', leads.length)]),
    ...leads.flatMap((holder) => holderLines(holder, ns, snapshot, width)),
    ...deviceLines(ns, snapshot, width),
    heading('Processes', ns.processes.length),
    ...(ns.processes.length === 0
      ? [[span('   none', STYLE.dim)]]
      : [
          [
            span(
              ` ${fit('PID', 8, 'right')}  ${fit('USER', 10)}  ${fit('STARTED', 10)}  ${fit('THR', 4, 'right')}  COMMAND`,
              STYLE.dim,
            ),
          ],
        ]),
    ...ns.processes.flatMap((process) =>
      processLines(process, processTags(process, concealed), snapshot.takenAt, width, whole),
    ),
  ];
}

let last: { ns: Namespace; snapshot: Snapshot; width: number; whole: boolean; lines: readonly Line[] } | undefined;

/**
 * Everything known of one namespace, one line per fact; `whole` breaks long command lines instead of cutting them.
 * The last answer is remembered, since a frame asks several times.
 */
export function detailLines(ns: Namespace, snapshot: Snapshot, width: number, whole: boolean): readonly Line[] {
  if (last?.ns !== ns || last.snapshot !== snapshot || last.width !== width || last.whole !== whole) {
    last = { ns, snapshot, width, whole, lines: makeDetail(ns, snapshot, width, whole) };
  }
  return last.lines;
}
