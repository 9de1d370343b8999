import { VISIBILITY_GLYPH } from '../columns/namespaces.ts';
import { describeHolder, describeReferences, holderPid } from '../model/describe.ts';
import { explainVisibility, leadsFor } from '../model/explain.ts';
import { type Holder, isCertain, type Namespace, type Snapshot, type Visibility } from '../model/index.ts';
import { describeBestWay, whyNoWay } from '../model/ways.ts';
import { type Line, type Span, STYLE, type Style, span } from '../terminal/style.ts';
import { wrap } from '../terminal/width.ts';
import { concealedLines, discrepancyLines, evidenceLines } from './detail-evidence.ts';
import { insideLines } from './detail-inside.ts';
import { heading, paragraph } from './detail-lines.ts';
import { detailWidth, hasDetail } from './focus.ts';
import type { History } from './history.ts';
import { type ScreenState, selectedNamespace } from './state.ts';

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
  ];
}

/** Where it comes from, and by what names it goes. */
function originLines(ns: Namespace, width: number): Line[] {
  const owner =
    ns.owner === null ? '?' : `user namespace ${ns.owner.userNamespace}, created by uid ${ns.owner.uid ?? '?'}`;
  return [
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

/** Holders listed before "and n more": their tab has them all. */
const LISTED_HOLDERS = 6;

function holdersLines(title: string, holders: readonly Holder[], ns: Namespace, snapshot: Snapshot, width: number) {
  const more = holders.length - LISTED_HOLDERS;
  return [
    heading(title, holders.length),
    ...(holders.length === 0 ? [[span('   none seen', STYLE.dim)]] : []),
    ...holders.slice(0, LISTED_HOLDERS).flatMap((holder) => holderLines(holder, ns, snapshot, width)),
    ...(more > 0 ? [[span(`   and ${more} more`, STYLE.dim)]] : []),
  ];
}

function makeDetail(ns: Namespace, snapshot: Snapshot, history: History, width: number): readonly Line[] {
  const leads = leadsFor(ns, snapshot);
  const evidence = evidenceLines(ns, snapshot, width);
  const ordinary = ns.visibility === 'plain';
  return [
    ...identityLines(ns, snapshot, width),
    ...concealedLines(ns, snapshot),
    // Who sees it is of interest where not everybody does.
    ...(ordinary ? [] : evidence),
    ...discrepancyLines(ns, width),
    ...insideLines(ns, snapshot, history, width),
    ...wayLines(ns, snapshot, width),
    ...originLines(ns, width),
    ...(ordinary ? evidence : []),
    ...holdersLines('Holders', ns.holders, ns, snapshot, width),
    ...(leads.length === 0
      ? []
      : holdersLines('Leads: what may hold it, the kernel does not say which namespace', leads, ns, snapshot, width)),
  ];
}

let last: { ns: Namespace; snapshot: Snapshot; history: History; width: number; lines: readonly Line[] } | undefined;

/**
 * What is known of one namespace besides the lists that have tabs, one line per fact. The last answer is remembered,
 * since a frame asks several times.
 */
export function detailLines(ns: Namespace, snapshot: Snapshot, history: History, width: number): readonly Line[] {
  if (last?.ns !== ns || last.snapshot !== snapshot || last.history !== history || last.width !== width) {
    last = { ns, snapshot, history, width, lines: makeDetail(ns, snapshot, history, width) };
  }
  return last.lines;
}

/** The lines of the overview that is shown; none while something else is. */
export function detailLinesOf(state: ScreenState): readonly Line[] {
  const { snapshot, history, tab } = state;
  const ns = selectedNamespace(state);
  if (ns === null || snapshot === null || tab !== 'overview' || !hasDetail(state)) return [];
  return detailLines(ns, snapshot, history, detailWidth(state));
}
