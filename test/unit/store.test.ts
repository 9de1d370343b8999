import { describe, expect, test } from 'vitest';
import type { Namespace, Snapshot } from '../../src/model/index.ts';
import type { ScreenEvent } from '../../src/store/events.ts';
import { reduce } from '../../src/store/reduce.ts';
import { initialState, type ScreenState } from '../../src/store/state.ts';
import { Store } from '../../src/store/store.ts';
import { aConcealedTask, aNamespace, aProcess, aSnapshot } from '../fixtures/snapshot.ts';

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

const marks = ({ namespaces }: ScreenState): string[] =>
  namespaces.items.map(({ row, mark }) => `${row.ino}${mark === null ? '' : ` ${mark}`}`);

describe('selection', () => {
  test('stays on its namespace when rows arrive above it', () => {
    const before = apply(screenOf(ns(10), ns(20), ns(30)), { type: 'move', by: 2 });
    expect(before.namespaces.selected).toBe('cookie:30');
    const now = apply(before, taken(snapshotOf(ns(5), ns(10), ns(15), ns(20), ns(30))));
    expect(now.namespaces.selected).toBe('cookie:30');
    expect(now.namespaces.index).toBe(4);
  });

  test('keeps its place on the screen when the table is scrolled and rows arrive above it', () => {
    const many = Array.from({ length: 100 }, (_, index) => ns(1000 + index));
    const before = apply(screenOf(...many), { type: 'move', by: 50 }, { type: 'move', by: -3 });
    const now = apply(before, taken(snapshotOf(ns(1), ns(2), ...many)));
    expect(now.namespaces.index - now.namespaces.top).toBe(before.namespaces.index - before.namespaces.top);
  });

  test('at the top of the table lets what arrives above come into view', () => {
    const now = apply(screenOf(ns(10), ns(20)), taken(snapshotOf(ns(1), ns(10), ns(20))));
    expect(now.namespaces.top).toBe(0);
    expect(now.namespaces.selected).toBe('cookie:10');
  });

  test('follows the namespace and not a recycled inode number', () => {
    const before = apply(screenOf(ns(10), ns(20, { cookie: '7' })), { type: 'move', by: 1 });
    const now = apply(before, taken(snapshotOf(ns(10), ns(20, { cookie: '8' }))));
    expect(now.namespaces.items.map(({ key, mark }) => [key, mark])).toEqual([
      ['cookie:10', null],
      ['cookie:8', 'new'],
      ['cookie:7', 'gone'],
    ]);
    expect(now.namespaces.selected).toBe('cookie:7');
  });

  test('passes to the row that takes the place of one that is no longer listed', () => {
    const before = apply(screenOf(ns(10), ns(20), ns(30)), { type: 'move', by: 1 });
    const gone = taken(snapshotOf(ns(10), ns(30)));
    expect(apply(before, gone).namespaces.selected).toBe('cookie:20');
    expect(apply(before, gone, gone, gone, gone).namespaces.selected).toBe('cookie:30');
  });

  test('stays inside the rows, however far it is moved', () => {
    const state = screenOf(ns(1), ns(2));
    expect(apply(state, { type: 'move', by: 50 }).namespaces.index).toBe(1);
    expect(apply(state, { type: 'move', by: -50 }).namespaces.index).toBe(0);
    expect(apply(screenOf(), { type: 'move', by: 'last' }).namespaces.index).toBe(-1);
  });

  test('is always in view after moves and resizes', () => {
    const many = Array.from({ length: 100 }, (_, index) => ns(1000 + index));
    let state = screenOf(...many);
    const steps: ScreenEvent[] = [
      { type: 'move', by: 'last' },
      { type: 'resize', size: { columns: 160, rows: 48 } },
      { type: 'move', by: 'page-up' },
      { type: 'resize', size: { columns: 80, rows: 12 } },
      { type: 'open' },
      { type: 'resize', size: { columns: 80, rows: 24 } },
      { type: 'back' },
      { type: 'move', by: 'first' },
      { type: 'move', by: 'page-down' },
    ];
    for (const step of steps) {
      state = reduce(state, step);
      if (state.opened) continue;
      expect(state.namespaces.index - state.namespaces.top).toBeGreaterThanOrEqual(0);
      expect(state.namespaces.index - state.namespaces.top).toBeLessThan(state.size.rows);
    }
  });
});

