import { VISIBILITY_GLYPH } from '../columns/namespaces.ts';
import type { Uplink } from '../model/index.ts';
import type { Topology, TopologyDevice, TopologyEdge, TopologyNamespace } from '../model/topology.ts';
import { toTable } from './table.ts';
import { type Branch, forestsOf } from './topology-forest.ts';

const COLUMNS = [
  { header: 'DEVICE', align: 'left' },
  { header: 'KIND', align: 'left' },
  { header: 'NAMESPACE', align: 'left' },
  { header: 'STATE', align: 'left' },
  { header: 'ADDRESS', align: 'left' },
  { header: 'NOTE', align: 'left' },
] as const;

const TITLES: Readonly<Record<Uplink['reaches'], string>> = {
  wire: 'On the wire, and what reaches it',
  process: 'Behind a process',
  unknown: 'Where it leads is not known',
  nowhere: 'Leads nowhere',
};

/** What is said of a namespace that is drawn where others reach something else. */
const ENDS = { process: 'reaches a process', unknown: 'its way is lost', nowhere: 'reaches nowhere' } as const;

/** Devices named for a namespace without any connection before "and n more". */
const NAMED = 4;

type Row = readonly string[];

/** What a line stands for: a device, a process, or a namespace without any connection. */
export interface TreeTarget {
  /** Id of the device, process or namespace in the topology. */
  readonly node: string;
  /** Inode of the namespace; null where its number is not known, and of a process. */
  readonly netns: number | null;
  readonly ifindex: number | null;
  readonly pid: number | null;
}

/** A line of the drawing. */
export interface TreeLine {
  readonly text: string;
  /** All of it, cut or not. */
  readonly whole: string;
  /** Null of a title, and of the blank line above it. */
  readonly target: TreeTarget | null;
  /** What it stands for has another line of its own. */
  readonly again: boolean;
  /** The last of its cells, which may have been left out; empty for none. */
  readonly note: string;
}

function namespaceText({ visibility, label }: TopologyNamespace): string {
  const glyph = visibility === null ? '?' : visibility === 'plain' ? ' ' : VISIBILITY_GLYPH[visibility];
  return `${glyph} ${label}`;
}

function nameText({ name, ifindex }: TopologyDevice): string {
  return name ?? `ifindex ${ifindex ?? '?'}`;
}

function kindText({ kind, physical, loopback, known }: TopologyDevice): string {
  if (!known) return '?';
  return kind ?? (physical ? 'physical' : loopback ? 'loopback' : '—');
}

/** Which end of a connection that is: as in `show`, a device is over what it sits on. */
function relationText({ kind, from }: TopologyEdge, { id }: TopologyDevice): string {
  if (kind === 'veth' || kind === 'netkit') return 'peer';
  return from.node === id ? 'over' : 'under';
}

/** A branch that is yet to be drawn. */
interface Pending {
  readonly branch: Branch;
  readonly above: Branch | null;
  /** What is left of it on its own line, and on those below it. */
  readonly before: string;
  readonly indent: string;
}

/** Puts branches into lines. */
class Drawing {
  readonly rows: Row[] = [];
  /** What each row stands for. */
  readonly targets: (Pick<TreeLine, 'again'> & { readonly target: TreeTarget })[] = [];
  readonly #namespaces: ReadonlyMap<string, TopologyNamespace>;
  readonly #devices = new Map<string, TopologyDevice[]>();
  readonly #named = new Set<TopologyNamespace>();

  constructor({ namespaces, devices }: Topology) {
    this.#namespaces = new Map(namespaces.map((ns) => [ns.id, ns]));
    for (const device of devices) {
      const known = this.#devices.get(device.namespace);
      if (known === undefined) this.#devices.set(device.namespace, [device]);
      else known.push(device);
    }
  }

