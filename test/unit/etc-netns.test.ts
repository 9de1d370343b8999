import { expect, test } from 'vitest';
import { etcNameOf } from '../../src/etc-netns.ts';
import type { MountHolder } from '../../src/model/index.ts';

function named(...names: readonly string[]) {
  const mount = { kind: 'mount', mountNamespace: 1, mountId: 1 } as const;
  return { names, holders: names.map((name): MountHolder => ({ ...mount, path: `/run/netns/${name}` })) };
}

const none = () => false;

test('without a name there is none to look for', () => {
  expect(etcNameOf({ names: [], holders: [] }, 'net:[4026532177]', () => true)).toEqual({ name: null, others: [] });
});

test('the name it is asked for by, or whose path, is the one', () => {
  for (const selector of ['red', '/run/netns/red', '/var/run/netns/red']) {
    expect(etcNameOf(named('blue', 'red'), selector, () => true)).toEqual({ name: 'red', others: [] });
  }
});

test('asked for otherwise, it is the first that there are files for; others that have any are named', () => {
  const ns = named('blue', 'red', 'green');
  expect(etcNameOf(ns, 'pid:7', none)).toEqual({ name: 'blue', others: [] });
  expect(etcNameOf(ns, 'pid:7', (name) => name === 'red')).toEqual({ name: 'red', others: [] });
  expect(etcNameOf(ns, '/elsewhere/red', (name) => name !== 'blue')).toEqual({ name: 'red', others: ['green'] });
});

test('a name is what it is, not how it is drawn: another one might be called that', () => {
  const holder: MountHolder = {
    kind: 'mount',
    path: '/run/netns/a\\x1b',
    rawPath: '/run/netns/a\\x1b',
    mountNamespace: 1,
    mountId: 1,
  };
  const asked: string[] = [];
  const remember = (name: string) => asked.push(name) > 0;
  expect(etcNameOf({ names: ['a\\x1b'], holders: [holder] }, '4026532177', remember).name).toBe('a\u001b');
  expect(asked).toEqual(['a\u001b']);
});
