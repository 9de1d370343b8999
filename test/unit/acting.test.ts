import { describe, expect, test } from 'vitest';
import { actionFor } from '../../src/actions/dispatch.ts';
import { helpLines } from '../../src/actions/help.ts';
import { ACTIONS, actionsHere, offeredIn } from '../../src/actions/index.ts';
import type { ActionRequest, Outcome, Plan } from '../../src/model/plan.ts';
import type { ScreenEvent } from '../../src/store/events.ts';
import { menuOf, requestOf } from '../../src/store/menu.ts';
import { planDialogLines } from '../../src/store/plan-dialog.ts';
import { reduce } from '../../src/store/reduce.ts';
import type { ScreenState } from '../../src/store/state.ts';
import { frameOf, press, pressWith, screenOn } from '../fixtures/frame.ts';
import { aDevice, aNamespace, aProcess, aSnapshot, aSocket } from '../fixtures/snapshot.ts';

const first = aNamespace({
  ino: 101,
  cookie: '11',
  names: ['alpha'],
  processes: [aProcess({ pid: 500 }), aProcess({ pid: 501 })],
  devices: [
    aDevice({ ifindex: 1, name: 'lo', flags: ['loopback'] }),
    aDevice({ ifindex: 2, name: 'veth0', flags: ['up'] }),
  ],
  sockets: [aSocket({ cookie: '77' })],
});
const second = aNamespace({ ino: 102, cookie: '12', names: ['beta'] });
const third = aNamespace({ ino: 103, cookie: '13', names: [] });

function start(over: Parameters<typeof screenOn>[0] = {}): ScreenState {
  return screenOn(
    { size: { columns: 100, rows: 32 }, ...over },
    { ...aSnapshot(0), namespaces: [first, second, third] },
  );
}

const request: ActionRequest = { action: 'kill', targets: ['cookie:11'], options: {} };
const target = { key: 'cookie:11', ino: 101, cookie: '11', label: 'net:[101] alpha' };
const plan: Plan = {
  schema: 'nsleuth/plan/1',
  request,
  title: 'End all processes of net:[101] alpha',
  targets: [target],
  steps: [
    {
      id: 1,
      kind: 'stop',
      namespace: target,
      subject: '2 processes',
      effect: 'SIGTERM, 5 s later SIGKILL',
      risk: 'destructive',
      why: '',
      needs: [],
      processes: [],
      scope: 'namespace',
      freeze: false,
      except: [],
      graceMs: 5000,
    },
  ],
  risk: 'destructive',
  untouched: [],
  warnings: [],
  expectations: [],
  offers: [{ text: 'end pid 9', request: { action: 'kill', targets: ['cookie:1'], options: { pids: [9] } } }],
  madeFrom: '2026-01-01T00:00:00.000Z',
};
const result = {
  step: 1,
  status: 'done',
  message: '2 processes ended',
  details: [],
  startedAt: '2026-01-01T00:00:00.000Z',
  durationMs: 3,
} as const;
const outcome: Outcome = {
  results: [result],
  stopped: null,
  interrupted: false,
  verification: { at: '2026-01-01T00:00:00.000Z', checks: [{ text: 'it is gone', holds: true, seen: '' }], offers: [] },
};

function following(state: ScreenState, ...events: readonly ScreenEvent[]): ScreenState {
  return events.reduce(reduce, state);
}

/** What a key stands for. */
function keyIn(state: ScreenState, name: string): string | undefined {
  return actionFor(name.length === 1 ? { name, text: name } : { name }, { getState: () => state })?.id;
}

/** What a plan's dialog says. */
function told(state: ScreenState, width = 100): string {
  if (state.dialog?.kind !== 'plan') throw new Error('no plan is shown');
  return planDialogLines(state.dialog, width)
    .map(({ text }) => text)
    .join('\n');
}

/** What an action would be asked for here. */
function askedOf(state: ScreenState, id: string): ActionRequest | undefined {
  const item = menuOf(state).find(({ row }) => row.id === id);
  return item?.kind === 'action' ? requestOf(item) : undefined;
}

