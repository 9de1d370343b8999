import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COLLECTORS } from '../../collectors/index.ts';
import { SOURCES } from '../../src/collect.ts';
import type { Snapshot } from '../../src/model/index.ts';
import type { Topology } from '../../src/model/topology.ts';
import { cliForEverybody, NOBODY } from './everybody.ts';
import { CLI, run, Scene } from './scene.ts';

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.end());

interface Ran {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function nsleuth(...args: readonly string[]): Ran {
  return spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
}

/** What no message and no table may ever hold. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

function expectMessage({ status, stdout, stderr }: Ran, code: number, text: string): void {
  expect({ status, stdout }).toEqual({ status: code, stdout: '' });
  expect(stderr).toContain(text);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).not.toMatch(UNSAFE);
}

/** A tree that looks like /proc, with whatever is written into it. */
function tree(files: Readonly<Record<string, string>>, links: Readonly<Record<string, string>> = {}): string {
  const root = join(scene.directory(), 'proc');
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), Buffer.from(content, 'latin1'));
  }
  for (const [path, target] of Object.entries(links)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    symlinkSync(target, join(root, path));
  }
  return root;
}
const stat = (comm: string) => `7 (${comm}) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 42 0 0`;

describe('list', () => {
  // dist/list.js is the same command in a program of its own, which cli.js runs for it.
  test.each([
    [['--help']],
    [['--nonsense']],
    [['--json', '--csv']],
    [['--columns', 'nonsense']],
    [['one', 'too many']],
  ])('says the same to %j as the whole program does', (args) => {
    const launcher = join(scene.directory(), 'whole.cjs');
    writeFileSync(launcher, `require(${JSON.stringify(CLI)}).launch('main');`);
    const whole = spawnSync(process.execPath, [launcher, 'list', ...args], { encoding: 'utf8' });
    const { status, stdout, stderr } = nsleuth('list', ...args);
    expect({ status, stdout, stderr }).toEqual({ status: whole.status, stdout: whole.stdout, stderr: whole.stderr });
    expect(stdout + stderr).not.toBe('');
  });

  test('without a terminal, no command prints the same table', () => {
    const listed = nsleuth('list');
    expect(listed.status).toBe(0);
    expect(listed.stdout.split('\n')[0]).toMatch(/^NAMESPACE +NAME +VISIBLE +HELD BY/);
    expect(nsleuth().stdout.split('\n')[0]?.split(/ +/)).toEqual(listed.stdout.split('\n')[0]?.split(/ +/));
  });

  test('--json is a snapshot as the published schema has it', () => {
    const schema = JSON.parse(readFileSync(new URL('../../docs/snapshot.schema.json', import.meta.url), 'utf8'));
    const snapshot = JSON.parse(nsleuth('list', '--json').stdout) as Snapshot;
    const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
    validate(snapshot);
    expect(validate.errors ?? []).toEqual([]);
    expect(snapshot.coverage.map(({ source }) => source)).toEqual(COLLECTORS.map(({ name }) => name));
  });

  test('--csv, --columns, --sort and --filter mean what they say', () => {
    const rows = nsleuth(
      'list',
      '--csv',
      '--columns',
      'namespace,initial,processes',
      '--sort',
      'processes',
      '--filter',
      'processes>0',
    )
      .stdout.trimEnd()
      .split('\r\n')
      .map((line) => line.split(','));
    expect(rows[0]).toEqual(['namespace', 'initial', 'processes']);
    const counts = rows.slice(1).map(([, , count]) => Number(count));
    expect(counts).toEqual(counts.toSorted((a, b) => b - a));
    expect(rows.slice(1).filter(([, initial]) => initial === 'true')).toHaveLength(1);
  });

  test('--without names a source, and coverage says it was off', () => {
    const snapshot = JSON.parse(nsleuth('list', '--json', '--without', 'descriptors,mounts').stdout) as Snapshot;
    expect(snapshot.coverage.filter(({ status }) => status === 'off').map(({ source }) => source)).toEqual([
      'mounts',
      'descriptors',
    ]);
  });
});

