import { nameNamespace } from '../../src/model/describe.ts';
import { type Namespace, namespaceKey, type SafeText } from '../../src/model/index.ts';
import { whyNotRead } from '../../src/model/unread.ts';
import { type History, rateOf, seriesOf } from '../../src/store/history.ts';
import { bytesPerSecond } from '../../src/store/namespace-columns.ts';
import type { Series } from '../../src/store/series.ts';
import { type ScreenState, selectedNamespace, type View } from '../../src/store/state.ts';
import { STYLE } from '../../src/terminal/style.ts';
import { formatRate } from '../../src/terminal/units.ts';
import type { BarChart, Chart } from '../charts/chart.ts';
import { rateChart } from '../charts/rate-chart.ts';

/** What each chart is called where one chooses among them. */
export const CHART_TITLES: Readonly<Record<Exclude<View, 'detail'>, string>> = {
  rates: 'Traffic',
  total: 'All namespaces',
  busiest: 'Busiest',
  sockets: 'Sockets',
};

/** Namespaces compared in one chart. */
const MOST_BARS = 20;

/** Makes a chart once for what it is drawn from: one that is the same is not drawn again. */
function once<Data extends object>(make: (data: Data, title: SafeText, state: ScreenState) => Chart) {
  const made = new WeakMap<Data, { readonly title: SafeText; readonly chart: Chart }>();
  return (data: Data, title: SafeText, state: ScreenState): Chart => {
    const known = made.get(data);
    if (known?.title === title) return known.chart;
    const chart = make(data, title, state);
    made.set(data, { title, chart });
    return chart;
  };
}

const ratesOf = once((series: Series, title): Chart => ({ ...rateChart(series, 'bytes'), title }));

const socketsByState = once(({ sockets }: Namespace, title): BarChart => {
  const counts = new Map<string, number>();
  for (const { state } of sockets ?? []) counts.set(state, (counts.get(state) ?? 0) + 1);
  const bars = [...counts].sort(([, a], [, b]) => b - a).map(([label, value]) => ({ label, value }));
  return { kind: 'bar', title, bars, style: STYLE.accent, format: (value) => String(value ?? '?') };
});

const busiestOf = once((history: History, title, { namespaces }): BarChart => {
  const bars = namespaces.all
    .flatMap(({ row: ns }) => {
      const value = bytesPerSecond(rateOf(history, namespaceKey(ns)));
      const label = ns.names[0] ?? (ns.initial ? 'init' : String(ns.ino ?? '?'));
      return value === null ? [] : [{ label, value }];
    })
    .sort((a, b) => b.value - a.value)
    .slice(0, MOST_BARS);
  return { kind: 'bar', title, bars, style: STYLE.accent, format: formatRate };
});

/** The chart to be shown, or why there is none. */
export function chartOf(state: ScreenState): Chart | { readonly why: string } {
  const { view, history, total, snapshot } = state;
  const ns = selectedNamespace(state);
  switch (view) {
    case 'total':
      return total === null ? { why: 'no counters were read yet' } : ratesOf(total, 'All namespaces, bytes/s', state);
    case 'busiest':
      return busiestOf(history, 'Busiest namespaces, bytes/s', state);
    case 'sockets':
      if (ns === null || snapshot === null) return { why: 'nothing is selected' };
      if (ns.sockets === null) return { why: `? ${whyNotRead('sockets', ns, snapshot)}` };
      return ns.sockets.length === 0
        ? { why: 'it has no sockets' }
        : socketsByState(ns, `Sockets of ${nameNamespace(ns)} by state`, state);
    default: {
      if (ns === null) return { why: 'nothing is selected' };
      const series = seriesOf(history, namespaceKey(ns));
      return series === null
        ? { why: '? its counters were not read' }
        : ratesOf(series, `${nameNamespace(ns)}, bytes/s`, state);
    }
  }
}
