import { describe, expect, test } from 'vitest';
import type { Namespace, Snapshot } from '../../src/model/index.ts';
import type { ScreenEvent } from '../../src/store/events.ts';
import { LIVE_NAMESPACES } from '../../src/store/namespace-columns.ts';
import { reduce } from '../../src/store/reduce.ts';
import { initialState, type ScreenState } from '../../src/store/state.ts';
import { aNamespace, aProcess, aSnapshot } from '../fixtures/snapshot.ts';

const AT = Date.UTC(2026, 0, 1);
const SIZE = { columns: 80, rows: 24 };

/** One plain namespace, number `number`. */
function ns(number: number, over: Partial<Namespace> = {}): Namespace {
  return aNamespace({ ino: number, cookie: String(number), processes: [aProcess({ pid: number })], ...over });
}

function snapshotOf(...namespaces: Namespace[]): Snapshot {
  return aSnapshot(0, { namespaces });
}

function apply(state: ScreenState, ...events: readonly ScreenEvent[]): ScreenState {
  return events.reduce(reduce, state);
}

const taken = (snapshot: Snapshot): ScreenEvent => ({ type: 'snapshot', snapshot, at: AT });

/** A screen that has seen these namespaces once. */
function screenOf(...namespaces: Namespace[]): ScreenState {
  return apply(initialState({ size: SIZE, color: true }), taken(snapshotOf(...namespaces)));
}

const numbers = ({ namespaces }: ScreenState): (number | null)[] => namespaces.items.map(({ row }) => row.ino);
const typed = (text: string): ScreenEvent[] => [...text].map((character) => ({ type: 'filter-type', text: character }));

describe('filter', () => {
  const state = screenOf(ns(1, { names: ['web'] }), ns(2, { names: ['database'] }), ns(3, { visibility: 'hidden' }));

  test('works while it is typed', () => {
    const editing = apply(state, { type: 'filter-edit' }, ...typed('we'));
    expect(numbers(editing)).toEqual([1]);
    expect(numbers(apply(editing, { type: 'filter-erase', what: 'all' }, ...typed('hidden')))).toEqual([3]);
  });

  test('is inverted by !', () => {
    expect(numbers(apply(state, { type: 'filter-edit' }, ...typed('!name:web')))).toEqual([2, 3]);
  });

  test('stays the last good one while what is typed is none, and says why', () => {
    const bad = apply(state, { type: 'filter-edit' }, ...typed('web'), {
      type: 'filter-type',
      text: ' processes>x',
    });
    expect(bad.input?.error).toBe('"processes>x" compares with a number, and "x" is none');
    expect(bad.namespaces.filter.text).toBe('web');
    expect(numbers(bad)).toEqual([1]);
    const kept = apply(bad, { type: 'filter-keep', at: AT });
    expect(kept.input).toBeNull();
    expect(kept.status?.tone).toBe('warn');
  });

  test('is kept by Enter and cleared by Escape', () => {
    const editing = apply(state, { type: 'filter-edit' }, ...typed('web'));
    expect(numbers(apply(editing, { type: 'filter-keep', at: AT }))).toEqual([1]);
    const cleared = apply(editing, { type: 'filter-clear', at: AT });
    expect(numbers(cleared)).toEqual([1, 2, 3]);
    expect(cleared.input).toBeNull();
  });

  test('goes on with the text in force when edited again', () => {
    const again = apply(
      state,
      { type: 'filter-edit' },
      ...typed('web'),
      { type: 'filter-keep', at: AT },
      { type: 'filter-edit' },
    );
    expect(again.input).toEqual({ text: 'web', cursor: 3, error: null, purpose: { kind: 'filter' } });
  });

  test('takes nothing that could move the cursor', () => {
    const editing = apply(state, { type: 'filter-edit' }, { type: 'filter-type', text: 'a\u001b[2J\nb\u202e' });
    expect(editing.input?.text).toBe('a\\x1b[2J b\\u202e');
  });

  test('edits whole characters anywhere in the line', () => {
    const events: ScreenEvent[] = [
      { type: 'filter-edit' },
      ...typed('x漢e\u0301'),
      { type: 'filter-erase', what: 'character' },
      { type: 'filter-cursor', to: 'left' },
      { type: 'filter-type', text: '!' },
      { type: 'filter-cursor', to: 'start' },
      { type: 'filter-erase', what: 'next' },
    ];
    expect(apply(state, ...events).input).toMatchObject({ text: '!漢', cursor: 0 });
    const words = apply(state, { type: 'filter-edit' }, ...typed('one two '), { type: 'filter-erase', what: 'word' });
    expect(words.input?.text).toBe('one ');
  });

  test('does not lose the selection that passes it', () => {
    const selected = apply(state, { type: 'move', by: 2 }, { type: 'filter-edit' }, ...typed('hidden'));
    expect(selected.namespaces.selected).toBe('cookie:3');
    expect(apply(selected, { type: 'filter-clear', at: AT }).namespaces.index).toBe(2);
  });

  test('finds nothing without losing its place', () => {
    const none = apply(state, { type: 'filter-edit' }, ...typed('zzz'));
    expect(none.namespaces.items).toEqual([]);
    expect(none.namespaces.index).toBe(-1);
    expect(apply(none, { type: 'filter-clear', at: AT }).namespaces.index).toBe(0);
  });
});

describe('sort', () => {
  const state = screenOf(
    ns(1, { processes: [aProcess()] }),
    ns(2, { processes: [aProcess(), aProcess({ pid: 2 })] }),
    ns(3, { processes: [] }),
  );
  const processes = LIVE_NAMESPACES.columns.findIndex(({ id }) => id === 'processes');

  test('by a count begins with the large ones; picked again it turns round', () => {
    const sorted = apply(state, { type: 'sort-by', column: processes });
    expect(numbers(sorted)).toEqual([2, 1, 3]);
    expect(numbers(apply(sorted, { type: 'sort-by', column: processes }))).toEqual([3, 1, 2]);
    expect(numbers(apply(sorted, { type: 'sort-reverse' }))).toEqual([3, 1, 2]);
  });

  test('can be picked from every column, shown or not', () => {
    const picked = apply(state, { type: 'sort-pick' }, { type: 'move', by: 'last' }, { type: 'sort-picked' });
    expect(picked.dialog).toBeNull();
    expect(picked.namespaces.sort?.column.id).toBe('traffic');
    expect(apply(picked, { type: 'sort-step', by: 1 }).namespaces.sort?.column.id).toBe('namespace');
    expect(apply(picked, { type: 'sort-step', by: -1 }).namespaces.sort?.column.id).not.toBe('traffic');
  });

  test('follows --sort', () => {
    const sortOf = (sort: string) => initialState({ size: SIZE, color: true, sort }).namespaces.sort;
    expect(sortOf('processes')?.descending).toBe(true);
    expect(sortOf('+processes')?.descending).toBe(false);
    expect(sortOf('-name')?.descending).toBe(true);
    expect(() => sortOf('nonsense')).toThrow(/unknown column "nonsense"/);
  });
});
