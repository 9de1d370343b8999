import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ACTIONS } from '../../src/actions/index.ts';
import type { Namespace, Snapshot } from '../../src/model/index.ts';
import { aConcealedTask, aHiddenNamespace, aNamespace, aProcess, aSnapshot } from '../fixtures/snapshot.ts';
import { buildScreen, type Launch, PtyScreen, SceneFile } from './harness.ts';

let built: Awaited<ReturnType<typeof buildScreen>>;
let open: PtyScreen[] = [];

beforeAll(async () => {
  built = await buildScreen();
});
afterAll(() => built.remove());
afterEach(() => {
  for (const screen of open) screen.close();
  open = [];
});

/** One plain namespace named `name`. */
function named(number: number, name: string, over: Partial<Namespace> = {}): Namespace {
  return aNamespace({
    ino: number,
    cookie: String(number),
    names: [name],
    processes: [aProcess({ pid: number, cmdline: `serve ${name}` })],
    ...over,
  });
}

function snapshotOf(namespaces: readonly Namespace[]): Snapshot {
  return aSnapshot(0, { namespaces });
}

const alphabet = ['alpha', 'bravo', 'charlie', 'delta', 'echo'].map((name, index) => named(100 + index * 10, name));

/** Starts the screen, paused unless told otherwise: tests scan with `r`, so that nothing depends on time. */
async function start(
  snapshot: Snapshot,
  { options = {}, ...launch }: Launch & { options?: Record<string, unknown> } = {},
): Promise<{ screen: PtyScreen; scene: SceneFile }> {
  const scene = new SceneFile(built.directory, { snapshot });
  const settings = { intervalMs: 60_000, ...options };
  const argv = [`${built.directory}/screen.mjs`, scene.path, JSON.stringify(settings)];
  const screen = new PtyScreen(process.execPath, argv, launch);
  open.push(screen);
  await screen.shows(/\d+ namespaces?/);
  return { screen, scene };
}

/** Rows of the table: what is between its header and the title of the detail. */
function table(screen: PtyScreen): string[] {
  const lines = screen.lines();
  const from = lines.findIndex((line) => /NAMESPACE.* NAME /.test(line)) + 1;
  const to = lines.findIndex((line) => line.startsWith('── '));
  return lines.slice(from, to).filter((line) => line !== '');
}

const names = (screen: PtyScreen): string[] => table(screen).map((line) => /\d{3}\s+(\S+)/.exec(line)?.[1] ?? line);

