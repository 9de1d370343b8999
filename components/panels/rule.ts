import { type Line, lineWidth, STYLE, type Style, span } from '../../src/terminal/style.ts';

/** A rule across the screen with a title near its left end and a remark near its right end. */
export function rule(title: Line, remark: string, width: number, style: Style = STYLE.dim): Line {
  const right = remark === '' ? '' : ` ${remark} ──`;
  const dashes = Math.max(0, width - 4 - lineWidth(title) - right.length);
  return [span('── ', style), ...title, span(' '), span('─'.repeat(dashes), style), span(right, style)];
}

/** Which part of a longer text is in view: `1-8 of 40`, or nothing where all of it is. */
export function extent(top: number, height: number, count: number): string {
  return count <= height ? '' : `${top + 1}-${Math.min(count, top + height)} of ${count}`;
}
