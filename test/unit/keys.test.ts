import { describe, expect, test } from 'vitest';
import { KeyDecoder } from '../../src/terminal/keys.ts';

/** Names of the keys these reads make; `flush` is what is still pending when nothing more comes. */
function decode(reads: readonly (string | Buffer)[], flush = true): string[] {
  const decoder = new KeyDecoder();
  const keys = reads.flatMap((read) => decoder.feed(typeof read === 'string' ? Buffer.from(read) : read));
  return [...keys, ...(flush ? decoder.flush() : [])].map(({ name }) => name);
}

describe('KeyDecoder', () => {
  test('takes a burst apart', () => {
    expect(decode(['jjj\u001b[B\u001b[Bk'])).toEqual(['j', 'j', 'j', 'down', 'down', 'k']);
  });

  test.each([
    ['\u001b[A', 'up'],
    ['\u001bOA', 'up'],
    ['\u001b[5~', 'page-up'],
    ['\u001b[6~', 'page-down'],
    ['\u001b[H', 'home'],
    ['\u001b[1~', 'home'],
    ['\u001bOF', 'end'],
    ['\u001b[4~', 'end'],
    ['\u001b[3~', 'delete'],
    ['\t', 'tab'],
    ['\u001b[Z', 'shift-tab'],
    ['\r', 'enter'],
    ['\u007f', 'backspace'],
    ['\b', 'backspace'],
    [' ', 'space'],
    ['\u0003', 'ctrl-c'],
    ['\u000c', 'ctrl-l'],
    ['\u001a', 'ctrl-z'],
    ['\u001bOP', 'f1'],
    ['\u001b[11~', 'f1'],
    ['\u001b[[A', 'f1'],
    ['\u001b[15~', 'f5'],
    ['\u001b[24~', 'f12'],
    ['\u001b[1;5C', 'ctrl-right'],
    ['é', 'é'],
    ['漢', '漢'],
    ['😀', '😀'],
  ])('%j is %s', (bytes, name) => {
    expect(decode([bytes])).toEqual([name]);
  });

  test('puts a sequence together that arrives byte by byte', () => {
    expect(decode([...'\u001b[1;5A\u001b[6~'].map((byte) => byte))).toEqual(['ctrl-up', 'page-down']);
  });

  test('puts a character together that arrives byte by byte', () => {
    expect(decode([...Buffer.from('é漢😀')].map((byte) => Buffer.from([byte])))).toEqual(['é', '漢', '😀']);
  });

  test('keeps a lone Escape until told that nothing follows', () => {
    const decoder = new KeyDecoder();
    expect(decoder.feed(Buffer.from('\u001b'))).toEqual([]);
    expect(decoder.waiting).toBe(true);
    expect(decoder.flush()).toEqual([{ name: 'escape' }]);
    expect(decoder.waiting).toBe(false);
  });

  test('takes Escape Escape and Escape before a sequence as Escape', () => {
    expect(decode(['\u001b\u001b'])).toEqual(['escape', 'escape']);
    expect(decode(['\u001b\u001b[A'])).toEqual(['escape', 'up']);
  });

  test('takes a key right after Escape for two keys, as tmux may hold the Escape back', () => {
    expect(decode(['\u001bq'])).toEqual(['escape', 'q']);
    expect(decode(['\u001b/web\u001b\r'])).toEqual(['escape', '/', 'w', 'e', 'b', 'escape', 'enter']);
    expect(decode(['\u001bO'])).toEqual(['escape', 'O']);
    expect(decode(['\u001b['])).toEqual(['escape', '[']);
  });

  test('swallows mouse reports, focus reports and answers to queries', () => {
    expect(decode(['a\u001b[<0;10;20Mb\u001b[<0;10;20mc\u001b[M !!d\u001b[Ie\u001b[?1;2cf\u001b[?2026;2$yg'])).toEqual([
      'a',
      'b',
      'c',
      'd',
      'e',
      'f',
      'g',
    ]);
  });

  test('hands pasted text over in one piece, wherever the reads are cut', () => {
    const decoder = new KeyDecoder();
    const keys = ['\u001b[20', '0~web\nq', '\u001b[201', '~j'].flatMap((read) => decoder.feed(Buffer.from(read)));
    expect(keys).toEqual([
      { name: 'paste', text: 'web\nq' },
      { name: 'j', text: 'j' },
    ]);
  });

  test('does not wait for ever for the end of a paste or of a sequence', () => {
    expect(decode([`\u001b[200~${'x'.repeat(5000)}`, 'j'])).toEqual(['paste', 'j']);
    expect(decode([`\u001b[${'1;'.repeat(100)}`, 'j']).at(-1)).toBe('j');
  });

  test('types nothing for C1 controls and broken UTF-8', () => {
    expect(decode([Buffer.from([0x6a, 0xff, 0xfe, 0xc2, 0x9b, 0x6b])])).toEqual(['j', 'k']);
  });
});
