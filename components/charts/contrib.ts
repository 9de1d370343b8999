/**
 * Charts drawn by blessed-contrib, off screen. This file and what it leads to is a bundle of its own (dist/charts.js)
 * that `ChartRenderer` loads when the first chart is wanted: loading blessed takes tens of milliseconds.
 */
import utils from 'blessed-contrib/lib/utils.js';
import Bar from 'blessed-contrib/lib/widget/charts/bar.js';
import LinePlot from 'blessed-contrib/lib/widget/charts/line.js';
import Donut from 'blessed-contrib/lib/widget/donut.js';
import { tallest } from '../../src/terminal/sparkline.ts';
import { type Line, STYLE } from '../../src/terminal/style.ts';
import {
  type BarChart,
  type Chart,
  type ChartSize,
  type DonutChart,
  drawable,
  formatShare,
  type LineChart,
} from './chart.ts';
import { fitLines, heading } from './heading.ts';
import { Labels } from './labels.ts';
import { screenshot, type Widget } from './offscreen.ts';
import { Palette, parseSgr } from './sgr.ts';
import { inColumns, timeAxis } from './time-axis.ts';

/** Drawing takes 1 to 4 µs a cell: a screen full of one chart must not hold a key press up. */
const MOST_CELLS = { line: 4000, bar: 4000, donut: 2400 } as const;

/** What a drawing works with. */
interface Drawing {
  readonly palette: Palette;
  readonly labels: Labels;
}

/** Draws a widget of `size`, which leaves `margin` blank of the size it is given, and makes lines of it. */
function draw(
  Widget: Widget,
  options: object,
  { width, height }: ChartSize,
  margin: ChartSize,
  { palette, labels }: Drawing,
): Line[] {
  const full = { width: width + margin.width, height: height + margin.height };
  return screenshot(Widget, options, { width, height }, full).map((line) => labels.fill(parseSgr(line, palette)));
}

/** What the end of an axis may be, times a power of ten. */
const ROUND = [1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10];

/** The end of an axis: a round number, with some room above `value`, of which `steps` parts are whole. */
function endOfAxis(value: number, steps: number): number {
  const wanted = Math.max(steps, value * 1.05);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const candidates = ROUND.map((factor) => factor * power);
  return candidates.find((end) => end >= wanted && Number.isInteger(end / steps)) ?? wanted;
}

/** Cells a number takes beside the axis, the blank after it included. */
const AXIS_CELLS = 6;
/** Pixels from one label of the time axis to the next: eight cells of text and two blanks. */
const LABEL_PIXELS = 20;
const AXIS_STEPS = 5;

function drawLine(chart: LineChart, size: ChartSize): Line[] {
  const drawing = { palette: new Palette(), labels: new Labels() };
  const { palette, labels } = drawing;
  const { from, until, curves, format } = chart;
  const padding = 2 * AXIS_CELLS;
  // One value a pixel. The last two pixels are beyond the right edge.
  const pixels = 2 * size.width - padding;
  const axis = timeAxis(from, until, pixels - 2, LABEL_PIXELS);
  // What is not a number is not drawn: a gap.
  const blank = new Array<number>(pixels).fill(Number.NaN);
  const values = curves.map(({ points }) => inColumns(points, from, until, axis.columns).map(drawable));
  utils.abbreviateNumber = (number) => labels.place(format(Number(number)).padStart(AXIS_CELLS - 1), AXIS_CELLS - 1);
  const x = Array.from({ length: pixels }, (_, pixel) => {
    const label = pixel % axis.every === 0 ? axis.labels[pixel / axis.every] : undefined;
    return labels.place(label ?? ' ', LABEL_PIXELS / 2 - 2);
  });
  const options = {
    abbreviate: true,
    xPadding: padding,
    xLabelPadding: padding,
    numYLabels: AXIS_STEPS,
    maxY: endOfAxis(tallest(values.flat()), AXIS_STEPS),
    showNthLabel: axis.every,
    style: { text: palette.colour(STYLE.dim), baseline: palette.colour(STYLE.dim) },
    data: [
      // The labels are those of the first one, so there must be one.
      { x, y: blank },
      ...curves.map(({ style }, curve) => ({
        x,
        y: blank.map((unknown, pixel) => values[curve]?.[pixel] ?? unknown),
        style: { line: palette.colour(style) },
      })),
    ],
  };
  return draw(LinePlot, options, size, { width: 6, height: 3 }, drawing);
}

