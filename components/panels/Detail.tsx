import { type ReactElement, useEffect, useState } from 'react';
import { layoutChart } from '../../src/store/layout.ts';
import { type ScreenState, selectedNamespace, VIEWS, type View } from '../../src/store/state.ts';
import { type Line, STYLE, span } from '../../src/terminal/style.ts';
import { ChartRenderer } from '../charts/renderer.ts';
import { CHART_TITLES, chartOf } from './chart-data.ts';
import { detailPaneLines, namespaceTitle } from './detail-lines.ts';
import { Lines } from './Lines.tsx';
import { padded } from './list-lines.ts';
import { rule } from './rule.ts';

/** Properties of `Detail`. */
interface DetailProps {
  readonly state: ScreenState;
  /** Rows below the title. */
  readonly height: number;
}

const charts = new ChartRenderer();

/** Loads what draws charts once one is shown, and draws again when it is there. */
function useCharts(shown: boolean): void {
  const [, setLoaded] = useState(false);
  useEffect(() => {
    if (shown) void charts.load().then(() => setLoaded(true));
  }, [shown]);
}

/** The title of a chart in the place of the detail: whose it is, and which of them. */
function chartTitle(state: ScreenState, width: number): Line {
  const ns = selectedNamespace(state);
  const choices = VIEWS.filter((view): view is Exclude<View, 'detail'> => view !== 'detail').map((view) =>
    view === state.view ? span(`[${CHART_TITLES[view]}]`, STYLE.bold) : span(` ${CHART_TITLES[view]} `, STYLE.dim),
  );
  const name = ns === null ? [] : [...namespaceTitle(state, ns, false), span(' ── ', STYLE.dim)];
  return rule([...name, ...choices], '', width);
}

function chartLines(state: ScreenState, width: number, height: number): readonly Line[] {
  const chart = chartOf(state);
  return 'why' in chart ? [[], [span(` ${chart.why}`, STYLE.dim)]] : charts.lines(chart, { width, height });
}

function linesOf(state: ScreenState, height: number): readonly Line[] {
  const { size, view } = state;
  const { detail, chart } = layoutChart(size, view !== 'detail');
  if (chart === 0) return detailPaneLines(state, height, detail);
  if (detail === 0) return [chartTitle(state, chart), ...chartLines(state, chart, height)];
  const left = detailPaneLines(state, height, detail);
  const right = chartLines(state, chart - 1, height + 1);
  return Array.from({ length: height + 1 }, (_, row) => [
    ...padded(left[row] ?? [], detail),
    span(' '),
    ...(right[row] ?? []),
  ]);
}

/** The detail of the selected namespace, or a chart in its place or beside it. */
export function Detail({ state, height }: DetailProps): ReactElement {
  const { size, color, view } = state;
  useCharts(view !== 'detail');
  return <Lines lines={linesOf(state, height)} height={height + 1} width={size.columns} color={color} />;
}
