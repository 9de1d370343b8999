import type { UplinkStep } from '../model/index.ts';
import type { DeviceGraph, DeviceNode, Link } from './device-graph.ts';
import { isAggregate, isSwitch } from './device-kinds.ts';

/** A device on a way, how the way comes to it, and how sure that is. */
export interface Hop {
  readonly node: DeviceNode;
  readonly by: UplinkStep['by'];
  readonly certainty: 'certain' | 'probable';
}

/**
 * Where frames go without any routing. A frame either leaves by a device or arrives at one, so each device stands for two
 * places; from each place on the way to the target the map says what the next one is.
 */
export type LinkWays = ReadonlyMap<number, number>;

const ARRIVED = -1;

export function leaving({ index }: DeviceNode): number {
  return index * 2;
}

export function arriving({ index }: DeviceNode): number {
  return index * 2 + 1;
}

/** The shortest way to the nearest of the targets, from every place that has one: a breadth-first search from the targets. */
export function waysTo(targets: Iterable<number>, { devices }: DeviceGraph): LinkWays {
  const next = new Map<number, number>();
  const queue: number[] = [];
  const reach = (place: number, onwards: number): void => {
    if (next.has(place)) return;
    next.set(place, onwards);
    queue.push(place);
  };
  /** The port by which a switch is left; null once it is known by which one what comes in by that port leaves. */
  const exits = new Map<DeviceNode, DeviceNode | null>();
  const enterBy = (master: DeviceNode, exit: DeviceNode): void => {
    const first = exits.get(master);
    if (first === undefined) {
      exits.set(master, exit);
      for (const { node } of master.ports) if (node !== exit) reach(arriving(node), leaving(exit));
    } else if (first !== null && first !== exit) {
      exits.set(master, null);
      reach(arriving(first), leaving(exit));
    }
  };
  for (const target of targets) reach(target, ARRIVED);
  for (const place of queue) {
    const node = devices[place >> 1];
    if (node === undefined) continue;
    if (place % 2 === 1) {
      for (const peer of node.peers) reach(leaving(peer.node), place);
      if (isSwitch(node.device) || isAggregate(node.device)) {
        for (const port of node.ports) reach(arriving(port.node), place);
      }
      continue;
    }
    for (const upper of node.uppers) reach(leaving(upper.node), place);
    for (const { node: master } of node.masters) {
      reach(leaving(master), place);
      if (isSwitch(master.device)) enterBy(master, node);
    }
  }
  return next;
}

export function linkHop({ node, edge: { certainty } }: Link, by: Hop['by']): Hop {
  return { node, by, certainty };
}

/** Hops from one place to the next. */
function hopsBetween(from: DeviceNode, place: number, to: DeviceNode, next: number): Hop[] {
  // Links are looked up where there are few of them: a bridge may have a thousand ports.
  const above = (links: readonly Link[], node: DeviceNode) => links.find((link) => link.node === node);
  if (place % 2 === 0 && next % 2 === 1) {
    const peer = above(from.peers, to);
    return peer === undefined ? [] : [linkHop(peer, 'peer')];
  }
  if (place % 2 === 0) {
    const port = above(to.masters, from);
    if (port !== undefined) return [{ node: to, by: 'port', certainty: port.edge.certainty }];
    const lower = above(from.lowers, to);
    return lower === undefined ? [] : [linkHop(lower, lower.edge.kind === 'tunnel' ? 'underlay' : 'lower')];
  }
  if (next % 2 === 1) {
    const master = above(from.masters, to);
    return master === undefined ? [] : [linkHop(master, 'master')];
  }
  const master = from.masters.find(({ node }) => isSwitch(node.device) && above(to.masters, node) !== undefined);
  if (master === undefined) return [];
  const certainty = above(to.masters, master.node)?.edge.certainty ?? 'certain';
  return [linkHop(master, 'master'), { node: to, by: 'port', certainty }];
}

/** The way from leaving by a device to the target, without that device; null where there is none. */
export function wayFrom(node: DeviceNode, ways: LinkWays, { devices }: DeviceGraph): Hop[] | null {
  const hops: Hop[] = [];
  for (let place = leaving(node), at = node; ; ) {
    const next = ways.get(place);
    if (next === undefined) return null;
    if (next === ARRIVED) return hops;
    const to = devices[next >> 1];
    if (to === undefined) return null;
    hops.push(...hopsBetween(at, place, to, next));
    place = next;
    at = to;
  }
}
