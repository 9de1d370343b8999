import { safeText } from '../../src/terminal/sanitise.ts';
import { sparkline, tallest } from '../../src/terminal/sparkline.ts';
import { type Line, STYLE, type Style, span } from '../../src/terminal/style.ts';
import { cellWidth, fit } from '../../src/terminal/width.ts';
import {
  type BarChart,
  type Chart,
  type ChartSize,
  type DonutChart,
  drawable,
  formatShare,
  type LineChart,
} from './chart.ts';
import { fitLine, fitLines, heading } from './heading.ts';
import { inColumns } from './time-axis.ts';

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `width` cells at most; what is not nothing shows. */
function bar(fraction: number, width: number): string {
  const eighths = Math.max(fraction > 0 ? 1 : 0, Math.round(Math.min(1, fraction) * width * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
}

interface Row {
  readonly label: string;
  readonly style: Style;
  /** Of the longest bar; null where it is not known. */
  readonly fraction: number | null;
  readonly text: string;
}

function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, cellWidth(text)), 0);
}

/** One bar a line: label, bar, value. The last line says how many had no room. */
function barRows(chart: Chart, rows: readonly Row[], { width, height }: ChartSize): readonly Line[] {
  const shown = rows.length < height ? rows.length : Math.max(0, height - 1);
  const labels = Math.min(widest(rows.map(({ label }) => label)), Math.floor(width / 3));
  const texts = widest(rows.map(({ text }) => text));
  const room = Math.max(0, width - labels - texts - 3);
  const lines = rows
    .slice(0, shown)
    .map(({ label, style, fraction, text }) =>
      fitLine(
        [
          span(` ${fit(label, labels)} `),
          span(fit(text, texts, 'right')),
          span(' '),
          span(fraction === null ? '' : bar(fraction, room), style),
        ],
        width,
      ),
    );
  return [heading(chart, width, rows.length - shown), ...lines];
}

function plainBars(chart: BarChart, size: ChartSize): readonly Line[] {
  const { bars, style, format } = chart;
  const values = bars.map(({ value }) => drawable(value));
  const most = tallest(values);
  const rows = bars.map(({ label }, index): Row => {
    const value = values[index] ?? null;
    return {
      label: safeText(label),
      style,
      fraction: value === null || most === 0 ? null : value / most,
      text: format(value),
    };
  });
  return barRows(chart, rows, size);
}

function plainShares(chart: DonutChart, size: ChartSize): readonly Line[] {
  const rows = chart.shares.map(({ label, style, fraction }): Row => {
    const known = drawable(fraction);
    return { label: safeText(label), style, fraction: known, text: formatShare(known) };
  });
  return barRows(chart, rows, size);
}

/** A sparkline for each curve, all to one scale. */
function plainCurves(chart: LineChart, { width, height }: ChartSize): readonly Line[] {
  const { curves, from, until, format } = chart;
  const names = curves.map(({ name }) => safeText(name));
  const room = Math.min(widest(names), Math.floor(width / 3));
  const columns = Math.max(1, width - room - 3);
  const values = curves.map(({ points }) => inColumns(points, from, until, columns).map(drawable));
  const most = tallest(values.flat());
  const lines = curves.map(({ style }, index) =>
    fitLine(
      [span(` ${fit(names[index] ?? '', room)} `), span(sparkline(values[index] ?? [], columns, most), style)],
      width,
    ),
  );
  const seconds = Math.round((until - from) / 1000);
  const scale = `${' '.repeat(room + 2)}${seconds} s, at most ${format(most)}`;
  return [heading(chart, width), ...lines, fitLine([span(scale, STYLE.dim)], width)].slice(0, height);
}

/** A chart as text, for where there is too little room for another or it cannot be drawn. Exactly of that size. */
export function plainChart(chart: Chart, size: ChartSize): readonly Line[] {
  const { width, height } = size;
  const draw = { line: plainCurves, bar: plainBars, donut: plainShares }[chart.kind] as (
    chart: Chart,
    size: ChartSize,
  ) => readonly Line[];
  return fitLines(draw(chart, size), width, height);
}
