/** Whatever way the screen ends, the terminal is as it was found. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../../scripts/lib/bundle.mjs';
import { aSnapshot } from '../fixtures/snapshot.ts';
import { buildScreen, PtyScreen, SceneFile } from './harness.ts';

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

/**
 * Runs the screen under a shell that prints the terminal's settings before and after, and the status. The shell's
 * `$!` cannot be used, as a background job has no terminal, so the screen's own pid is found among its children.
 */
async function startUnderShell(entry: string, ...argv: string[]): Promise<PtyScreen> {
  const script =
    'stty -a | cksum; echo before; "$@"; code=$?; echo "status $code"; stty -a | cksum; echo "end of script"';
  const screen = new PtyScreen('/bin/sh', ['-c', script, 'sh', process.execPath, entry, ...argv]);
  open.push(screen);
  await screen.shows(/\d+ namespaces?/);
  return screen;
}

async function startFixture(): Promise<{ screen: PtyScreen; scene: SceneFile }> {
  const scene = new SceneFile(built.directory, { snapshot: aSnapshot(50) });
  const screen = await startUnderShell(join(built.directory, 'screen.mjs'), scene.path, '{"intervalMs":60000}');
  return { screen, scene };
}

/** What the shell wrote after the screen was left; checks that all the screen had changed is back as it was. */
async function restored(screen: PtyScreen): Promise<string> {
  await screen.shows('end of script');
  await screen.ended();
  expect(screen.buffer).toBe('normal');
  const { output } = screen;
  for (const [on, off] of [
    ['\u001b[?1049h', '\u001b[?1049l'],
    ['\u001b[?25l', '\u001b[?25h'],
    ['\u001b[?7l', '\u001b[?7h'],
    ['\u001b[?2004h', '\u001b[?2004l'],
  ] as const) {
    expect(output.split(on), on).toHaveLength(2);
    expect(output.split(off), off).toHaveLength(2);
    expect(output.indexOf(on)).toBeLessThan(output.indexOf(off));
  }
  // Nothing is drawn once the alternate screen is left.
  const tail = output.slice(output.indexOf('\u001b[?1049l') + '\u001b[?1049l'.length);
  expect(tail).not.toContain('\u001b');
  const lines = screen.lines().filter((line) => line !== '');
  expect(lines[1]).toBe('before');
  expect(lines.at(-2), 'terminal settings').toBe(lines[0]);
  return lines.slice(2, -2).join('\n');
}

/** Pid of the screen, the only child of the shell. */
async function screenPid(screen: PtyScreen): Promise<number> {
  const { readFile } = await import('node:fs/promises');
  const shell = screen.pty.pid;
  return Number((await readFile(`/proc/${shell}/task/${shell}/children`, 'utf8')).trim().split(' ')[0]);
}

describe('the terminal is as it was found', () => {
  test('after q', async () => {
    const { screen } = await startFixture();
    screen.type('q');
    expect(await restored(screen)).toBe('status 0');
  });

  test('after Ctrl-C, of which the shell learns', async () => {
    const { screen } = await startFixture();
    screen.type('\u0003');
    await screen.until('the end', () => screen.exit !== undefined || screen.text().includes('end of script'));
    // dash gives up the script when a child dies of SIGINT, as it should: no settings to compare then.
    if (!screen.text().includes('end of script')) {
      expect((await screen.ended()).signal).toBe(2);
      expect(screen.buffer).toBe('normal');
      expect(screen.output).toContain('\u001b[?25h');
      return;
    }
    expect(await restored(screen)).toContain('status 130');
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
    ['SIGINT', 130],
  ] as const)('after %s, which the parent sees', async (signal, status) => {
    const { screen } = await startFixture();
    process.kill(await screenPid(screen), signal);
    if (signal === 'SIGINT') {
      await screen.until('the end', () => screen.exit !== undefined || screen.text().includes('end of script'));
      if (!screen.text().includes('end of script')) return;
    }
    expect(await restored(screen)).toContain(`status ${status}`);
  });

  test('while a filter is typed', async () => {
    const { screen } = await startFixture();
    screen.type('/abc');
    await screen.shows('/abc');
    process.kill(await screenPid(screen), 'SIGTERM');
    expect(await restored(screen)).toContain('status 143');
  });

  test('after a crash, which is then told', async () => {
    const { screen, scene } = await startFixture();
    // No snapshot at all: the screen trips over it, as it would over a bug of its own.
    scene.set({ snapshot: null as never });
    screen.type('r');
    const told = await restored(screen);
    expect(told).toMatch(/^nsleuth: TypeError: /);
    expect(told).toMatch(/status 1$/);
  });
});

test('the screen comes back after Ctrl-Z and fg', async () => {
  const scene = new SceneFile(built.directory, { snapshot: aSnapshot(50) });
  const screen = new PtyScreen('/bin/bash', ['--norc', '--noprofile', '-i'], { env: { PS1: 'prompt> ' } });
  open.push(screen);
  await screen.shows('prompt>');
  screen.type(`'${process.execPath}' '${built.directory}/screen.mjs' '${scene.path}' '{"intervalMs":60000}'\r`);
  await screen.shows('50 namespaces');
  screen.type('\u001a');
  await screen.until('the shell', (text) => screen.buffer === 'normal' && text.includes('Stopped'));
  screen.type('fg\r');
  await screen.until('the screen', (text) => screen.buffer === 'alternate' && text.includes('50 namespaces'));
  screen.type('j');
  await screen.until('the second row', () => screen.selected().includes('4026531834'));
  screen.type('q');
  await screen.until('the shell', () => screen.buffer === 'normal');
  screen.type('exit\r');
  await screen.ended();
});

test('without a terminal the screen declines', async () => {
  const { spawnSync } = await import('node:child_process');
  const { status, stderr } = spawnSync(process.execPath, [join(built.directory, 'screen.mjs'), '/nonexistent'], {
    input: '',
    encoding: 'utf8',
  });
  expect(status).toBe(1);
  expect(stderr).toMatch(/the screen needs a terminal/);
});

const cli = join(ROOT, 'dist/cli.js');

test.skipIf(!existsSync(cli))('the built program shows this host, and leaves the terminal as it was', async () => {
  const screen = await startUnderShell(cli);
  await screen.shows(/4026\d+ +init/);
  await screen.shows(/[●◐×] kernel/);
  screen.type('/name=init\r');
  await screen.shows(/1 of \d+: name=init/);
  screen.type('\r');
  await screen.shows('Esc back');
  await screen.shows(' · initial · ');
  screen.type('\u001b');
  await screen.shows('NAMESPACE▲');
  screen.type('q');
  expect(await restored(screen)).toBe('status 0');
});