describe('the frame', () => {
  test('at 80×24 has header, lights, table, detail, footer, and fills no more than the terminal', async () => {
    const { screen } = await start(aSnapshot(100));
    const lines = screen.lines();
    expect(lines[0]).toMatch(/^ nsleuth {2}fixture · Linux 6\.1\.0 · up 1h +⟳ 1m$/);
    expect(lines[1]).toMatch(/^ 100 namespaces {2}100 ○ +0 ◐ +0 ◆ +0 † +sort NAMESPACE ▲$/);
    expect(lines[2]).toBe(' ● kernel ● host ● tasks ● mount ● descr ● pinne ● handl ○ listn ● ident ● conta');
    expect(lines[3]).toMatch(/^ {3}NAMESPACE▲ {2}NAME +VISIBLE +HELD BY +PROC +COMMAND$/);
    expect(lines[4]).toMatch(/^▌ {2}4026531833 {2}init +○ plain +pid 1000 +1 +sleep 0$/);
    expect(table(screen).length).toBeGreaterThanOrEqual(8);
    expect(screen.text()).toContain('Identity   net:[4026531833] · cookie 1');
    expect(lines[23]).toMatch(/ \? help {2}q quit$/);
    expect(screen.scrolledOut).toBe(0);
  });

  test('at 160×48 uses the width and the height', async () => {
    const { screen } = await start(aSnapshot(100), { columns: 160, rows: 48 });
    expect(screen.lines().find((line) => line.includes('NAMESPACE▲'))).toMatch(
      /HELD BY +PROC +USER +CONTAINER +COMMAND$/,
    );
    expect(table(screen).length).toBeGreaterThan(20);
    await screen.shows('COMMAND\n     1000  root');
  });

  test('follows the terminal from 160×48 to 80×24, to nearly nothing, and back', async () => {
    const { screen } = await start(aSnapshot(100), { columns: 160, rows: 48 });
    const large = screen.text();
    screen.resize(80, 24);
    await screen.until('the small frame', (text) => /^ nsleuth[^\n]* ⟳ 1m\n/.test(text) && /q quit$/.test(text));
    expect(screen.text()).not.toContain('CONTAINER');
    screen.resize(30, 8);
    await screen.shows('30×8 is too small,\nnsleuth needs 40×10');
    screen.resize(160, 48);
    await screen.until('the large frame again', (text) => text === large);
    expect(screen.scrolledOut).toBe(0);
  });

  test('never clears the screen, scrolls it, or moves to a new line, and wraps each update', async () => {
    const { screen, scene } = await start(aSnapshot(100));
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
    const { screen } = await start(aSnapshot(1000));
    const before = screen.output.length;
    screen.type('j');
    await screen.until('the second row', () => screen.selected().includes('4026531834'));
    expect(screen.output.length - before).toBeLessThan(1500);
  });

  test('without colour sends none, and the glyphs still tell', async () => {
    const hidden = aNamespace({ visibility: 'hidden', holders: [], processes: [] });
    const { screen } = await start(snapshotOf([...alphabet, hidden]), { options: { color: false } });
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
      const { screen } = await start(snapshot);
      await screen.shows('! 1 concealed task');
      const lines = screen.lines();
      expect(lines[0]).toMatch(/^ nsleuth {2}fixture · Linux 6\.1\.0 · up 1h +! 1 concealed task {3}⟳ 1m$/);
      expect(lines[1]).toMatch(
        /^ 8 namespaces {2}5 ○ plain {2}0 ◐ obscure {2}2 ◆ hidden {2}1 † dying +sort NAMESPACE ▲$/,
      );
      expect(lines[2]).toMatch(/^ ● kernel /);
      expect(table(screen).slice(5)).toEqual([
        expect.stringMatching(/^ {3}666 +— +◆ hidden +pid 666 +1 +\[lurker\]$/),
        expect.stringMatching(/^ {3}777 +— +◆ hidden +1 nsfs descriptor… +0 +—$/),
        expect.stringMatching(/^ {3}888 +— +† dying +no holder seen +0 +—$/),
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
      const { screen } = await start(snapshot, { columns: 160, rows: 48, options: { filter: 'visibility=hidden' } });
      await screen.shows('2 of 8: visibility=hidden');
      expect(screen.lines()[2]).toBe(
        ' ● kernel  ● host  ● tasks  ● mounts  ● descriptors  ● pinned-mounts  ● handles  ○ listns  ● identity  ● containers',
      );
      await screen.shows(
        ' ! Concealed tasks 1\n   pid 666 lurker  uid 0  the kernel shows it, /proc does not\n Holders 1\n   pid 666 (kernel)  lurker',
      );
      screen.type('\tG');
      await screen.shows('[lurker] concealed from /proc');
      screen.type('c');
      await screen.shows(/Coverage.*\n ! concealed tasks 1 .*\n {5}× pid 666 lurker .*\n ● kernel/);
    });

    test('visibility:hidden typed as a filter leaves the hidden ones', async () => {
      const { screen } = await start(snapshot);
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
      const { screen, scene } = await start(snapshotOf(alphabet));
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
      const { screen } = await start({ ...snapshotOf(alphabet), coverage });
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
    const { screen } = await start(
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

describe('keys', () => {
  test('the filter works while it is typed, ! inverts, Escape clears', async () => {
    const { screen } = await start(snapshotOf(alphabet));
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
    const { screen } = await start(snapshotOf(alphabet));
    screen.type('/name:delta\r');
    await screen.shows('1 of 5: name:delta');
    expect(names(screen)).toEqual(['delta']);
    screen.type('\u001b');
    await screen.until('all rows', () => names(screen).length === 5);
  });

  test('pasted text is no command, and goes into the filter', async () => {
    const { screen } = await start(snapshotOf(alphabet));
    screen.type('\u001b[200~qqq\u001b[201~/\u001b[200~bravo\n\u001b[2J\u001b[201~');
    await screen.shows('/bravo \\x1b[2J');
    expect(screen.exit).toBeUndefined();
  });

  test('sorts by any column, also one that is not shown', async () => {
    const busy = named(150, 'busy', { processes: [aProcess({ pid: 1 }), aProcess({ pid: 2 })] });
    const { screen } = await start(snapshotOf([...alphabet, busy]));
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
    await screen.shows('INITIAL▲');
  });

  test('Enter opens a namespace, Tab changes panes, Escape goes back', async () => {
    const { screen } = await start(
      snapshotOf([
        named(100, 'many', { processes: Array.from({ length: 60 }, (_, pid) => aProcess({ pid: 500 + pid })) }),
      ]),
    );
    screen.type('\t');
    screen.type('G');
    await screen.shows(/559 {2}root .*\n(.*\n)?.* back/);
    screen.type('\u001b');
    await screen.until('the table has the keys again', (text) => !/Esc back/.test(text));
    screen.type('\r');
    await screen.until('no table', (text) => text.includes('Holders 60') && !text.includes('NAMESPACE▲'));
    screen.type('\u001b');
    await screen.shows('NAMESPACE▲');
  });

  test('the help lists every action of the registry', async () => {
    const { screen } = await start(snapshotOf(alphabet), { columns: 120, rows: 48 });
    screen.type('?');
    await screen.shows('Keys');
    const seen = new Set<string>();
    for (let page = 0; page < 5; page++) {
      for (const line of screen.lines()) seen.add(line.trim());
      const before = screen.text();
      screen.type('\u001b[6~');
      await screen.until('another page, or the end', (text) => text !== before || page > 0);
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
    const { screen } = await start({ ...snapshot, coverage });
    await screen.shows('◐ tasks (1)');
    screen.type('c');
    await screen.shows('× pid 1: EACCES');
  });

  test('p pauses and goes on, + and - change the interval', async () => {
    const { screen, scene } = await start(snapshotOf(alphabet), { options: { intervalMs: 500 } });
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

describe('refreshes', () => {
  test('the selection stays on its namespace when rows appear above it', async () => {
    const { screen, scene } = await start(snapshotOf(alphabet));
    screen.type('jj');
    await screen.until('charlie selected', () => screen.selected().includes('charlie'));
    scene.set({ snapshot: snapshotOf([named(90, 'first'), named(105, 'between'), ...alphabet]) });
    screen.type('r');
    await screen.shows('7 namespaces');
    expect(names(screen).indexOf('charlie')).toBe(4);
    expect(screen.selected()).toContain('charlie');
  });

  test('new and gone rows are marked for three refreshes', async () => {
    const { screen, scene } = await start(snapshotOf(alphabet));
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
    const { screen, scene } = await start(aSnapshot(1000));
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
    const { screen, scene } = await start(snapshotOf(alphabet));
    scene.set({ fail: 'cannot read /proc: \u001b[31mEMFILE' });
    screen.type('r');
    await screen.shows('the scan failed: cannot read /proc: \\x1b[31mEMFILE');
    expect(names(screen)).toHaveLength(5);
  });

  test('a collector that dies is told, started again, and the screen lives on', async () => {
    const { screen, scene } = await start(snapshotOf(alphabet));
    scene.set({ die: 'out of luck' });
    screen.type('r');
    await screen.shows('the collector thread died (out of luck), starts again in 0.5s');
    await screen.shows('collector down');
    scene.set({ snapshot: snapshotOf(alphabet.slice(2)) });
    await screen.shows('3 namespaces');
    expect(screen.text()).not.toContain('collector down');
  });
});
