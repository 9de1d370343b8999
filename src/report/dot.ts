import type { Topology, TopologyEdge } from '../model/topology.ts';
import { deviceLabel, devicesToDraw, NOTHING, namespaceLabel, plainIds, processLabel } from './graph-label.ts';

/**
 * A quoted string of the DOT language. In labels a backslash begins an escape sequence and `&` an HTML entity, quoted or
 * not (escString, https://graphviz.org/docs/attr-types/escString/).
 */
function quoted(lines: readonly string[]): string {
  const escaped = lines.map((line) => line.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('&', '&amp;'));
  return `"${escaped.join('\\n')}"`;
}

function edgeAttributes({ kind, certainty }: TopologyEdge): string {
  const cable = kind === 'veth' || kind === 'netkit';
  return [
    `label=${quoted([certainty === 'certain' ? kind : `${kind}, probable`])}`,
    ...(cable ? ['dir=none'] : []),
    ...(certainty === 'certain' ? [] : ['style=dashed']),
  ].join(', ');
}

/** The topology for Graphviz: a box for each namespace, arrows from what sits on something to what it sits on. */
export function topologyDot(topology: Topology): string {
  const idOf = plainIds();
  const clusters = [...devicesToDraw(topology)].flatMap(([ns, devices], index) => [
    `  subgraph cluster_${index} {`,
    `    label=${quoted([namespaceLabel(ns)])}`,
    ...devices.map((device) => {
      const bold = device.physical ? ', style=bold' : '';
      return `    ${idOf(device.id)} [label=${quoted(deviceLabel(device))}${bold}]`;
    }),
    ...(devices.length === 0
      ? [`    ${idOf(`nothing in ${ns.id}`)} [label=${quoted([NOTHING])}, shape=plaintext]`]
      : []),
    '  }',
  ]);
  return [
    'digraph topology {',
    '  rankdir=LR',
    '  node [shape=box]',
    ...clusters,
    ...topology.processes.map(
      (process) => `  ${idOf(process.id)} [label=${quoted([processLabel(process)])}, shape=ellipse]`,
    ),
    ...topology.edges.map((edge) => `  ${idOf(edge.from.node)} -> ${idOf(edge.to.node)} [${edgeAttributes(edge)}]`),
    '}\n',
  ].join('\n');
}
