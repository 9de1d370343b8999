// Measures the screen from outside: what a person at a terminal sees, and when.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pty from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { ROOT } from '../lib/bundle.mjs';

const COLUMNS = 120;
const ROWS = 40;
/** No more than these belong to the head. */
const HEAD_ROWS = 6;
const DEADLINE_MS = 20_000;
/** nsfs inode numbers begin at 4026531836 and grow by some seventy with every namespace. */
const HAS_DATA = /\b4026\d{6}\b/;
const KEYS = 20;
/** A scan has begun this long after the key that asks for it, and goes on longer than a key may take. */
const INTO_SCAN_MS = 10;
/** Rows may wait for a scan; this is longer than any. */
const SETTLE_MS = 700;

/** A running screen and the picture it has drawn so far. */
class Screen {
  constructor(env) {
    this.terminal = new xterm.Terminal({ cols: COLUMNS, rows: ROWS, allowProposedApi: true });
    this.watchers = new Set();
    this.exited = false;
    this.startedAt = performance.now();
    this.process = pty.spawn(process.execPath, [join(ROOT, 'dist/cli.js')], {
      name: 'xterm-256color',
      cols: COLUMNS,
      rows: ROWS,
      cwd: ROOT,
      // Ink draws nothing when CI is set.
      env: { ...env, CI: 'false', TERM: 'xterm-256color' },
    });
    this.process.onData((data) => {
      const at = performance.now();
      this.terminal.write(data, () => {
        for (const watcher of this.watchers) watcher(at);
      });
    });
    this.ended = new Promise((resolve) => {
      this.process.onExit(() => {
        this.exited = true;
        resolve();
      });
    });
  }

  line(row) {
    return this.terminal.buffer.active.getLine(row)?.translateToString(true) ?? '';
  }

  text() {
    return Array.from({ length: ROWS }, (_, row) => this.line(row)).join('\n');
  }

  /** Head and footer are there: what is drawn while Ink loads. */
  isBegun() {
    return this.line(0).includes('nsleuth') && /\S/.test(this.line(ROWS - 1) || this.line(ROWS - 2));
  }

  /** So is what stands between them, data or not. */
  isFull() {
    if (!this.isBegun()) return false;
    for (let row = HEAD_ROWS; row < ROWS - 2; row += 1) if (/\S/.test(this.line(row))) return true;
    return false;
  }

  /** Row of the selection: marked by a bar, or by its background. */
  selectedRow() {
    const { active } = this.terminal.buffer;
    for (let row = 0; row < ROWS; row += 1) {
      const cell = active.getLine(row)?.getCell(0);
      if (cell && (cell.getChars() === '▌' || cell.isInverse())) return row;
    }
    return -1;
  }

  /** When, in ms since `since`, the picture first satisfied `condition`. */
  until(what, condition, since) {
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.watchers.delete(check);
        settle(value);
      };
      const check = (at) => {
        if (condition()) finish(resolve, at - since);
      };
      const timer = setTimeout(
        () => finish(reject, new Error(`the screen showed no ${what} within ${DEADLINE_MS} ms:\n${this.text()}`)),
        DEADLINE_MS,
      );
      this.watchers.add(check);
    });
  }

  residentMib() {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.process.pid}/status`, 'utf8')) ?? [];
    return Number(kib) / 1024;
  }

  /** CPU time used so far, in seconds: fields 14 and 15 of proc_pid_stat(5), in ticks of 10 ms. */
  cpuSeconds() {
    const stat = readFileSync(`/proc/${this.process.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  async quit() {
    if (this.exited) return;
    this.process.write('q');
    await Promise.race([this.ended, sleep(3000)]);
    if (!this.exited) this.process.kill('SIGKILL');
    await this.ended;
  }
}

async function withScreen(env, use) {
  const screen = new Screen(env);
  try {
    return await use(screen);
  } finally {
    await screen.quit();
  }
}

/** Several starts: ms to the first sign of life, to the first full frame and to the first row of data. */
export async function measureStart(env, runs) {
  const begun = [];
  const frames = [];
  const rows = [];
  for (let run = 0; run < runs; run += 1) {
    await withScreen(env, async (screen) => {
      const since = screen.startedAt;
      const [first, frame, row] = await Promise.all([
        screen.until('head and footer', () => screen.isBegun(), since),
        screen.until('full frame', () => screen.isFull(), since),
        screen.until('row of data', () => HAS_DATA.test(screen.text()), since),
      ]);
      begun.push(first);
      frames.push(frame);
      rows.push(row);
    });
  }
  return { begun, frames, rows };
}

/** Moves the selection while a scan runs: ms from each key to the frame that shows it. */
export function measureKeys(env) {
  return withScreen(env, async (screen) => {
    await screen.until('row of data', () => HAS_DATA.test(screen.text()), screen.startedAt);
    await sleep(SETTLE_MS);
    const latencies = [];
    for (let key = 0; key < KEYS; key += 1) {
      screen.process.write('r');
      await sleep(INTO_SCAN_MS);
      const before = screen.selectedRow();
      const pressed = performance.now();
      // Down and up again: at the end of the page the rows would move, and not the selection.
      screen.process.write(key % 2 === 0 ? 'j' : 'k');
      latencies.push(await screen.until('moved selection', () => screen.selectedRow() !== before, pressed));
      await sleep(SETTLE_MS);
    }
    return latencies;
  });
}

/** Leaves the screen open for `seconds` after it has settled: per cent of one core it uses. */
export function measureCpu(env, seconds) {
  return withScreen(env, async (screen) => {
    await screen.until('row of data', () => HAS_DATA.test(screen.text()), screen.startedAt);
    await sleep(3000);
    const before = screen.cpuSeconds();
    await sleep(seconds * 1000);
    return ((screen.cpuSeconds() - before) / seconds) * 100;
  });
}

/** Leaves the screen open for `seconds`: its resident memory every `stepSeconds`, and at the end. */
export function measureMemory(env, seconds, stepSeconds) {
  return withScreen(env, async (screen) => {
    const samples = [];
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end && !screen.exited) {
      await sleep(Math.min(stepSeconds * 1000, end - Date.now()));
      samples.push(screen.residentMib());
    }
    return samples;
  });
}
