/**
 * The only file that touches Ink: components use `Box` and `TextLine` from here and nothing else, so that a newer
 * Ink is a change to this file.
 *
 * Ink (and React) keep the tree and arrange its rows; they do not draw. Measured with Ink 6.8 at 160×48: composing a
 * frame out of single styled characters takes 22 ms and a megabyte of garbage, and each text it measures is kept in a
 * cache without bound. So Ink is given a screen two columns wide, on which each row is a placeholder; its
 * `debug` mode hands over every frame whole, and our painter puts the real lines in place and sends what changed.
 * That also keeps Ink's clearing of the screen, its throttle and its CI check (with `CI=true` it draws nothing) out
 * of the way. What stands side by side on a row is spans of one line, not boxes in a box.
 */
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { Box, render, Text, Transform } from 'ink';
import { memo, type ReactElement } from 'react';
import type { Canvas, FramePainter } from './painter.ts';
import { type Line, paintLine, type Style } from './style.ts';

export { Box };

/**
 * A placeholder is the number of a line, written in two printable ASCII characters (no blank: Ink trims those).
 * Anything but ASCII would make string-width compile its pattern for emoji, which takes 0.1 s.
 */
const PLACEHOLDER_WIDTH = 2;
const FIRST_DIGIT = 0x21;
const BASE = 90;

/** The lines of the frame that is being composed, by number. */
let composing: string[] = [];

/** Takes a painted line for the frame that is being composed. */
function placeholderFor(painted: string): string {
  const number = composing.push(painted) - 1;
  return String.fromCharCode(FIRST_DIGIT + Math.floor(number / BASE), FIRST_DIGIT + (number % BASE));
}

/** The number a placeholder stands for; none for a blank row. */
function lineNumber(placeholder: string): number {
  return (placeholder.charCodeAt(0) - FIRST_DIGIT) * BASE + placeholder.charCodeAt(1) - FIRST_DIGIT;
}

/** Stands in for stdout: takes Ink's frames. */
class FrameSink extends EventEmitter {
  readonly isTTY = false;
  readonly columns = PLACEHOLDER_WIDTH;
  readonly #canvas: Canvas;
  readonly #painter: FramePainter;

  constructor(canvas: Canvas, painter: FramePainter) {
    super();
    this.#canvas = canvas;
    this.#painter = painter;
  }

  get rows(): number {
    return this.#canvas.rows;
  }

  write(frame: string, done?: unknown): boolean {
    const lines = composing;
    composing = [];
    // Ink also writes '' to learn when its output is flushed.
    if (lines.length > 0) {
      this.#painter.paint(frame.split('\n').map((row) => lines[lineNumber(row)] ?? ''));
    }
    if (typeof done === 'function') done();
    return true;
  }
}

/** A mounted tree. */
export interface Mounted {
  /** Settles when the tree is unmounted; rejects when a component threw. */
  readonly ended: Promise<void>;
  unmount(): void;
}

/** Mounts a tree on the terminal behind `canvas`, drawing through `painter`. */
export function mount(tree: ReactElement, canvas: Canvas, painter: FramePainter): Mounted {
  const { unmount, waitUntilExit } = render(tree, {
    stdout: new FrameSink(canvas, painter) as unknown as NodeJS.WriteStream,
    stdin: new PassThrough() as unknown as NodeJS.ReadStream,
    debug: true,
    exitOnCtrlC: false,
    patchConsole: false,
    isScreenReaderEnabled: false,
  });
  return { ended: waitUntilExit().then(() => undefined), unmount };
}

/** What Ink measures in place of a line. */
const BLANK = ' '.repeat(PLACEHOLDER_WIDTH);

/** Properties of `TextLine`. */
interface TextLineProps {
  readonly line: Line;
  /** Cells it fills, blank to the end. */
  readonly width: number;
  readonly color: boolean;
  /** Takes the place of the spans' styles, as on the selected row. */
  readonly over?: Style;
}

/** One row of the screen. */
export const TextLine = memo(function TextLine({ line, width, color, over }: TextLineProps): ReactElement {
  return (
    <Transform transform={() => placeholderFor(paintLine(line, width, color, over))}>
      <Text>{BLANK}</Text>
    </Transform>
  );
});
