import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { Ajv } from 'ajv';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Snapshot } from '../../src/model/index.ts';
import { CLI, run, Scene } from './scene.ts';

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.end());

/** An empty tree in place of /proc: a snapshot of it takes no time. */
function emptyProc(): string {
  const root = join(scene.directory(), 'proc');
  mkdirSync(root, { recursive: true });
  return root;
}

function snapshot(...args: readonly string[]) {
  return spawnSync(process.execPath, [CLI, 'snapshot', ...args], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, DOCKER_SOCKET: '/nowhere' },
  });
}

/** A directory of its own, and what is in it by now. */
function folder(): { readonly path: string; readonly files: () => string[] } {
  const path = join(scene.directory(), scene.name());
  mkdirSync(path);
  return { path, files: () => readdirSync(path).toSorted() };
}

describe('snapshot', () => {
  test('prints everything about every namespace as the published schema has it', () => {
    const { status, stdout } = snapshot();
    const schema = JSON.parse(readFileSync(new URL('../../docs/snapshot.schema.json', import.meta.url), 'utf8'));
    const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
    const taken = JSON.parse(stdout) as Snapshot;
    validate(taken);
    expect(validate.errors ?? []).toEqual([]);
    expect(status).toBe(0);
    const initial = taken.namespaces.find((ns) => ns.initial);
    expect(initial?.addresses?.some(({ address }) => address === '127.0.0.1')).toBe(true);
  });

  test('writes a file that only its owner may read, with a checksum that sha256sum agrees to', () => {
    const { path, files } = folder();
    const file = join(path, 'before.json');
    const { status, stdout, stderr } = snapshot('-o', file, '--proc', emptyProc());
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(files()).toEqual(['before.json', 'before.json.sha256']);
    const text = readFileSync(file, 'utf8');
    expect((JSON.parse(text) as Snapshot).schema).toBe('nsleuth/snapshot/1');
    expect(stderr).toContain(`before.json: 0 namespaces, sha256 ${createHash('sha256').update(text).digest('hex')}`);
    expect(files().map((name) => statSync(join(path, name)).mode & 0o777)).toEqual([0o600, 0o600]);
    expect(spawnSync('sha256sum', ['-c', 'before.json.sha256'], { cwd: path, encoding: 'utf8' }).stdout).toBe(
      'before.json: OK\n',
    );
  });

  test('writes checksums that sha256sum understands of names with backslashes and line breaks', () => {
    const { path } = folder();
    const file = join(path, 'a\\b\nc');
    expect(snapshot('-o', file, '--proc', emptyProc()).status).toBe(0);
    expect(spawnSync('sha256sum', ['-c', `${basename(file)}.sha256`], { cwd: path, encoding: 'utf8' }).status).toBe(0);
  });

  test('leaves what exists alone, unless it is to be replaced', () => {
    const { path, files } = folder();
    const file = join(path, 'x.json');
    writeFileSync(`${file}.sha256`, 'kept');
    const refused = snapshot('-o', file, '--proc', emptyProc());
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('x.json.sha256: it exists already; --force replaces it');
    expect(files()).toEqual(['x.json.sha256']);
    expect(readFileSync(`${file}.sha256`, 'utf8')).toBe('kept');

    writeFileSync(file, 'kept', { mode: 0o644 });
    expect(snapshot('-o', file, '--proc', emptyProc()).status).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe('kept');
    expect(snapshot('-o', file, '--force', '--proc', emptyProc()).status).toBe(0);
    expect(spawnSync('sha256sum', ['-c', 'x.json.sha256'], { cwd: path }).status).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(files()).toEqual(['x.json', 'x.json.sha256']);
  });

  test('prints to standard output where that is asked for', () => {
    expect(JSON.parse(snapshot('-o', '-', '--proc', emptyProc()).stdout)).toMatchObject({ namespaces: [] });
  });
});

