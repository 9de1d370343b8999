import { cellWidth, truncate } from './width.ts';

/** How a piece of text looks. Colours come from the terminal's own palette of eight, so that any theme stays legible. */
export interface Style {
  readonly fg?: 'red' | 'green' | 'yellow' | 'magenta' | 'cyan';
  readonly bold?: boolean;
  readonly dim?: boolean;
  readonly inverse?: boolean;
}

/** A piece of one line and its style. The text must already be safe to draw. */
export interface Span {
  readonly text: string;
  readonly style?: Style;
}

/** One line of the screen. */
export type Line = readonly Span[];

const FOREGROUND = { red: 31, green: 32, yellow: 33, magenta: 35, cyan: 36 } as const;

/** The screen's few looks. One accent; everything else is told by dim, bold and, where it deserves the eye, a colour. */
export const STYLE = {
  plain: {},
  dim: { dim: true },
  bold: { bold: true },
  accent: { fg: 'cyan' },
  accentBold: { fg: 'cyan', bold: true },
  good: { fg: 'green' },
  warn: { fg: 'yellow' },
  alert: { fg: 'red', bold: true },
  odd: { fg: 'magenta' },
} as const satisfies Record<string, Style>;

/** Short for one span. */
export function span(text: string, style?: Style): Span {
  return style === undefined ? { text } : { text, style };
}

/** Cells a line takes. */
export function lineWidth(line: Line): number {
  return line.reduce((width, { text }) => width + cellWidth(text), 0);
}

/** `left`, then blanks, then `right` at the right edge; `right` gives way where both do not fit. */
export function justify(left: Line, right: Line, width: number): Line {
  const gap = width - lineWidth(left) - lineWidth(right);
  return gap < 1 ? left : [...left, span(' '.repeat(gap)), ...right];
}

function sgr(style: Style, color: boolean): string {
  const codes: number[] = [];
  if (style.bold) codes.push(1);
  if (style.dim) codes.push(2);
  if (style.inverse) codes.push(7);
  if (color && style.fg !== undefined) codes.push(FOREGROUND[style.fg]);
  return codes.length === 0 ? '' : `\u001b[${codes.join(';')}m`;
}

/**
 * A line as the bytes that draw it, cut to `width` cells. `over` takes the place of every span's own style, as on the
 * selected row, so that it is one even bar.
 * Without `color` no colour is ever sent: bold, dim and inverse stay, they are not colours (no-color.org).
 */
export function paintLine(line: Line, width: number, color: boolean, over?: Style): string {
  let painted = '';
  let left = width;
  for (const { text, style } of line) {
    if (left <= 0) break;
    const cut = truncate(text, left);
    left -= cellWidth(cut);
    const codes = sgr(over ?? style ?? STYLE.plain, color);
    painted += codes === '' ? cut : `${codes}${cut}\u001b[0m`;
  }
  if (over?.inverse && left > 0) painted += `${sgr(over, color)}${' '.repeat(left)}\u001b[0m`;
  return painted;
}