describe('marks', () => {
  test('the first scan marks nothing', () => {
    expect(marks(screenOf(ns(1), ns(2)))).toEqual(['1', '2']);
  });

  test('a new row is marked for three refreshes', () => {
    const now = taken(snapshotOf(ns(1), ns(2)));
    let state = apply(screenOf(ns(1)), now);
    expect(marks(state)).toEqual(['1', '2 new']);
    state = apply(state, now, now);
    expect(marks(state)).toEqual(['1', '2 new']);
    expect(marks(apply(state, now))).toEqual(['1', '2']);
  });

  test('a gone row stays in its place, marked, for three refreshes', () => {
    const now = taken(snapshotOf(ns(1), ns(3)));
    let state = apply(screenOf(ns(1), ns(2), ns(3)), now);
    expect(marks(state)).toEqual(['1', '2 gone', '3']);
    state = apply(state, now, now);
    expect(marks(state)).toEqual(['1', '2 gone', '3']);
    expect(marks(apply(state, now))).toEqual(['1', '3']);
  });

  test('looking at one namespace again is no refresh', () => {
    const looked = { ...ns(2), sockets: [] };
    const marked = apply(screenOf(ns(1), ns(3)), taken(snapshotOf(ns(1), ns(2))));
    const look: ScreenEvent = { type: 'look', snapshot: snapshotOf(ns(1), looked) };
    const state = apply(marked, look, look, look, look, look);
    expect(marks(state)).toEqual(['1', '2 new', '3 gone']);
    expect(state.namespaces.items[1]?.row).toBe(looked);
    expect(state.status).toBe(marked.status);
  });

  test('gone rows are not counted', () => {
    const state = apply(screenOf(ns(1), ns(2)), taken(snapshotOf(ns(1))));
    expect(state.counts.plain).toBe(1);
    expect(state.namespaces.items).toHaveLength(2);
  });

  test('a row that vanishes and comes back is new again', () => {
    const state = apply(screenOf(ns(1), ns(2)), taken(snapshotOf(ns(1))), taken(snapshotOf(ns(1), ns(2))));
    expect(marks(state)).toEqual(['1', '2 new']);
  });

  test('the status line says what appeared and what vanished', () => {
    const state = apply(screenOf(ns(1)), taken(snapshotOf(ns(2, { names: ['web'] }))));
    expect(state.status?.text).toBe('2 web appeared, plain · 1 vanished');
  });

  test('nothing of an old snapshot is kept once its marks have run out', () => {
    let state = screenOf(ns(1));
    for (let round = 2; round < 40; round++) state = apply(state, taken(snapshotOf(ns(round))));
    expect(state.population.byKey.size).toBe(4);
    expect(state.population.marks.size).toBe(4);
  });

  test('two namespaces of which nothing is known are two rows', () => {
    const unknown = aNamespace({ ino: null, cookie: null, processes: [] });
    expect(screenOf(unknown, { ...unknown }).namespaces.items).toHaveLength(2);
  });
});

