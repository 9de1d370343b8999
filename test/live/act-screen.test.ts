import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Launch, PtyScreen } from '../terminal/harness.ts';
import { run, Scene } from './scene.ts';

let scene: Scene;
let screen: PtyScreen | undefined;

beforeEach(() => {
  scene = new Scene();
});

afterEach(async () => {
  screen?.close();
  await scene.end();
});

const namespace = (): string => scene.namespace();

/** The selected row of the tab, below that of the table. */
function rowOf(opened: PtyScreen): string {
  return opened.lines().findLast((line) => line.startsWith('▌')) ?? '';
}

/** The number of a named namespace. */
function inoOf(name: string): string {
  return run('stat', '-Lc', '%i', `/run/netns/${name}`).trim();
}

/** A process in a namespace. */
async function sleeper(name: string, script = 'exec sleep 600'): Promise<number> {
  const { pid } = await scene.start('ip', ['netns', 'exec', name, 'sh', '-ec', `echo ready; ${script}`]);
  return pid;
}

/** Whether a process is there and has not ended. */
function runs(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function trail(): Record<string, unknown>[] {
  const file = join(scene.directory(), 'nsleuth/actions.ndjson');
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The screen, with only those namespaces listed that have this in their name. */
async function open(
  filter: string,
  { args = [], ...launch }: Launch & { args?: readonly string[] } = {},
): Promise<PtyScreen> {
  const opened = new PtyScreen(process.execPath, ['dist/cli.js', ...args], {
    columns: 100,
    rows: 32,
    env: { XDG_STATE_HOME: scene.directory(), SHELL: '/bin/sh' },
    ...launch,
  });
  screen = opened;
  await opened.shows(/● kernel/);
  opened.type(`/name:${filter}\r`);
  await opened.shows(`name:${filter}`);
  await opened.until('it is listed', () => /^▌ {2}\d+/.test(opened.selected()));
  return opened;
}

async function quit(opened: PtyScreen): Promise<void> {
  opened.type('q');
  expect(await opened.ended()).toEqual({ code: 0, signal: 0 });
}

test('kill is planned, confirmed by name, done, proven and written down', async () => {
  const [name, other] = [namespace(), namespace()];
  const [victim, bystander] = [await sleeper(name), await sleeper(other)];
  const opened = await open(name);
  opened.type('K');
  await opened.shows('nothing has been done yet');
  await opened.shows(`pid ${victim} sleep`);
  // Typing something else does nothing.
  opened.type(`y${other}\r`);
  await opened.shows('that is not it: nothing is done');
  expect(runs(victim)).toBe(true);
  opened.type(`\u0015${name}\r`);
  await opened.shows(/✓ no process lives in/);
  expect(runs(victim)).toBe(false);
  expect(runs(bystander)).toBe(true);
  expect(trail().map(({ event }) => event)).toEqual(['plan', 'step', 'end']);
  opened.type('\r');
  await opened.until('the table is back', () => opened.selected().includes(inoOf(name)));
  await quit(opened);
});

test('a plan that is closed has done nothing', async () => {
  const name = namespace();
  const victim = await sleeper(name);
  const opened = await open(name);
  opened.type('R');
  await opened.shows('nothing has been done yet');
  opened.type('\u001b');
  await opened.until('closed', (text) => !text.includes('nothing has been done yet'));
  opened.type('R');
  await opened.shows('nothing has been done yet');
  opened.type('yq\u001b');
  await opened.shows('nothing has been done yet');
  opened.type('n');
  await opened.until('closed', (text) => !text.includes('nothing has been done yet'));
  expect(runs(victim)).toBe(true);
  expect(existsSync(join(scene.directory(), 'nsleuth'))).toBe(false);
  await quit(opened);
});

test('marked namespaces are released by one plan', async () => {
  const [one, two, three] = [namespace(), namespace(), namespace()];
  const [a, b, bystander] = [await sleeper(one), await sleeper(two), await sleeper(three)];
  const opened = await open(`nsleuth-test-${process.pid}-`);
  await opened.shows('3 of');
  opened.type(' ');
  await opened.shows('1 marked');
  opened.type(' ');
  await opened.shows('2 marked');
  expect(opened.lines().filter((line) => /^.{2}\*/.test(line))).toHaveLength(2);
  opened.type('R');
  await opened.shows('and then 2 typed, does it');
  opened.type('y2\r');
  await opened.shows(new RegExp(`✓ net:\\[\\d+\\] ${two} is gone`));
  await opened.shows(new RegExp(`✓ net:\\[\\d+\\] ${one} is gone`));
  expect([runs(a), runs(b), runs(bystander)]).toEqual([false, false, true]);
  expect([one, two, three].map((name) => existsSync(`/run/netns/${name}`))).toEqual([false, false, true]);
  opened.type('\r');
  await opened.until('no marks are left', (text) => !text.includes('marked'));
  await quit(opened);
});

test('a row of a tab is what its keys are about: one process, one device, one socket', async () => {
  const name = namespace();
  const [first, second] = [await sleeper(name), await sleeper(name)];
  await scene.start('ip', ['netns', 'exec', name, process.execPath, '-e', LISTENER]);
  const opened = await open(name);

  opened.type('2\t');
  await opened.shows('[Processes 3]');
  opened.type(`/pid=${second}\r`);
  await opened.until('the process', () => rowOf(opened).includes(` ${second} `));
  opened.type('K');
  await opened.shows(`End pid ${second} of`);
  opened.type(`y${name}\r`);
  await opened.shows(new RegExp(`✓ pid ${second} sleep has ended`));
  expect([runs(first), runs(second)]).toEqual([true, false]);
  opened.type('\r');

  opened.type('3');
  await opened.until('its device', () => /^▌ {2}lo /.test(rowOf(opened)));
  opened.type('L');
  await opened.shows('Set lo of');
  opened.type('y');
  await opened.shows(/✓ lo in .* is up/);
  expect(run('ip', '-n', name, '-br', 'link', 'show', 'lo')).toMatch(/UNKNOWN|UP/);
  opened.type('\r');

  opened.type('5');
  await opened.until('the listener', () => /listen.*:8215/.test(rowOf(opened)));
  opened.type('X');
  await opened.shows(/close +1 socket/);
  opened.type(`y${name}\r`);
  await opened.shows(/✓ tcp .*:8215.* is closed/);
  expect(run('ss', '-N', name, '-Hltn')).toBe('');
  opened.type('\r');
  await quit(opened);
});

/** Listens, and does not mind when that ends. */
const LISTENER = `
  const server = require('node:net').createServer().on('error', () => {});
  server.listen(8215, '127.0.0.1', () => console.log('ready'));
  setInterval(() => {}, 1000);
`;

test('names are asked for: create, rename, and one that is taken is refused', async () => {
  const taken = namespace();
  const [made, renamed] = [scene.name(), scene.name()];
  for (const name of [made, renamed]) {
    scene.defer(() => existsSync(`/run/netns/${name}`) && run('ip', 'netns', 'delete', name));
  }
  const opened = await open(taken);
  opened.type('A');
  await opened.shows('Name of the new namespace:');
  opened.type(`${taken}\r`);
  await opened.shows(`is called ${taken} already`);
  opened.type('\r');
  opened.type('A');
  await opened.shows('Name of the new namespace:');
  opened.type(`${made}\r`);
  await opened.shows('y does it');
  opened.type('y');
  await opened.shows(`✓ a new namespace is called ${made}`);
  opened.type('\r');
  opened.type(`/\u0015name:${made}\r`);
  await opened.until('it is listed', () => opened.selected().includes(inoOf(made)));
  opened.type('N');
  await opened.shows(`New name for ${made}:`);
  opened.type(`\u0015${renamed}\r`);
  await opened.shows('y does it');
  opened.type('y');
  await opened.shows(`✓ no namespace is called ${made}`);
  const listed = run('ip', 'netns', 'list').split(/\s+/);
  expect([listed.includes(made), listed.includes(renamed)]).toEqual([false, true]);
  opened.type('\r');
  await quit(opened);
});

test('what a foreign process holds is offered as a step of its own', async () => {
  const holder = await scene.hold('descriptor');
  const opened = new PtyScreen(process.execPath, ['dist/cli.js'], {
    columns: 120,
    rows: 32,
    env: { XDG_STATE_HOME: scene.directory() },
  });
  screen = opened;
  await opened.shows(/● kernel/);
  opened.type(`/cookie=${holder.cookie}\r`);
  await opened.until('it is listed', () => opened.selected().includes(String(holder.ino)));
  opened.type('R');
  await opened.shows('there is nothing to do');
  await opened.shows(new RegExp(`pid ${holder.pid} .*: it holds the namespace`));
  await opened.shows(new RegExp(`end pid ${holder.pid} .*: press 1`));
  opened.type('1');
  await opened.shows(`End pid ${holder.pid} of`);
  opened.type('y');
  await opened.shows('To do it, type');
  // It lives in the initial namespace: that one's name confirms.
  opened.type('init\r');
  await opened.shows(new RegExp(`✓ pid ${holder.pid} .* has ended`));
  opened.type('\r');
  await opened.shows('no namespace matches the filter');
  await quit(opened);
});

test('Escape ends a plan that runs, and the account is truthful', async () => {
  const name = namespace();
  const stubborn = await sleeper(name, `trap '' TERM; while :; do sleep 0.2; done`);
  const opened = await open(name);
  opened.type('R');
  await opened.shows('nothing has been done yet');
  opened.type(`y${name}\r`);
  await opened.shows(/SIGTERM to \d+ process/);
  opened.type('\u001b');
  await opened.shows('stopped: interrupted');
  await opened.shows(/✗ not so: net:\[\d+\].* is gone: held by/);
  expect(runs(stubborn)).toBe(true);
  expect(existsSync(`/run/netns/${name}`)).toBe(true);
  expect(trail().at(-1)).toMatchObject({ event: 'end', stopped: 'interrupted' });
  opened.type('\r');
  await quit(opened);
});

test('--read-only offers nothing that changes the host, and says so', async () => {
  const name = namespace();
  const victim = await sleeper(name);
  const opened = await open(name, { args: ['--read-only'] });
  await opened.shows('read-only');
  const before = opened.text();
  opened.type('KRUXae A n*');
  opened.type('?');
  await opened.shows('── Keys');
  expect(opened.text()).not.toContain('changes the host');
  opened.type('\u001b');
  await opened.until('nothing else happened', (text) => text.includes(inoOf(name)) && !text.includes('── Keys'));
  expect(before).not.toContain('act');
  expect(runs(victim)).toBe(true);
  await quit(opened);
});

test('a shell gets the terminal and gives it back; Ctrl-C in it is its own', async () => {
  const name = namespace();
  const opened = await open(name);
  opened.type('e');
  await opened.until('the normal screen', (_, { buffer }) => buffer === 'normal');
  opened.type('echo at-$NSLEUTH_NETNS; readlink /proc/self/ns/net\r');
  await opened.shows(`at-${name}`);
  const ino = /net:\[(\d+)\]/.exec(opened.text())?.[1];
  expect(ino).toBe(inoOf(name));
  // dash loses a Ctrl-C that comes while it starts its child: the program says that it runs.
  opened.type('sh -c "echo run""ning; exec sleep 60"\r');
  await opened.shows('running');
  opened.type('\u0003');
  await opened.shows('^C');
  opened.type('echo st""ill; exit 7\r');
  await opened.shows('shell ended with 7');
  expect(opened.buffer).toBe('alternate');
  await opened.until('the table is back', () => opened.selected().includes(inoOf(name)));
  // Keys work as before, one at a time and all of them.
  opened.type('E');
  await opened.shows('Run in ');
  opened.type('echo one; echo two | tr a-z A-Z\r');
  await opened.shows('Enter comes back to nsleuth');
  expect(opened.text()).toMatch(/one\s+TWO/);
  opened.type('\r');
  await opened.shows('exec ended with 0');
  opened.type('jkjk?');
  await opened.shows('── Keys');
  opened.type('\u001b');
  await quit(opened);
});
