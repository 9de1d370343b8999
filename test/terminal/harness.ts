/** Drives the screen in a real pseudo-terminal and shows what a terminal would show. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type IPty, spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { ESM, loadEsbuild } from '../../scripts/lib/bundle.mjs';
import type { Snapshot } from '../../src/model/index.ts';
import type { Scene } from './fixture-worker.ts';

/** How long anything may take before a test gives up. Generous: other work may share the machine. */
const DEADLINE_MS = 10_000;

/** Bundles the screen with the fixture worker once per test file. */
export async function buildScreen(): Promise<{ directory: string; remove: () => void }> {
  const directory = mkdtempSync(join(tmpdir(), 'nsleuth-terminal-'));
  const esbuild = await loadEsbuild();
  await esbuild.build({
    ...ESM,
    entryPoints: { screen: 'test/terminal/screen-entry.ts', 'fixture-worker': 'test/terminal/fixture-worker.ts' },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
  });
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** What to run and where. */
export interface Launch {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** One program in one pseudo-terminal. */
export class PtyScreen {
  readonly pty: IPty;
  /** Everything the program wrote, as it wrote it. */
  output = '';
  exit: { readonly code: number; readonly signal: number } | undefined;
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  #unparsed = 0;

  constructor(command: string, argv: readonly string[], { columns = 80, rows = 24, env = {} }: Launch = {}) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 1000 });
    this.pty = spawn(command, [...argv], {
      name: 'xterm-256color',
      cols: columns,
      rows,
      // Under CI, Ink would draw nothing if it drew by itself.
      env: {
        PATH: process.env.PATH ?? '/usr/bin:/bin',
        XDG_STATE_HOME: process.env.XDG_STATE_HOME ?? '',
        TERM: 'xterm-256color',
        CI: 'true',
        ...env,
      },
    });
    this.pty.onData((data) => {
      this.output += data;
      this.#unparsed += 1;
      this.#terminal.write(data, () => {
        this.#unparsed -= 1;
      });
    });
    this.pty.onExit(({ exitCode, signal }) => {
      this.exit = { code: exitCode, signal: signal ?? 0 };
    });
  }

  /** The rows now on the screen, without trailing blanks. */
  lines(): string[] {
    const { active } = this.#terminal.buffer;
    const { rows, cols } = this.#terminal;
    // xterm.js keeps cells beyond the right edge after the terminal has become narrower.
    return Array.from({ length: rows }, (_, row) =>
      (active.getLine(active.viewportY + row)?.translateToString(true, 0, cols) ?? '').trimEnd(),
    );
  }

  /** The screen as one text. */
  text(): string {
    return this.lines().join('\n');
  }

  /** Which of the terminal's two screens is shown. */
  get buffer(): 'normal' | 'alternate' {
    return this.#terminal.buffer.active.type;
  }

  /** Lines that left the top of the normal or alternate screen. */
  get scrolledOut(): number {
    return this.#terminal.buffer.active.baseY;
  }

  /** Whether all that was written is shown, and no synchronized update is half done: a terminal shows no less. */
  get settled(): boolean {
    return this.#unparsed === 0 && this.output.lastIndexOf('\u001b[?2026h') <= this.output.lastIndexOf('\u001b[?2026l');
  }

  /** The selected row. */
  selected(): string {
    return this.lines().find((line) => line.startsWith('▌')) ?? '';
  }

  /** Waits until what is on the screen satisfies `holds`; fails with the screen as it then is. */
  async until(what: string, holds: (text: string, screen: this) => boolean): Promise<void> {
    const end = performance.now() + DEADLINE_MS;
    while (!this.settled || !holds(this.text(), this)) {
      if (performance.now() > end) throw new Error(`not seen within ${DEADLINE_MS} ms: ${what}\n${this.text()}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Waits until `wanted` is on the screen. */
  async shows(wanted: string | RegExp): Promise<void> {
    await this.until(String(wanted), (text) =>
      typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text),
    );
  }

  /** Types keys. */
  type(keys: string): void {
    this.pty.write(keys);
  }

  /** Changes the terminal's size. */
  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
    this.pty.resize(columns, rows);
  }

  /** Waits until the program has ended and all it wrote has been shown. */
  async ended(): Promise<{ readonly code: number; readonly signal: number }> {
    await this.until('the end of the program', () => this.exit !== undefined);
    await new Promise<void>((resolve) => this.#terminal.write('', resolve));
    if (this.exit === undefined) throw new Error('unreachable');
    return this.exit;
  }

  /** Ends the program if it still runs. */
  close(): void {
    if (this.exit === undefined) {
      try {
        process.kill(this.pty.pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    this.#terminal.dispose();
  }
}

/** A file the fixture worker reads its scene from. */
export class SceneFile {
  readonly path: string;

  constructor(directory: string, scene: Scene) {
    this.path = join(mkdtempSync(join(directory, 'scene-')), 'scene.json');
    this.set(scene);
  }

  /** What the next scan does. */
  set(scene: Scene): void {
    // Renamed into place: the worker must never read half a file.
    writeFileSync(`${this.path}.new`, JSON.stringify(scene));
    renameSync(`${this.path}.new`, this.path);
  }
}

/** The screen as one test file builds it, and every one it started. */
export class Stage {
  #built: Awaited<ReturnType<typeof buildScreen>> | undefined;
  readonly #open: PtyScreen[] = [];

  async build(): Promise<void> {
    this.#built = await buildScreen();
  }

  remove(): void {
    this.#built?.remove();
  }

  /** Ends what was started. */
  clear(): void {
    for (const screen of this.#open.splice(0)) screen.close();
  }

  /** Starts the screen; unless told otherwise it scans when told to with `r`, so that nothing depends on time. */
  async start(
    snapshot: Snapshot,
    { options = {}, ...launch }: Launch & { options?: Record<string, unknown> } = {},
  ): Promise<{ screen: PtyScreen; scene: SceneFile }> {
    const directory = this.#built?.directory ?? '';
    const scene = new SceneFile(directory, { snapshot });
    const settings = { intervalMs: 60_000, ...options };
    const screen = new PtyScreen(
      process.execPath,
      [`${directory}/screen.mjs`, scene.path, JSON.stringify(settings)],
      launch,
    );
    this.#open.push(screen);
    await screen.shows(/\d+ namespaces?/);
    return { screen, scene };
  }
}
