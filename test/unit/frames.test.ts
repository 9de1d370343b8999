import { describe, expect, test } from 'vitest';
import { reduce } from '../../src/store/reduce.ts';
import type { ScreenState } from '../../src/store/state.ts';
import { cellWidth } from '../../src/terminal/width.ts';
import { frameOf, press, screenOn } from '../fixtures/frame.ts';
import { aHiddenNamespace, aNamespace, aSnapshot, someCounters } from '../fixtures/snapshot.ts';
import { aTown } from '../fixtures/town.ts';

const SIZES = [
  { columns: 40, rows: 10 },
  { columns: 80, rows: 24 },
  { columns: 100, rows: 30 },
  { columns: 160, rows: 48 },
];

/** What can be on the screen: keys that lead there. */
const PLACES: readonly (readonly string[])[] = [
  ['1'],
  ['2', 'tab'],
  ['3', 'tab', 's'],
  ['5', 'tab', '/', 'x'],
  ['9', 'tab'],
  ['enter', '0'],
  ['v'],
  ['v', 'v'],
  ['v', 'v', 'v'],
  ['v', 'v', 'v', 'v'],
  ['enter', 'v'],
  ['t'],
  ['t', 'G'],
];

/** The town after one second in which `web` received `bytes`. */
function busyTown(bytes: number, size = { columns: 80, rows: 24 }): ScreenState {
  const at = (countersAt: number, rxBytes: number) => {
    const town = aTown();
    const namespaces = town.namespaces.map((ns) => {
      const devices = (ns.devices ?? []).map((device) => ({ ...device, counters: someCounters({ rxBytes }) }));
      return { ...ns, countersAt, devices };
    });
    return { ...town, namespaces };
  };
  return screenOn({ size }, at(1000, 0), at(2000, bytes));
}

describe('every frame', () => {
  test.each(SIZES)('fills $columns×$rows exactly and no more, wherever one is', async ({ columns, rows }) => {
    const hidden = aHiddenNamespace({ names: ['漢字'.repeat(30)], devices: null, cookie: '9' });
    const town = aTown();
    for (const snapshot of [town, aSnapshot(0, { namespaces: [hidden, ...town.namespaces] }), aSnapshot(0)]) {
      for (const keys of PLACES) {
        const state = press(screenOn({ size: { columns, rows } }, snapshot), ...keys);
        const frame = await frameOf(state);
        expect(frame, keys.join()).toHaveLength(rows);
        for (const line of frame) expect(cellWidth(line), `${keys.join()}: ${line}`).toBeLessThanOrEqual(columns);
        expect(frame.at(-1), keys.join()).not.toBe('');
      }
    }
  });

  test('is the same in the same state', async () => {
    const state = press(screenOn({}, aTown()), '3', 'tab');
    expect(await frameOf(state)).toEqual(await frameOf(state));
  });
});

describe('the detail', () => {
  test('at 80×24 has the current tab in full and the keys of the others', async () => {
    const frame = await frameOf(press(screenOn({}, aTown()), 'j', 'tab', '3', 'j'));
    expect(frame.slice(14, 22)).toMatchInlineSnapshot(`
      [
        "── ○ 4026531834 web ──  1 2 [Devices 2] 4 5 6 7 8 9 0 ──────────────────────────",
        "   NAME        KIND       STATE    CONNECTED TO        ADDRESSES            RX/s",
        "   lo          loopback   up       —                   —                       ?",
        "▌  eth0        veth       up       peer v-0 in 40265…  10.0.0.2/24             ?",
        "",
        "",
        "",
        "",
      ]
    `);
  });

  test('at 160×48 has every tab with how much it lists', async () => {
    const frame = await frameOf(press(screenOn({ size: { columns: 160, rows: 48 } }, aTown()), 'j', '5'));
    expect(frame.find((line) => line.startsWith('── '))).toMatchInlineSnapshot(
      `"── ○ 4026531834 web ──  Overview  Processes 2  Devices 2  Addresses 1 [Sockets 2] Routes 1  Rules ?  Neighbours ?  Firewall ?  Holders 2  Ids 2  Filters ?  ────"`,
    );
  });

  test('abbreviates the tabs as the width allows, the current one never', async () => {
    const titles: string[] = [];
    for (const columns of [40, 80, 110, 130, 200]) {
      const state = press(screenOn({ size: { columns, rows: 30 } }, aTown()), 'j', '5');
      const title = (await frameOf(state)).find((line) => line.startsWith('── ')) ?? '';
      titles.push(title.replace(/^── \S+ \S+ web ── | ─+$/g, ''));
    }
    expect(titles).toMatchInlineSnapshot(`
      [
        "[Sockets 2]",
        " 1 2 3 4 [Sockets 2] 6 7 8 9 0",
        " Over  Proc  Dev  Addr [Sockets 2] Rout  Rule  Neig  Fire  Hold  Ids  Filt ",
        " Over  Proc 2  Dev 2  Addr 1 [Sockets 2] Rout 1  Rule ?  Neig ?  Fire ?  Hold 2  Ids 2  Filt ? ",
        " Overview  Processes 2  Devices 2  Addresses 1 [Sockets 2] Routes 1  Rules ?  Neighbours ?  Firewall ?  Holders 2  Ids 2  Filters ? ",
      ]
    `);
  });

  test('says why it knows nothing, and what may be missing', async () => {
    const snapshot = aTown();
    const issue = { subject: 'net:[4026531834]', reason: 'sock_diag: ENOENT' };
    const source = { ...(snapshot.coverage[0] ?? { view: 'userland', seen: 0, notes: [], durationMs: 0 }) };
    const missing = { ...source, source: 'sockets', status: 'partial', missed: [issue] } as const;
    const coverage = [...snapshot.coverage, missing];
    const gaps = await frameOf(press(screenOn({}, { ...snapshot, coverage }), 'j', '5'));
    expect(gaps).toContain(' ◐ not all: sock_diag: ENOENT');
    const namespaces = snapshot.namespaces.map((ns) => ({ ...ns, sockets: null }));
    const none = await frameOf(press(screenOn({}, { ...snapshot, namespaces, coverage }), 'j', '5'));
    expect(none).toContain('   ? sock_diag: ENOENT');
    expect(none.join('\n')).toContain('[Sockets ?]');
    const empty = await frameOf(press(screenOn({}, aSnapshot(1)), '0', '9'));
    expect(empty.join('\n')).toContain('[Firewall ?]');
  });

  test('names the filter of the tab and what it leaves', async () => {
    const frame = await frameOf(press(screenOn({}, aTown()), 'j', 'tab', '5', '/', ...'443', 'enter'));
    expect(frame.find((line) => line.startsWith('── '))).toMatch(/ 1 of 2: 443 ──$/);
  });
});