describe('marks', () => {
  test('Space marks and goes on; * marks all that are listed, and then none', async () => {
    const two = press(start(), 'space', 'space');
    expect([...two.marked]).toEqual(['cookie:11', 'cookie:12']);
    expect(two.namespaces.selected).toBe('cookie:13');
    expect((await frameOf(two)).filter((line) => /^.{2}\*/.test(line))).toHaveLength(2);
    expect((await frameOf(two))[1]).toContain('2 marked');
    const all = press(two, '*');
    expect(all.marked.size).toBe(3);
    expect(press(all, '*').marked.size).toBe(0);
    const back = press(two, 'up', 'space');
    expect([...back.marked]).toEqual(['cookie:11']);
  });

  test('go with their namespace, not with its row', async () => {
    const marked = press(start(), 'space');
    const without = following(
      marked,
      ...[1, 2, 3, 4].map(
        (at) => ({ type: 'snapshot', snapshot: { ...aSnapshot(0), namespaces: [second, third] }, at }) as const,
      ),
    );
    expect(without.marked.size).toBe(0);
    const filtered = following(
      press(start(), 'space', 'space'),
      { type: 'filter-edit' },
      { type: 'filter-type', text: 'name:beta' },
      { type: 'filter-keep', at: 0 },
    );
    // A filter hides a mark; it does not take it away, and says so by its number.
    expect(askedOf(filtered, 'release')?.targets).toEqual(['cookie:11', 'cookie:12']);
    expect((await frameOf(filtered))[1]).toContain('2 marked');
  });
});

describe('what is asked for', () => {
  test('is about the marked namespaces, else the selected one', () => {
    expect(askedOf(start(), 'release')).toEqual({ action: 'release', targets: ['cookie:11'], options: {} });
    expect(askedOf(press(start(), 'down', 'space'), 'kill')?.targets).toEqual(['cookie:12']);
  });

  test('is about the row of a tab that has the keyboard', () => {
    const processes = press(start(), '2', 'tab', 'down');
    expect(askedOf(processes, 'kill')).toEqual({ action: 'kill', targets: ['cookie:11'], options: { pids: [501] } });
    const devices = press(start(), '3', 'tab', 'down');
    expect(askedOf(devices, 'set-link')?.options).toEqual({ devices: ['veth0'], link: 'down' });
    expect(askedOf(press(devices, 'up'), 'set-link')?.options).toEqual({ devices: ['lo'], link: 'up' });
    expect(askedOf(devices, 'move-device')?.options).toEqual({ devices: ['veth0'] });
    const sockets = press(start(), '5', 'tab');
    expect(askedOf(sockets, 'close-sockets')?.options).toEqual({ sockets: ['77'] });
    // Marks are about namespaces: a row is of the selected one.
    expect(askedOf(press(start(), 'space', 'up', '2', 'tab'), 'kill')?.targets).toEqual(['cookie:11']);
  });

  test('is not offered where it makes no sense', () => {
    const table = start();
    expect(askedOf(table, 'set-link')).toBeUndefined();
    expect(keyIn(table, 'L')).toBeUndefined();
    expect(askedOf(press(table, 'down', 'down'), 'rename')).toBeUndefined();
    expect(askedOf(table, 'rename')?.options).toEqual({ oldName: 'alpha' });
    const gone = following(table, { type: 'snapshot', snapshot: { ...aSnapshot(0), namespaces: [second] }, at: 1 });
    expect(gone.namespaces.selected).toBe('cookie:11');
    expect(askedOf(gone, 'kill')).toBeUndefined();
  });

  test('an answer completes it; what will not do is said, and nothing is asked for', () => {
    const asked: ActionRequest[] = [];
    const type = (state: ScreenState, text: string) =>
      following(state, { type: 'filter-erase', what: 'all' }, { type: 'filter-type', text });
    const enter = (state: ScreenState): ScreenState =>
      pressWith({ plan: (wanted) => void asked.push(wanted) }, state, 'enter');
    const moving = press(start(), '3', 'tab', 'down', 'M');
    expect(moving.input?.purpose).toMatchObject({ kind: 'question', label: 'Move veth0 to which namespace?' });
    expect(moving.input?.text).toBe('init');
    expect(enter(type(moving, 'nowhere')).input?.error).toContain('no such namespace');
    expect(enter(type(moving, '')).input?.error).toBe('nothing was typed');
    expect(asked).toEqual([]);
    enter(type(moving, 'beta'));
    expect(asked).toEqual([
      { action: 'move-device', targets: ['cookie:11'], options: { devices: ['veth0'], to: 'cookie:12' } },
    ]);
    enter(type(press(start(), 'A'), 'fresh'));
    expect(asked[1]).toEqual({ action: 'create', targets: [], options: { name: 'fresh' } });
    expect(press(moving, 'escape').input).toBeNull();
  });
});

