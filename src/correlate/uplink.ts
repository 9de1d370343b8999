import type { Namespace, Uplink } from '../model/index.ts';
import { type DeviceGraph, deviceGraph, type NamespaceNode } from './device-graph.ts';
import { tellsOrigin } from './device-kinds.ts';
import { defaultExits, type Exit, otherExits } from './exits.ts';
import { LinkLayer, type Outlet } from './link-layer.ts';
import type { Hop } from './link-ways.ts';
import {
  arrives,
  deadEnd,
  end,
  type Hops,
  isDown,
  joined,
  lastOf,
  lostWay,
  MOST_ROUTERS,
  nameIn,
  RANK,
  remarked,
  toUplink,
  type Way,
} from './uplink-way.ts';

/** Follows ways out. Every namespace is searched once, unless ways go round in circles. */
class Search {
  readonly #graph: DeviceGraph;
  readonly #links: LinkLayer;
  /** What is known for good, with tunnels and without them. */
  readonly #known = { all: new Map<NamespaceNode, Way>(), untunnelled: new Map<NamespaceNode, Way>() };
  /** Dead ends of the search at hand only because the way back was barred. */
  readonly #barred = { all: new Map<NamespaceNode, Way>(), untunnelled: new Map<NamespaceNode, Way>() };
  /** What the search at hand is in the middle of, and how deep. */
  readonly #open = { all: new Map<NamespaceNode, number>(), untunnelled: new Map<NamespaceNode, number>() };
  /** The least depth that the result at hand owes a barred way to. */
  #owes = Number.POSITIVE_INFINITY;

  constructor(graph: DeviceGraph) {
    this.#graph = graph;
    this.#links = new LinkLayer(graph);
  }

  from(at: NamespaceNode): Uplink {
    const way = this.#leave(at, 'all');
    this.#barred.all.clear();
    this.#barred.untunnelled.clear();
    return toUplink(way, at);
  }

  #leave(at: NamespaceNode, by: 'all' | 'untunnelled'): Way {
    const done = this.#known[by].get(at);
    if (done !== undefined) return done;
    const barred = this.#barred[by].get(at);
    const depth = this.#open.all.size + this.#open.untunnelled.size;
    const open = this.#open[by].get(at);
    if (barred !== undefined || depth > MOST_ROUTERS) {
      this.#owes = 0;
      return barred ?? end('nowhere', [], at, `more than ${MOST_ROUTERS} routers on the way`);
    }
    if (open !== undefined) {
      this.#owes = Math.min(this.#owes, open);
      return end('nowhere', [], at, 'the way comes back to it');
    }
    const owed = this.#owes;
    this.#owes = Number.POSITIVE_INFINITY;
    this.#open[by].set(at, depth);
    const way = this.#search(at, by);
    this.#open[by].delete(at);
    const tainted = this.#owes < depth;
    (tainted && !arrives(way) ? this.#barred : this.#known)[by].set(at, way);
    this.#owes = Math.min(owed, tainted ? this.#owes : Number.POSITIVE_INFINITY);
    return way;
  }

