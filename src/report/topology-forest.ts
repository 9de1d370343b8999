import { isTunnel } from '../correlate/device-kinds.ts';
import type { Uplink, UplinkStep } from '../model/index.ts';
import type { Topology, TopologyDevice, TopologyEdge, TopologyNamespace, TopologyProcess } from '../model/topology.ts';

/** What can be drawn on a line: a device, or a process. */
export type Thing = TopologyDevice | TopologyProcess;

/** A line of the drawing, and what is below it. */
export interface Branch {
  readonly thing: Thing;
  /** What connects it with the line above: an edge, the routing of the namespace they are both in, or nothing. */
  readonly by: TopologyEdge | 'route' | 'underlay' | null;
  /** It has a line of its own elsewhere: this one only draws the edge. */
  readonly again: boolean;
  readonly below: Branch[];
}

/** Trees of what reaches the same; `alone` are namespaces that are in none. */
export interface Forest {
  readonly reaches: Uplink['reaches'];
  readonly trees: readonly Branch[];
  readonly alone: readonly TopologyNamespace[];
}

const REACHES = ['wire', 'process', 'unknown', 'nowhere'] as const;

interface Neighbour {
  readonly edge: TopologyEdge;
  readonly thing: Thing;
}

/** Grows trees over the edges, each from its root outwards, so that everything is as near to a root as can be. */
class Planting {
  readonly #things: ReadonlyMap<string, Thing>;
  readonly #neighbours = new Map<Thing, Neighbour[]>();
  readonly #branches = new Map<Thing, Branch>();
  readonly #drawn = new Set<TopologyEdge>();

  constructor({ devices, processes, edges }: Topology) {
    this.#things = new Map([...devices, ...processes].map((thing) => [thing.id, thing]));
    for (const edge of edges) {
      const [from, to] = [this.#things.get(edge.from.node), this.#things.get(edge.to.node)];
      if (from === undefined || to === undefined) continue;
      this.#neighboursOf(from).push({ edge, thing: to });
      this.#neighboursOf(to).push({ edge, thing: from });
    }
  }

  #neighboursOf(thing: Thing): Neighbour[] {
    let known = this.#neighbours.get(thing);
    if (known === undefined) {
      known = [];
      this.#neighbours.set(thing, known);
    }
    return known;
  }

  degree(thing: Thing): number {
    return this.#neighbours.get(thing)?.length ?? 0;
  }

  has(thing: Thing): boolean {
    return this.#branches.has(thing);
  }

  #branch(thing: Thing, by: Branch['by'], above: Branch | null): Branch {
    const branch: Branch = { thing, by, again: false, below: [] };
    this.#branches.set(thing, branch);
    above?.below.push(branch);
    return branch;
  }

  /** Grows from all roots at once; what is reached already stays where it is. */
  grow(roots: readonly Branch[]): void {
    const queue = [...roots];
    for (const branch of queue) {
      for (const { edge, thing } of this.#neighboursOf(branch.thing)) {
        if (this.has(thing)) continue;
        this.#drawn.add(edge);
        queue.push(this.#branch(thing, edge, branch));
      }
    }
  }

  plant(things: readonly Thing[]): Branch[] {
    const roots = things.filter((thing) => !this.has(thing)).map((thing) => this.#branch(thing, null, null));
    this.grow(roots);
    return roots;
  }

  /** Hangs what is routed, and tunnels, below what they leave by. Ways are walked from their far end, which is planted. */
  hang({ steps }: Uplink): void {
    for (let at = steps.length - 2; at >= 0; at--) {
      const [near, far] = [this.#thingOf(steps[at]), this.#thingOf(steps[at + 1])];
      const by = steps[at + 1]?.by === 'underlay' ? 'underlay' : 'route';
      const above = far === undefined ? undefined : this.#branches.get(far);
      if (near === undefined || above === undefined || this.has(near)) continue;
      this.grow([this.#branch(near, by, above)]);
    }
  }

  #thingOf(step: UplinkStep | undefined): Thing | undefined {
    return step === undefined ? undefined : this.#things.get(`${step.device.netns}/${step.device.ifindex}`);
  }

  /** Draws the edges that are in no tree, where their second end comes: the first one has a line above. */
  close(roots: readonly Branch[], seen: Set<Thing>): void {
    const stack = roots.toReversed();
    for (let branch = stack.pop(); branch !== undefined; branch = stack.pop()) {
      seen.add(branch.thing);
      stack.push(...branch.below.toReversed());
      for (const { edge, thing } of this.#neighboursOf(branch.thing)) {
        if (this.#drawn.has(edge) || !seen.has(thing)) continue;
        this.#drawn.add(edge);
        branch.below.unshift({ thing, by: edge, again: true, below: [] });
      }
    }
  }
}

function isProcess(thing: Thing): thing is TopologyProcess {
  return 'pid' in thing;
}

/**
 * The whole topology as trees: at the roots what is on the wire, that of the initial namespace first; then processes
 * behind a tun; then what leads into the unknown; then what leads nowhere. Every edge is in exactly one place, and every
 * namespace in at least one.
 */
export function forestsOf(topology: Topology): Forest[] {
  const { namespaces, devices, processes } = topology;
  const planting = new Planting(topology);
  const initial = new Set(namespaces.filter((ns) => ns.initial).map(({ id }) => id));
  const rank = ({ namespace }: TopologyDevice) => (initial.has(namespace) ? 0 : 1);
  const connected = devices.filter((device) => planting.degree(device) > 0);
  const roots: Readonly<Record<Uplink['reaches'], readonly Thing[]>> = {
    wire: devices.filter(({ physical }) => physical).sort((a, b) => rank(a) - rank(b)),
    process: processes,
    // A tunnel nothing is known to leave by still leads somewhere.
    unknown: devices.filter((device) => (planting.degree(device) > 0 ? !device.known : isTunnel(device))),
    nowhere: connected.toSorted((a, b) => planting.degree(b) - planting.degree(a)),
  };
  const seen = new Set<Thing>();
  const forests = REACHES.map((reaches) => {
    // One after the other where several may be in the same tree: the first of them is its root.
    const apart = reaches === 'nowhere';
    const trees = apart ? roots.nowhere.flatMap((thing) => planting.plant([thing])) : planting.plant(roots[reaches]);
    for (const { uplink } of namespaces) if (uplink?.reaches === reaches) planting.hang(uplink);
    return { reaches, trees };
  });
  for (const { trees } of forests) planting.close(trees, seen);

  const drawn = new Set([...seen].map((thing) => (isProcess(thing) ? thing.id : thing.namespace)));
  const reachesOf = ({ uplink }: TopologyNamespace) => uplink?.reaches ?? 'unknown';
  return forests.map(({ reaches, trees }) => ({
    reaches,
    trees,
    alone: namespaces.filter((ns) => !drawn.has(ns.id) && reachesOf(ns) === reaches),
  }));
}
