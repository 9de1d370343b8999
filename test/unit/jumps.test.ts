import { describe, expect, test } from 'vitest';
import { type ScreenState, selectedNamespace } from '../../src/store/state.ts';
import { isTable } from '../../src/store/tabs.ts';
import { press, screenOn } from '../fixtures/frame.ts';
import { aProcess } from '../fixtures/snapshot.ts';
import { aTown, TOWN } from '../fixtures/town.ts';

/** Where one is: the number of the namespace, the tab, the row. */
function place(state: ScreenState): (string | number | null | undefined)[] {
  const { tab, tabs } = state;
  return [selectedNamespace(state)?.ino, tab, isTable(tab) ? tabs[tab].selected : null];
}

const town = screenOn({}, aTown());
/** In `web`, with the keyboard in the detail. */
const web = press(town, 'j', 'tab');

describe('a jump', () => {
  test('leads from a veth to the other end in its namespace, and back to where it was', () => {
    const there = press(web, '3', 'j', 'enter');
    expect(place(there)).toEqual([TOWN.init, 'devices', '4']);
    const row = there.tabs.devices.items[there.tabs.devices.index]?.row;
    expect(row).toMatchObject({ name: 'v-0' });
    const back = press(there, 'b');
    expect(place(back)).toEqual([TOWN.web, 'devices', '2']);
    expect(back.trail).toEqual([]);
    expect(place(press(there, 'backspace'))).toEqual(place(back));
  });

  test('leads from a bridge to one of its ports, in the same namespace', () => {
    const ports = press(town, 'tab', '3', 'j', 'j', 'enter');
    expect(place(ports)).toEqual([TOWN.init, 'devices', '2']);
  });

  test('leads from a socket to the process that has it open, wherever that lives', () => {
    const there = press(town, 'j', 'j', 'tab', '5', 'enter');
    expect(place(there)).toEqual([TOWN.web, 'processes', '811']);
  });

  test('leads from a holder to its process, from a route and an address to the device, from an id to the namespace', () => {
    expect(place(press(web, '0', 'j', 'enter'))).toEqual([TOWN.web, 'processes', '811']);
    expect(place(press(web, '6', 'enter'))).toEqual([TOWN.web, 'devices', '2']);
    expect(place(press(web, '4', 'enter'))).toEqual([TOWN.web, 'devices', '2']);
    expect(place(press(web, '0', ']', 'enter'))).toEqual([TOWN.init, 'overview', null]);
  });

  test('that leads nowhere says why, and stays', () => {
    const nobody = press(web, '5', 'j', 'enter');
    expect(nobody.status).toMatchObject({ text: 'no process has it open', tone: 'warn' });
    expect(place(nobody)).toEqual([TOWN.web, 'sockets', 'inet 71 77']);
    expect(nobody.trail).toEqual([]);
    const unknown = press(web, '0', ']', 'j', 'enter');
    expect(unknown.status?.text).toBe('which namespace the id 1 stands for is not known');
    const loopback = press(web, '3', 'enter');
    expect(loopback.status?.text).toBe('lo is connected with no other device');
  });

  test('into what the filter hides drops the filter and says so', () => {
    const filtered = press(town, '/', ...'name:web', 'enter', 'tab', '3', 'j', 'enter');
    expect(place(filtered)).toEqual([TOWN.init, 'devices', '4']);
    expect(filtered.namespaces.filter.text).toBe('');
    expect(filtered.namespaces.items).toHaveLength(3);
    expect(filtered.status?.text).toBe('it was hidden by the filter, which is cleared');
  });

  test('into a row that the filter of its tab hides drops that one', () => {
    const only = press(web, '2', '/', ...'sh', 'enter', '5', 'enter');
    expect(place(only)).toEqual([TOWN.web, 'processes', '811']);
    expect(only.tabs.processes.filter.text).toBe('');
    expect(only.status?.text).toBe('it was hidden by the filter, which is cleared');
  });

  test('to a process that the snapshot does not show says so', () => {
    const namespaces = aTown().namespaces.map((ns) => ({ ...ns, processes: [aProcess({ pid: 1 })], holders: [] }));
    const state = press(screenOn({}, aTown({ namespaces })), 'j', 'tab', '5', 'enter');
    expect(state.status?.text).toBe('in which namespace pid 811 lives is not known');
  });

  test('back goes step by step, no further than fifty, and to nothing that is gone', () => {
    let state = press(web, '3', 'j');
    for (let step = 0; step < 60; step++) state = press(state, 'enter');
    expect(state.trail).toHaveLength(50);
    for (let step = 0; step < 50; step++) state = press(state, 'b');
    expect(state.trail).toHaveLength(0);
    expect(press(state, 'b')).toBe(state);
  });

  test('keeps the detail open where it is, and opens it where there is no room beside the table', () => {
    const opened = press(town, 'j', 'enter', '3', 'j', 'enter');
    expect(opened).toMatchObject({ opened: true, pane: 'detail' });
    const small = press(screenOn({ size: { columns: 40, rows: 10 } }, aTown()), 't', 'j', 'enter');
    expect(small).toMatchObject({ opened: true, pane: 'detail', topology: null });
  });
});
