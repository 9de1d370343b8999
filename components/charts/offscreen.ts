import blessed from 'blessed';
import type { ChartSize } from './chart.ts';

/** Something of blessed-contrib that can be drawn. */
export type Widget = new (options: object) => { render(): unknown };

function nothing(): void {}

/**
 * Stands in for blessed's driver of a terminal, which would read terminfo from disk, listen on stdin and, inside tmux,
 * start `tmux -V`. Nothing is ever sent to it: the screen is read before it is drawn.
 */
function noTerminal({ width, height }: ChartSize): object {
  return {
    cols: width,
    rows: height,
    options: {},
    tput: { colors: 256, numbers: {}, strings: {}, unicode: true },
    put: { keypad_xmit: nothing },
    setupTput: nothing,
    on: nothing,
    alternateBuffer: nothing,
    csr: nothing,
    hideCursor: nothing,
    cup: nothing,
    clear: nothing,
    destroy: nothing,
  };
}

/**
 * Draws a widget where nobody sees it and takes its upper left part: one string a line, with SGR sequences.
 *
 * @param full the widget's own size, which includes margins it leaves blank.
 */
export function screenshot(
  Widget: Widget,
  options: object,
  { width, height }: ChartSize,
  full: ChartSize,
): readonly string[] {
  const screen = new blessed.Screen({ program: noTerminal(full) });
  try {
    const widget = new Widget({ ...options, ...full, screen, left: 0, top: 0 });
    screen.append(widget);
    widget.render();
    // One at a time: it looks for blanks at the end in a way that takes the square of how many there are in a row.
    return Array.from({ length: height }, (_, row) => screen.screenshot(0, width, row, row + 1).replaceAll('\n', ''));
  } finally {
    // It listens for signals and for the end of the process until then.
    screen.destroy();
  }
}
