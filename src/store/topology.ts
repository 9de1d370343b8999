import { monotonic } from '../clock.ts';
import { topologyOf } from '../correlate/topology.ts';
import type { Namespace, Snapshot } from '../model/index.ts';
import { type TreeLine, topologyLines } from '../report/topology-tree.ts';
import { homeOf, type Jump } from './jumps.ts';
import { layoutScreen, type Size, scrollTo } from './layout.ts';

/** Where in the drawing one is. The drawing itself follows from the snapshot. */
export interface TopologyView {
  /** Key of the line the cursor is on; null while there is none. */
  readonly selected: string | null;
  readonly index: number;
  /** First visible line. */
  readonly top: number;
  /** What is looked for; empty for nothing. */
  readonly find: string;
}

export const TOPOLOGY_START: TopologyView = { selected: null, index: -1, top: 0, find: '' };

/** A line of the drawing, told from the others from one snapshot to the next. */
export interface TopologyLine extends TreeLine {
  readonly key: string;
}

interface Drawing {
  readonly header: string;
  readonly lines: readonly TopologyLine[];
}

/** The namespace and device are on several lines at times: the second of them and so on count on. */
function keyed(lines: readonly TreeLine[]): readonly TopologyLine[] {
  const seen = new Map<string, number>();
  return lines.map((line) => {
    const own = line.target === null ? `title ${line.text}` : `${line.target.node} ${line.again}`;
    const count = seen.get(own) ?? 0;
    seen.set(own, count + 1);
    return { ...line, key: count === 0 ? own : `${own}#${count}` };
  });
}

/** A drawing that takes longer than this, in milliseconds, would be felt: a thousand namespaces take a tenth of a second. */
const DEAR_MS = 20;
/** Such a one is drawn again when this many times what it took has passed: 4 % of the time. */
const REST = 25;

interface Drawn {
  readonly of: Snapshot['namespaces'];
  readonly width: number;
  readonly drawing: Drawing;
  /** `monotonic()` until which it stands for later snapshots too. */
  readonly until: number;
}

let last: Drawn | undefined;

/** From this width on notes have a column; below, that of the line of the cursor has a line of its own. */
const NOTED = 120;

/** Whether the note of the line of the cursor has a line of its own. */
export function hasNoteLine({ columns }: Size): boolean {
  return columns < NOTED;
}

/** The drawing of a snapshot, two cells narrower than the terminal. The last one is remembered, since a frame asks several times. */
export function drawTopology({ namespaces }: Pick<Snapshot, 'namespaces'>, size: Size): Drawing {
  const width = size.columns - 2;
  const started = monotonic();
  if (last?.width === width && (last.of === namespaces || started < last.until)) return last.drawing;
  const { header, lines } = topologyLines(topologyOf(namespaces), width, !hasNoteLine(size));
  const drawing = { header, lines: keyed(lines) };
  const took = monotonic() - started;
  last = { of: namespaces, width, drawing, until: took > DEAR_MS ? started + took * REST : 0 };
  return drawing;
}

/** Lines of the drawing in view: below its title and the header, above the line of the note. */
export function topologyHeight(size: Size): number {
  return Math.max(1, layoutScreen(size, false).body - 2 - (hasNoteLine(size) ? 1 : 0));
}

function put(view: TopologyView, lines: readonly TopologyLine[], index: number, height: number): TopologyView {
  const line = lines[index];
  if (line === undefined) return { ...view, selected: null, index: -1, top: 0 };
  // A title above the first line of its part comes into view with it.
  const above = lines[index - 1]?.target === null ? index - 1 : index;
  const top = scrollTo(scrollTo(view.top, index, height, lines.length), above, height, lines.length);
  return { ...view, selected: line.key, index, top: scrollTo(top, index, height, lines.length) };
}

/** The nearest line at `index` or beyond it that stands for something; back from there where there is none. */
function standing(lines: readonly TopologyLine[], index: number, by: 1 | -1): number {
  for (const step of [by, -by]) {
    for (let at = index; at >= 0 && at < lines.length; at += step) if (lines[at]?.target != null) return at;
  }
  return -1;
}

/** Moves the cursor to `index`, or the nearest line that stands for something. */
export function moveTopology(
  view: TopologyView,
  lines: readonly TopologyLine[],
  index: number,
  height: number,
): TopologyView {
  const to = Math.min(Math.max(0, index), lines.length - 1);
  return put(view, lines, standing(lines, to, index >= view.index ? 1 : -1), height);
}

/** Keeps the cursor on its line in another drawing, in its place on the screen; that of `start` where it has none. */
export function settleTopology(
  view: TopologyView,
  lines: readonly TopologyLine[],
  height: number,
  start: Namespace | null,
): TopologyView {
  if (lines[view.index]?.key === view.selected && view.selected !== null) {
    const top = scrollTo(view.top, view.index, height, lines.length);
    return top === view.top ? view : { ...view, top };
  }
  const found = lines.findIndex(({ key }) => key === view.selected);
  if (found !== -1) return put({ ...view, top: view.top + found - view.index }, lines, found, height);
  if (view.index !== -1) return moveTopology(view, lines, view.index, height);
  const own = lines.findIndex(({ target, again }) => target !== null && !again && target.netns === start?.ino);
  return own === -1 ? moveTopology(view, lines, 0, height) : put(view, lines, own, height);
}

/** Where the next line is that has the text, from the one after `from` on and around; -1 for nowhere. */
export function findLine(lines: readonly TopologyLine[], text: string, from: number, by: 1 | -1 = 1): number {
  const wanted = text.toLowerCase();
  if (wanted === '') return -1;
  for (let step = 1; step <= lines.length; step++) {
    const at = (((from + by * step) % lines.length) + lines.length) % lines.length;
    const line = lines[at];
    if (line?.target != null && line.whole.toLowerCase().includes(wanted)) return at;
  }
  return -1;
}

/** Where a line leads: to the namespace, and the device where it is one of it; to a process where it stands for that. */
export function jumpFromLine({ target }: TopologyLine, snapshot: Snapshot): Jump {
  if (target === null) return { why: 'it stands for nothing' };
  const { pid, netns, ifindex } = target;
  if (pid !== null) {
    const ns = homeOf(pid, snapshot);
    return ns === undefined
      ? { why: `in which namespace pid ${pid} lives is not known` }
      : { ns, tab: 'processes', item: String(pid) };
  }
  const there = snapshot.namespaces.filter(({ ino }) => ino === netns);
  // One that has no devices has left, and its number may be used again.
  const ns = netns === null ? undefined : (there.find(({ devices }) => devices !== null) ?? there[0]);
  if (ns === undefined) return { why: 'that namespace is not in the snapshot' };
  return { ns, tab: ifindex === null ? 'overview' : 'devices', item: ifindex === null ? null : String(ifindex) };
}
