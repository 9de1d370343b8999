import { describe, expect, test } from 'vitest';
import { cellText } from '../../src/columns/column.ts';
import type { Namespace, Snapshot, Socket } from '../../src/model/index.ts';
import { reduce } from '../../src/store/reduce.ts';
import type { ScreenState } from '../../src/store/state.ts';
import { countText, TABS, type TableTab } from '../../src/store/tabs.ts';
import { press, screenOn } from '../fixtures/frame.ts';
import {
  aDevice,
  aFirewall,
  aNamespace,
  aProcess,
  aSnapshot,
  aSocket,
  aTable,
  someCounters,
} from '../fixtures/snapshot.ts';

function snapshotOf(...namespaces: Namespace[]): Snapshot {
  return aSnapshot(0, { namespaces });
}

function refreshed(state: ScreenState, ...namespaces: Namespace[]): ScreenState {
  return reduce(state, { type: 'snapshot', snapshot: snapshotOf(...namespaces), at: 0 });
}

const keysOf = ({ tabs }: ScreenState, tab: TableTab): string[] => tabs[tab].items.map(({ key }) => key);

/** One namespace with these sockets, in the order of the kernel. */
function withSockets(...inodes: number[]): Namespace {
  const sockets = inodes.map((inode) => aSocket({ inode, cookie: null, localPort: inode }));
  return aNamespace({ sockets });
}

describe('tabs', () => {
  test('the first ten have a digit, and every one is reached by the brackets, round and round', () => {
    expect(TABS.map(({ digit }) => digit).join('')).toBe('1234567890');
    let state = screenOn({}, aSnapshot(1));
    const seen = TABS.map(() => {
      const { tab } = state;
      state = press(state, ']');
      return tab;
    });
    expect(seen).toEqual(TABS.map(({ id }) => id));
    expect(state.tab).toBe('overview');
    expect(press(state, '[').tab).toBe(TABS.at(-1)?.id);
    expect(press(state, '5').tab).toBe('sockets');
  });

  test('a digit leaves the keyboard where it is, so that one can go on through the namespaces', () => {
    const state = press(screenOn({}, aSnapshot(3)), '2', 'j');
    expect(state).toMatchObject({ tab: 'processes', pane: 'table' });
    expect(keysOf(state, 'processes')).toEqual(['1001']);
  });

  test('where there is no room beside the table, a digit opens the detail', () => {
    const state = press(screenOn({ size: { columns: 40, rows: 10 } }, aSnapshot(3)), '2');
    expect(state).toMatchObject({ tab: 'processes', pane: 'detail', opened: true });
  });

  test('only the tab that is shown keeps rows, and no old snapshot', () => {
    const state = refreshed(press(screenOn({}, aSnapshot(3)), '2', '3', '4'), aNamespace());
    const kept = Object.entries(state.tabs).filter(([, { context, all }]) => context !== null || all.length > 0);
    expect(kept.map(([tab]) => tab)).toEqual(['addresses']);
    expect(kept[0]?.[1].context?.snapshot).toBe(state.snapshot);
  });
});

describe('the tab of devices', () => {
  test('says what each carries, from one refresh to the next, and sorts by it', () => {
    const at = (countersAt: number, quiet: number, busy: number): Namespace =>
      aNamespace({
        countersAt,
        devices: [
          aDevice({ ifindex: 2, name: 'quiet', kind: 'veth', flags: [], counters: someCounters({ rxBytes: quiet }) }),
          aDevice({ ifindex: 3, name: 'busy', kind: 'veth', flags: [], counters: someCounters({ rxBytes: busy }) }),
        ],
      });
    const first = press(screenOn({}, snapshotOf(at(1000, 0, 0))), '3', 'tab');
    const text = ({ tabs: { devices } }: ScreenState, id: string): string[] => {
      const column = devices.columns.find((each) => each.id === id);
      return devices.items.map(({ row }) =>
        column === undefined || devices.context === null ? '' : cellText(column, row, devices.context),
      );
    };
    expect(text(first, 'rx-rate')).toEqual(['?', '?']);
    const second = refreshed(first, at(3000, 100, 4000));
    expect(text(second, 'name')).toEqual(['quiet', 'busy']);
    expect(text(second, 'rx-rate')).toEqual(['50', '2.0k']);
    expect(text(second, 'tx-rate')).toEqual(['0', '0']);
  });
});