  /** The first way that arrives; else the one that comes farthest. */
  #search(at: NamespaceNode, by: 'all' | 'untunnelled'): Way {
    if (at.ns === null) return end('unknown', [], at, 'it is not in the snapshot');
    let best: Way | null = null;
    for (const exit of defaultExits(at)) {
      for (const way of this.#ways(at, exit, by)) {
        if (arrives(way)) return way;
        if (best === null || RANK[way.reaches] > RANK[best.reaches]) best = way;
      }
    }
    return this.#withoutDefault(at, at.ns, best, by);
  }

  /** Where a route may lead: to its gateway, or by the link alone; made one after the other, as far as they are wanted. */
  *#ways(at: NamespaceNode, { node, ifindex, gateway }: Exit, by: 'all' | 'untunnelled'): Generator<Way> {
    if (node === undefined) {
      const device =
        ifindex === null ? 'by which device its default route leaves' : `ifindex ${ifindex} of its default route`;
      yield end('unknown', [], at, `${device} is not known`);
      return;
    }
    const links = this.#links;
    if (by === 'untunnelled' && links.outlet(node) === 'tunnel') return;
    const start: Hops = [{ node, by: 'route', certainty: 'certain' }];
    const arrivals = links.arrivals(node).filter((arrival) => arrival.end.namespace !== at);

    const owners = gateway === null ? [] : links.ownersOf(gateway, node);
    const near = arrivals.find((arrival) => owners.includes(arrival.end.namespace));
    const router = near?.end.namespace ?? owners.find((owner) => owner !== at);
    if (router !== undefined) {
      const hops = near?.hops ?? links.wayInto(router, node);
      if (hops !== null) yield this.#through(router, [...start, ...hops]);
    }
    const wire = links.wayTo('wire', node);
    if (wire !== null) yield { reaches: 'wire', hops: [...start, ...wire], remarks: [], routers: 0 };
    for (const { end, hops } of arrivals) {
      if (end.namespace !== router && links.mayRoute(end)) yield this.#through(end.namespace, [...start, ...hops]);
    }
    const tunnel = by === 'all' ? links.wayTo('tunnel', node) : null;
    if (tunnel !== null) yield this.#under([...start, ...tunnel], at);
    const process = links.wayTo('process', node);
    if (process !== null) yield this.#toProcess([...start, ...process], at);
    const lost = links.wayTo('lost', node);
    if (lost !== null) yield lostWay([...start, ...lost], at);
    yield deadEnd([...start, ...(arrivals[0]?.hops ?? [])], at);
  }

  /** What another namespace makes of what was sent to it. */
  #through(router: NamespaceNode, hops: readonly Hop[]): Way {
    return joined(hops, this.#leave(router, 'all'), router);
  }

  #toProcess(hops: Hops, at: NamespaceNode): Way {
    const tun = lastOf(hops);
    const way: Way = { reaches: 'process', hops, remarks: [], routers: 0 };
    return tun.open ? way : remarked(way, at, `which process has ${nameIn(at, tun)} open is not known`);
  }

  /** By which way the packets of a tunnel leave, at whose device `hops` end. */
  #under(hops: Hops, at: NamespaceNode): Way {
    const tunnel = lastOf(hops);
    const home = tunnel.namespace;
    const underlay = (way: Way, router: NamespaceNode): Way => {
      const [first, ...rest] = way.hops;
      return joined(
        hops,
        first === undefined ? way : { ...way, hops: [{ ...first, by: 'underlay' }, ...rest] },
        router,
      );
    };
    const told = tunnel.device !== null && tellsOrigin(tunnel.device);
    const id = tunnel.device?.details?.linkNsid ?? null;
    if (told && id !== null) {
      const netns = home.ns?.nsids?.find(({ nsid }) => nsid === id)?.netns ?? null;
      const router = netns === null ? undefined : this.#graph.byIno.get(netns);
      if (router !== undefined) return underlay(this.#leave(router, 'all'), router);
      return end('unknown', hops, at, `from which namespace ${nameIn(at, tunnel)} sends is not known`);
    }
    const own = underlay(this.#leave(home, 'untunnelled'), home);
    const { initial } = this.#graph;
    if (told || arrives(own) || initial === null || initial === home) return own;
    const likely = underlay(this.#leave(initial, 'all'), initial);
    if (!arrives(likely)) return own;
    const guess = `${nameIn(at, tunnel)} sends from the namespace it was made in, probably the initial one`;
    const guessed = likely.hops.map((hop): Hop => (hops.includes(hop) ? hop : { ...hop, certainty: 'probable' }));
    return remarked({ ...likely, hops: guessed }, at, guess);
  }

  /** The shortest way from one of its devices to a place of that kind without any routing; none that is down has one. */
  #onLink(at: NamespaceNode, outlet: Outlet): Hops | null {
    let nearest: Hops | null = null;
    for (const node of at.devices.values()) {
      if (node.device === null || isDown(node.device)) continue;
      const hops = this.#links.wayTo(outlet, node);
      if (hops !== null && (nearest === null || hops.length + 1 < nearest.length)) {
        nearest = [{ node, by: 'link', certainty: 'certain' }, ...hops];
      }
    }
    return nearest;
  }

  /**
   * Where no default route arrives: what is on the link of something physical reaches the wire without any route; other
   * routes may lead out; so may a tunnel or a tun.
   */
  #withoutDefault(at: NamespaceNode, ns: Namespace, best: Way | null, by: 'all' | 'untunnelled'): Way {
    const found = this.#onLink(at, 'wire');
    const why = whyNotByDefault(ns, best);
    if (found !== null) return end('wire', found, at, `${why}, but on the same link`);
    for (const exit of otherExits(at)) {
      for (const way of this.#ways(at, exit, by)) {
        if (arrives(way)) return remarked(way, at, `${why}, but another route leads there`);
      }
    }
    const tunnel = by === 'all' ? this.#onLink(at, 'tunnel') : null;
    const wrapped = tunnel === null ? null : this.#under(tunnel, at);
    if (wrapped !== null && arrives(wrapped)) return remarked(wrapped, at, `${why}, but a tunnel leads there`);
    const process = this.#onLink(at, 'process');
    // A virtual machine on the same bridge is no way out.
    if (process?.length === 1) return remarked(this.#toProcess(process, at), at, `${why}, but on the same link`);
    if (best !== null && best.reaches !== 'nowhere') return best;
    const lost = this.#onLink(at, 'lost');
    if (lost !== null) return remarked(lostWay(lost, at), at, why);
    if (best !== null) return best;
    if (ns.devices === null) return end('unknown', [], at, 'its devices are not known');
    const down = [...at.devices.values()].filter(
      (node) => node.device !== null && isDown(node.device) && this.#links.wayTo('wire', node) !== null,
    );
    const state = down.map((node) => `; ${nameIn(at, node)} is down`).join('');
    return end(ns.routes === null ? 'unknown' : 'nowhere', [], at, `${why}${state}`);
  }
}

function whyNotByDefault({ routes }: Namespace, best: Way | null): string {
  if (routes === null) return 'its routes were not read';
  if (best === null) return 'no default route';
  return best.reaches === 'unknown' ? 'the way of its default route is lost' : 'its default route leads nowhere';
}

/** `uplinksOf` for a graph that is there already. */
export function uplinksIn(graph: DeviceGraph): Map<NamespaceNode, Uplink> {
  const search = new Search(graph);
  return new Map(graph.namespaces.filter(({ ns }) => ns !== null).map((node) => [node, search.from(node)]));
}

/**
 * How each namespace reaches the outside: by its default routes, the preferred ones first, from device to device and
 * through the namespaces that route for it. Where none of them arrives, by what it is linked to all the same. By inode
 * number; of a number that was used again, for the namespace that lives.
 */
export function uplinksOf(namespaces: readonly Namespace[]): Map<number, Uplink> {
  const graph = deviceGraph(namespaces);
  const uplinks = uplinksIn(graph);
  return new Map(
    [...graph.byIno].flatMap(([ino, node]) => {
      const uplink = uplinks.get(node);
      return uplink === undefined ? [] : [[ino, uplink] as const];
    }),
  );
}
