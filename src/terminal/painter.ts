import { cellWidth } from './width.ts';

const BEGIN_SYNCHRONIZED = '\u001b[?2026h';
const END_SYNCHRONIZED = '\u001b[?2026l';
// biome-ignore lint/suspicious/noControlCharactersInRegex: it matches the escape sequences that set styles
const SGR = /\u001b\[[0-9;]*m/g;

/** What the painter draws on. */
export interface Canvas {
  readonly columns: number;
  readonly rows: number;
  write(bytes: string): unknown;
}

/**
 * Puts frames on the terminal. Only lines that differ from what is already there are sent, each at its own
 * address, all in one write inside a synchronized update (DECSET 2026): nothing scrolls, nothing is cleared,
 * nothing flickers, and the last row can be used.
 */
export class FramePainter {
  readonly #canvas: Canvas;
  /** What is on the terminal, row by row. */
  #shown: string[] = [];
  #frame: readonly string[] = [];
  #stopped = true;

  constructor(canvas: Canvas) {
    this.#canvas = canvas;
  }

  /** The terminal is ours, and what is on it unknown: draws the latest frame in full. */
  start(): void {
    this.#stopped = false;
    this.invalidate();
    this.#send();
  }

  /** The terminal is no longer ours: frames are taken and not drawn. */
  stop(): void {
    this.#stopped = true;
  }

  /** What is on the terminal is no longer known, as after a resize: the next frame is drawn in full. */
  invalidate(): void {
    this.#shown = [];
  }

  /** Draws a frame: one string per row, SGR sequences allowed, nothing wider than the terminal. */
  paint(lines: readonly string[]): void {
    this.#frame = lines;
    if (!this.#stopped) this.#send();
  }

  #send(): void {
    if (this.#frame.length === 0) return;
    const { columns, rows } = this.#canvas;
    let bytes = '';
    for (let row = 0; row < rows; row++) {
      const line = this.#frame[row] ?? '';
      if (this.#shown[row] === line) continue;
      this.#shown[row] = line;
      // A line that fills the row leaves the cursor on its last cell: erasing from there would erase that cell.
      const full = cellWidth(line.replace(SGR, '')) >= columns;
      bytes += `\u001b[${row + 1};1H${line}\u001b[m${full ? '' : '\u001b[K'}`;
    }
    this.#shown.length = rows;
    if (bytes !== '') this.#canvas.write(BEGIN_SYNCHRONIZED + bytes + END_SYNCHRONIZED);
  }
}