describe('the list of a tab', () => {
  const start = press(screenOn({}, snapshotOf(withSockets(10, 20, 30))), '5', 'tab');

  test('has the selection on its row across refreshes, by what tells it from others', () => {
    const selected = press(start, 'j', 'j');
    expect(selected.tabs.sockets.selected).toBe('inet 30 ');
    const later = refreshed(selected, withSockets(5, 10, 20, 25, 30));
    expect(later.tabs.sockets).toMatchObject({ selected: 'inet 30 ', index: 4 });
    expect(refreshed(later, withSockets(5, 10)).tabs.sockets).toMatchObject({ selected: 'inet 10 ', index: 1 });
  });

  test('is kept while another tab is shown, and begins anew for another namespace', () => {
    const away = press(start, 'j', '2', '5');
    expect(away.tabs.sockets).toMatchObject({ selected: 'inet 20 ', index: 1 });
    const two = screenOn({}, snapshotOf(withSockets(10, 20), aNamespace({ ino: 4026532999, cookie: '9' })));
    const there = press(two, '5', 'tab', 'j', 'tab', 'j', 'k');
    expect(there.tabs.sockets).toMatchObject({ selected: 'inet 10 ', index: 0 });
  });

  test('rows without an identity of their own are told apart by their place', () => {
    const orphan: Partial<Socket> = { inode: 0, cookie: null };
    const ns = aNamespace({
      sockets: [aSocket(orphan), aSocket(orphan), aSocket({ inode: 5 }), aSocket({ inode: 5 })],
    });
    expect(keysOf(press(screenOn({}, snapshotOf(ns)), '5'), 'sockets')).toEqual([
      '#0',
      '#1',
      'inet 5 77',
      'inet 5 77#3',
    ]);
  });

  test('keeps the order of its source until it is sorted, and is sorted by itself', () => {
    const ns = withSockets(20, 30, 10);
    const state = press(screenOn({}, snapshotOf(ns)), '5', 'tab');
    expect(keysOf(state, 'sockets')).toEqual(['inet 20 ', 'inet 30 ', 'inet 10 ']);
    const sorted = press(state, 's', ...Array.from({ length: 8 }, () => 'j'), 'enter');
    expect(sorted.tabs.sockets.sort?.column.id).toBe('inode');
    expect(keysOf(sorted, 'sockets')).toEqual(['inet 10 ', 'inet 20 ', 'inet 30 ']);
    expect(keysOf(press(sorted, 'S'), 'sockets')).toEqual(['inet 30 ', 'inet 20 ', 'inet 10 ']);
    expect(press(sorted, '>').tabs.sockets.sort?.column.id).toBe('device');
    expect(sorted.namespaces.sort?.column.id).toBe('namespace');
  });

  test('has a filter of its own, which Escape drops before it goes back', () => {
    const filtered = press(start, '/', 'l', 'o', 'c', 'a', 'l', ':', '2', '0', 'enter');
    expect(keysOf(filtered, 'sockets')).toEqual(['inet 20 ']);
    expect(filtered.namespaces.filter.text).toBe('');
    const dropped = press(filtered, 'escape');
    expect(keysOf(dropped, 'sockets')).toHaveLength(3);
    expect(dropped.pane).toBe('detail');
    expect(press(dropped, 'escape').pane).toBe('table');
  });

  test('says what is no filter by its own columns', () => {
    const typed = press(start, '/', ...'visibility:plain');
    expect(typed.input?.error).toMatch(/unknown column "visibility".*protocol, state, local/);
  });

  test('scrolls its columns, not those of the namespaces', () => {
    const state = press(start, 'right', 'right');
    expect(state.tabs.sockets.columnShift).toBe(2);
    expect(state.namespaces.columnShift).toBe(0);
  });

  test('pages through many rows and stays inside them', () => {
    const many = Array.from({ length: 200 }, (_, pid) => aProcess({ pid: 1000 + pid }));
    const state = press(screenOn({}, snapshotOf(aNamespace({ processes: many }))), '2', 'tab', 'page-down', 'end');
    expect(state.tabs.processes).toMatchObject({ index: 199, selected: '1199' });
    expect(press(state, 'home').tabs.processes).toMatchObject({ index: 0, top: 0 });
  });

  test('has a row for each chain of the firewall, and holders with those that are only suspected below', () => {
    const ns = aNamespace({ firewall: aFirewall({ tables: [aTable(), aTable({ name: 'nat' })] }), processes: [] });
    const leads = [{ kind: 'mapping', pid: 9, target: 'socket:[1]', suspected: true } as const];
    const state = screenOn({}, { ...snapshotOf(ns), leads });
    expect(keysOf(press(state, '9'), 'firewall')).toHaveLength(2);
    expect(keysOf(press(state, '0'), 'holders')).toEqual(['mapping of socket:[1], pid 9']);
    const { snapshot } = state;
    const holders = TABS.find(({ id }) => id === 'holders');
    expect(holders && snapshot && countText(holders, ns, snapshot)).toBe('0+1?');
  });
});