describe('a file that cannot be written is told before anything is read, and nothing is left behind', () => {
  test.each<[string, (path: string) => string, string]>([
    ['a directory that is missing', (path) => join(path, 'no/x.json'), 'its directory does not exist (ENOENT)'],
    ['a directory that is a file', () => '/etc/passwd/x.json', 'what should be its directory is none (ENOTDIR)'],
    ['a name that is a directory', (path) => path, 'it is a directory (EISDIR)'],
    ['a name that ends like a directory', (path) => `${path}/x/`, 'it is a directory (EISDIR)'],
    ['a device', () => '/dev/null', 'it is there, and no regular file'],
    ['a link to a device', () => '/dev/stdout', 'it is there, and no regular file'],
    ['a name that is too long', (path) => join(path, 'x'.repeat(250)), 'the name is too long (ENAMETOOLONG)'],
    ['a name full of escapes', (path) => join(path, '\x1b[2J/x'), 'cannot write'],
  ])('%s', (_what, file, why) => {
    const { path, files } = folder();
    // Nothing would be read from there: the file is looked at first.
    const { status, stdout, stderr } = snapshot('-o', file(path), '--force', '--proc', '/no/such/proc');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(why);
    expect(stderr).not.toContain('\x1b');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(files()).toEqual([]);
  });

  test('a link to a file is not followed', () => {
    const { path } = folder();
    writeFileSync(join(path, 'target'), 'kept');
    symlinkSync('target', join(path, 'link'));
    expect(snapshot('-o', join(path, 'link'), '--force', '--proc', emptyProc()).status).toBe(1);
    expect(readFileSync(join(path, 'target'), 'utf8')).toBe('kept');
  });

  test('a directory that may not be written to', () => {
    const { path } = folder();
    run('mount', '-t', 'tmpfs', '-o', 'ro', 'tmpfs', path);
    scene.defer(() => run('umount', path));
    const { status, stderr } = snapshot('-o', join(path, 'x'), '--proc', '/no/such/proc');
    expect({ status, why: stderr.includes('the file system is read-only (EROFS)') }).toEqual({ status: 1, why: true });
  });
});

describe('what goes wrong later leaves nothing half done', () => {
  test('no space left', () => {
    const { path, files } = folder();
    run('mount', '-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', path);
    scene.defer(() => run('umount', path));
    const { status, stdout, stderr } = snapshot('-o', join(path, 'x.json'));
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('x.json: no space left on the device (ENOSPC)');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(files()).toEqual([]);
  });

  test('no space left for a new one keeps the old one', () => {
    const { path, files } = folder();
    run('mount', '-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', path);
    scene.defer(() => run('umount', path));
    writeFileSync(join(path, 'x.json'), 'old');
    expect(snapshot('-o', join(path, 'x.json'), '--force').status).toBe(1);
    expect(files()).toEqual(['x.json']);
    expect(readFileSync(join(path, 'x.json'), 'utf8')).toBe('old');
  });

  test('an interrupt while it collects', async () => {
    const { path, files } = folder();
    // A docker daemon that never answers keeps it collecting for as long as this takes.
    const docker = join(scene.directory(), 'docker.sock');
    const proc = join(scene.directory(), 'container');
    mkdirSync(join(proc, '7/ns'), { recursive: true });
    writeFileSync(join(proc, '7/stat'), '7 (web) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 0 20 0 1 0 42 0 0');
    writeFileSync(join(proc, '7/cgroup'), `0::/system.slice/docker-${'d'.repeat(64)}.scope\n`);
    symlinkSync('net:[4026532177]', join(proc, '7/ns/net'));
    const asked = new Promise<void>((resolve, reject) => {
      const server = createServer(() => resolve()).once('error', reject);
      server.listen(docker);
      scene.defer(() => server.close());
    });
    const child = spawn(process.execPath, [CLI, 'snapshot', '-o', join(path, 'x.json'), '--proc', proc], {
      env: { ...process.env, DOCKER_SOCKET: docker },
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
    await asked;
    child.kill('SIGINT');
    expect(await ended).toBe('SIGINT');
    expect(files()).toEqual([]);
  });
});
