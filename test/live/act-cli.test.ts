/** The command line around the actions: leave, confirmation, dry runs, JSON, the audit trail. */
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Outcome, Plan } from '../../src/model/plan.ts';
import { PtyScreen } from '../terminal/harness.ts';
import { inhabit, isAlive, linksOf, listed, nsleuth } from './acting.ts';
import { addNetns, CLI, inodeAt, type Netns, run, Scene } from './scene.ts';

let scene: Scene;
let terminal: PtyScreen | undefined;

beforeEach(() => {
  scene = new Scene();
});
afterEach(async () => {
  terminal?.close();
  terminal = undefined;
  await scene.end();
});

const auditFile = (): string => join(scene.directory(), 'nsleuth/actions.ndjson');

function trail(): readonly Record<string, unknown>[] {
  return readFileSync(auditFile(), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A copy of the program that anybody may read. */
function copyForAll(): string {
  const directory = join(scene.directory(), 'program');
  run('cp', '-r', 'dist', directory);
  mkdirSync(join(directory, 'node_modules'));
  run(
    'sh',
    '-c',
    'cp -r node_modules/koffi node_modules/@koromix "$1/node_modules" 2>/dev/null || true',
    'sh',
    directory,
  );
  run('chmod', '-R', 'a+rX', scene.directory());
  return join(directory, 'cli.js');
}

describe('leave', () => {
  test('an ordinary user may not, and is told which capability it takes', async () => {
    const blue = addNetns(scene);
    const { pid } = await inhabit(scene, blue);
    const cli = copyForAll();
    const asNobody = (...args: readonly string[]) =>
      spawnSync(
        'setpriv',
        ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, cli, ...args, '--yes'],
        {
          encoding: 'utf8',
          env: { ...process.env, HOME: '/nonexistent', XDG_STATE_HOME: '/nonexistent' },
        },
      );
    for (const [args, capability] of [
      [['unmount', blue.name], 'CAP_SYS_ADMIN'],
      [['release', blue.name], 'CAP_SYS_ADMIN'],
      [['set-link', blue.name, 'lo', 'up'], 'CAP_'],
      [['move-device', blue.name, 'lo'], 'CAP_'],
      [['reclaim', blue.name], 'CAP_'],
      [['close-sockets', blue.name], 'CAP_SYS_ADMIN'],
      [['create', scene.name()], 'CAP_SYS_ADMIN'],
      [['name', blue.name, scene.name()], 'CAP_SYS_ADMIN'],
      [['rename', blue.name, scene.name()], 'CAP_SYS_ADMIN'],
      [['kill', blue.name], ''],
    ] as const) {
      const { status, stdout, stderr } = asNobody(...args);
      if (args[0] === 'kill') continue;
      expect({ args, status, stdout, stderr }).toEqual({
        args,
        status: 4,
        stdout: '',
        stderr: expect.stringMatching(new RegExp(`^nsleuth: not permitted to .* it takes .*${capability}`, 'm')),
      });
    }
    expect(inodeAt(blue.path)).toBe(blue.ino);
    expect(isAlive(pid)).toBe(true);
  });

  test('--read-only refuses everything but a dry run', () => {
    const blue = addNetns(scene);
    const { status, stdout, stderr } = nsleuth(scene, 'unmount', blue.name, '--yes', '--read-only');
    expect({ status, stdout }).toEqual({ status: 4, stdout: '' });
    expect(stderr).toBe('nsleuth: unmount changes the host, and --read-only forbids that\n');
    expect(nsleuth(scene, 'unmount', blue.name, '--dry-run', '--read-only').status).toBe(0);
    expect(listed()).toContain(blue.name);
    expect(existsSync(auditFile())).toBe(false);
  });

  test('without a terminal it takes --yes', () => {
    const blue = addNetns(scene);
    const { status, stdout, stderr } = nsleuth(scene, 'unmount', blue.name);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^Unmount net:/);
    expect(stderr).toContain('there is no terminal to confirm it on: --yes does it without, --dry-run only shows it');
    expect(listed()).toContain(blue.name);
    expect(existsSync(auditFile())).toBe(false);
  });

  test.each([
    ['unmount', 'init'],
    ['release', 'init'],
    ['reclaim', 'init'],
    ['set-link', 'init', 'lo', 'down'],
    ['release', 'self'],
  ])('%s %s is refused: it is protected', (...args) => {
    const { status, stderr } = nsleuth(scene, ...args, '--yes');
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('is the initial network namespace: '),
    });
  });

  test('the namespace it runs in is protected, whatever sources are left out', () => {
    const blue = addNetns(scene);
    for (const without of ['host', 'tasks,kernel,identity']) {
      const args = [CLI, 'release', blue.name, '--yes', '--without', without];
      const { status, stderr } = spawnSync('nsenter', [`--net=${blue.path}`, process.execPath, ...args], {
        encoding: 'utf8',
        env: { ...process.env, XDG_STATE_HOME: scene.directory() },
      });
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('is the one nsleuth runs in') });
    }
    expect(listed()).toContain(blue.name);
  });

  test("nothing is done by another pid namespace's procfs", () => {
    const blue = addNetns(scene);
    const host = join(scene.directory(), 'proc');
    mkdirSync(host);
    const script = 'mount --bind /proc "$1"; host="$1"; shift; exec "$@" --proc "$host"';
    const inner = ['sh', '-ec', script, 'sh', host, process.execPath, CLI, 'unmount', blue.name, '--yes'];
    const { status, stderr } = spawnSync('unshare', ['--pid', '--fork', '--mount', ...inner], {
      encoding: 'utf8',
      env: { ...process.env, XDG_STATE_HOME: scene.directory() },
    });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining(`${host} is no procfs of the pid namespace nsleuth runs in`),
    });
    expect(listed()).toContain(blue.name);
    expect(existsSync(auditFile())).toBe(false);
  });
});

