import type { Topology, TopologyEdge } from '../model/topology.ts';
import { deviceLabel, devicesToDraw, NOTHING, namespaceLabel, plainIds, processLabel } from './graph-label.ts';

/** What may mean something to Mermaid, to Markdown or to HTML: everything but letters, digits and a few marks. */
const MEANINGFUL = /[^\p{L}\p{N} _.,/-]/gu;

/** Quoted text; what may mean something is written as the number of its character, `#34;` for a quote. */
function quoted(lines: readonly string[]): string {
  const escaped = lines.map((line) => line.replace(MEANINGFUL, (character) => `#${character.codePointAt(0)};`));
  return `"${escaped.join('<br>')}"`;
}

function link({ kind, certainty }: TopologyEdge): string {
  const cable = kind === 'veth' || kind === 'netkit';
  const text = quoted([certainty === 'certain' ? kind : `${kind}, probable`]);
  if (certainty === 'probable') return `${cable ? '-.-' : '-.->'}|${text}|`;
  return `${cable ? '---' : '-->'}|${text}|`;
}

/** The topology as a flowchart of Mermaid, which Markdown viewers draw: as in `topologyDot`. */
export function topologyMermaid(topology: Topology): string {
  const idOf = plainIds();
  const groups = [...devicesToDraw(topology)].flatMap(([ns, devices], index) => [
    `  subgraph s${index} [${quoted([namespaceLabel(ns)])}]`,
    ...devices.map((device) => {
      const [open, close] = device.physical ? ['[[', ']]'] : ['[', ']'];
      return `    ${idOf(device.id)}${open}${quoted(deviceLabel(device))}${close}`;
    }),
    ...(devices.length === 0 ? [`    ${idOf(`nothing in ${ns.id}`)}(${quoted([NOTHING])})`] : []),
    '  end',
  ]);
  return [
    'flowchart LR',
    ...groups,
    ...topology.processes.map((process) => `  ${idOf(process.id)}([${quoted([processLabel(process)])}])`),
    ...topology.edges.map((edge) => `  ${idOf(edge.from.node)} ${link(edge)} ${idOf(edge.to.node)}`),
    '',
  ].join('\n');
}
