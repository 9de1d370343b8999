import { findColumn } from '../columns/choose.ts';
import { type Column, cellText, type InNamespace } from '../columns/column.ts';
import { isListener, NAMESPACES } from '../columns/namespaces.ts';
import { SOCKETS } from '../columns/sockets.ts';
import { describeUplink } from '../columns/uplink.ts';
import { type Namespace, namespaceKey, type Snapshot, type Socket } from '../model/index.ts';
import { whyNotRead } from '../model/unread.ts';
import { type Line, STYLE, type Style, span } from '../terminal/style.ts';
import { formatRate } from '../terminal/units.ts';
import { labelled, paragraph } from './detail-lines.ts';
import { type History, rateOf, seriesOf } from './history.ts';
import { trafficSparkline } from './namespace-columns.ts';

/** Things named on one line before "and n more": their tab has them all. */
const NAMED = 4;
/** Cells of the sparkline. */
const SPARKS = 40;

/** Some of a list in words, how many more there are, or that there is none. */
function some(texts: readonly string[]): string {
  if (texts.length === 0) return '—';
  const more = texts.length > NAMED ? ` and ${texts.length - NAMED} more` : '';
  return `${texts.slice(0, NAMED).join(', ')}${more}`;
}

function unread(label: string, source: string, ns: Namespace, snapshot: Snapshot, width: number): Line[] {
  return paragraph(label, `? ${whyNotRead(source, ns, snapshot)}`, width, STYLE.dim);
}

const REACHES_STYLE: Readonly<Record<NonNullable<Namespace['uplink']>['reaches'], Style>> = {
  wire: STYLE.plain,
  process: STYLE.plain,
  nowhere: STYLE.dim,
  unknown: STYLE.dim,
};

function reachesLines(ns: Namespace, snapshot: Snapshot, width: number): Line[] {
  const { uplink } = ns;
  if (uplink === null) return unread('Reaches', 'routes', ns, snapshot, width);
  const text = describeUplink(uplink, { ns, snapshot });
  return paragraph('Reaches', text, width, REACHES_STYLE[uplink.reaches]);
}

function addressLines(ns: Namespace, snapshot: Snapshot, width: number): Line[] {
  const addresses = findColumn(NAMESPACES, 'addresses')?.value(ns) ?? null;
  if (!Array.isArray(addresses)) return unread('Addresses', 'addresses', ns, snapshot, width);
  return paragraph('Addresses', some(addresses), width, addresses.length === 0 ? STYLE.dim : STYLE.plain);
}

const [PROTOCOL, LOCAL] = ['protocol', 'local'].map((id) => findColumn(SOCKETS, id));

/** `tcp 0.0.0.0:80 nginx` */
function listenerText(socket: Socket, context: InNamespace): string {
  const cell = (column: Column<Socket, InNamespace> | undefined) =>
    column === undefined ? '' : cellText(column, socket, context);
  const [first] = socket.processes ?? [];
  return [cell(PROTOCOL), cell(LOCAL), ...(first === undefined ? [] : [first.comm])].join(' ');
}

function listenerLines(ns: Namespace, snapshot: Snapshot, width: number): Line[] {
  if (ns.sockets === null) return unread('Listens', 'sockets', ns, snapshot, width);
  const listeners = ns.sockets.filter(isListener).map((socket) => listenerText(socket, { ns, snapshot }));
  // A server that listens by IPv4 and IPv6, or in several processes, on the same port.
  const texts = [...new Set(listeners)];
  return paragraph('Listens', some(texts), width, texts.length === 0 ? STYLE.dim : STYLE.plain);
}

function trafficLine(ns: Namespace, history: History, width: number): Line {
  const key = namespaceKey(ns);
  const rates = rateOf(history, key);
  const text = `rx ${formatRate(rates?.rxBytes ?? null)}/s  tx ${formatRate(rates?.txBytes ?? null)}/s`;
  if (seriesOf(history, key) === null) return labelled('Traffic', [span('?', STYLE.dim)]);
  const room = Math.min(SPARKS, width - 45);
  const spark = trafficSparkline(history, key, room).trimStart();
  return labelled('Traffic', [span(text.padEnd(26)), span(spark, STYLE.accent)]);
}

/** What a namespace is for, in few lines: where it reaches, what it answers to, how much passes. */
export function insideLines(ns: Namespace, snapshot: Snapshot, history: History, width: number): Line[] {
  return [
    ...reachesLines(ns, snapshot, width),
    ...addressLines(ns, snapshot, width),
    ...listenerLines(ns, snapshot, width),
    trafficLine(ns, history, width),
  ];
}
