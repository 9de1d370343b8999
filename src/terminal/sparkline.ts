const LEVELS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/** The tallest of the values; 0 where none is known. */
export function tallest(values: readonly (number | null)[]): number {
  return values.reduce<number>((most, value) => (value !== null && value > most ? value : most), 0);
}

function level(value: number | null, max: number): string {
  if (value === null || !Number.isFinite(value)) return ' ';
  if (value <= 0 || max <= 0) return LEVELS[0];
  // What is not nothing must not look like nothing, however little it is.
  const step = Math.ceil((value / max) * (LEVELS.length - 1));
  return LEVELS[Math.min(Math.max(1, step), LEVELS.length - 1)] ?? ' ';
}

/**
 * The last `width` values, one cell each, the newest at the right edge: `▁` is nothing, `█` is `max`, a blank is not
 * known. Exactly `width` cells.
 *
 * @param max what the tallest bar stands for; the tallest of the values shown unless given.
 */
export function sparkline(values: readonly (number | null)[], width: number, max?: number): string {
  if (width <= 0) return '';
  const shown = values.slice(-width);
  const top = max ?? tallest(shown);
  return shown
    .map((value) => level(value, top))
    .join('')
    .padStart(width);
}
