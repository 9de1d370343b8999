import { describe, expect, test } from 'vitest';
import { namespaceStyle } from '../../components/panels/cell-styles.ts';
import { placeColumns } from '../../components/panels/column-widths.ts';
import { coverageLine, headerLines } from '../../components/panels/header-lines.ts';
import { listRow } from '../../components/panels/list-lines.ts';
import { actionFor } from '../../src/actions/dispatch.ts';
import { footerLine, helpLines, keyLabel } from '../../src/actions/help.ts';
import { ACTIONS, actionsHere } from '../../src/actions/index.ts';
import { chooseColumn } from '../../src/columns/choose.ts';
import type { Namespace } from '../../src/model/index.ts';
import { detailLines } from '../../src/store/detail.ts';
import { NO_HISTORY } from '../../src/store/history.ts';
import { layoutScreen } from '../../src/store/layout.ts';
import { newList } from '../../src/store/list.ts';
import { LIVE_NAMESPACES, MOST_USEFUL } from '../../src/store/namespace-columns.ts';
import { reduce } from '../../src/store/reduce.ts';
import { initialState, type NamespaceList, type ScreenState } from '../../src/store/state.ts';
import { type Line, lineWidth } from '../../src/terminal/style.ts';
import { aConcealedTask, aHiddenNamespace, aNamespace, aProcess, aSnapshot } from '../fixtures/snapshot.ts';

const text = (line: Line): string => line.map((span) => span.text).join('');

/** The table of namespaces, sorted by a column. */
function sortedBy(id: string, over: Partial<NamespaceList> = {}): NamespaceList {
  const sort = { column: chooseColumn(LIVE_NAMESPACES, id), descending: false };
  return { ...newList(LIVE_NAMESPACES, { ranking: MOST_USEFUL }), sort, ...over };
}

const usual = sortedBy('namespace');

/** A row of the table as it is drawn, without the keyboard being on it. */
function row(ns: Namespace, mark: 'new' | 'gone' | null, selected = false): Line {
  const frame = { selected, focused: true, styleOf: namespaceStyle };
  return listRow({ key: 'k', row: ns, mark }, NO_HISTORY, placeColumns(usual, 77), frame);
}

function screen(columns: number, rows: number, count = 3): ScreenState {
  const start = initialState({ size: { columns, rows }, color: true });
  return reduce(start, { type: 'snapshot', snapshot: aSnapshot(count), at: 0 });
}

describe('layoutScreen', () => {
  test('fills the terminal exactly, whatever its size', () => {
    for (let rows = 10; rows < 100; rows++) {
      for (const opened of [true, false]) {
        const { header, air, table, detail, body } = layoutScreen({ columns: 80, rows }, opened);
        expect(header + air + body + 2).toBe(rows);
        const titles = (opened ? 0 : 1) + (detail > 0 ? 1 : 0);
        expect(table + detail + titles).toBe(body);
      }
    }
  });

  test('gives the table at least eight rows at 80×24, and a detail pane', () => {
    const { table, detail } = layoutScreen({ columns: 80, rows: 24 }, false);
    expect(table).toBeGreaterThanOrEqual(8);
    expect(detail).toBeGreaterThanOrEqual(4);
  });
});

describe('placeColumns', () => {
  const widthOf = (placed: readonly { readonly width: number }[]) =>
    placed.reduce((sum, { width }) => sum + width, 2 * (placed.length - 1));

  test('never needs more than there is, and never squeezes a column', () => {
    for (let width = 20; width < 260; width++) {
      const placed = placeColumns(usual, width);
      expect(widthOf(placed)).toBeLessThanOrEqual(width);
      for (const {
        column: { width: least, maxWidth = least },
        width: given,
      } of placed) {
        expect(given).toBeGreaterThanOrEqual(least);
        expect(given).toBeLessThanOrEqual(maxWidth);
      }
    }
  });

  test('shows what matters most at 80 columns and uses the width at 160', () => {
    const ids = (width: number) => placeColumns(usual, width).map((placed) => placed.column.id);
    expect(ids(77)).toEqual(['namespace', 'name', 'visibility', 'held-by', 'processes', 'uplink']);
    expect(ids(97)).toEqual(expect.arrayContaining(['rx', 'tx']));
    expect(ids(157)).toEqual(LIVE_NAMESPACES.defaults);
    expect(widthOf(placeColumns(usual, 157))).toBe(157);
  });

  test('has the column it is sorted by on the table, asked for or not', () => {
    for (const { id } of LIVE_NAMESPACES.columns) {
      const placed = placeColumns(sortedBy(id), 77);
      expect(placed.map((each) => each.column.id)).toContain(id);
    }
  });

  test('scrolls columns out on the left, the first one stays', () => {
    const ids = (columnShift: number) =>
      placeColumns(sortedBy('namespace', { columnShift }), 77).map((placed) => placed.column.id);
    expect(ids(7)).toEqual(['namespace', 'uplink', 'rx', 'tx', 'traffic', 'holders', 'command']);
    // What is not shown by default comes after that.
    expect(ids(14)).toEqual(['namespace', 'user', 'container', 'owner', 'user-namespace', 'cookie']);
  });
});

