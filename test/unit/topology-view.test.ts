import { describe, expect, test } from 'vitest';
import { reduce } from '../../src/store/reduce.ts';
import { type ScreenState, selectedNamespace } from '../../src/store/state.ts';
import { drawTopology } from '../../src/store/topology.ts';
import { Cabling } from '../fixtures/cabling.ts';
import { frameOf, press, screenOn } from '../fixtures/frame.ts';
import { aSnapshot } from '../fixtures/snapshot.ts';
import { aTown, TOWN } from '../fixtures/town.ts';

/** The line the cursor is on. */
function line({ topology, snapshot, size }: ScreenState): string {
  if (topology === null || snapshot === null) return '';
  return drawTopology(snapshot, size).lines[topology.index]?.text ?? '';
}

/** A bridge with `count` namespaces on it. */
function aCity(count: number) {
  const cabling = new Cabling();
  const init = cabling.add();
  const bridge = init.add('br0', 'bridge');
  for (let index = 0; index < count; index++) {
    const [near] = init.veth(`v${index}`, cabling.add(`ns${index}`), 'eth0');
    near.portOf(bridge);
  }
  return aSnapshot(0, { namespaces: cabling.build() });
}

describe('the topology', () => {
  const town = screenOn({}, aTown());

  test('opens at the selected namespace, t leaves it, and so do Escape and q', () => {
    const open = press(town, 'j', 't');
    expect(line(open)).toMatch(/v-0 ⇄ eth0 .* web /);
    for (const key of ['t', 'escape', 'q']) expect(press(open, key).topology).toBeNull();
  });

  test('is drawn in place of table and detail, with the note of the line below where it is narrow', async () => {
    const frame = await frameOf(press(town, 't'));
    expect(frame.slice(3, 10)).toMatchInlineSnapshot(`
      [
        "── Topology ────────────────────────────────────────────────────────────────────",
        "  DEVICE          KIND      NAMESPACE          STATE  ADDRESS",
        "",
        " On the wire, and what reaches it",
        "▌ eth0            physical    4026531833 init  up     192.0.2.10/24",
        "  └─br0           bridge      4026531833 init  up     10.0.0.1/24",
        "    ├─v-0 ⇄ eth0  veth        4026531834 web   up     10.0.0.2/24",
      ]
    `);
    const inside = press(screenOn({}, aCity(2)), 't', 'end');
    expect((await frameOf(inside)).join('\n')).toContain('↳ ');
    const wide = await frameOf(press(screenOn({ size: { columns: 160, rows: 30 } }, aTown()), 't'));
    expect(wide[5]).toMatch(/ADDRESS +NOTE$/);
  });

  test('has the cursor on lines that stand for something, never on a title', () => {
    let state = press(town, 't', 'home');
    const seen: string[] = [];
    for (let step = 0; step < 10; step++) {
      seen.push(line(state));
      state = press(state, 'j');
    }
    expect(seen.every((text) => text !== '' && !text.startsWith('On the wire'))).toBe(true);
    expect(new Set(seen).size).toBeGreaterThan(3);
    expect(press(state, 'home').topology?.top).toBe(0);
  });

  test('leads to the namespace and device of a line, and back', () => {
    const there = press(town, 'j', 't', 'enter');
    expect(there.topology).toBeNull();
    expect(selectedNamespace(there)?.ino).toBe(TOWN.web);
    expect(there).toMatchObject({ tab: 'devices', pane: 'detail' });
    expect(there.tabs.devices.selected).toBe('2');
    expect(press(town, 't', 'enter', 'b').trail).toEqual([]);
  });

  test('finds lines while the text is typed, and the next ones with n', () => {
    const found = press(town, 't', '/', ...'v-', 'enter');
    expect(line(found)).toMatch(/v-0/);
    expect(line(press(found, 'n'))).toMatch(/v-1/);
    expect(line(press(found, 'n', 'n'))).toMatch(/v-0/);
    expect(line(press(found, 'N'))).toMatch(/v-1/);
    expect(press(town, 't', '/', ...'nonsense', 'enter', 'n').status?.text).toBe('no line has "nonsense"');
    expect(found.namespaces.filter.text).toBe('');
  });

  test('keeps the cursor on its line when others arrive', () => {
    const before = press(screenOn({}, aCity(30)), 't', '/', ...'ns17', 'enter');
    const now = reduce(before, { type: 'snapshot', snapshot: aCity(60), at: 0 });
    expect(line(now)).toMatch(/ns17 /);
  });

  test('goes through three hundred namespaces, the cursor always in view', async () => {
    const city = aCity(300);
    let state = press(screenOn({}, city), 't');
    for (const key of ['end', 'page-up', 'k', 'page-up', 'home', 'page-down']) {
      state = press(state, key);
      const frame = await frameOf(state);
      expect(
        frame.filter((text) => text.startsWith('▌')),
        key,
      ).toHaveLength(1);
    }
    const started = performance.now();
    for (let step = 0; step < 100; step++) state = press(state, 'j');
    // Moving draws nothing anew.
    expect((performance.now() - started) / 100).toBeLessThan(5);
  });

  test('of no namespaces is empty and does not break', async () => {
    const state = press(screenOn({}, aSnapshot(0)), 't', 'j', 'enter', 'n');
    expect((await frameOf(state)).join('\n')).toContain('Topology');
    expect(press(screenOn({}), 't').topology).not.toBeNull();
  });
});
