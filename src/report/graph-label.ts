import { VISIBILITY_GLYPH } from '../columns/namespaces.ts';
import type { Topology, TopologyDevice, TopologyNamespace, TopologyProcess } from '../model/topology.ts';

/** What a drawing made by another program shows: by namespace, its devices, without loopbacks that nothing sits on. */
export function devicesToDraw({ namespaces, devices, edges }: Topology): Map<TopologyNamespace, TopologyDevice[]> {
  const connected = new Set(edges.flatMap(({ from, to }) => [from.node, to.node]));
  const byNamespace = new Map<string, TopologyDevice[]>(namespaces.map(({ id }) => [id, []]));
  for (const device of devices) {
    if (!device.loopback || connected.has(device.id)) byNamespace.get(device.namespace)?.push(device);
  }
  return new Map(namespaces.map((ns) => [ns, byNamespace.get(ns.id) ?? []]));
}

/** `◆ 4026532661`; nothing stands for what is plain to see. */
export function namespaceLabel({ visibility, label }: TopologyNamespace): string {
  if (visibility === 'plain') return label;
  return `${visibility === null ? '?' : VISIBILITY_GLYPH[visibility]} ${label}`;
}

/** Name, kind and state, address: a line each. */
export function deviceLabel({ name, ifindex, kind, physical, state, address, known }: TopologyDevice): string[] {
  const what = [kind ?? (physical ? 'physical' : ''), known ? (state ?? '') : 'not in the snapshot'];
  return [name ?? `ifindex ${ifindex ?? '?'}`, what.filter((part) => part !== '').join(' '), address ?? ''].filter(
    (line) => line !== '',
  );
}

export function processLabel({ pid, comm }: TopologyProcess): string {
  return comm === null ? `pid ${pid}` : `pid ${pid} ${comm}`;
}

/** What stands in a namespace without any device to draw: an empty box would not be drawn. */
export const NOTHING = 'no device but the loopback';

/** Gives nodes ids that mean nothing to any program: `n0`, `n1`… */
export function plainIds(): (node: string) => string {
  const ids = new Map<string, string>();
  return (node) => {
    const id = ids.get(node) ?? `n${ids.size}`;
    ids.set(node, id);
    return id;
  };
}