describe('traffic', () => {
  test('is in the table and the overview once counters were read twice', async () => {
    const frame = await frameOf(press(busyTown(5000, { columns: 160, rows: 30 }), 'j'));
    expect(frame.find((line) => line.startsWith('▌'))).toMatch(/ 5\.0k +0 +█$/);
    expect(frame.find((line) => line.startsWith(' Traffic'))).toMatch(/ rx 5\.0k\/s {2}tx 0\/s +█$/);
    const once = await frameOf(screenOn({ size: { columns: 160, rows: 30 } }, aTown()));
    expect(once.find((line) => line.startsWith('▌'))).toMatch(/ \? +\?$/);
  });

  test('sorts the table', () => {
    const state = busyTown(1000);
    const quiet = aNamespace({ ino: 1, cookie: '1' });
    const snapshot = aSnapshot(0, { namespaces: [quiet, ...(state.snapshot?.namespaces ?? [])] });
    const more = reduce(state, { type: 'snapshot', snapshot, at: 0 });
    const sorted = press(more, '/', ...'rx>0', 'enter', 's', 'G', 'enter');
    expect(sorted.namespaces.sort?.column.id).toBe('traffic');
    expect(sorted.namespaces.items).toHaveLength(3);
    expect(sorted.namespaces.items[0]?.row.initial).toBe(true);
  });
});

describe('a chart', () => {
  test('takes the place of the detail, one after the other, and gives it back', async () => {
    let state = busyTown(5000);
    const titles: string[] = [];
    for (let view = 0; view < 4; view++) {
      state = press(state, 'v');
      const frame = await frameOf(state);
      titles.push(/\[(.*)\]/.exec(frame.find((line) => line.startsWith('── ')) ?? '')?.[1] ?? '');
    }
    expect(titles).toEqual(['Traffic', 'All namespaces', 'Busiest', 'Sockets']);
    expect(press(state, 'v').view).toBe('detail');
    expect(press(state, 'escape').view).toBe('detail');
    expect(press(state, '2')).toMatchObject({ view: 'detail', tab: 'processes' });
  });

  test('says what there is to say before it can be drawn', async () => {
    const frame = await frameOf(press(screenOn({}, aSnapshot(1)), 'v'));
    expect(frame).toContain(' ? its counters were not read');
  });

  test('compares the namespaces and counts the sockets by state', async () => {
    const busiest = (await frameOf(press(busyTown(5000), 'v', 'v', 'v'))).join('\n');
    expect(busiest).toMatch(/ web +5\.0k █/);
    const sockets = (await frameOf(press(busyTown(5000), 'j', 'v', 'v', 'v', 'v'))).join('\n');
    expect(sockets).toMatch(/ listen 2 █/);
  });

  test('stands beside the detail where there is room for both', async () => {
    const frame = await frameOf(press(busyTown(5000, { columns: 160, rows: 48 }), 'j', 'v', '3'));
    const title = frame.find((line) => line.startsWith('── '));
    expect(title).toMatch(/\[Devices 2\].*4026531834 web, bytes\/s/);
  });
});