  #namespaceOf({ namespace }: TopologyDevice): string {
    return this.#namespaces.get(namespace)?.label ?? namespace;
  }

  /** What is between a device and the line above it; the other end is named where it is in another namespace. */
  #connection({ thing, by, again }: Branch, above: Branch | null): string[] {
    if (by === null) return [];
    if (by === 'route') return ['routed'];
    if (by === 'underlay') return ['underlay'];
    const foreign =
      above !== null && !('pid' in thing) && !('pid' in above.thing) && thing.namespace !== above.thing.namespace;
    return [
      ...(foreign ? [`${relationText(by, thing)} ${nameText(above.thing)} in ${this.#namespaceOf(above.thing)}`] : []),
      ...(again ? ['drawn above'] : []),
      ...(by.certainty === 'certain' ? [] : [`probable: ${by.evidence}`]),
    ];
  }

  /** What is to be said of a namespace, on the first of its lines. */
  #remark(ns: TopologyNamespace | undefined, reaches: Uplink['reaches']): string[] {
    if (ns === undefined || this.#named.has(ns)) return [];
    this.#named.add(ns);
    if (ns.uplink === null) return [];
    const { reaches: end, reason } = ns.uplink;
    const elsewhere = end === reaches || end === 'wire' ? [] : [ENDS[end]];
    return [[...elsewhere, ...(reason === null ? [] : [reason])].join(': ')];
  }

  /** @param near the end of its cable that is drawn on the same line. */
  #row(branch: Branch, before: string, near: TopologyDevice | null, notes: readonly string[]): Row {
    const { thing } = branch;
    if ('pid' in thing)
      return [`${before}pid ${thing.pid} ${thing.comm ?? '?'}`, 'process', '', '', '', notes.join('; ')];
    const ns = this.#namespaces.get(thing.namespace);
    // A link-local address of the near end is on every cable.
    const nearAddress = near?.address?.startsWith('fe80:') ? null : (near?.address ?? null);
    const addresses = [nearAddress, thing.address].filter((address) => address !== null);
    return [
      `${before}${near === null ? '' : `${nameText(near)} ⇄ `}${nameText(thing)}`,
      kindText(thing),
      ns === undefined ? '?' : namespaceText(ns),
      thing.state ?? '?',
      addresses.join(' ⇄ ') || '—',
      notes.filter((note) => note !== '').join('; '),
    ];
  }

  #target({ thing }: Branch): TreeTarget {
    if ('pid' in thing) return { node: thing.id, netns: null, ifindex: null, pid: thing.pid };
    const netns = this.#namespaces.get(thing.namespace)?.ino ?? null;
    return { node: thing.id, netns, ifindex: thing.ifindex, pid: null };
  }

  /** A cable whose near end is of no interest of its own is one line: the far end of it, or null. */
  #farEnd({ thing, again, below }: Branch, above: Branch | null): Branch | null {
    const [far] = below;
    if (again || far === undefined || below.length > 1 || far.again || above === null) return null;
    if ('pid' in thing || 'pid' in above.thing || thing.namespace !== above.thing.namespace) return null;
    const kind = typeof far.by === 'object' ? far.by?.kind : null;
    return kind === 'veth' || kind === 'netkit' ? far : null;
  }

  draw(roots: readonly Branch[], reaches: Uplink['reaches']): void {
    const stack: Pending[] = roots.toReversed().map((branch) => ({ branch, above: null, before: '', indent: '' }));
    for (let pending = stack.pop(); pending !== undefined; pending = stack.pop()) {
      const { branch, above, before, indent } = pending;
      const far = this.#farEnd(branch, above);
      const near = far === null || 'pid' in branch.thing ? null : branch.thing;
      const shown = far ?? branch;
      const ns = 'pid' in shown.thing || shown.again ? undefined : this.#namespaces.get(shown.thing.namespace);
      const notes = [
        ...this.#connection(branch, above),
        ...(far === null ? [] : this.#connection(far, null)),
        ...this.#remark(ns, reaches),
      ];
      this.rows.push(this.#row(shown, before, near, notes));
      this.targets.push({ target: this.#target(shown), again: shown.again });
      const last = shown.below.length - 1;
      for (const [index, child] of [...shown.below.entries()].reverse()) {
        const line = child.by === 'route' || child.by === 'underlay' ? '┄' : '─';
        stack.push({
          branch: child,
          above: shown,
          before: `${indent}${index === last ? '└' : '├'}${line}`,
          indent: `${indent}${index === last ? '  ' : '│ '}`,
        });
      }
    }
  }

  /** A namespace whose devices are connected with nothing: one line. */
  alone(ns: TopologyNamespace, reaches: Uplink['reaches']): void {
    const devices = (this.#devices.get(ns.id) ?? []).filter(({ loopback }) => !loopback);
    const [only] = devices;
    const names = devices.slice(0, NAMED).map(nameText).join(', ');
    const more = devices.length > NAMED ? ` and ${devices.length - NAMED} more` : '';
    const single = devices.length === 1 ? only : undefined;
    this.rows.push([
      names === '' ? '—' : `${names}${more}`,
      single === undefined ? '—' : kindText(single),
      namespaceText(ns),
      single === undefined ? '—' : (single.state ?? '?'),
      single?.address ?? '—',
      this.#remark(ns, reaches).join(),
    ]);
    this.targets.push({ target: { node: ns.id, netns: ns.ino, ifindex: null, pid: null }, again: false });
  }
}

function titleLines(title: string): TreeLine[] {
  return ['', title].map((text) => ({ text, whole: text, target: null, again: false, note: '' }));
}

/**
 * The lines of the tree, and what each stands for: see `topologyTree`.
 *
 * @param noted false to leave the column of notes out, so that the others have its room.
 */
export function topologyLines(
  topology: Topology,
  width?: number,
  noted = true,
): { readonly header: string; readonly lines: readonly TreeLine[] } {
  const drawing = new Drawing(topology);
  const titles = new Map<number, string>();
  for (const { reaches, trees, alone } of forestsOf(topology)) {
    if (trees.length + alone.length === 0) continue;
    titles.set(drawing.rows.length, TITLES[reaches]);
    drawing.draw(trees, reaches);
    for (const ns of alone) drawing.alone(ns, reaches);
  }
  const columns = noted ? COLUMNS : COLUMNS.slice(0, -1);
  const [header = '', ...texts] = toTable(columns, drawing.rows, width).split('\n');
  const lines = drawing.targets.flatMap((target, index): TreeLine[] => {
    const title = titles.get(index);
    const row = drawing.rows[index] ?? [];
    const line = { text: texts[index] ?? '', whole: row.join(' '), note: row.at(-1) ?? '', ...target };
    return title === undefined ? [line] : [...titleLines(title), line];
  });
  return { header, lines };
}

/**
 * The topology as a tree for a terminal or a pipe: below each physical device what sits on it or is behind it, a line for
 * each device that is connected with anything, both ends of a cable in one where there is no more to say of the near
 * one. A dashed line is a way that takes routing. Every connection and every namespace is there.
 *
 * @param width cells of a terminal: lines are cut to it.
 */
export function topologyTree(topology: Topology, width?: number): string {
  if (topology.namespaces.length === 0) return 'no network namespace was seen\n';
  const { header, lines } = topologyLines(topology, width);
  return `${[header, ...lines.map(({ text }) => text)].join('\n')}\n`;
}
