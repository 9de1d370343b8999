import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { isAlive, nsleuth, unmet } from './acting.ts';
import { addNetns, find, type Held, type Netns, run, snapshotWithout } from './scene.ts';
import { scene, stage } from './staged.ts';

/** Connections over lo of the namespace it runs in: of each port asked for one. Says what becomes of both ends. */
const CONNECTIONS = `
  const net = require('node:net');
  const say = (line) => process.stdout.write(line + '\\n');
  const watch = (socket, name) => {
    socket.on('error', ({ code }) => say(name + ' ' + code)).on('data', (data) => say(name + ' heard ' + data));
    process.stdin.on('data', () => socket.write(name));
  };
  let ready = 0;
  const ports = process.argv.slice(1).map(Number);
  for (const port of ports) {
    net.createServer((socket) => {
      watch(socket, 'server ' + port);
      if (++ready === ports.length) say('ready');
    }).listen(port, '127.0.0.1', () => watch(net.connect(port, '127.0.0.1'), 'client ' + port));
  }`;

/** Connections inside a namespace, and what is said of them. */
class Connections {
  readonly lines: string[] = [];
  readonly #child;

  constructor({ name, path }: Netns, ...ports: readonly number[]) {
    run('ip', '-n', name, 'link', 'set', 'lo', 'up');
    const args = [`--net=${path}`, process.execPath, '-e', CONNECTIONS, ...ports.map(String)];
    this.#child = spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    scene.defer(() => this.#child.kill('SIGKILL'));
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.lines.push(line));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async says(line: string | RegExp): Promise<void> {
    await expect
      .poll(() => this.lines, { timeout: 5000 })
      .toContainEqual(typeof line === 'string' ? line : expect.stringMatching(line));
  }

  /** Has every end that is left write to the other. */
  talk(): void {
    this.#child.stdin.write('.');
  }
}

async function orphan(retries = ''): Promise<Held> {
  const program = join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', 'hidden.mjs');
  const { line, end } = await scene.start(process.execPath, [program, 'tcp-orphan', retries]);
  await end();
  return JSON.parse(line) as Held;
}

describe('a TCP connection without a process', () => {
  test.each(['close-sockets', 'release'] as const)('that alone holds a namespace is closed by %s', async (action) => {
    const held = await orphan();
    const before = find(await snapshotWithout(), held.ino);
    expect(before).toMatchObject({ cookie: held.cookie, visibility: 'hidden', holders: [{ kind: 'orphan' }] });

    const done = await stage.act({ action }, held.ino);
    expect(done.plan.steps).toMatchObject([{ kind: 'close-sockets', sockets: [{ state: 'fin-wait-1' }] }]);
    expect(done.statuses).toEqual(['done']);
    expect(unmet(done)).toEqual([]);
    const cookies = (await snapshotWithout()).namespaces.map(({ cookie }) => cookie);
    expect(cookies).not.toContain(held.cookie);
  });

  test('one whose namespace is gone by then needs nothing', async () => {
    const held = await orphan();
    const plan = await stage.plan({ action: 'close-sockets' }, held.ino);
    await stage.act({ action: 'release' }, held.ino);
    await stage.plan({ action: 'create', options: { name: scene.name() } });
    const done = await stage.perform(plan);
    expect(done.statuses).toEqual(['nothing']);
  });
});

describe('chosen sockets', () => {
  test('are reset, others are not', async () => {
    const blue = addNetns(scene);
    const connections = new Connections(blue, 4001, 4002);
    await connections.says('ready');
    const filter = 'state=established peer-port=4001';
    const done = await stage.act({ action: 'close-sockets', options: { filter } }, blue.ino);
    expect(done.plan.steps).toMatchObject([{ sockets: [{ remotePort: 4001, state: 'established' }] }]);
    expect(done.plan.risk).toBe('destructive');
    expect(done.statuses).toEqual(['done']);
    expect(unmet(done)).toEqual([]);
    await connections.says('client 4001 ECONNABORTED');
    await connections.says('server 4001 ECONNRESET');
    connections.talk();
    await connections.says('server 4002 heard client 4002');
    await connections.says('client 4002 heard server 4002');
    expect(connections.lines.filter((line) => line.includes('4002'))).toHaveLength(2);
    expect(isAlive(connections.pid)).toBe(true);
  });

  test('one that is replaced by another with the same addresses is left alone', async () => {
    const blue = addNetns(scene);
    run('ip', '-n', blue.name, 'link', 'set', 'lo', 'up');
    const serve = (port: number) =>
      scene.start('nsenter', [
        `--net=${blue.path}`,
        process.execPath,
        '-e',
        `require('node:net').createServer().listen(${port}, '127.0.0.1', () => console.log('ready'))`,
      ]);
    const first = await serve(4003);
    const plan = await stage.plan({ action: 'close-sockets', options: { filter: 'local-port=4003' } }, blue.ino);
    expect(plan.steps).toMatchObject([{ sockets: [{ state: 'listen', localPort: 4003 }] }]);
    await first.end();
    const second = await serve(4003);
    const done = await stage.perform(plan);
    expect(done.statuses).toEqual(['nothing']);
    expect(done.outcome.results[0]?.details).toEqual([expect.stringContaining('was gone already')]);
    expect(run('ip', 'netns', 'exec', blue.name, 'cat', '/proc/net/tcp')).toContain('0100007F:0FA3');
    expect(isAlive(second.pid)).toBe(true);
  });

  test('from the command line; none chosen is an error; those of the initial namespace are not closed by a filter', async () => {
    const blue = addNetns(scene);
    const connections = new Connections(blue, 4004);
    await connections.says('ready');
    const none = nsleuth(scene, 'close-sockets', blue.name, '--filter', 'local-port=9', '--yes');
    expect(none).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('none is chosen') });
    const wrong = nsleuth(scene, 'close-sockets', blue.name, '--filter', 'colour=9', '--yes');
    expect(wrong).toMatchObject({ status: 2, stderr: expect.stringContaining('unknown column "colour"') });
    expect(nsleuth(scene, 'close-sockets', blue.name, '--filter', ' ', '--yes').status).toBe(2);
    const init = nsleuth(scene, 'close-sockets', 'init', '--filter', 'local-port=4004', '--yes');
    expect(init).toMatchObject({ status: 1, stderr: expect.stringContaining('is the initial network namespace') });

    const done = nsleuth(scene, 'close-sockets', blue.name, '--filter', 'state=established peer-port=4004', '--yes');
    expect(done).toMatchObject({ status: 0, stdout: expect.stringContaining('1 of 1 closed') });
    await connections.says('client 4004 ECONNABORTED');
    // Without a filter: what no process has open. There is nothing like that.
    expect(nsleuth(scene, 'close-sockets', blue.name, '--yes')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('there is nothing to do'),
    });
  });
});