/** Cells from one bar to the next. */
const BAR = { least: 8, most: 16 } as const;

function barsThatFit({ bars }: BarChart, width: number): number {
  return Math.min(bars.length, Math.floor(width / BAR.least));
}

function drawBars(chart: BarChart, size: ChartSize): Line[] {
  const drawing = { palette: new Palette(), labels: new Labels() };
  const { palette, labels } = drawing;
  const bars = chart.bars.slice(0, barsThatFit(chart, size.width));
  const spacing = Math.min(BAR.most, Math.floor(size.width / Math.max(1, bars.length)));
  const values = bars.map(({ value }) => drawable(value));
  const options = {
    barSpacing: spacing,
    barWidth: spacing - 3,
    xOffset: 1,
    // It takes the greater of this and the values; without it, nothing.
    maxHeight: Number.MIN_VALUE,
    barBgColor: palette.colour(chart.style),
    barFgColor: palette.colour(STYLE.plain),
    labelColor: palette.colour(STYLE.plain),
    data: {
      titles: bars.map(({ label }) => labels.place(label, spacing - 3)),
      // A number where it is measured, text where it is written.
      data: values.map((value) => ({
        valueOf: () => value ?? 0,
        toString: () => labels.place(chart.format(value), spacing - 3),
      })),
    },
  };
  return draw(Bar, options, size, { width: 2, height: 2 }, drawing);
}

/** Cells a donut needs from side to side. */
const DONUT_CELLS = 12;

function sharesThatFit({ shares }: DonutChart, width: number): number {
  return Math.min(shares.length, Math.floor(width / DONUT_CELLS));
}

function drawDonuts(chart: DonutChart, size: ChartSize): Line[] {
  const drawing = { palette: new Palette(), labels: new Labels() };
  const { palette, labels } = drawing;
  const shares = chart.shares.slice(0, sharesThatFit(chart, size.width));
  const room = Math.floor(size.width / Math.max(1, shares.length));
  // In pixels, of which a cell has two by four. The label is in the row below.
  const radius = Math.min(room - 2, 2 * size.height - 5);
  const options = {
    radius,
    arcWidth: Math.max(2, Math.round(radius / 4)),
    yPadding: 2,
    fill: palette.colour(STYLE.plain),
    remainColor: palette.colour(STYLE.dim),
    data: shares.map(({ label, fraction, style }) => {
      const share = drawable(fraction);
      return {
        percent: Math.min(1, share ?? 0),
        // What it writes in place of the percentage it would work out itself.
        percentAltNumber: { toFixed: () => labels.place(formatShare(share), 4) },
        label: labels.place(label, room - 2),
        color: palette.colour(style),
      };
    }),
  };
  return draw(Donut, options, size, { width: 3, height: 3 }, drawing);
}

/** The chart in exactly that many cells: its heading, and below it the drawing, which may be smaller. */
export function drawChart(chart: Chart, { width, height }: ChartSize): readonly Line[] {
  const size = { width, height: Math.min(height - 1, Math.floor(MOST_CELLS[chart.kind] / width)) };
  switch (chart.kind) {
    case 'line':
      return fitLines([heading(chart, width), ...drawLine(chart, size)], width, height);
    case 'bar': {
      const leftOut = chart.bars.length - barsThatFit(chart, width);
      return fitLines([heading(chart, width, leftOut), ...drawBars(chart, size)], width, height);
    }
    case 'donut': {
      const leftOut = chart.shares.length - sharesThatFit(chart, width);
      return fitLines([heading(chart, width, leftOut), ...drawDonuts(chart, size)], width, height);
    }
  }
}