describe('lines', () => {
  test('rows of hostile and wide names are as wide as any other', () => {
    const names = ['plain', '漢字漢字漢字漢字', 'e\u0301'.repeat(30), `\\x1b[2J${'x'.repeat(300)}`, 'مرحبا', '😀😀'];
    const widths = names.map((name) => {
      const ns = aNamespace({ names: [name], processes: [aProcess({ cmdline: name, user: name })] });
      return lineWidth(row(ns, null, true));
    });
    expect(new Set(widths).size).toBe(1);
  });

  test('a row tells selection, change and visibility without any colour', () => {
    expect(text(row(aNamespace({ visibility: 'hidden' }), 'new', true))).toMatch(/^▌\+ 4026532177 .*◆ hidden/);
    expect(text(row(aNamespace({ visibility: 'plain' }), 'gone'))).toMatch(/^ × 4026532177 .*○ plain/);
  });

  test('the header fits every width and always has the counts', () => {
    for (let columns = 40; columns <= 200; columns++) {
      const plain = screen(columns, 24);
      const filter = { text: 'name:web !plain', predicate: () => true };
      const filtered = { ...plain, namespaces: { ...plain.namespaces, filter } };
      for (const state of [screen(columns, 24, 1000), filtered]) {
        const [, counts = []] = headerLines(state, 3);
        const shown = text(counts).slice(0, columns);
        if (state === filtered) expect(shown).toContain('3 of 3: name');
        if (state !== filtered || columns >= 60) {
          expect(shown).toMatch(/^ \d+ namespaces +\d+ ○.* \d+ ◐.* \d+ ◆.* \d+ †/);
        }
      }
    }
  });

  test('the header says that tasks are concealed, whatever has to give way', () => {
    const snapshot = aSnapshot(3, { concealedTasks: [aConcealedTask(), aConcealedTask({ tid: 667 })] });
    for (let columns = 40; columns <= 200; columns++) {
      const state = reduce(screen(columns, 24), { type: 'snapshot', snapshot, at: 0 });
      const [host = []] = headerLines({ ...state, host: { ...state.host, hostname: 'h'.repeat(100) } }, 3);
      expect(lineWidth(host)).toBe(columns);
      expect(text(host)).toMatch(/^ nsleuth .*! 2 concealed tasks {3}⟳ 1s $/);
      expect(host.find((part) => part.text.startsWith('!'))?.style).toEqual({ fg: 'red', bold: true });
    }
  });

  test('hidden is an alert and dying is odd, in the header as in the table', () => {
    const namespaces = (['hidden', 'dying'] as const).map((visibility) => aHiddenNamespace({ visibility }));
    const start = initialState({ size: { columns: 120, rows: 24 }, color: true });
    const state = reduce(start, { type: 'snapshot', snapshot: aSnapshot(0, { namespaces }), at: 0 });
    const styleOf = (line: Line, shown: string) => line.find((part) => part.text.includes(shown))?.style;
    const [, counts = []] = headerLines(state, 3);
    const rows = state.namespaces.items.flatMap((item) => row(item.row, null));
    expect(styleOf(counts, '1 ◆ hidden')).toEqual(styleOf(rows, '◆ hidden'));
    expect(styleOf(counts, '1 † dying')).toEqual(styleOf(rows, '† dying'));
    expect(styleOf(counts, '◆')).toEqual({ fg: 'red', bold: true });
    expect(styleOf(counts, '†')).toEqual({ fg: 'magenta' });
    expect(styleOf(counts, '◐')).toEqual({ dim: true });
  });

  test('there is a light for every source at every width', () => {
    const { coverage } = aSnapshot(1);
    const mixed = coverage.map((source, index) => ({
      ...source,
      status: (['complete', 'partial', 'unavailable', 'off'] as const)[index % 4] ?? 'off',
      missed: index % 4 === 1 || index === 2 ? [{ subject: 'pid 1', reason: 'EACCES' }] : [],
    }));
    for (let width = 40; width <= 200; width++) {
      const line = coverageLine(mixed, width);
      expect(lineWidth(line)).toBeLessThanOrEqual(width);
      expect(text(line).match(/[●◐○×]/gu)).toHaveLength(coverage.length);
      expect(text(line)).toMatch(/^ ◐ kernel \(1\) /);
    }
    expect(text(coverageLine(mixed, 200))).toContain('◐ tasks (1)');
    expect(text(coverageLine(mixed, 200))).toContain('× mounts');
    const gaps = coverage.map((entry) =>
      ['tasks', 'descriptors'].includes(entry.source)
        ? { ...entry, status: 'partial' as const, missed: [{ subject: 'pid 1', reason: 'EACCES' }] }
        : entry,
    );
    expect(text(coverageLine(gaps, 80))).toBe(' ● kernel  ●  ◐ tasks (1)  ●  ◐ descriptors (1)  ● ● ○ ● ●');
  });

  test('a source this host has not, and that nothing is unknown without, is no alarm', () => {
    const { coverage } = aSnapshot(1);
    const line = coverageLine(coverage, 200);
    const light = line[line.findIndex(({ text: shown }) => shown === ' listns') - 1];
    expect(light).toEqual({ text: '○', style: { dim: true } });
  });

  test('the detail says what holds the namespace and who sees a mount', () => {
    const ns = aNamespace({
      visibility: 'obscure',
      processes: [],
      paths: ['/mnt/a'],
      holders: [{ kind: 'mount', path: '/mnt/a', mountNamespace: 4026531832, mountId: 1 }],
    });
    const snapshot = aSnapshot(2, { mountNamespaces: [{ ino: 4026531832, pids: [1000, 1001] }] });
    const lines = detailLines(ns, snapshot, NO_HISTORY, 100).map(text);
    expect(lines).toContain('   mount /mnt/a');
    expect(lines).toContain('     in mount namespace 4026531832, seen by 2 processes: 1000 sleep, 1001 sleep');
    expect(lines.map((line) => line.trim()).join(' ')).toContain('finds it, only its holders do: mount');
  });

  test('what is not known is ?, what is not there is —', () => {
    const ns = aNamespace({
      ino: null,
      cookie: null,
      owner: null,
      uplink: null,
      sockets: null,
    });
    const lines = detailLines(ns, aSnapshot(1), NO_HISTORY, 100).map(text);
    expect(lines[0]).toContain('net:[?] · cookie ?');
    expect(lines.find((line) => line.startsWith(' Owner'))).toMatch(/ \?$/);
    expect(lines.find((line) => line.startsWith(' Container'))).toMatch(/ —$/);
    for (const label of ['Reaches', 'Addresses', 'Listens']) {
      expect(lines.find((line) => line.startsWith(` ${label}`))).toMatch(/ {2,}\? \S/);
    }
    expect(lines.find((line) => line.startsWith(' Traffic'))).toMatch(/ {2,}\?$/);
  });
});

