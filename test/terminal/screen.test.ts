import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { aConcealedTask, aHiddenNamespace, aNamespace, aProcess, aSnapshot } from '../fixtures/snapshot.ts';
import { alphabet, named, snapshotOf, table } from './alphabet.ts';
import { type PtyScreen, Stage } from './harness.ts';

const stage = new Stage();

beforeAll(() => stage.build());
afterAll(() => stage.remove());
afterEach(() => stage.clear());

describe('the frame', () => {
  test('at 80×24 has header, lights, table, detail, footer, and fills no more than the terminal', async () => {
    const { screen } = await stage.start(aSnapshot(100));
    const lines = screen.lines();
    expect(lines[0]).toMatch(/^ nsleuth {2}fixture · Linux 6\.1\.0 · up 1h +⟳ 1m$/);
    expect(lines[1]).toMatch(/^ 100 namespaces {2}100 ○ +0 ◐ +0 ◆ +0 † +sort NAMESPACE ▲$/);
    expect(lines[2]).toBe(' ● kernel ● host ● tasks ● mount ● descr ● pinne ● handl ○ listn ● ident ● conta');
    expect(lines[3]).toMatch(/^ {3}NAMESPACE▲ {2}NAME +VISIBLE +HELD BY +PROC +UPLINK$/);
    expect(lines[4]).toMatch(/^▌ {2}4026531833 {2}init +○ plain +pid 1000 +1 +\?$/);
    expect(table(screen).length).toBeGreaterThanOrEqual(8);
    expect(screen.text()).toContain('Identity   net:[4026531833] · cookie 1');
    expect(lines[23]).toMatch(/ \? help {2}q quit$/);
    expect(screen.scrolledOut).toBe(0);
  });

  test('at 160×48 uses the width and the height', async () => {
    const { screen } = await stage.start(aSnapshot(100), { columns: 160, rows: 48 });
    expect(screen.lines().find((line) => line.includes('NAMESPACE▲'))).toMatch(
      /HELD BY +PROC +DEV +SOCK +LISTEN +UPLINK +RX\/s +TX\/s +TRAFFIC$/,
    );
    expect(table(screen).length).toBeGreaterThan(20);
    await screen.shows('Holders 1\n   pid 1000  sleep');
  });

  test('follows the terminal from 160×48 to 80×24, to nearly nothing, and back', async () => {
    const { screen } = await stage.start(aSnapshot(100), { columns: 160, rows: 48 });
    const large = screen.text();
    screen.resize(80, 24);
    await screen.until('the small frame', (text) => /^ nsleuth[^\n]* ⟳ 1m\n/.test(text) && /q quit$/.test(text));
    expect(screen.text()).not.toContain('TRAFFIC');
    screen.resize(30, 8);
    await screen.shows('30×8 is too small,\nnsleuth needs 40×10');
    screen.resize(160, 48);
    await screen.until('the large frame again', (text) => text === large);
    expect(screen.scrolledOut).toBe(0);
  });

  test('never clears the screen, scrolls it, or moves to a new line, and wraps each update', async () => {
    const { screen, scene } = await stage.start(aSnapshot(100));
    scene.set({ snapshot: aSnapshot(120) });
    screen.type('r');
    await screen.shows('120 namespaces');
    screen.type('jjjj\u001b[6~G');
    await screen.until('the last row', () => screen.selected().includes('4026531952'));
    const drawn = screen.output;
    for (const never of ['\n', '\u001b[2J', '\u001b[3J', '\u001b[J', '\u001b[?2026h\u001b[?2026h']) {
      expect(drawn).not.toContain(never);
    }
    expect(drawn.split('\u001b[?2026h')).toHaveLength(drawn.split('\u001b[?2026l').length);
    expect(screen.scrolledOut).toBe(0);
  });

  test('draws a moved selection by sending two rows and the detail, not the screen', async () => {
    const { screen } = await stage.start(aSnapshot(1000));
    const before = screen.output.length;
    screen.type('j');
    await screen.until('the second row', () => screen.selected().includes('4026531834'));
    expect(screen.output.length - before).toBeLessThan(1500);
  });

  test('without colour sends none, and the glyphs still tell', async () => {
    const hidden = aNamespace({ visibility: 'hidden', holders: [], processes: [] });
    const { screen } = await stage.start(snapshotOf([...alphabet, hidden]), { options: { color: false } });
    await screen.shows('◆ hidden');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for escape sequences
    const sequences = [...screen.output.matchAll(/\u001b\[([0-9;]*)m/g)].flatMap(([, codes = '']) => codes.split(';'));
    expect(sequences.filter((code) => /^(3[0-9]|4[0-9]|9[0-7]|10[0-7])$/.test(code))).toEqual([]);
    expect(screen.selected()).toMatch(/^▌/);
  });

  describe('with a hidden and a dying namespace and concealed tasks', () => {
    const lurker = aHiddenNamespace({
      ino: 666,
      cookie: '666',
      processes: [aProcess({ pid: 666, comm: 'lurker', cmdline: '' })],
      holders: [{ kind: 'task', pid: 666, tid: 666, threads: 1, view: 'kernel' }],
    });
    const queued = aHiddenNamespace({
      ino: 777,
      cookie: '777',
      holders: [{ kind: 'inflight', pid: 5310, fd: 4, inode: 7, count: 1, content: 'nsfs', view: 'kernel' }],
    });
    const dying = aHiddenNamespace({
      ino: 888,
      cookie: '888',
      visibility: 'dying',
      witnesses: [{ source: 'kernel' }],
      references: { count: 0, passive: 2, active: null },
    });
    const snapshot = aSnapshot(0, {
      namespaces: [...alphabet, lurker, queued, dying],
      concealedTasks: [aConcealedTask({ netns: 666 })],
    });
    const red = (screen: PtyScreen, shown: string) => screen.output.includes(`\u001b[1;31m${shown}`);

    test('at 80×24 all of it is told, by glyph and by colour', async () => {
      const { screen } = await stage.start(snapshot);
      await screen.shows('! 1 concealed task');
      const lines = screen.lines();
      expect(lines[0]).toMatch(/^ nsleuth {2}fixture · Linux 6\.1\.0 · up 1h +! 1 concealed task {3}⟳ 1m$/);
      expect(lines[1]).toMatch(
        /^ 8 namespaces {2}5 ○ plain {2}0 ◐ obscure {2}2 ◆ hidden {2}1 † dying +sort NAMESPACE ▲$/,
      );
      expect(lines[2]).toMatch(/^ ● kernel /);
      expect(table(screen).slice(5)).toEqual([
        expect.stringMatching(/^ {3}666 +— +◆ hidden +pid 666 +1 +\?$/),
        expect.stringMatching(/^ {3}777 +— +◆ hidden +1 nsfs descripto… +0 +\?$/),
        expect.stringMatching(/^ {3}888 +— +† dying +no holder seen +0 +\?$/),
      ]);
      for (const shown of ['! 1 concealed task', '  2 ◆ hidden', '◆ hidden '])
        expect(red(screen, shown), shown).toBe(true);
      expect(screen.output).toContain('\u001b[35m† dying ');

      screen.type('jjjjjj');
      await screen.shows('── ◆ 777 ');
      const from = screen.lines().findIndex((line) => line.startsWith('── ◆ 777 '));
      expect(screen.lines().slice(from + 1, from + 8)).toEqual([
        ' Identity   net:[777] · cookie 777 · 1 reference, 14 passive',
        ' Visible    ◆ hidden: the kernel lists it, and it alone shows what holds it: 1',
        '            nsfs descriptor in flight, pid 5310 fd 4',
        ' Userland   × tasks         no              Kernel  ● kernel   1 holder',
        '            × mounts        no                      ● handles  yes',
        '            × descriptors   no                      ? listns   could not look',
        '            × pinned-mounts no',
      ]);
      screen.type('k');
      await screen.shows('◆ hidden: the kernel shows 1 task in it that /proc conceals');
      screen.type('jjj');
      await screen.shows('† dying: its count reached zero, and its teardown has not finished');
      expect(screen.scrolledOut).toBe(0);
    });

    test('at 160×48 the detail shows who conceals what', async () => {
      const { screen } = await stage.start(snapshot, {
        columns: 160,
        rows: 48,
        options: { filter: 'visibility=hidden' },
      });
      await screen.shows('2 of 8: visibility=hidden');
      expect(screen.lines()[2]).toBe(
        ' ● kernel  ● host  ● tasks  ● mounts  ● descriptors  ● pinned-mounts  ● handles  ○ listns  ● identity  ● containers',
      );
      await screen.shows(' ! Concealed tasks 1\n   pid 666 lurker  uid 0  the kernel shows it, /proc does not\n');
      await screen.shows(' Holders 1\n   pid 666 (kernel)  lurker');
      screen.type('\t2');
      await screen.shows('(not in /proc) [lurker]');
      screen.type('c');
      await screen.shows(/Coverage.*\n ! concealed tasks 1 .*\n {5}× pid 666 lurker .*\n ● kernel/);
    });

    test('visibility:hidden typed as a filter leaves the hidden ones', async () => {
      const { screen } = await stage.start(snapshot);
      screen.type('/');
      for (const key of 'visibility:hidden') screen.type(key);
      await screen.until('the hidden ones', () => table(screen).length === 2);
      screen.type('\r');
      await screen.shows('2 of 8: visibility:hidden');
      expect(table(screen).every((line) => line.includes('◆ hidden'))).toBe(true);
      screen.type('/\u0015visibility=dying\r');
      await screen.shows('1 of 8: visibility=dying');
      expect(table(screen)).toEqual([expect.stringMatching(/888 +— +† dying/)]);
    });

    test('a task that becomes concealed is told in the status line', async () => {
      const { screen, scene } = await stage.start(snapshotOf(alphabet));
      scene.set({ snapshot: { ...snapshotOf(alphabet), concealedTasks: [aConcealedTask()] } });
      screen.type('r');
      await screen.shows('! pid 666 lurker: the kernel shows it, /proc does not');
      await screen.shows('! 1 concealed task ');
    });

    test('without the kernel view its light says so', async () => {
      const coverage = snapshot.coverage.map((entry) =>
        entry.source === 'kernel'
          ? { ...entry, status: 'unavailable' as const, missed: [{ subject: 'probe', reason: 'no BTF' }] }
          : entry,
      );
      const { screen } = await stage.start({ ...snapshotOf(alphabet), coverage });
      await screen.shows(/\n × kernel ● /);
      expect(red(screen, '×')).toBe(true);
    });
  });

  test('survives hostile, wide and endless names', async () => {
    const nasty = [
      '\\x1b[2J\\x07evil',
      '漢字'.repeat(100),
      'e\u0301'.repeat(200),
      'مرحبا بالعالم',
      'x'.repeat(5000),
      '😀😀😀',
    ];
    const { screen } = await stage.start(
      snapshotOf(nasty.map((name, index) => named(100 + index, name, { paths: [`/run/netns/${name}`] }))),
    );
    for (let row = 0; row < nasty.length; row++) {
      await screen.until(`row ${row}`, () => screen.selected().includes(String(100 + row)));
      expect(table(screen)).toHaveLength(nasty.length);
      expect(screen.lines()[23]).toMatch(/q quit$/);
      screen.type('j');
    }
    screen.type('\r');
    await screen.shows('Esc back');
    expect(screen.scrolledOut).toBe(0);
  });
});
