import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { aSnapshot } from '../fixtures/snapshot.ts';
import { alphabet, named, names, snapshotOf, table } from './alphabet.ts';
import { Stage } from './harness.ts';

const stage = new Stage();

beforeAll(() => stage.build());
afterAll(() => stage.remove());
afterEach(() => stage.clear());

describe('refreshes', () => {
  test('the selection stays on its namespace when rows appear above it', async () => {
    const { screen, scene } = await stage.start(snapshotOf(alphabet));
    screen.type('jj');
    await screen.until('charlie selected', () => screen.selected().includes('charlie'));
    scene.set({ snapshot: snapshotOf([named(90, 'first'), named(105, 'between'), ...alphabet]) });
    screen.type('r');
    await screen.shows('7 namespaces');
    expect(names(screen).indexOf('charlie')).toBe(4);
    expect(screen.selected()).toContain('charlie');
  });

  test('new and gone rows are marked for three refreshes', async () => {
    const { screen, scene } = await stage.start(snapshotOf(alphabet));
    const [, ...rest] = alphabet;
    scene.set({ snapshot: snapshotOf([...rest, named(300, 'newcomer')]) });
    const marked = () =>
      table(screen)
        .filter((line) => /^.[+×]/.test(line))
        .map((line) => line.slice(1, 2));
    screen.type('r');
    await screen.until('both marks', () => marked().join('') === '×+');
    expect(screen.text()).toContain('300 newcomer appeared, plain · 100 alpha vanished');
    for (const scan of ['second', 'third']) {
      scene.set({
        snapshot: aSnapshot(0, {
          namespaces: [...rest, named(300, 'newcomer')],
          host: { ...aSnapshot(0).host, kernel: scan },
        }),
      });
      screen.type('r');
      await screen.shows(`Linux ${scan}`);
      expect(marked().join('')).toBe('×+');
    }
    screen.type('r');
    await screen.until('no marks', () => marked().length === 0);
    expect(names(screen)).toEqual(['bravo', 'charlie', 'delta', 'echo', 'newcomer']);
  });

  test('a key is answered while a scan keeps the collector busy', async () => {
    const { screen, scene } = await stage.start(aSnapshot(1000));
    scene.set({ snapshot: aSnapshot(1001), busyMs: 1500 });
    screen.type('r');
    const latencies: number[] = [];
    for (let step = 0; step < 10; step++) {
      const before = screen.selected();
      const at = performance.now();
      screen.type('j');
      await screen.until('another row', () => screen.selected() !== before);
      latencies.push(performance.now() - at);
    }
    expect(screen.text()).toContain('1000 namespaces');
    // The median: other programs on the machine may delay single frames.
    expect(latencies.sort((a, b) => a - b)[5]).toBeLessThan(50);
    await screen.shows('1001 namespaces');
  });

  test('a failed scan is told and the last one stays', async () => {
    const { screen, scene } = await stage.start(snapshotOf(alphabet));
    scene.set({ fail: 'cannot read /proc: \u001b[31mEMFILE' });
    screen.type('r');
    await screen.shows('the scan failed: cannot read /proc: \\x1b[31mEMFILE');
    expect(names(screen)).toHaveLength(5);
  });

  test('a collector that dies is told, started again, and the screen lives on', async () => {
    const { screen, scene } = await stage.start(snapshotOf(alphabet));
    scene.set({ die: 'out of luck' });
    screen.type('r');
    await screen.shows('the collector thread died (out of luck), starts again in 0.5s');
    await screen.shows('collector down');
    scene.set({ snapshot: snapshotOf(alphabet.slice(2)) });
    await screen.shows('3 namespaces');
    expect(screen.text()).not.toContain('collector down');
  });
});