describe('actions', () => {
  const key = (name: string) => ({ name });

  test('have ids of their own, and those that look at things are harmless', () => {
    expect(new Set(ACTIONS.map(({ id }) => id)).size).toBe(ACTIONS.length);
    const groups = new Set(ACTIONS.filter(({ danger }) => danger).map(({ group }) => group));
    expect([...groups].toSorted()).toEqual(['Act', 'Plan', 'While typing']);
  });

  test('are all in the help, with every key', () => {
    const help = helpLines(ACTIONS).map(text).join('\n');
    for (const { title, keys } of ACTIONS) {
      expect(help).toContain(title);
      for (const name of keys) expect(help).toContain(keyLabel(name));
    }
  });

  test('do not take letters away from a filter that is being typed', () => {
    const typing = reduce(screen(80, 24), { type: 'filter-edit' });
    for (const letter of 'qsprcjkgGhlS?/<>+-= 1290[]btvfnN') {
      const name = letter === ' ' ? 'space' : letter;
      const action = actionFor({ name, text: letter }, { getState: () => typing });
      expect(action?.id, letter).toBe('filter-type');
    }
    expect(actionFor(key('ctrl-c'), { getState: () => typing })?.id).toBe('interrupt');
  });

  test('Escape closes the dialog, then the detail, then the filter', () => {
    let state = reduce(screen(80, 24), { type: 'filter-edit' });
    state = reduce(state, { type: 'filter-type', text: 'sleep' });
    state = reduce(state, { type: 'filter-keep', at: 0 });
    state = reduce(state, { type: 'open' });
    state = reduce(state, { type: 'coverage' });
    const pressed: (string | undefined)[] = [];
    for (let step = 0; step < 3; step++) {
      const action = actionFor(key('escape'), { getState: () => state });
      pressed.push(action?.id);
      state = reduce(state, action?.id === 'filter-drop' ? { type: 'filter-clear', at: 0 } : { type: 'back' });
    }
    expect(pressed).toEqual(['close', 'back', 'filter-drop']);
    expect(actionFor(key('escape'), { getState: () => state })).toBeUndefined();
  });

  test('the footer fits and always says how to get help and how to quit', () => {
    const state = screen(80, 24);
    for (let width = 40; width < 200; width++) {
      const footer = footerLine(actionsHere(state), width);
      expect(lineWidth(footer)).toBeLessThanOrEqual(width);
      expect(text(footer)).toMatch(/\? help {2}q quit $/);
    }
  });
});
