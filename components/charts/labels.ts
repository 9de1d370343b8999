import { safeText } from '../../src/terminal/sanitise.ts';
import { type Line, span } from '../../src/terminal/style.ts';
import { cellWidth, fit, truncate } from '../../src/terminal/width.ts';

/** Where the private use area begins: nobody draws these 6400 characters, and no chart has that many labels. */
const FIRST = 0xe000;
const PLACES = /[\ue000-\uf8ff]+/;

/**
 * Text that must not be seen by the one who draws, because it comes from outside or has characters that are not one
 * cell wide: a run of one private character keeps its place, and is replaced when the drawing is done.
 */
export class Labels {
  readonly #texts: string[] = [];

  /** What to draw in place of `text`, which is cut to `width` cells. Never empty. */
  place(text: string, width: number): string {
    // A private character of its own would be taken for a place.
    const safe = truncate(safeText(text).replace(/[\ue000-\uf8ff]/g, '?'), width) || ' ';
    const known = this.#texts.indexOf(safe);
    const number = known === -1 ? this.#texts.push(safe) - 1 : known;
    return String.fromCharCode(FIRST + number).repeat(Math.max(1, cellWidth(safe)));
  }

  /** A drawn line with every text in its place. */
  fill(line: Line): Line {
    return line.map((piece) => {
      if (!PLACES.test(piece.text)) return piece;
      const text = piece.text.replace(/([\ue000-\uf8ff])\1*/g, (run, character: string) =>
        fit(this.#texts[character.charCodeAt(0) - FIRST] ?? '', run.length),
      );
      return span(text, piece.style);
    });
  }
}
