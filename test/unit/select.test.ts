import { describe, expect, test } from 'vitest';
import { selectNamespace } from '../../src/correlate/select.ts';
import { aNamespace, aProcess } from '../fixtures/snapshot.ts';

const init = aNamespace({ ino: 4026531833, cookie: '1', initial: true, processes: [aProcess({ pid: 1 })] });
const blue = aNamespace({
  ino: 4026532177,
  cookie: '4101',
  names: ['blue'],
  paths: ['/run/netns/blue'],
  processes: [aProcess({ pid: 71 })],
});
const number = aNamespace({
  ino: 5,
  cookie: '9',
  names: ['4026532177'],
  paths: ['/run/netns/4026532177'],
  processes: [],
  holders: [],
});
const stray = aNamespace({
  ino: 6,
  cookie: '10',
  processes: [],
  holders: [{ kind: 'task', pid: 71, tid: 75, threads: 1 }],
});
const ALL = [init, blue, number, stray];
const facts = { self: 4026531833, inodeAt: (path: string) => (path === '/proc/71/ns/net' ? 4026532177 : null) };

function selected(selector: string): unknown {
  const selection = selectNamespace(ALL, selector, facts);
  return selection.found?.ino ?? selection;
}

describe('selectNamespace', () => {
  test.each([
    ['blue', 4026532177],
    ['net:[4026532177]', 4026532177],
    ['/run/netns/blue', 4026532177],
    ['/proc/71/ns/net', 4026532177],
    ['cookie:4101', 4026532177],
    ['pid:71', 4026532177],
    ['pid:75', 6],
    ['pid:1', 4026531833],
    ['init', 4026531833],
    ['self', 4026531833],
    ['5', 5],
  ])('%s', (selector, ino) => {
    expect(selected(selector)).toBe(ino);
  });

  test('a number that is an inode and a name is ambiguous, and says what it may be', () => {
    expect(selected('4026532177')).toEqual({ found: null, ambiguous: [number, blue], near: [] });
  });

  test.each([
    ['bleu', ['blue']],
    ['initt', ['init']],
    ['402653217', ['4026532177', '/run/netns/4026532177']],
    ['/run/netns/blu', ['/run/netns/blue']],
    ['nothing-like-it', []],
    ['', expect.anything()],
    ['x'.repeat(10_000), []],
  ])('an unknown one lists what is near: %j', (selector, near) => {
    expect(selected(selector)).toMatchObject({ found: null, ambiguous: [], near });
  });
});
