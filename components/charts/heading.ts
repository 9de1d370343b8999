import { safeText } from '../../src/terminal/sanitise.ts';
import { type Line, type Span, STYLE, span } from '../../src/terminal/style.ts';
import { cellWidth, truncate } from '../../src/terminal/width.ts';
import { type Chart, drawable, type LineChart } from './chart.ts';

/** A line cut and padded to exactly `width` cells. */
export function fitLine(line: Line, width: number): Line {
  const fitted: Span[] = [];
  let left = width;
  for (const { text, style } of line) {
    if (left <= 0) break;
    const cut = truncate(text, left);
    left -= cellWidth(cut);
    fitted.push(span(cut, style));
  }
  return left > 0 ? [...fitted, span(' '.repeat(left))] : fitted;
}

/** Lines cut and padded to exactly `height`. */
export function fitLines(lines: readonly Line[], width: number, height: number): readonly Line[] {
  return Array.from({ length: height }, (_, row) => lines[row] ?? [span(' '.repeat(width))]);
}

function legend({ curves, format }: LineChart): Span[] {
  return curves.flatMap(({ name, style, points }) => [
    span('   '),
    span('━', style),
    span(` ${safeText(name)} ${format(drawable(points.at(-1)?.value ?? null))}`),
  ]);
}

/** The first line of a chart: what it shows; whose the curves are and where they have got to; what had no room. */
export function heading(chart: Chart, width: number, leftOut = 0): Line {
  const more = leftOut === 0 ? [] : [span(`   and ${leftOut} more`, STYLE.dim)];
  return fitLine(
    [span(` ${safeText(chart.title)}`, STYLE.bold), ...(chart.kind === 'line' ? legend(chart) : []), ...more],
    width,
  );
}
