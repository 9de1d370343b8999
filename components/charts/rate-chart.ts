import type { Rates } from '../../src/store/rates.ts';
import { type Series, samplesOf } from '../../src/store/series.ts';
import { STYLE } from '../../src/terminal/style.ts';
import { formatRate } from '../../src/terminal/units.ts';
import type { Curve, LineChart } from './chart.ts';

/** Spans a chart may show, in seconds: the time axis divides well. */
const SPANS = [60, 120, 180, 240, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 14_400, 18_000];

/** What of the rates a chart shows. */
const SHOWN = {
  bytes: { title: 'Bytes/s', rx: 'rxBytes', tx: 'txBytes' },
  packets: { title: 'Packets/s', rx: 'rxPackets', tx: 'txPackets' },
} as const;

/** What was received and sent, until the latest sample. Make it once for each series: another chart is drawn anew. */
export function rateChart(series: Series, what: keyof typeof SHOWN): LineChart {
  const { title, rx, tx } = SHOWN[what];
  const samples = samplesOf(series);
  const until = samples.at(-1)?.at ?? series.since;
  const seconds = (until - series.since) / 1000;
  // Readings are never exactly as far apart as they should be: a moment too many is no reason for a longer span.
  const span = SPANS.find((candidate) => candidate >= seconds * 0.98) ?? seconds;
  const curve = (name: string, field: keyof Rates, style: Curve['style']): Curve => ({
    name,
    style,
    points: samples.map(({ since, at, rates }) => ({ since, at, value: rates?.[field] ?? null })),
  });
  return {
    kind: 'line',
    title,
    from: until - span * 1000,
    until,
    // Told apart without colour too.
    curves: [curve('rx', rx, STYLE.accentBold), curve('tx', tx, STYLE.odd)],
    format: formatRate,
  };
}
