import { describe, expect, test } from 'vitest';
import { FramePainter } from '../../src/terminal/painter.ts';

describe('FramePainter', () => {
  function painter(columns = 10, rows = 3) {
    const written: string[] = [];
    const canvas = { columns, rows, write: (bytes: string) => written.push(bytes) };
    const made = new FramePainter(canvas);
    made.start();
    return { made, written, canvas };
  }

  test('sends a frame in one synchronized write, and then only what changed', () => {
    const { made, written } = painter();
    made.paint(['a', 'b', 'c']);
    made.paint(['a', 'B', 'c']);
    made.paint(['a', 'B', 'c']);
    expect(written).toHaveLength(2);
    expect(written[1]).toBe('\u001b[?2026h\u001b[2;1HB\u001b[m\u001b[K\u001b[?2026l');
  });

  test('does not erase the last cell of a row that is full', () => {
    const { made, written } = painter(3, 1);
    made.paint(['\u001b[1mabc\u001b[0m']);
    expect(written[0]).not.toContain('\u001b[K');
  });

  test('draws nothing while it does not own the terminal, and all of it afterwards', () => {
    const { made, written } = painter();
    made.paint(['a']);
    made.stop();
    made.paint(['b']);
    expect(written).toHaveLength(1);
    made.start();
    expect(written).toHaveLength(2);
    expect(written[1]).toContain('b');
  });

  test('never scrolls and never clears the screen', () => {
    const { made, written } = painter();
    made.paint(['a', 'b', 'c', 'a line too many']);
    made.invalidate();
    made.paint(['d', 'e', 'f']);
    for (const never of ['\n', '\u001b[J', '\u001b[2J', '\u001b[3J']) expect(written.join('')).not.toContain(never);
    expect(written.join('')).not.toContain('too many');
  });
});
