import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Snapshot } from '../../src/model/index.ts';
import { find, holdersOf, run, Scene, userlandWithout } from './scene.ts';

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.end());

test('a mount namespace whose only inhabitant is in a chroot shows its mounts all the same', async () => {
  const directory = scene.directory();
  const path = join(directory, 'outside');
  const root = join(directory, 'root');
  closeSync(openSync(path, 'w'));
  mkdirSync(root);
  const { line } = await scene.shell(
    `exec unshare --mount --propagation private sh -ec '
       unshare --net sh -ec "mount --bind /proc/self/ns/net ${path}; stat -L -c %i /proc/self/ns/net"
       mount --bind / ${root}; mount --rbind /proc ${root}/proc
       exec chroot ${root} sleep 60'`,
  );
  const seen = find(await userlandWithout(), Number(line));
  expect(seen?.visibility).toBe('obscure');
  expect(seen?.holders).toMatchObject([{ kind: 'mount', path }]);
  expect(find(await userlandWithout('pinned-mounts'), Number(line))).toBeUndefined();
});

test('a mount namespace that only a descriptor in a private table holds is entered', async () => {
  const path = join(scene.directory(), 'pinned');
  closeSync(openSync(path, 'w'));
  const held = await scene.hold('private-mount-namespace', path);
  const seen = find(await userlandWithout(), held.ino);
  expect(seen).toMatchObject({ visibility: 'obscure', cookie: held.cookie });
  expect(seen?.holders).toMatchObject([{ kind: 'mount', path, mountNamespace: held.mountNamespace }]);
});

test('a tun is known by what it is, not by the name it was opened by', async () => {
  const held = await scene.hold('tun-renamed');
  expect(holdersOf(find(await userlandWithout(), held.ino), 'tun')).toMatchObject([{ pid: held.pid, fd: held.fd }]);
});

test('a file under /proc/<pid>/net that pins nothing makes no namespace', async () => {
  const held = await scene.hold('procfile-unpinned');
  const { namespaces } = await userlandWithout();
  expect(
    namespaces
      .flatMap((ns) => holdersOf(ns, 'procfile'))
      .filter((holder) => 'pid' in holder && holder.pid === held.pid),
  ).toEqual([]);
});

test('inside a pid namespace coverage says that others are out of sight', () => {
  const inside = ['--pid', '--fork', '--mount', '--mount-proc', process.execPath, 'dist/cli.js', 'list', '--json'];
  const { coverage } = JSON.parse(run('unshare', ...inside)) as Snapshot;
  expect(coverage.find(({ source }) => source === 'tasks')).toMatchObject({
    status: 'partial',
    missed: [{ reason: 'processes outside this pid namespace are not visible' }],
  });
});

test('/proc/ is /proc: read through a mount of its own as well', async () => {
  const held = await scene.hold('process');
  const script = 'mount -t tmpfs none "/proc/$1"; shift; exec "$@"';
  const command = [process.execPath, 'dist/cli.js', 'list', '--json', '--proc', '/proc/'];
  const snapshot = JSON.parse(
    run('unshare', '--mount', '--propagation', 'private', 'sh', '-ec', script, 'sh', String(held.pid), ...command),
  ) as Snapshot;
  expect(find(snapshot, held.ino)?.processes).toMatchObject([{ pid: held.pid, covered: true }]);
});

test('a collector thread that cannot come home ends the process', async () => {
  const held = await scene.hold('process');
  const program = join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', 'lost.mjs');
  const { signal, stdout, stderr } = spawnSync(process.execPath, [program, `/proc/${held.pid}/ns/net`], {
    encoding: 'utf8',
  });
  expect({ signal, stdout }).toEqual({ signal: 'SIGTERM', stdout: '' });
  expect(stderr).toContain('cannot return from a test (EBADF); ending');
});
