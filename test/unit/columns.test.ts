import { describe, expect, test } from 'vitest';
import { chooseColumn } from '../../src/columns/choose.ts';
import { cellText } from '../../src/columns/column.ts';
import { FilterError, filteredColumns, parseFilter } from '../../src/columns/filter.ts';
import { NAMESPACES } from '../../src/columns/namespaces.ts';
import { sortRows } from '../../src/columns/sort.ts';
import type { Namespace } from '../../src/model/index.ts';
import { aDevice, aHiddenNamespace, aNamespace, aProcess } from '../fixtures/snapshot.ts';

const plain = aNamespace({ ino: 1, names: ['web'], processes: [aProcess({ pid: 7, cmdline: 'nginx -g daemon' })] });
const obscure = aNamespace({
  ino: 2,
  cookie: '9000000000000000001',
  visibility: 'obscure',
  processes: [],
  holders: [
    { kind: 'socket', pid: 5, fd: 6, inode: 3333, family: 'inet', type: 'stream', protocol: 6, listening: true },
  ],
});
const unknown = aNamespace({ ino: null, cookie: null, visibility: 'obscure', owner: null, processes: [], holders: [] });
const ALL = [plain, obscure, unknown];
const hidden = aHiddenNamespace({
  ino: 4,
  devices: [aDevice(), aDevice({ name: 'mvx0', address: '02:aa:00:00:00:01' })],
});
const dying = aHiddenNamespace({ ino: 5, visibility: 'dying', devices: null, references: null, witnesses: [] });

function accepted(namespaces: readonly Namespace[], filter: string): (number | null)[] {
  const accepts = parseFilter(NAMESPACES, filter);
  return namespaces.filter((ns) => accepts(ns)).map(({ ino }) => ino);
}

function cell(id: string, ns: Namespace): string {
  return cellText(chooseColumn(NAMESPACES, id), ns, undefined);
}

function matching(filter: string): (number | null)[] {
  return accepted(ALL, filter);
}

describe('filter', () => {
  test.each<[string, (number | null)[]]>([
    ['', [1, 2, null]],
    ['   ', [1, 2, null]],
    ['web', [1]],
    ['NGINX', [1]],
    ['!web', [2, null]],
    ['!', [1, 2, null]],
    ['visibility:obscure', [2, null]],
    ['visibility=plain', [1]],
    ['visibility!=plain', [2, null]],
    ['visibility≠plain', [2, null]],
    ['!visibility:obscure', [1]],
    ['processes>0', [1]],
    ['processes<1 socket', [2]],
    ['processes>=1', [1]],
    ['processes<=0', [2, null]],
    ['cookie=9000000000000000001', [2]],
    ['name=', [2, null]],
    ['namespace:?', [null]],
    ['command:"nginx -g"', [1]],
    ['"-g daemon"', [1]],
    ['listening', [2]],
  ])('%j', (filter, inodes) => {
    expect(matching(filter)).toEqual(inodes);
  });

  test.each<[string, (number | null)[]]>([
    ['visibility:hidden', [4]],
    ['visibility=hidden', [4]],
    ['visibility=HIDDEN', [4]],
    ['!visibility:hidden', [1, 2, null, 5]],
    ['visibility=dying', [5]],
    ['seen-by=kernel !seen-by:tasks', [2, null, 4]],
    ['devices>1', [4]],
    ['devices:?', [5]],
    ['references=1', [1, 2, null, 4]],
    ['mvx0', [4]],
    ['02:AA:', [4]],
    ['handles', []],
  ])('%j, where the kernel shows more', (filter, inodes) => {
    expect(accepted([...ALL, hidden, dying], filter)).toEqual(inodes);
  });

  test.each(['colour:red', 'processes>many', 'processes>'])('%j is refused with what would be right', (filter) => {
    expect(() => parseFilter(NAMESPACES, filter)).toThrow(FilterError);
  });

  test('an address is text, not a column', () => {
    expect(matching('10.0.0.1:80')).toEqual([]);
    expect(accepted([plain, hidden], 'aa:00:00')).toEqual([4]);
    expect(accepted([plain, hidden], '!02:aa::')).toEqual([1, 4]);
    expect(accepted([plain, hidden], 'fe80::1')).toEqual([]);
  });

  test('names the columns that must have been read for it', () => {
    const named = (filter: string) => filteredColumns(NAMESPACES, filter).map(({ id }) => id);
    expect(named('web !listeners>0 "addresses:10.0.0" dead::beef')).toEqual(['listeners', 'addresses']);
  });
});

describe('sort', () => {
  function order(id: string, descending: boolean): (number | null)[] {
    const column = chooseColumn(NAMESPACES, id);
    return sortRows(NAMESPACES, ALL, { column, descending }, undefined).map(({ ino }) => ino);
  }

  test('unknown values go last both ways', () => {
    expect(order('namespace', false)).toEqual([1, 2, null]);
    expect(order('namespace', true)).toEqual([2, 1, null]);
    expect(order('owner', true).at(-1)).toBeNull();
  });

  test('visibility sorts by how far from ordinary', () => {
    expect(order('visibility', true).at(-1)).toBe(1);
  });

  test('ties keep inode order', () => {
    const rows: Namespace[] = [3, 1, 2].map((ino) => aNamespace({ ino }));
    const column = chooseColumn(NAMESPACES, 'processes');
    expect(sortRows(NAMESPACES, rows, { column, descending: true }, undefined).map(({ ino }) => ino)).toEqual([
      1, 2, 3,
    ]);
  });
});

describe('columns', () => {
  test('show unknown as ? and nothing as —', () => {
    const text = (id: string) => cell(id, unknown);
    expect(['namespace', 'cookie', 'owner', 'user-namespace'].map(text)).toEqual(['?', '?', '?', '?']);
    expect(['name', 'container', 'paths', 'pid', 'command'].map(text)).toEqual(['—', '—', '—', '—', '—']);
    expect(text('held-by')).toBe('no holder seen');
  });

  test('say which sources see it, how often it is referred to and how many devices it has', () => {
    const row = (ns: Namespace) => ['visibility', 'seen-by', 'references', 'devices'].map((id) => cell(id, ns));
    const mounted = aNamespace({
      holders: [
        { kind: 'mount', path: '/a', mountNamespace: 1, mountId: 1 },
        { kind: 'task', pid: 1, tid: 1, threads: 1, view: 'kernel' },
      ],
    });
    expect(row(plain)).toEqual(['○ plain', 'tasks, kernel, handles', '1', '1']);
    expect(row(mounted)).toEqual(['○ plain', 'mounts, kernel, handles', '1', '1']);
    expect(row(obscure)).toEqual(['◐ obscure', 'descriptors, kernel, handles', '1', '1']);
    expect(row(hidden)).toEqual(['◆ hidden', 'kernel, handles', '1', '2']);
    expect(row(dying)).toEqual(['† dying', '—', '?', '?']);
  });

  test('say several holders in few words', () => {
    const ns = aNamespace({
      holders: [
        { kind: 'task', pid: 7, tid: 7, threads: 4 },
        { kind: 'mount', path: '/a', mountNamespace: 1, mountId: 1 },
        { kind: 'mount', path: '/b', mountNamespace: 1, mountId: 2 },
        { kind: 'mapping', pid: 9, target: 'socket:[1]', suspected: true },
      ],
    });
    expect(cell('held-by', ns)).toBe('pid 7, 4 threads, 2 mounts');
  });
});
