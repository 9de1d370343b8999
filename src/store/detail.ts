import { VISIBILITY_GLYPH } from '../columns/index.ts';
import { describeHolder, holderPid } from '../model/describe.ts';
import {
  type Holder,
  isCertain,
  type Namespace,
  type Process,
  type Snapshot,
  type Visibility,
} from '../model/index.ts';
import { type Line, type Span, STYLE, type Style, span } from '../terminal/style.ts';
import { fit, wrap } from '../terminal/width.ts';
import { startText } from './time.ts';

/** Cells of the label column. */
const LABEL = 11;
/** Processes named for one mount before "and n more". */
const NAMED_WATCHERS = 4;

/** How each visibility is coloured wherever it is drawn. */
export const VISIBILITY_STYLE: Readonly<Record<Visibility, Style>> = {
  plain: STYLE.plain,
  obscure: STYLE.warn,
  hidden: STYLE.alert,
  dying: STYLE.odd,
};

/** What a namespace is called where one word must do: its number, its name beside it. */
export function nameNamespace(ns: Namespace): string {
  const number = ns.ino === null ? 'namespace without a number' : String(ns.ino);
  const name = ns.names[0] ?? (ns.initial ? 'init' : undefined);
  return name === undefined ? number : `${number} ${name}`;
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** Why a namespace is as visible as it is. */
function explainVisibility(ns: Namespace): string {
  switch (ns.visibility) {
    case 'plain': {
      const reasons = [
        ...(ns.names.length > 0 ? ['ip netns lists it'] : []),
        ...(ns.processes.length > 0
          ? [`/proc/<pid>/ns/net of ${count(ns.processes.length, 'process', 'processes')} shows it`]
          : []),
      ];
      return reasons.join('; ') || 'it needs no deeper look';
    }
    case 'obscure': {
      const kinds = [...new Set(ns.holders.filter(isCertain).map(({ kind }) => kind))];
      return kinds.length === 0
        ? 'only a deeper look finds it'
        : `neither ip netns nor a scan of /proc/<pid>/ns/net finds it, only its holders do: ${kinds.join(', ')}`;
    }
    case 'hidden':
      return ns.processes.some(({ covered }) => covered)
        ? 'a mount laid over /proc/<pid> conceals its processes from other tools'
        : 'the kernel lists it and no certain holder can be found';
    case 'dying':
      return 'its count reached zero and teardown has not finished';
  }
}

function labelled(label: string, value: readonly Span[], over: Style = STYLE.dim): Line {
  return [span(` ${fit(label, LABEL)}`, over), ...value];
}

/** A label and a text that may take several lines. */
function paragraph(label: string, text: string, width: number, style?: Style): Line[] {
  return wrap(text, Math.max(10, width - LABEL - 2)).map((piece, index) =>
    labelled(index === 0 ? label : '', [span(piece, style)]),
  );
}

function heading(title: string, number: number): Line {
  return [span(` ${title} `, STYLE.accent), span(String(number), STYLE.accentBold)];
}

function identityLines(ns: Namespace, width: number): Line[] {
  const owner =
    ns.owner === null ? '?' : `user namespace ${ns.owner.userNamespace}, created by uid ${ns.owner.uid ?? '?'}`;
  const identity = [
    `net:[${ns.ino ?? '?'}]`,
    `cookie ${ns.cookie ?? '?'}`,
    ...(ns.initial ? ['initial namespace of the host'] : []),
  ];
  const glyph = `${VISIBILITY_GLYPH[ns.visibility]} ${ns.visibility}`;
  return [
    ...paragraph('Identity', identity.join(' · '), width),
    ...paragraph('Visible', `${glyph}: ${explainVisibility(ns)}`, width, VISIBILITY_STYLE[ns.visibility]),
    ...paragraph('Owner', owner, width),
    ...paragraph('Names', ns.names.join(', ') || '—', width),
    ...(ns.paths.length === 0
      ? []
      : ns.paths.flatMap((path, index) => paragraph(index === 0 ? 'Mounted at' : '', path, width))),
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

function holderLines(holder: Holder, ns: Namespace, snapshot: Snapshot, width: number): Line[] {
  const suspected = isCertain(holder) ? [] : [span(' (suspected)', STYLE.warn)];
  const lines: Line[] = [[span(`   ${describeHolder(holder)}`), ...suspected]];
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

function processLines(process: Process, now: string, width: number, whole: boolean): Line[] {
  const user = process.user ?? (process.uid === null ? '?' : String(process.uid));
  const fixed = ` ${fit(String(process.pid), 8, 'right')}  ${fit(user, 10)}  ${fit(startText(process.startedAt, now), 10)}  ${fit(String(process.threads), 4, 'right')}  `;
  const command = process.cmdline || `[${process.comm}]`;
  const tags: Span[] = [
    ...(process.covered ? [span(' concealed by a mount over its /proc entry', STYLE.alert)] : []),
    ...(process.container === null ? [] : [span(` ${process.container.name ?? process.container.id}`, STYLE.dim)]),
  ];
  if (!whole) return [[span(fixed), span(command), ...tags]];
  const pieces = wrap(command, Math.max(20, width - fixed.length - 1));
  return pieces.map((piece, index) => [
    span(index === 0 ? fixed : ' '.repeat(fixed.length)),
    span(piece),
    ...(index === pieces.length - 1 ? tags : []),
  ]);
}

function makeDetail(ns: Namespace, snapshot: Snapshot, width: number, whole: boolean): readonly Line[] {
  const leads = ns.holders.some(isCertain) ? [] : snapshot.leads;
  return [
    ...identityLines(ns, width),
    heading('Holders', ns.holders.length),
    ...(ns.holders.length === 0 ? [[span('   none seen', STYLE.dim)]] : []),
    ...ns.holders.flatMap((holder) => holderLines(holder, ns, snapshot, width)),
    ...(leads.length === 0
      ? []
      : [heading('Leads: what may hold it, the kernel does not say which namespace', leads.length)]),
    ...leads.flatMap((holder) => holderLines(holder, ns, snapshot, width)),
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
    ...ns.processes.flatMap((process) => processLines(process, snapshot.takenAt, width, whole)),
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
