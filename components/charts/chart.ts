import type { SafeText } from '../../src/model/index.ts';
import type { Style } from '../../src/terminal/style.ts';

/** A value that held from `since` to `at`, on any clock in milliseconds; null where it is not known. */
export interface Point {
  readonly since: number;
  readonly at: number;
  readonly value: number | null;
}

/** One line of a line chart. */
export interface Curve {
  readonly name: SafeText;
  readonly style: Style;
  /** In the order of time. */
  readonly points: readonly Point[];
}

/** Values over time, from 0 up. */
export interface LineChart {
  readonly kind: 'line';
  readonly title: SafeText;
  /** The time it spans. */
  readonly from: number;
  readonly until: number;
  readonly curves: readonly Curve[];
  readonly format: (value: number | null) => string;
}

/** Values side by side. */
export interface BarChart {
  readonly kind: 'bar';
  readonly title: SafeText;
  readonly bars: readonly { readonly label: SafeText; readonly value: number | null }[];
  readonly style: Style;
  readonly format: (value: number | null) => string;
}

/** Shares, each of a whole of its own. */
export interface DonutChart {
  readonly kind: 'donut';
  readonly title: SafeText;
  /** Fractions are from 0 to 1. */
  readonly shares: readonly { readonly label: SafeText; readonly fraction: number | null; readonly style: Style }[];
}

/** What can be drawn. Never changed: another value is another chart, and one that is the same is drawn once. */
export type Chart = LineChart | BarChart | DonutChart;

/** Cells a chart fills exactly. */
export interface ChartSize {
  readonly width: number;
  readonly height: number;
}

/** A value that can be drawn: what is no finite number, or less than nothing, is not known. */
export function drawable(value: number | null): number | null {
  return value !== null && Number.isFinite(value) && value >= 0 ? value : null;
}

/** A share in two or three digits; what is not nothing is not called so. */
export function formatShare(fraction: number | null): string {
  if (fraction === null) return '?';
  return fraction > 0 && fraction < 0.01 ? '<1%' : `${Math.round(fraction * 100)}%`;
}
