import { describe, expect, test } from 'vitest';
import { toCsv } from '../../src/report/csv.ts';
import { toTable } from '../../src/report/table.ts';
import { safeText, sanitise } from '../../src/terminal/sanitise.ts';

/** The bytes of a string as `sanitise` takes them: one character each. */
function bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

describe('sanitise', () => {
  test.each([
    ['plain', 'plain'],
    ['Grüße 世界', 'Grüße 世界'],
    ['C:\\new', 'C:\\new'],
  ])('leaves %j as it is, without raw bytes', (text, safe) => {
    expect(sanitise(bytes(text))).toEqual({ text: safe });
  });

  test.each([
    ['\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m', '\\x1b[31mred\\x1b[0m'],
    ['\x1b]0;title\x07', '\\x1b]0;title\\x07', '\\x1b]0;title\\x07'],
    ['a\r\nb\tc', 'a\\x0d\\x0ab\\x09c', 'a\\x0d\\x0ab\\x09c'],
    ['\u009b31m', '\\x9b31m', '\\xc2\\x9b31m'],
    ['a\u202eb', 'a\\u202eb', 'a\\xe2\\x80\\xaeb'],
    ['a\u200bb', 'a\\u200bb', 'a\\xe2\\x80\\x8bb'],
    ['back\\slash\x01', 'back\\slash\\x01', 'back\\\\slash\\x01'],
  ])('makes %j harmless and keeps its bytes', (text, safe, raw) => {
    expect(sanitise(bytes(text))).toEqual({ text: safe, raw });
  });

  test('writes bytes that are no UTF-8 as what they are', () => {
    expect(sanitise('a\xff\xfeb')).toEqual({ text: 'a\\xff\\xfeb', raw: 'a\\xff\\xfeb' });
    expect(sanitise('\xe4\xb8')).toEqual({ text: '\\xe4\\xb8', raw: '\\xe4\\xb8' });
  });

  test('no input whatever leaves a control character', () => {
    for (let code = 0; code < 0x100; code++) {
      const { text } = sanitise(`x${String.fromCharCode(code)}y`);
      expect(text).toMatch(/^[\x20-\x7e]*$/);
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(safeText('\x1b[2J\u202e\u2028')).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028-\u202e]/);
  });
});

test('toCsv quotes what needs it', () => {
  expect(
    toCsv(
      ['a', 'b'],
      [
        ['1', 'x,y'],
        ['"q"', 'l\nm'],
      ],
    ),
  ).toBe('a,b\r\n1,"x,y"\r\n"""q""","l\nm"\r\n');
});

describe('toTable', () => {
  const columns = [
    { header: 'N', align: 'right' },
    { header: 'NAME', align: 'left' },
    { header: 'LAST', align: 'left' },
  ] as const;

  test('aligns by what cells measure, not by characters', () => {
    expect(
      toTable(columns, [
        ['1', '世界', 'x'],
        ['10', 'ab', 'y'],
      ]),
    ).toBe(' N  NAME  LAST\n 1  世界  x\n10  ab    y\n');
  });

  test('cuts the widest column to fit a terminal, and nothing without one', () => {
    const rows = [['1', 'n'.repeat(50), 'l'.repeat(20)]];
    for (const line of toTable(columns, rows, 40).trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(40);
    expect(toTable(columns, rows, 40)).toContain('…');
    expect(toTable(columns, rows)).toContain('n'.repeat(50));
  });
});
