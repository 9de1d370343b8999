import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ACTIONS } from '../../src/actions/index.ts';
import { aProcess, aSnapshot } from '../fixtures/snapshot.ts';
import { alphabet, named, names, snapshotOf } from './alphabet.ts';
import { Stage } from './harness.ts';

const stage = new Stage();

beforeAll(() => stage.build());
afterAll(() => stage.remove());
afterEach(() => stage.clear());

describe('keys', () => {
  test('the filter works while it is typed, ! inverts, Escape clears', async () => {
    const { screen } = await stage.start(snapshotOf(alphabet));
    screen.type('/');
    screen.type('e');
    await screen.until('rows with e', () => names(screen).join() === 'alpha,bravo,charlie,delta,echo');
    screen.type('ch');
    await screen.until('only echo', () => names(screen).join() === 'echo');
    screen.type('\u0015!echo');
    await screen.until('all but echo', () => names(screen).join() === 'alpha,bravo,charlie,delta');
    screen.type('\u001b[200~ processes>x\u001b[201~');
    await screen.shows('compares with a number');
    expect(names(screen)).toHaveLength(4);
    screen.type('\u001b');
    await screen.until('all rows', () => names(screen).length === 5);
    expect(screen.text()).not.toContain('!echo');
  });

  test('Enter keeps the filter, the header names it, Escape drops it', async () => {
    const { screen } = await stage.start(snapshotOf(alphabet));
    screen.type('/name:delta\r');
    await screen.shows('1 of 5: name:delta');
    expect(names(screen)).toEqual(['delta']);
    screen.type('\u001b');
    await screen.until('all rows', () => names(screen).length === 5);
  });

  test('pasted text is no command, and goes into the filter', async () => {
    const { screen } = await stage.start(snapshotOf(alphabet));
    screen.type('\u001b[200~qqq\u001b[201~/\u001b[200~bravo\n\u001b[2J\u001b[201~');
    await screen.shows('/bravo \\x1b[2J');
    expect(screen.exit).toBeUndefined();
  });

  test('sorts by any column, also one that is not shown', async () => {
    const busy = named(150, 'busy', { processes: [aProcess({ pid: 1 }), aProcess({ pid: 2 })] });
    const { screen } = await stage.start(snapshotOf([...alphabet, busy]));
    screen.type('s');
    await screen.shows('Sort by');
    screen.type('jjjj\r');
    await screen.until('the busy one first', () => names(screen)[0] === 'busy');
    expect(screen.text()).toContain('PROC▼');
    screen.type('S');
    await screen.until('the busy one last', () => names(screen).at(-1) === 'busy');
    screen.type('s');
    await screen.shows('Sort by');
    screen.type('G\r');
    await screen.shows('TRAFFIC▼');
  });

  test('Enter opens a namespace, Tab changes panes, Escape goes back', async () => {
    const { screen } = await stage.start(
      snapshotOf([
        named(100, 'many', { processes: Array.from({ length: 60 }, (_, pid) => aProcess({ pid: 500 + pid })) }),
      ]),
    );
    screen.type('2\t');
    screen.type('G');
    await screen.shows(/559 {2}root .*\n(.*\n)?.* back/);
    screen.type('\u001b');
    await screen.until('the table has the keys again', (text) => !/Esc back/.test(text));
    screen.type('\r');
    await screen.until('no table', (text) => text.includes('[Processes 60]') && !text.includes('NAMESPACE▲'));
    screen.type('\u001b');
    await screen.shows('NAMESPACE▲');
  });

  test('the help lists every action of the registry', async () => {
    const { screen } = await stage.start(snapshotOf(alphabet), { columns: 120, rows: 48 });
    screen.type('?');
    await screen.shows('Keys');
    const seen = new Set<string>();
    for (;;) {
      for (const line of screen.lines()) seen.add(line.trim());
      const [, first, last, all] = /(\d+)-(\d+) of (\d+) ──/.exec(screen.text()) ?? [];
      if (last === all) break;
      screen.type('\u001b[6~');
      await screen.until('the next page', (text) => !text.includes(` ${first}-${last} of ${all} `));
    }
    const help = [...seen].join('\n');
    for (const { title } of ACTIONS) expect(help).toContain(title);
    screen.type('q');
    await screen.until('the table', (text) => text.includes('NAMESPACE▲'));
    expect(screen.exit).toBeUndefined();
  });

  test('the coverage dialog says what was missed and why', async () => {
    const snapshot = aSnapshot(3);
    const coverage = snapshot.coverage.map((source) =>
      source.source === 'tasks'
        ? { ...source, status: 'partial' as const, missed: [{ subject: 'pid 1', reason: 'EACCES' }] }
        : source,
    );
    const { screen } = await stage.start({ ...snapshot, coverage });
    await screen.shows('◐ tasks (1)');
    screen.type('c');
    await screen.shows('× pid 1: EACCES');
  });

  test('p pauses and goes on, + and - change the interval', async () => {
    const { screen, scene } = await stage.start(snapshotOf(alphabet), { options: { intervalMs: 500 } });
    screen.type('p');
    await screen.shows('‖ paused');
    screen.type('r');
    await screen.until('no scan under way', () => true);
    screen.type('p');
    scene.set({ snapshot: snapshotOf(alphabet.slice(1)) });
    await screen.shows('4 namespaces');
    screen.type('+++');
    await screen.shows('⟳ 5s');
    screen.type('-');
    await screen.shows('⟳ 2s');
  });
});
