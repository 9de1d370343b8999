import type { Point } from './chart.ts';

/** Seconds between two labels of a time axis that read well. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800];

/**
 * The values of `columns` equal stretches of the time from `from` to `until`: each is the greatest that held in some part
 * of it, so that no short peak is lost; null where none is known.
 */
export function inColumns(
  points: readonly Point[],
  from: number,
  until: number,
  columns: number,
): readonly (number | null)[] {
  const stretch = (until - from) / columns;
  let first = 0;
  return Array.from({ length: columns }, (_, column) => {
    const begin = from + column * stretch;
    const end = begin + stretch;
    while ((points[first]?.at ?? Number.POSITIVE_INFINITY) <= begin) first += 1;
    let greatest: number | null = null;
    for (let index = first; index < points.length; index++) {
      const { since, value } = points[index] ?? { since: end, value: null };
      if (since >= end) break;
      if (value !== null && (greatest === null || value > greatest)) greatest = value;
    }
    return greatest;
  });
}

/** Where the labels of a time axis are. */
export interface TimeAxis {
  /** Columns the whole time takes: as many as there are, or a few less so that every label has a column of its own. */
  readonly columns: number;
  /** Columns from one label to the next, the first one at the left edge. */
  readonly every: number;
  readonly labels: readonly string[];
}

function age(seconds: number, step: number): string {
  if (Math.round(seconds) === 0) return 'now';
  if (step % 3600 === 0) return `-${Math.round(seconds / 3600)}h`;
  return step % 60 === 0 ? `-${Math.round(seconds / 60)}m` : `-${Math.round(seconds)}s`;
}

/** Divides a time axis: labels tell how long ago it was, and are at least `apart` columns from each other. */
export function timeAxis(from: number, until: number, columns: number, apart: number): TimeAxis {
  const seconds = Math.max(1, (until - from) / 1000);
  const step = STEPS.find((candidate) => (candidate / seconds) * columns >= apart) ?? seconds;
  const every = Math.floor((step / seconds) * columns);
  return {
    columns: Math.min(columns, Math.floor((seconds / step) * every)),
    every,
    labels: Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => age(seconds - index * step, step)),
  };
}
