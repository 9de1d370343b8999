import { topologyOf } from '../correlate/topology.ts';
import { CommandError, EXIT } from '../errors.ts';
import type { Topology } from '../model/topology.ts';
import { topologyDot } from '../report/dot.ts';
import { toJson } from '../report/json.ts';
import { topologyMermaid } from '../report/mermaid.ts';
import { topologyTree } from '../report/topology-tree.ts';
import { safeText } from '../terminal/sanitise.ts';
import { type CommandOptions, reportConcealed, reportGaps, type Streams, takeSnapshot } from './command.ts';

/** What `--format` takes. */
export const TOPOLOGY_FORMATS = ['text', 'dot', 'mermaid', 'json'] as const;

type Format = (typeof TOPOLOGY_FORMATS)[number];

export interface TopologyOptions extends CommandOptions {
  readonly format?: string;
}

function chosenFormat({ format, json }: TopologyOptions): Format {
  const chosen = TOPOLOGY_FORMATS.find((name) => name === (format ?? (json ? 'json' : 'text')));
  if (chosen === undefined) {
    const formats = TOPOLOGY_FORMATS.join(', ');
    throw new CommandError(
      'ERR_FORMAT',
      `unknown format "${safeText(format ?? '')}"; formats are ${formats}`,
      EXIT.usage,
    );
  }
  if (json && chosen !== 'json') {
    throw new CommandError('ERR_FORMAT', `--json is short for --format json, not ${chosen}`, EXIT.usage);
  }
  return chosen;
}

function render(topology: Topology, format: Format, width: number | undefined): string {
  switch (format) {
    case 'text':
      return topologyTree(topology, width);
    case 'dot':
      return topologyDot(topology);
    case 'mermaid':
      return topologyMermaid(topology);
    case 'json':
      return toJson(topology);
  }
}

/** `nsleuth topology`: how the namespaces hang together, and what reaches the wire. */
export async function topology(options: TopologyOptions, { out, err, width }: Streams): Promise<number> {
  const format = chosenFormat(options);
  const snapshot = await takeSnapshot(options, { depth: 'full', inside: ['links', 'addresses', 'routes', 'nsids'] });
  out(render(topologyOf(snapshot.namespaces), format, width));
  if (format === 'text') reportConcealed(snapshot, err);
  if (format !== 'json') reportGaps(snapshot, err);
  return EXIT.done;
}
