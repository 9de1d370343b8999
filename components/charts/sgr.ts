import { type Line, type Span, STYLE, type Style, span } from '../../src/terminal/style.ts';

/**
 * Colours that stand for styles while a chart is drawn by somebody who knows colours by number only. The first sixteen
 * of the 256 have names and shorter sequences.
 */
export class Palette {
  static readonly #FIRST = 16;
  readonly #styles: Style[] = [];

  /** The colour that stands for a style. */
  colour(style: Style): number {
    const known = this.#styles.indexOf(style);
    return Palette.#FIRST + (known === -1 ? this.#styles.push(style) - 1 : known);
  }

  /** The style a colour stands for. */
  style(colour: number): Style {
    return this.#styles[colour - Palette.#FIRST] ?? STYLE.plain;
  }
}

/** A sequence that selects colours; another escape sequence; text; and whatever is left, one character. */
const TOKEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it is for
  /\u001b\[([0-9;]*)m|\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|([^\u0000-\u001f\u007f-\u009f]+)|[\s\S]/g;

/** What `ESC [ … m` does to the colours in use; all but the 256 colours and resetting is left alone. */
function select(parameters: string, colours: { foreground: number | null; background: number | null }): void {
  const codes = parameters.split(';').map(Number);
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at];
    if (code === 0) Object.assign(colours, { foreground: null, background: null });
    else if (code === 39) colours.foreground = null;
    else if (code === 49) colours.background = null;
    else if ((code === 38 || code === 48) && codes[at + 1] === 5) {
      colours[code === 38 ? 'foreground' : 'background'] = codes[at + 2] ?? null;
      at += 2;
    }
  }
}

/** Text on a coloured ground: blanks become blocks, the rest is inverse. */
function onGround(text: string, style: Style): Span[] {
  return (text.match(/ +|[^ ]+/g) ?? []).map((piece) =>
    piece.startsWith(' ') ? span('█'.repeat(piece.length), style) : span(piece, { ...style, inverse: true }),
  );
}

/** One line of text with SGR sequences as spans. Nothing but printable text comes through. */
export function parseSgr(text: string, palette: Palette): Line {
  const colours: { foreground: number | null; background: number | null } = { foreground: null, background: null };
  const spans: Span[] = [];
  for (const [, parameters, printable] of text.matchAll(TOKEN)) {
    if (parameters !== undefined) select(parameters, colours);
    if (printable === undefined) continue;
    const { foreground, background } = colours;
    if (background !== null) spans.push(...onGround(printable, palette.style(background)));
    else spans.push(foreground === null ? span(printable) : span(printable, palette.style(foreground)));
  }
  return spans;
}
