/** nsleuth exec and shell in a real pseudo-terminal, against `ip netns exec`. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PtyScreen } from '../terminal/harness.ts';
import { byIp, byNsleuth } from './exec.ts';
import { addNetns, CLI, Scene } from './scene.ts';

let scene: Scene;
let ns: string;
let terminals: PtyScreen[];

beforeEach(() => {
  scene = new Scene();
  ns = addNetns(scene).name;
  terminals = [];
});

afterEach(async () => {
  for (const terminal of terminals) terminal.close();
  await scene.end();
});

function start(argv: readonly string[], env: Readonly<Record<string, string>> = {}): PtyScreen {
  const [command = '', ...args] = argv;
  const terminal = new PtyScreen(command, args, { columns: 77, rows: 40, env: { PS1: '$ ', ...env } });
  terminals.push(terminal);
  return terminal;
}

const HOWS = [
  ['ip netns exec', byIp],
  ['nsleuth exec', byNsleuth],
] as const;

test('a program finds the terminal as it is', async () => {
  const facts = [
    'for fd in 0 1 2; do test -t $fd && echo tty $fd; grep flags /proc/self/fdinfo/$fd; done',
    'stty size',
    'stty -a',
    'ps -o stat=,tpgid= -p $$ | sed "s/$$/SELF/"',
    'echo end',
  ].join('; ');
  const seen: string[] = [];
  for (const [, how] of HOWS) {
    const terminal = start([...how(ns), 'sh', '-c', facts]);
    expect(await terminal.ended()).toEqual({ code: 0, signal: 0 });
    seen.push(terminal.text());
  }
  expect(seen[1]).toBe(seen[0]);
  expect(seen[1]).toContain('tty 0\n');
  expect(seen[1]).toContain('tty 2\n');
  expect(seen[1]).toContain('\n40 77\n');
  expect(seen[1]).toContain('end');
});

test.each(HOWS)('%s: Ctrl-C and Ctrl-\\ reach the program, which may take them as it likes', async (_, how) => {
  const plain = start([...how(ns), 'sh', '-c', 'echo ready; exec sleep 60']);
  await plain.shows('ready');
  plain.type('\u0003');
  expect(await plain.ended()).toEqual({ code: 0, signal: 2 });

  const trapping = start([...how(ns), 'sh', '-c', 'trap "echo caught; exit 7" QUIT; echo ready; read line']);
  await trapping.shows('ready');
  trapping.type('\u001c');
  await trapping.shows('caught');
  expect(await trapping.ended()).toEqual({ code: 7, signal: 0 });
});

test.each(HOWS)('%s: a job like any other of the shell that started it', async (_, how) => {
  const shell = start(['bash', '--norc', '-i']);
  await shell.shows(/^\$$/m);
  shell.type(`${how(ns).join(' ')} cat\r`);
  await shell.shows(' cat\n');
  // Only a program that reads answers: the line comes back a second time.
  shell.type('hello\r');
  await shell.shows(/hello\nhello/);
  shell.type('\u001a');
  await shell.shows(/\[1\]\+ +Stopped/);
  shell.type('fg\r');
  await shell.until('cat goes on', (text) => text.trimEnd().endsWith('cat'));
  shell.type('again\r');
  await shell.shows(/again\nagain/);
  shell.type('\u0004');
  await shell.until('the prompt', (text) => /\n\$$/.test(text.trimEnd()));
  shell.type('echo status $?\r');
  await shell.shows(/^status 0$/m);
  shell.type('exit\r');
  expect(await shell.ended()).toEqual({ code: 0, signal: 0 });
});

test('shell is interactive, with jobs of its own and a word for the prompt, and leaves the terminal as it was', async () => {
  const script = 'stty -g >before; "$@"; echo left $?; stty -g | cmp - before && echo as before'.replaceAll(
    'before',
    `${scene.directory()}/before`,
  );
  const shell = start(['sh', '-c', script, 'sh', process.execPath, CLI, 'shell', ns], {
    SHELL: '/bin/sh',
    // A prompt is made up anew each time it is shown.
    PS1: '<$NSLEUTH_NETNS> ',
    HOME: scene.directory(),
  });
  // The shell reads on when it shows its prompt again: what is typed before may be another's.
  const prompts = (count: number) =>
    shell.until(`${count} prompts`, (text) => text.split(`<${ns}>`).length === count + 1);
  await prompts(1);
  shell.type('echo $-; ls /sys/class/net\r');
  await prompts(2);
  await shell.shows(/^(?=[a-zA-Z]*i)(?=[a-zA-Z]*m)[a-zA-Z]+$/m); // interactive, with job control
  await shell.shows(/^lo$/m);
  shell.type('cat\r');
  shell.type('hello\r');
  await shell.shows(/hello\nhello/);
  shell.type('\u001a');
  await prompts(3);
  await shell.shows(/\[1\] ?\+ +Stopped +cat/);
  shell.type('fg\r');
  await shell.shows(/fg\ncat\n/);
  shell.type('\u0003');
  await prompts(4);
  shell.type('exit 9\r');
  await shell.shows(/^left 9$/m);
  await shell.shows('as ');
  expect(await shell.ended()).toEqual({ code: 0, signal: 0 });
});