describe('on a terminal it asks', () => {
  function start(...args: readonly string[]): PtyScreen {
    terminal = new PtyScreen(process.execPath, [CLI, ...args], {
      columns: 120,
      rows: 40,
      env: { XDG_STATE_HOME: scene.directory() },
    });
    return terminal;
  }

  test.each(['y', 'YES'])('%s does what can be undone', async (answer) => {
    const blue = addNetns(scene);
    const screen = start('set-link', blue.name, 'lo', 'up');
    await screen.shows('Do it? [y/N]');
    expect(linksOf(blue.name).get('lo')?.flags).not.toContain('UP');
    screen.type(`${answer}\r`);
    expect(await screen.ended()).toEqual({ code: 0, signal: 0 });
    expect(screen.text()).toContain('✓ lo in');
    expect(linksOf(blue.name).get('lo')?.flags).toContain('UP');
  });

  test.each(['name', 'number'])('for what cannot be undone the %s has to be typed', async (what) => {
    const blue = addNetns(scene);
    const screen = start('unmount', blue.name);
    await screen.shows(`This cannot be undone. Type ${blue.name} or ${blue.ino} to do it:`);
    screen.type(`${what === 'name' ? blue.name : blue.ino}\r`);
    expect(await screen.ended()).toEqual({ code: 0, signal: 0 });
    expect(listed()).not.toContain(blue.name);
  });

  test('for several at once their number', async () => {
    const [blue, red] = [addNetns(scene), addNetns(scene)];
    const screen = start('unmount', blue.name, red.name);
    await screen.shows('This cannot be undone. Type 2, the number of namespaces, to do it:');
    screen.type('2\r');
    expect(await screen.ended()).toEqual({ code: 0, signal: 0 });
    expect(listed()).not.toContain(red.name);
  });

  test.each([
    ['y', 'y\r'],
    ['nothing', '\r'],
    ['another number', '4026531833\r'],
    ['Ctrl-D', '\u0004'],
    ['Ctrl-C', '\u0003'],
  ])('%s does nothing', async (what, keys) => {
    const blue = addNetns(scene);
    const screen = start('unmount', blue.name);
    await screen.shows('to do it:');
    screen.type(keys);
    expect(await screen.ended()).toEqual(what === 'Ctrl-C' ? { code: 0, signal: 2 } : { code: 1, signal: 0 });
    if (what !== 'Ctrl-C') expect(screen.text()).toContain('not confirmed; nothing was done');
    expect(inodeAt(blue.path)).toBe(blue.ino);
    expect(existsSync(auditFile())).toBe(false);
  });
});