describe('rates', () => {
  test('are what two looks a second apart tell, and known to be nothing where nothing moves', () => {
    const names = [scene.name(), scene.name()];
    for (const name of names) {
      run('ip', 'netns', 'add', name);
      scene.defer(() => run('ip', 'netns', 'delete', name));
    }
    const [here = '', there = ''] = names;
    run('ip', '-n', here, 'link', 'add', 'left', 'type', 'veth', 'peer', 'name', 'right', 'netns', there);
    const started = Date.now();
    const { stdout } = nsleuth('list', '--csv', '--columns', 'name,rx,tx', '--filter', `name:${here}`);
    expect(Date.now() - started).toBeGreaterThan(1000);
    expect(stdout).toBe(`name,rx,tx\r\n${here},0,0\r\n`);
  });
});

describe('show and holders', () => {
  test('say everything about one namespace', async () => {
    const held = await scene.hold('process');
    const shown = nsleuth('show', `pid:${held.pid}`);
    expect(shown.status).toBe(0);
    expect(shown.stdout).toContain(`net:[${held.ino}]`);
    expect(shown.stdout).toContain(held.cookie);
    expect(JSON.parse(nsleuth('show', `cookie:${held.cookie}`, '--json').stdout)).toMatchObject({ ino: held.ino });

    const holders = nsleuth('holders', String(held.ino));
    expect(holders.stdout).toMatch(new RegExp(`^task +pid ${held.pid} +node`, 'm'));
    expect(JSON.parse(nsleuth('holders', `/proc/${held.pid}/ns/net`, '--json').stdout)).toMatchObject([
      { kind: 'task', pid: held.pid },
    ]);
    expect(nsleuth('holders', `net:[${held.ino}]`, '--csv').stdout).toContain(`task,${held.pid},pid ${held.pid},node,`);
  });

  test('--section picks what is printed, and its rows can be chosen, sorted and filtered', async () => {
    const name = scene.name();
    scene.defer(() => run('ip', 'netns', 'delete', name));
    run('ip', 'netns', 'add', name);
    run('ip', '-n', name, 'link', 'add', 'left', 'type', 'veth', 'peer', 'name', 'right');
    run('ip', '-n', name, 'address', 'add', '192.0.2.7/24', 'dev', 'left');

    const shown = nsleuth('show', name, '--section', 'devices,addresses');
    expect(shown.status).toBe(0);
    expect(shown.stdout).toMatch(/^Devices 3\nNAME +KIND +STATE +MAC +MTU +CONNECTED TO/);
    expect(shown.stdout).toMatch(/^left +veth +down +\S+ +1500 +peer right +192\.0\.2\.7\/24/m);
    expect(shown.stdout).toMatch(/\n\nAddresses 1\nADDRESS +DEV +SCOPE/);
    expect(shown.stdout).not.toContain('Holders');

    const parts = JSON.parse(nsleuth('show', name, '--json', '--section', 'addresses,holders,overview').stdout);
    expect(Object.keys(parts)).toEqual(['overview', 'addresses', 'holders']);
    expect(parts).toMatchObject({
      overview: { names: [name] },
      addresses: [{ address: '192.0.2.7', prefixLength: 24 }],
      holders: [{ kind: 'mount' }],
    });

    const one = ['show', name, '--section', 'devices', '--sort', '-name', '--filter', 'kind=veth'];
    expect(nsleuth(...one, '--csv', '--columns', 'name,connected-to').stdout).toBe(
      'name,connected-to\r\nright,peer left\r\nleft,peer right\r\n',
    );
    expect(nsleuth(...one).stdout).toMatch(/^Devices 2 of 3\n/);
    expect(JSON.parse(nsleuth(...one, '--json').stdout)).toMatchObject({
      devices: [{ name: 'right' }, { name: 'left' }],
    });
  });

  test('what was not read is not taken for none', async () => {
    const name = scene.name();
    scene.defer(() => run('ip', 'netns', 'delete', name));
    run('ip', 'netns', 'add', name);
    const without = ['--without', 'addresses,procnet'];
    const shown = nsleuth('show', name, '--section', 'addresses', ...without);
    expect(shown.stdout).toBe('Addresses ?\naddresses is switched off\n');
    expect(nsleuth('show', name, ...without).stdout).toContain('Addresses ?\naddresses is switched off\n');
    expectMessage(
      nsleuth('show', name, '--section', 'addresses', '--csv', ...without),
      1,
      'addresses not known: addresses is switched off',
    );
    expect(nsleuth('show', name, '--section', 'addresses').stdout).toBe('Addresses 0\nnone\n');
  });

  test('init and self are the namespace this test runs in', () => {
    const init = JSON.parse(nsleuth('show', 'init', '--json').stdout);
    expect(init.initial).toBe(true);
    expect(JSON.parse(nsleuth('show', 'self', '--json').stdout).ino).toBe(init.ino);
  });
});

