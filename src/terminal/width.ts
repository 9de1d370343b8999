/**
 * How many cells text takes on a terminal, and cutting and padding text to cells. Widths follow the East Asian
 * Width property the way Ink and most terminals do: wide and fullwidth are two cells, ambiguous is one.
 */

/** Characters that take no cell of their own: combining marks, and what little of Cf the sanitiser lets through. */
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff\ud7b0-\ud7ff]+$/u;
const EMOJI_PRESENTATION = /^\p{Emoji_Presentation}/u;
/** One cell each, for certain: ASCII, Latin, Greek, the punctuation, arrows, box and block shapes the screen is drawn with. */
const NARROW = /^[\x20-\x7e\u00a0-\u00ac\u00ae-\u02ff\u0370-\u03ff\u2010-\u2027\u2190-\u21ff\u2500-\u25fc]*$/;

/** Inclusive ranges of East Asian Wide and Fullwidth code points (Unicode 16), neighbours merged. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x3247],
  [0x3250, 0x4dbf],
  [0x4dc0, 0x4dff],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6b],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x1aff0, 0x1b2fb],
  [0x1d300, 0x1d356],
  [0x1d360, 0x1d376],
  [0x1f200, 0x1f320],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

let segmenter: Intl.Segmenter | undefined;

/** Grapheme clusters. The segmenter is made when first needed: that takes 15 ms, and most tables need none. */
export function graphemes(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  return segmenter.segment(text);
}

function isWide(code: number): boolean {
  return code >= 0x1100 && WIDE.some(([first, last]) => code >= first && code <= last);
}

/** Cells one grapheme cluster takes. */
function graphemeWidth(grapheme: string): number {
  if (ZERO_WIDTH.test(grapheme)) return 0;
  const code = grapheme.codePointAt(0) ?? 0;
  if (grapheme.includes('\ufe0f') || EMOJI_PRESENTATION.test(grapheme)) return 2;
  return isWide(code) ? 2 : 1;
}

/** Cells `text` takes. It must hold no escape sequences. */
export function cellWidth(text: string): number {
  if (NARROW.test(text)) return text.length;
  let width = 0;
  for (const { segment: grapheme } of graphemes(text)) width += graphemeWidth(grapheme);
  return width;
}

/** The longest beginning of `text` that fits `width` cells. A wide character is never cut in half. */
function head(text: string, width: number): string {
  if (width <= 0) return '';
  if (NARROW.test(text)) return text.slice(0, width);
  let used = 0;
  for (const { segment: grapheme, index } of graphemes(text)) {
    used += graphemeWidth(grapheme);
    if (used > width) return text.slice(0, index);
  }
  return text;
}

/** `text` as it is if it fits `width` cells, else cut and ended with `…`. */
export function truncate(text: string, width: number): string {
  if (width <= 0) return '';
  // Text this short cannot overflow even if every character is wide.
  if (text.length * 2 <= width || cellWidth(text) <= width) return text;
  return `${head(text, width - 1)}…`;
}

/** Cut and padded to exactly `width` cells. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const cut = truncate(text, width);
  const blank = ' '.repeat(Math.max(0, width - cellWidth(cut)));
  return align === 'left' ? cut + blank : blank + cut;
}

/** Breaks `text` into lines of at most `width` cells: at a blank where there is one in the last third, else anywhere. */
export function wrap(text: string, width: number): string[] {
  if (width < 2 || cellWidth(text) <= width) return [text];
  const lines: string[] = [];
  let rest = text;
  while (rest !== '' && cellWidth(rest) > width) {
    const piece = head(rest, width);
    const blank = piece.lastIndexOf(' ');
    const cut = blank > (piece.length * 2) / 3 ? blank + 1 : Math.max(1, piece.length);
    lines.push(rest.slice(0, cut).trimEnd());
    rest = rest.slice(cut);
  }
  if (rest !== '') lines.push(rest);
  return lines;
}
