import { describe, expect, test } from 'vitest';
import { sparkline } from '../../src/terminal/sparkline.ts';
import { formatBytes, formatRate } from '../../src/terminal/units.ts';
import { cellWidth } from '../../src/terminal/width.ts';

describe('formatRate', () => {
  test.each([
    [0, '0'],
    [0.4, '<1'],
    [340, '340'],
    [999.4, '999'],
    [999.6, '1.0k'],
    [1234, '1.2k'],
    [12_100_000, '12.1M'],
    [88e6, '88.0M'],
    [99_960, '100k'],
    [900_000, '900k'],
    [999_499, '999k'],
    [999_500, '1.0M'],
    [2 ** 63, '9.2E'],
    [null, '?'],
    [undefined, '—'],
    [Number.NaN, '?'],
    [Number.POSITIVE_INFINITY, '?'],
  ])('of %s is %s', (value, text) => {
    expect(formatRate(value)).toBe(text);
  });

  test('never takes more than five cells', () => {
    for (let value = 0.01; value < 1e20; value *= 1.07) expect(cellWidth(formatRate(value))).toBeLessThanOrEqual(5);
  });
});

describe('formatBytes', () => {
  test.each([
    [0, '0 B'],
    [340, '340 B'],
    [1234, '1.2 kB'],
    [88e6, '88.0 MB'],
    [null, '?'],
    [undefined, '—'],
  ])('of %s is %s', (value, text) => {
    expect(formatBytes(value)).toBe(text);
  });
});

describe('sparkline', () => {
  test('draws from nothing to the tallest, and what is unknown as a blank', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe('▁▂▃▄▅▆▇█');
    expect(sparkline([0, null, 7, Number.NaN], 4)).toBe('▁ █ ');
    expect(sparkline([0, 0, 0], 3)).toBe('▁▁▁');
    expect(sparkline([null, null], 2)).toBe('  ');
  });

  test('does not let a little pass for nothing', () => {
    expect(sparkline([1, 1e9], 2)).toBe('▂█');
  });

  test('has the newest at the right edge and exactly its width', () => {
    expect(sparkline([7], 4)).toBe('   █');
    expect(sparkline([7, 7, 0, 7], 2)).toBe('▁█');
    expect(sparkline([], 3)).toBe('   ');
    expect(sparkline([1], 0)).toBe('');
  });

  test('is scaled by the tallest value shown, or by what is given', () => {
    expect(sparkline([1000, 7, 7], 2)).toBe('██');
    expect(sparkline([7, 14], 2, 14)).toBe('▅█');
    expect(sparkline([7, 14], 2, 7)).toBe('██');
    expect(sparkline([7], 1, 0)).toBe('▁');
  });
});