describe('the menu', () => {
  test('lists what can be done here, with keys, and picks by Enter or by key', async () => {
    const asked: ActionRequest[] = [];
    const open = press(start(), 'a');
    const text = (await frameOf(open)).join('\n');
    for (const word of ['kill', 'release', 'unmount', 'rename', 'shell', 'capture']) expect(text).toContain(word);
    expect(text).not.toContain('set-link');
    const effects = { plan: (wanted: ActionRequest) => void asked.push(wanted) };
    pressWith(effects, open, 'down', 'enter');
    pressWith(effects, open, 'U');
    expect(asked.map(({ action }) => action)).toEqual(['release', 'unmount']);
    expect(press(open, 'escape').dialog).toBeNull();
  });
});

describe('a plan', () => {
  const planning = following(start(), { type: 'plan-asked', request });
  const ready = following(planning, { type: 'plan', plan });

  test('is confirmed by typing where it cannot be undone', () => {
    let performed = 0;
    const effects = { perform: () => void performed++ };
    expect(told(planning)).toContain('looking at the host');
    expect(keyIn(planning, 'y')).toBeUndefined();
    expect(told(ready)).toContain('1 step; cannot be undone: y, and then alpha or 101 typed, does it');
    const typing = pressWith(effects, ready, 'y');
    expect(typing.input?.purpose.kind).toBe('confirm');
    for (const wrong of ['', 'y', 'yes', 'alph', 'beta', '1011']) {
      const typed = wrong === '' ? typing : following(typing, { type: 'filter-type', text: wrong });
      expect(pressWith(effects, typed, 'enter').input?.error).toContain('nothing is done');
    }
    expect(performed).toBe(0);
    pressWith(effects, following(typing, { type: 'filter-type', text: '101' }), 'enter');
    pressWith(effects, following(typing, { type: 'filter-type', text: 'alpha' }), 'enter');
    expect(performed).toBe(2);
    expect(press(typing, 'escape').dialog?.kind).toBe('plan');
  });

  test('that can be undone takes y, and nothing else', () => {
    let performed = 0;
    const effects = { perform: () => void performed++ };
    const gentle = following(planning, { type: 'plan', plan: { ...plan, risk: 'reversible' } });
    for (const key of ['Y', 'space', 'down', 'j', 'x', 'K'])
      expect(pressWith(effects, gentle, key).dialog?.kind).toBe('plan');
    expect(performed).toBe(0);
    pressWith(effects, gentle, 'y');
    expect(performed).toBe(1);
  });

  test('with nothing to do has nothing to confirm', () => {
    const empty = following(planning, { type: 'plan', plan: { ...plan, steps: [] } });
    expect(told(empty)).toContain('there is nothing to do');
    expect(keyIn(empty, 'y')).toBeUndefined();
  });

  test('that comes when its dialog is closed, or another is open, is nobody’s', () => {
    const closed = press(planning, 'escape');
    expect(following(closed, { type: 'plan', plan }).dialog).toBeNull();
    expect(following(closed, { type: 'plan-refused', message: 'no' }).dialog).toBeNull();
    const help = press(closed, '?');
    expect(following(help, { type: 'plan', plan }).dialog?.kind).toBe('help');
  });

  test('offers others by digit', () => {
    const asked: ActionRequest[] = [];
    expect(told(ready)).toContain('end pid 9: press 1');
    pressWith({ plan: (wanted) => void asked.push(wanted) }, ready, '1', '2');
    expect(asked).toEqual([plan.offers[0]?.request]);
  });

  test('shows what is done while it is, keeps Escape from closing it, and ends with a look', () => {
    let stopped = 0;
    const effects = { stopPlan: () => void stopped++, interrupt: () => expect.fail('Ctrl-C would end it halfway') };
    const running = following(
      ready,
      { type: 'plan-begun' },
      { type: 'plan-progress', step: 1, detail: 'SIGTERM to 2 \u001b[2Jprocesses' },
    );
    expect(told(running)).toContain('0 of 1 done; 2 processes: SIGTERM to 2 \\x1b[2Jprocesses');
    for (const key of ['escape', 'q', 'ctrl-c']) expect(pressWith(effects, running, key).dialog?.kind).toBe('plan');
    expect(stopped).toBe(3);
    for (const key of ['enter', 'n', 'y', '1', '?', 'R']) expect(keyIn(running, key), key).toBeUndefined();
    const over = following(running, { type: 'plan-result', result }, { type: 'plan-done', outcome });
    expect(told(over)).toContain('✓   1  stop     2 processes: 2 processes ended');
    expect(told(over)).toContain('✓ it is gone');
    expect(press(over, 'enter').dialog).toBeNull();
  });

  test('that was carried out has used up the marks; one that was closed has not', () => {
    const marked = press(start(), 'space', 'space');
    const shownPlan = following(marked, { type: 'plan-asked', request }, { type: 'plan', plan });
    expect(press(shownPlan, 'escape').marked.size).toBe(2);
    const done = following(
      shownPlan,
      { type: 'plan-begun' },
      { type: 'plan-result', result },
      { type: 'plan-done', outcome },
    );
    expect(done.marked.size).toBe(0);
  });

  test('is broken to the width, and can be scrolled', async () => {
    const many = Array.from({ length: 60 }, (_, index) => ({
      subject: `pid ${index}`,
      why: 'it holds the namespace: '.repeat(6),
    }));
    const long = following(
      start({ size: { columns: 60, rows: 20 } }),
      { type: 'plan-asked', request },
      { type: 'plan', plan: { ...plan, untouched: many } },
    );
    if (long.dialog?.kind !== 'plan') throw new Error('no plan');
    for (const { text } of planDialogLines(long.dialog, 60)) expect(text.length).toBeLessThanOrEqual(60);
    const top = (await frameOf(long)).join('\n');
    const below = (await frameOf(press(long, 'page-down'))).join('\n');
    expect(below).not.toBe(top);
    expect((await frameOf(press(long, 'end'))).join('\n')).toContain('end pid 9');
    expect((await frameOf(press(long, 'end', 'home'))).join('\n')).toBe(top);
  });
});

describe('read-only', () => {
  const state = start({ readOnly: true });

  test('nothing that changes the host has a key, a hint or a line of help', async () => {
    for (const action of ACTIONS.filter(({ danger }) => danger)) {
      for (const name of action.keys) {
        const found = actionFor({ name, ...(name.length === 1 ? { text: name } : {}) }, { getState: () => state });
        expect(found?.danger ?? false, `${action.id} ${name}`).toBe(false);
      }
    }
    expect(actionsHere(state).filter(({ danger }) => danger)).toEqual([]);
    const help = helpLines(offeredIn(state))
      .map((line) => line.map(({ text }) => text).join(''))
      .join('\n');
    expect(help).not.toContain('changes the host');
    expect((await frameOf(state))[0]).toContain('read-only');
  });

  test('without it every action has a key of its own', () => {
    const doing = ACTIONS.filter(({ group, danger }) => danger && group === 'Act').flatMap(({ keys }) => keys);
    expect(new Set(doing).size).toBe(doing.length);
  });
});