describe('ruleset', () => {
  test('is what nft lists inside, as text or as its JSON; without one, a message says why', () => {
    const name = scene.name();
    run('ip', 'netns', 'add', name);
    scene.defer(() => run('ip', 'netns', 'delete', name));
    expect(nsleuth('ruleset', name)).toMatchObject({ status: 0, stdout: '' });
    run('ip', 'netns', 'exec', name, 'nft', 'add table inet guarded');
    expect(nsleuth('ruleset', name)).toMatchObject({ status: 0, stdout: 'table inet guarded { # handle 1\n}\n' });
    const { nftables } = JSON.parse(nsleuth('ruleset', name, '--json').stdout) as { nftables: object[] };
    expect(nftables).toContainEqual({ table: { family: 'inet', name: 'guarded', handle: 1 } });
    expectMessage(nsleuth('ruleset', 'no-such'), 1, 'no network namespace "no-such"');
  });
});

describe('topology', () => {
  test('is drawn as text, dot or mermaid, and told as JSON; another format is an error', () => {
    const names = [scene.name(), scene.name()];
    for (const name of names) {
      run('ip', 'netns', 'add', name);
      scene.defer(() => run('ip', 'netns', 'delete', name));
    }
    const [here = '', there = ''] = names;
    run('ip', '-n', here, 'link', 'add', 'left', 'type', 'veth', 'peer', 'name', 'right', 'netns', there);
    for (const format of ['text', 'dot', 'mermaid']) {
      const { status, stdout } = nsleuth('topology', '--format', format);
      expect(status).toBe(0);
      for (const word of [here, there, 'left', 'right']) expect(stdout).toContain(word);
    }
    expect(nsleuth('topology', '--format', 'dot').stdout).toMatch(/^digraph .*\{$/m);
    const { edges } = JSON.parse(nsleuth('topology', '--json').stdout) as Topology;
    expect(edges).toContainEqual(expect.objectContaining({ kind: 'veth', certainty: 'certain' }));
    expectMessage(nsleuth('topology', '--format', 'png'), 2, 'formats are text, dot, mermaid, json');
  });
});

describe('doctor', () => {
  test('names every source and every check, and what would fix what is missing', () => {
    const { status, stdout } = nsleuth('doctor');
    expect(status).toBe(0);
    for (const source of SOURCES) expect(stdout).toMatch(new RegExp(`^[●◐○] ${source}: `, 'm'));
    expect(stdout).toContain('CAP_SYS_PTRACE');
    expect(JSON.parse(nsleuth('doctor', '--json').stdout).probes.every(({ works }: { works: boolean }) => works)).toBe(
      true,
    );
  });
});

describe('bad input gets a message that says what to do', () => {
  const hostile = '\x1b[2J\x1b]0;x\x07\u202e';
  test.each<[string[], number, string]>([
    [['show', 'no-such-namespace'], 1, 'no network namespace "no-such-namespace"'],
    [['show', 'x'.repeat(10_000)], 1, 'NS is an inode number'],
    [['show', hostile], 1, 'no network namespace "\\x1b[2J'],
    [['show', '/etc/passwd'], 1, 'no network namespace "/etc/passwd"'],
    [['holders', 'pid:4194305'], 1, 'no network namespace "pid:4194305"'],
    [
      ['show', 'init', '--section', 'sockets,socks'],
      2,
      'unknown section "socks" in --section; sections are overview, ',
    ],
    [['show', 'init', '--section', hostile], 2, 'unknown section "\\x1b[2j'],
    [['show', 'init', '--section', ','], 2, 'no section in --section; sections are overview, '],
    [['show', 'init', '--csv'], 2, '--csv takes the rows of one section: name it with --section'],
    [['show', 'init', '--filter', 'a', '--section', 'sockets,routes'], 2, '--filter takes the rows of one section'],
    [
      ['show', 'init', '--section', 'routes', '--columns', 'inode'],
      2,
      'unknown column "inode"; columns are destination',
    ],
    [['show', 'init', '--section', 'routes', '--sort', 'size'], 2, 'unknown column "size"'],
    [['show', 'init', '--section', 'routes', '--filter', 'size>3'], 2, 'unknown column "size" in filter'],
    [['show'], 2, "missing required argument 'NS'"],
    [['list', '--columns', 'name,colour'], 2, 'unknown column "colour"; columns are namespace, name'],
    [['list', '--columns', hostile], 2, 'unknown column "\\x1b[2J'],
    [['list', '--sort', 'size'], 2, 'unknown column "size"'],
    [['list', '--filter', 'size>3'], 2, 'unknown column "size" in filter'],
    [['list', '--filter', hostile.replace('\x1b[2J', 'a:\x1b[2J')], 2, 'unknown column "a"'],
    [['list', '--without', 'kernal'], 2, 'unknown source "kernal" in --without; sources are host, tasks'],
    [['list', '--json', '--csv'], 2, 'cannot be used with'],
    [['list', '--proc', '/no/such/dir'], 1, 'cannot read /no/such/dir: ENOENT; --proc takes the directory'],
    [['list', '--proc', '/etc/passwd'], 1, 'cannot read /etc/passwd: ENOTDIR'],
    [['list', hostile], 2, 'too many arguments'],
    [[`--${hostile}`], 2, 'unknown option'],
    [['lsit'], 2, 'unknown command "lsit"; commands are list'],
    [['--without', 'tasks', 'list'], 2, '--without belongs behind the command: nsleuth list --without'],
  ])('nsleuth %j', (args, code, text) => {
    expectMessage(nsleuth(...args), code, text);
  });
});

describe('a procfs that is no procfs', () => {
  test('an empty directory is an empty list, and says that nothing was read', () => {
    mkdirSync(join(scene.directory(), 'empty'));
    const { status, stdout, stderr } = nsleuth('list', '--proc', join(scene.directory(), 'empty'));
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toContain('tasks');
  });

  test('names of 10,000 characters and full of escapes are shown harmless, and whole in JSON', () => {
    const comm = '\x1b[2J\x1b]0;owned\x07\xff';
    const root = tree(
      {
        '7/stat': stat(comm),
        '7/cmdline': `${'y'.repeat(10_000)}\0\x1b[31m`,
        '7/cgroup': `0::/${'z'.repeat(10_000)}.service\n`,
      },
      { '7/ns/net': 'net:[4026532177]', '7/ns/mnt': 'mnt:[4026531832]' },
    );
    const listed = nsleuth('list', '--proc', root, '--columns', 'namespace,command,container,user');
    expect(listed.stdout).not.toMatch(UNSAFE);
    expect(listed.stderr).not.toMatch(UNSAFE);
    const [ns] = (JSON.parse(nsleuth('list', '--json', '--proc', root).stdout) as Snapshot).namespaces;
    expect(ns?.processes[0]).toMatchObject({
      comm: '\\x1b[2J\\x1b]0;owned\\x07\\xff',
      rawComm: '\\x1b[2J\\x1b]0;owned\\x07\\xff',
    });
    expect(nsleuth('show', '4026532177', '--proc', root).stdout).not.toMatch(UNSAFE);
  });

  test('a malformed or truncated file costs its own process, and coverage says so', () => {
    const root = tree(
      {
        '7/stat': '7 (trunc',
        '8/stat': stat('fine'),
        '8/mountinfo': 'x - nsfs \n22 1 0:4 net:[99] /m rw - nsfs nsfs rw\n',
      },
      { '7/ns/net': 'net:[1]', '8/ns/net': 'net:[2]', '8/ns/mnt': 'mnt:[3]' },
    );
    const snapshot = JSON.parse(nsleuth('list', '--json', '--proc', root).stdout) as Snapshot;
    expect(snapshot.namespaces.map(({ ino }) => ino)).toEqual([2, 99]);
    const missed = (source: string) => snapshot.coverage.find((entry) => entry.source === source)?.missed;
    expect(missed('tasks')).toEqual([{ subject: 'pid 7', reason: 'malformed stat' }]);
    expect(missed('mounts')).toContainEqual({ subject: 'mountinfo of pid 8', reason: '1 malformed lines' });
  });
});

describe('in a shell', () => {
  test('a reader that goes away early is no error', () => {
    const { status, stderr, stdout } = spawnSync(
      'bash', ['-c', `set -o pipefail; "${process.execPath}" "${CLI}" list --json 2>&1 | head -c 10`], { encoding: 'utf8' },
    ); // biome-ignore format: one command
    expect({ status, stderr, stdout }).toEqual({ status: 0, stderr: '', stdout: '{\n  "schem' });
  });

  test('a disk that is full is told, not traced', () => {
    const { status, stderr } = spawnSync('sh', ['-c', `"${process.execPath}" "${CLI}" list >/dev/full`], {
      encoding: 'utf8',
    });
    expect({ status, told: stderr.includes('nsleuth: cannot write: ENOSPC') }).toEqual({ status: 1, told: true });
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it as that signal', async (signal) => {
    // A docker daemon that never answers keeps it waiting for as long as this takes.
    const docker = await dockerSocket(() => {});
    const child = spawn(process.execPath, [CLI, 'list', '--json', '--proc', dockerTree()], {
      env: { ...process.env, DOCKER_SOCKET: docker.path },
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.once('exit', (code, by) => resolve(by ?? code)));
    await docker.connected;
    child.kill(signal);
    expect(await ended).toBe(signal);
  });
});

const DOCKER_ID = 'd'.repeat(64);

/** A tree with one process in a docker container. */
function dockerTree(): string {
  return tree(
    { '7/stat': stat('web'), '7/cgroup': `0::/system.slice/docker-${DOCKER_ID}.scope\n` },
    { '7/ns/net': 'net:[4026532177]', '7/ns/mnt': 'mnt:[3]' },
  );
}

/** A docker daemon's socket, answering as told. */
async function dockerSocket(
  answer: (path: string, end: (body: unknown) => void) => void,
): Promise<{ path: string; connected: Promise<void> }> {
  const path = join(scene.directory(), 'docker.sock');
  let connected = () => {};
  const promise = new Promise<void>((resolve) => {
    connected = resolve;
  });
  const server = createServer((socket) => {
    connected();
    socket.on('error', () => {});
    socket.on('data', (request) =>
      answer(request.toString().split(' ')[1] ?? '', (body) => {
        socket.end(`HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(body)}`);
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  scene.defer(() => server.close());
  return { path, connected: promise };
}

describe('docker', () => {
  const container = {
    Id: DOCKER_ID,
    Names: ['/web\x1b[2J'],
    Image: 'nginx',
    State: 'running',
    Created: 1,
    Ports: [],
    Mounts: [],
  };

  async function listed(path: string): Promise<Snapshot> {
    const child = spawn(process.execPath, [CLI, 'list', '--json', '--proc', dockerTree()], {
      env: { ...process.env, DOCKER_SOCKET: path },
    });
    let text = '';
    for await (const chunk of child.stdout) text += chunk;
    return JSON.parse(text) as Snapshot;
  }

  test('names its containers through its socket', async () => {
    const docker = await dockerSocket((path, end) =>
      end(path.includes(DOCKER_ID) ? { ...container, Name: '/web' } : [container]),
    );
    expect((await listed(docker.path)).namespaces[0]?.container).toEqual({
      engine: 'docker',
      id: DOCKER_ID,
      name: 'web\\x1b[2J',
      pod: null,
    });
  });

  test('that does not answer costs the name, and coverage says so', async () => {
    const docker = await dockerSocket(() => {});
    const snapshot = await listed(docker.path);
    expect(snapshot.namespaces[0]?.container).toMatchObject({ engine: 'docker', name: null });
    const coverage = snapshot.coverage.find(({ source }) => source === 'containers');
    expect(coverage?.missed).toEqual([{ subject: docker.path, reason: 'no answer within 1000 ms' }]);
  });
});

describe('without root', () => {
  test('the same commands work, and coverage names exactly what was refused', async () => {
    const [setpriv = '', ...as] = [...NOBODY, process.execPath, cliForEverybody(scene)];
    const asNobody = (...args: readonly string[]): Ran =>
      spawnSync(setpriv, [...as, ...args], { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
    const name = scene.name();
    scene.defer(() => run('ip', 'netns', 'delete', name));
    run('ip', 'netns', 'add', name);
    const held = await scene.hold('process');

    const listed = asNobody('list');
    expect(listed.status).toBe(0);
    expect(listed.stdout).toContain(name);
    expect(listed.stderr).toContain('tasks partial');
    expect(listed.stderr).toContain('nsleuth doctor');

    const snapshot = JSON.parse(asNobody('list', '--json').stdout) as Snapshot;
    const coverage = (source: string) => snapshot.coverage.find((entry) => entry.source === source);
    expect(coverage('tasks')?.status).toBe('partial');
    expect(coverage('tasks')?.missed).toContainEqual({ subject: `pid ${held.pid}`, reason: 'EACCES' });
    expect(coverage('tasks')?.notes[0]?.reason).toContain('EPERM');
    expect(coverage('descriptors')?.missed).toContainEqual({ subject: `pid ${held.pid}`, reason: 'EACCES' });
    expect(snapshot.namespaces.find((ns) => ns.names.includes(name))?.visibility).toBe('plain');

    const doctor = asNobody('doctor');
    expect(doctor.status).toBe(0);
    expect(doctor.stdout).toMatch(/○ +CAP_SYS_PTRACE .* run nsleuth as root/);
    expect(asNobody('show', name).stdout).toContain(`/run/netns/${name}`);
    expect(asNobody('holders', name).status).toBe(0);
    // What we live in ourselves needs no leave to be asked; another may not be entered, and that is said.
    expect(asNobody('show', 'self', '--section', 'addresses').stdout).toContain('127.0.0.1/8');
    expect(asNobody('show', name, '--section', 'addresses').stdout).toContain('EPERM');
  });

  test('a procfs that hides the processes of others is a gap, not a quiet host', () => {
    const script = 'mount -t proc -o hidepid=2 proc /proc; exec "$@"';
    const command = [...NOBODY, process.execPath, cliForEverybody(scene), 'list', '--json'];
    const { coverage } = JSON.parse(
      run('unshare', '--mount', '--propagation', 'private', 'sh', '-ec', script, 'sh', ...command),
    ) as Snapshot;
    expect(coverage.find(({ source }) => source === 'tasks')?.missed).toEqual([
      { subject: '/proc', reason: 'mounted with hidepid: processes of other users are not visible' },
    ]);
  });
});
