import type { ReactElement } from 'react';
import type { Visibility } from '../../src/model/index.ts';
import { VISIBILITY_STYLE } from '../../src/store/detail.ts';
import type { ScreenState } from '../../src/store/state.ts';
import {
  drawTopology,
  hasNoteLine,
  type TopologyLine,
  type TopologyView,
  topologyHeight,
} from '../../src/store/topology.ts';
import { type Line, STYLE, span } from '../../src/terminal/style.ts';
import { Lines } from '../panels/Lines.tsx';
import { highlighted } from '../panels/list-lines.ts';
import { extent, rule } from '../panels/rule.ts';

/** Properties of `Topology`. */
interface TopologyProps {
  readonly state: ScreenState;
  readonly view: TopologyView;
  /** Rows to fill, title included. */
  readonly height: number;
}

function drawnLine(
  { text, target, again }: TopologyLine,
  selected: boolean,
  width: number,
  visibility: Visibility | undefined,
): Line {
  if (target === null) return [span(` ${text}`, STYLE.accentBold)];
  const ordinary = again ? STYLE.dim : STYLE.plain;
  const style = visibility === undefined || visibility === 'plain' ? ordinary : VISIBILITY_STYLE[visibility];
  const line = [span(selected ? '▌' : ' ', STYLE.accentBold), span(` ${text}`, style)];
  return selected ? highlighted(line, width) : line;
}

/** Title, header and the lines in view. */
function topologyScreenLines({ snapshot, size, namespaces }: ScreenState, view: TopologyView): readonly Line[] {
  const height = topologyHeight(size);
  if (snapshot === null) return [rule([span('Topology', STYLE.accentBold)], '', size.columns, STYLE.accent)];
  const { header, lines } = drawTopology(snapshot, size);
  const found = view.find === '' ? [] : [span(`  finding ${view.find}`, STYLE.dim)];
  const title = [span('Topology', STYLE.accentBold), ...found];
  const visibility = new Map(namespaces.all.map(({ row }) => [row.ino, row.visibility]));
  const shown = lines
    .slice(view.top, view.top + height)
    .map((line, place) =>
      drawnLine(line, view.top + place === view.index, size.columns, visibility.get(line.target?.netns ?? null)),
    );
  const note = lines[view.index]?.note ?? '';
  return [
    rule(title, extent(view.top, height, lines.length), size.columns, STYLE.accent),
    [span(`  ${header}`, STYLE.dim)],
    ...Array.from({ length: height }, (_, row) => shown[row] ?? []),
    ...(hasNoteLine(size) && note !== '' ? [[span(` ↳ ${note}`, STYLE.dim)]] : []),
  ];
}

/** How the namespaces hang together, in place of table and detail. */
export function Topology({ state, view, height }: TopologyProps): ReactElement {
  const { size, color } = state;
  return <Lines lines={topologyScreenLines(state, view)} height={height} width={size.columns} color={color} />;
}
