import { describe, expect, test } from 'vitest';
import { justify, paintLine, span } from '../../src/terminal/style.ts';
import { cellWidth, fit as fitCells, truncate, wrap } from '../../src/terminal/width.ts';

describe('cellWidth', () => {
  test.each([
    ['', 0],
    ['plain', 5],
    ['— ○ ◐ ◆ † ● ▌ ▲ ▼ ⏎ …', 21],
    ['漢字', 4],
    ['ｆｕｌｌ', 8],
    ['한국어', 6],
    ['e\u0301', 1],
    ['😀', 2],
    ['Ünïcödé', 7],
    ['مرحبا', 5],
    ['👍🏽', 2],
    ['🇩🇪', 2],
  ])('of %j is %i', (text, width) => {
    expect(cellWidth(text)).toBe(width);
  });
});

describe('truncate and fit', () => {
  test('leave what fits alone and end the rest with an ellipsis', () => {
    expect(truncate('namespace', 9)).toBe('namespace');
    expect(truncate('namespaces', 9)).toBe('namespac…');
    expect(truncate('anything', 0)).toBe('');
  });

  test('never cut a wide character in half, nor leave a gap where one did not fit', () => {
    expect(truncate('漢字漢字', 6)).toBe('漢字…');
    expect(fitCells('漢字漢字', 6)).toBe('漢字… ');
    expect(cellWidth(fitCells('漢字漢字', 6))).toBe(6);
  });

  test('keep combining marks with their letter', () => {
    expect(truncate('e\u0301e\u0301e\u0301', 2)).toBe('e\u0301…');
  });

  test('align to either side', () => {
    expect(fitCells('12', 5, 'right')).toBe('   12');
    expect(fitCells('ab', 5)).toBe('ab   ');
  });
});

describe('wrap', () => {
  test('breaks at blanks where there are any, and anywhere else', () => {
    expect(wrap('one two three', 9)).toEqual(['one two', 'three']);
    expect(wrap('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij']);
    expect(wrap('漢字漢字', 5)).toEqual(['漢字', '漢字']);
  });
});

describe('paintLine', () => {
  const line = [span('red', { fg: 'red', bold: true }), span(' plain')];

  test('writes styles as SGR and cuts to the width', () => {
    expect(paintLine(line, 6, true)).toBe('\u001b[1;31mred\u001b[0m p…');
  });

  test('sends no colour when there is to be none', () => {
    expect(paintLine(line, 20, false)).toBe('\u001b[1mred\u001b[0m plain');
  });

  test('fills the row where the style shows on blanks', () => {
    expect(paintLine([span('ab')], 4, true, { inverse: true })).toBe('\u001b[7mab\u001b[0m\u001b[7m  \u001b[0m');
  });

  test('puts the right part at the right edge, or leaves it out', () => {
    expect(paintLine(justify([span('left')], [span('right')], 12), 12, true)).toBe('left   right');
    expect(paintLine(justify([span('left')], [span('right')], 9), 9, true)).toBe('left');
  });
});