describe('--dry-run and --json', () => {
  const validatorOf = (file: string) => {
    const path = new URL(`../../docs/${file}`, import.meta.url);
    return existsSync(path)
      ? new Ajv({ allErrors: true, strict: false }).compile(JSON.parse(readFileSync(path, 'utf8')))
      : null;
  };

  function state({ name, ino, path }: Netns) {
    return { there: inodeAt(path) === ino, listed: listed().includes(name), links: [...linksOf(name)] };
  }

  test('a dry run changes nothing, and shows the plan', async () => {
    const blue = addNetns(scene);
    const { pid } = await inhabit(scene, blue);
    const before = state(blue);
    const { status, stdout, stderr } = nsleuth(scene, 'release', blue.name, '--dry-run');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^Release net:[\s\S]*stop +1 process[\s\S]*Afterwards\n[\s\S]* is gone/);
    const { plan, ...rest } = JSON.parse(nsleuth(scene, 'release', blue.name, '--dry-run', '--json').stdout) as {
      plan: Plan;
    };
    expect(rest).toEqual({});
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['stop', 'unmount', 'remove-name']);
    expect(state(blue)).toEqual(before);
    expect(isAlive(pid)).toBe(true);
    expect(existsSync(auditFile())).toBe(false);
  });

  test('with --yes JSON has the plan and what came of it, and nothing else is on standard output', () => {
    const blue = addNetns(scene);
    const { status, stdout, stderr } = nsleuth(scene, 'unmount', blue.name, '--yes', '--json');
    const done = JSON.parse(stdout) as { plan: Plan; outcome: Outcome };
    expect(status).toBe(0);
    expect(done.outcome).toMatchObject({
      interrupted: false,
      stopped: null,
      results: [{ status: 'done' }, { status: 'done' }],
    });
    expect(stderr.match(/^ ✓ +\d /gm)).toHaveLength(2);
    const validate = validatorOf('plan.schema.json');
    if (validate !== null) {
      validate(done);
      expect(validate.errors ?? []).toEqual([]);
    }
  });

  test('what an offer says can be typed as it is', async () => {
    const blue = addNetns(scene);
    const { pid } = await scene.hold('bound', blue.path);
    const { stdout } = nsleuth(scene, 'release', blue.name, '--dry-run');
    const command = /: nsleuth (kill .*)$/m.exec(stdout)?.[1] ?? '';
    expect(command).toMatch(new RegExp(`^kill \\S+ --pid ${pid}$`));
    const { status, stdout: planned } = nsleuth(scene, ...command.split(' '), '--dry-run');
    expect({ status, planned }).toEqual({
      status: 0,
      planned: expect.stringMatching(new RegExp(`^End pid ${pid} of `)),
    });
  });

  test('--at may be given several times', () => {
    const blue = addNetns(scene);
    const paths = ['one', 'two', 'three'].map((name) => join(scene.directory(), name));
    for (const path of paths) {
      writeFileSync(path, '');
      run('mount', '--bind', blue.path, path);
      scene.defer(() => run('sh', '-c', 'umount -l "$1" 2>/dev/null || true', 'sh', path));
    }
    const at = paths.slice(0, 2).flatMap((path) => ['--at', path]);
    expect(nsleuth(scene, 'unmount', blue.name, ...at, '--yes').status).toBe(0);
    expect(paths.map((path) => inodeAt(path) === blue.ino)).toEqual([false, false, true]);
    expect(inodeAt(blue.path)).toBe(blue.ino);
  });

  test('help says what --json is, and names no schema of snapshots', () => {
    const { stdout } = nsleuth(scene, 'unmount', '--help');
    expect(stdout).toContain('--json');
    expect(stdout).not.toContain('snapshot.schema.json');
  });
});

describe('exit codes', () => {
  test('1 where something stays undone, and where a reader of it went away', async () => {
    const blue = addNetns(scene);
    const { pid } = await scene.hold('bound', blue.path);
    const { status, stdout } = nsleuth(scene, 'unmount', blue.name, '--yes');
    expect(status).toBe(1);
    expect(stdout).toMatch(/✗ +1 +unmount .*: umount .*EBUSY/);
    expect(stdout).toContain('✗ not so: ');
    expect(stdout).toMatch(/Next\n {2}detach what is busy: nsleuth unmount cookie:\d+ --lazy\n/);
    expect(isAlive(pid)).toBe(true);

    // All of it is done though nobody reads what it says.
    const many = Array.from({ length: 5 }, () => addNetns(scene));
    const args = [CLI, 'release', ...many.map(({ name }) => name), '--yes'];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, XDG_STATE_HOME: scene.directory() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (data) => {
      stderr += String(data);
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(listed().filter((name) => many.some((ns) => ns.name === name))).toEqual([]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('cannot write: EPIPE; the audit trail has'),
    });
  });

  test('2 for what makes no sense, with a hostile argument harmless', () => {
    const blue = addNetns(scene);
    const hostile = '\u001b[2J\u202e';
    for (const [args, code] of [
      [['create', '..'], 2],
      [['create', hostile], 2],
      [['create', 'x'.repeat(256)], 2],
      [['set-link', blue.name, 'lo', 'sideways'], 2],
      [['set-link', blue.name, hostile, 'up'], 1],
      [['unmount', blue.name, '--at', hostile], 1],
      [['rename', blue.name, 'new', '--old', hostile], 1],
      [['move-device', blue.name, 'lo', '--as', hostile], 2],
      [['kill', blue.name, '--pid', '0'], 2],
      [['unmount', hostile], 1],
    ] as const) {
      const { status, stderr, stdout } = nsleuth(scene, ...args, '--yes');
      expect({ args, status, stdout }).toEqual({ args, status: code, stdout: '' });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    }
  });
});