describe('panes and dialogs', () => {
  const state = screenOf(ns(1), ns(2));

  test('Enter opens, Escape goes back', () => {
    const opened = apply(state, { type: 'open' });
    expect(opened).toMatchObject({ opened: true, pane: 'detail' });
    expect(apply(opened, { type: 'back' })).toMatchObject({ opened: false, pane: 'table' });
  });

  test('keys move what has the focus', () => {
    const long = screenOf(ns(1, { processes: Array.from({ length: 50 }, (_, pid) => aProcess({ pid })) }), ns(2));
    const scrolled = apply(long, { type: 'pane' }, { type: 'move', by: 'page-down' });
    expect(scrolled.namespaces.index).toBe(0);
    expect(scrolled.overviewTop).toBeGreaterThan(0);
    const end = apply(scrolled, { type: 'move', by: 'last' });
    expect(apply(end, { type: 'move', by: 5 }).overviewTop).toBe(end.overviewTop);
  });

  test('another namespace is shown from its beginning', () => {
    const long = screenOf(ns(1, { processes: Array.from({ length: 50 }, (_, pid) => aProcess({ pid })) }), ns(2));
    const moved = apply(
      long,
      { type: 'pane' },
      { type: 'move', by: 'last' },
      { type: 'pane' },
      { type: 'move', by: 1 },
    );
    expect(moved.overviewTop).toBe(0);
  });

  test('a dialog takes the keys until it is closed', () => {
    const help = apply(state, { type: 'help', lines: 60 }, { type: 'move', by: 3 });
    expect(help.namespaces.index).toBe(0);
    expect(help.dialog).toMatchObject({ kind: 'help', top: 3 });
    expect(apply(help, { type: 'back' }).dialog).toBeNull();
  });
});

describe('scanning', () => {
  test('the interval has steps and ends', () => {
    let state = initialState({ size: SIZE, color: true });
    for (let step = 0; step < 20; step++) state = apply(state, { type: 'interval', by: 1, at: AT });
    expect(state.intervalMs).toBe(60_000);
    for (let step = 0; step < 20; step++) state = apply(state, { type: 'interval', by: -1, at: AT });
    expect(state.intervalMs).toBe(500);
  });

  test('a failed scan keeps what is known and says so', () => {
    const state = apply(screenOf(ns(1)), { type: 'scan-failed', message: 'EMFILE', at: AT });
    expect(state.namespaces.items).toHaveLength(1);
    expect(state.status).toMatchObject({ text: 'the scan failed: EMFILE', tone: 'alert' });
    expect(apply(state, taken(snapshotOf(ns(1)))).status?.text).toBe('scanning again');
  });

  test('a source that reads less than before is named', () => {
    const [first, ...rest] = aSnapshot(1).coverage;
    if (first === undefined) throw new Error('no coverage');
    const partial = { ...first, status: 'partial' as const, missed: [{ subject: 'pid 1', reason: 'EACCES' }] };
    const state = apply(screenOf(ns(1)), taken({ ...snapshotOf(ns(1)), coverage: [partial, ...rest] }));
    expect(state.status).toMatchObject({ text: 'host is partial: c shows why', tone: 'warn' });
    const unneeded = { ...first, status: 'unavailable' as const };
    const calm = apply(screenOf(ns(1)), taken({ ...snapshotOf(ns(1)), coverage: [unneeded, ...rest] }));
    expect(calm.status).toBeNull();
  });

  test('tasks that are found concealed are told once', () => {
    const concealing = (...tids: number[]) =>
      taken({ ...snapshotOf(ns(1)), concealedTasks: tids.map((tid) => aConcealedTask({ tid })) });
    const one = apply(screenOf(ns(1)), concealing(666));
    expect(one.status).toMatchObject({ text: '! pid 666 lurker: the kernel shows it, /proc does not', tone: 'warn' });
    expect(apply({ ...one, status: null }, concealing(666)).status).toBeNull();
    expect(apply(one, concealing(666, 667, 668)).status?.text).toBe(
      '! 2 tasks are shown by one view only: c lists them',
    );
  });
});

describe('Store', () => {
  test('tells listeners once per frame, however many events there were', async () => {
    const store = new Store(initialState({ size: SIZE, color: true }));
    let frames = 0;
    store.subscribe(() => {
      frames += 1;
    });
    for (let event = 0; event < 100; event++)
      store.dispatch({ type: 'interval', by: event % 2 === 0 ? 1 : -1, at: AT });
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(frames).toBe(1);
    store.close();
  });

  test('does not tell anybody of an event that changes nothing', () => {
    const store = new Store(initialState({ size: SIZE, color: true }));
    const before = store.getState();
    store.dispatch({ type: 'move', by: 1 });
    expect(store.getState()).toBe(before);
    store.close();
  });
});