describe('the audit trail', () => {
  test('says who, what, each step and the end; only its owner reads it; it is appended to', () => {
    const [blue, red] = [addNetns(scene), addNetns(scene)];
    nsleuth(scene, 'unmount', blue.name, '--yes');
    expect(statSync(auditFile()).mode & 0o777).toBe(0o600);
    expect(statSync(join(scene.directory(), 'nsleuth')).mode & 0o777).toBe(0o700);
    const first = readFileSync(auditFile(), 'utf8');
    expect(trail()).toMatchObject([
      {
        event: 'plan',
        plan: { title: `Unmount net:[${blue.ino}] ${blue.name}`, request: { action: 'unmount' } },
        who: { uid: 0 },
      },
      { event: 'step', result: { step: 1, status: 'done' } },
      { event: 'step', result: { step: 2, status: 'done' } },
      { event: 'end', stopped: null, verification: { checks: [{ holds: true }, { holds: true }] } },
    ]);
    expect(new Set(trail().map(({ action }) => action)).size).toBe(1);

    // Somebody loosened it, and somebody's last line was cut short.
    chmodSync(auditFile(), 0o644);
    appendFileSync(auditFile(), '{"event":"pl');
    nsleuth(scene, 'unmount', red.name, '--yes');
    expect(statSync(auditFile()).mode & 0o777).toBe(0o600);
    const second = readFileSync(auditFile(), 'utf8');
    expect(second.startsWith(first)).toBe(true);
    const lines = second.slice(first.length).trimEnd().split('\n');
    expect(lines.shift()).toBe('{"event":"pl');
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['plan', 'step', 'step', 'end']);
  });

  test.each<[string, RegExp, (directory: string) => void]>([
    [
      'a symbolic link',
      /it is a symbolic link/,
      (directory) => symlinkSync('/dev/null', join(directory, 'actions.ndjson')),
    ],
    ['a directory', /EISDIR/, (directory) => mkdirSync(join(directory, 'actions.ndjson'))],
    [
      'a FIFO',
      /it is no regular file/,
      (directory) => {
        run('mkfifo', join(directory, 'actions.ndjson'));
      },
    ],
    [
      'a hard link',
      /it is a hard link/,
      (directory) => {
        writeFileSync(join(directory, '../shadow'), 'root:*:1:\n');
        linkSync(join(directory, '../shadow'), join(directory, 'actions.ndjson'));
      },
    ],
    ['a read-only file system', /EROFS/, (directory) => mountTmpfs(directory, 'ro')],
    [
      'a full disk',
      /no space left on the device|ENOSPC/,
      (directory) => {
        mountTmpfs(directory, 'size=8k');
        run('sh', '-c', 'dd if=/dev/zero of="$1/fill" bs=1k count=64 2>/dev/null || true', 'sh', directory);
      },
    ],
  ])('%s: nothing is done', async (_, reason, spoil) => {
    const blue = addNetns(scene);
    const { pid } = await inhabit(scene, blue);
    const directory = join(scene.directory(), 'nsleuth');
    mkdirSync(directory);
    spoil(directory);
    const { status, stdout, stderr } = nsleuth(scene, 'release', blue.name, '--yes');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(reason);
    expect(stderr).toContain('without it nothing is done');
    expect(inodeAt(blue.path)).toBe(blue.ino);
    expect(isAlive(pid)).toBe(true);
    if (existsSync(join(directory, '../shadow'))) {
      expect(readFileSync(join(directory, '../shadow'), 'utf8')).toBe('root:*:1:\n');
    }
  });

  test('a disk that fills up in the middle stops the plan, and what was done is told', () => {
    const many = Array.from({ length: 40 }, () => addNetns(scene));
    const directory = join(scene.directory(), 'nsleuth');
    mkdirSync(directory);
    const args = ['unmount', ...many.map(({ name }) => name)];
    const { plan } = JSON.parse(nsleuth(scene, ...args, '--dry-run', '--json').stdout) as { plan: Plan };
    // Room for the plan, and for a few of the steps.
    mountTmpfs(directory, `size=${Math.ceil(JSON.stringify(plan).length / 4096) * 4 + 4}k`);
    const { status, stdout } = nsleuth(scene, ...args, '--yes');
    expect(status).toBe(1);
    expect(stdout).toMatch(/^stopped: cannot keep the audit trail .*(no space left|ENOSPC)/m);
    const removed = stdout.match(/✓ +\d+ +remove /g)?.length ?? 0;
    expect(removed).toBeGreaterThan(0);
    const left = listed();
    expect(many.filter(({ name }) => !left.includes(name))).toHaveLength(removed);
  });

  function mountTmpfs(directory: string, options: string): void {
    run('mount', '-t', 'tmpfs', '-o', options, 'none', directory);
    scene.defer(() => run('umount', directory));
  }
});
