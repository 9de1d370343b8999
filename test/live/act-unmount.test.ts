import { closeSync, existsSync, lstatSync, openSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inhabit, isAlive, listed, nsleuthIn, SHARED_RUN, Stage, unmet } from './acting.ts';
import { addNetns, find, inodeAt, run, snapshotWithout } from './scene.ts';
import { scene, stage } from './staged.ts';

/** A file to mount something on; what is mounted there goes with the scene. */
function mountPoint(name = 'point'): string {
  const path = join(scene.directory(), name);
  closeSync(openSync(path, 'w'));
  scene.defer(() => run('sh', '-c', 'while umount -l "$1" 2>/dev/null; do :; done', 'sh', path));
  return path;
}

/** Makes a namespace that nothing but a mount holds. */
function mountNew(path: string): number {
  run('unshare', '--net', 'mount', '--bind', '/proc/self/ns/net', path);
  return inodeAt(path);
}

describe('unmount', () => {
  test('takes a name away with its file: the namespace is gone, and another one is not', async () => {
    const blue = addNetns(scene);
    const bystander = addNetns(scene);
    const { pid } = await inhabit(scene, bystander);
    const done = await stage.act({ action: 'unmount' }, blue.ino);
    expect(done.plan.steps.map(({ kind }) => kind)).toEqual(['unmount', 'remove-name']);
    expect(done.plan.warnings).toEqual([expect.stringContaining('nothing else holds')]);
    expect(done.plan.risk).toBe('destructive');
    expect(done.statuses).toEqual(['done', 'done']);
    expect(unmet(done)).toEqual([]);
    expect(done.outcome.verification?.checks.map(({ text }) => text)).toContain(
      `net:[${blue.ino}] ${blue.name} is gone`,
    );
    expect(existsSync(blue.path)).toBe(false);
    expect(listed()).not.toContain(blue.name);
    expect(inodeAt(bystander.path)).toBe(bystander.ino);
    expect(isAlive(pid)).toBe(true);
  });

  test('finds an odd path, and leaves the file there', async () => {
    const path = mountPoint('odd \t"\\ path');
    const ino = mountNew(path);
    const done = await stage.act({ action: 'unmount' }, ino);
    expect(done.plan.steps.map(({ kind }) => kind)).toEqual(['unmount']);
    expect(done.statuses).toEqual(['done']);
    expect(unmet(done)).toEqual([]);
    expect(lstatSync(path).isFile()).toBe(true);
  });

  test('finds a path that is no UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from(`${scene.directory()}/`), Buffer.from([0x66, 0xff, 0xfe, 0x67])]);
    writeFileSync(bytes, '');
    // The octal escapes are printf's.
    const script = `path="$(printf '%s/f\\377\\376g' "$1")"; unshare --net mount --bind /proc/self/ns/net "$path"; stat -L -c %i "$path"`;
    const ino = Number(run('sh', '-ec', script, 'sh', scene.directory()));
    scene.defer(() =>
      run('sh', '-c', `umount -l "$(printf '%s/f\\377\\376g' "$1")" 2>/dev/null || true`, 'sh', scene.directory()),
    );
    const done = await stage.act({ action: 'unmount' }, ino);
    expect(done.plan.steps[0]?.subject).toContain('f\\xff\\xfeg');
    expect(done.statuses).toEqual(['done']);
    expect(unmet(done)).toEqual([]);
  });

  test('reaches into another mount namespace', async () => {
    const path = mountPoint();
    const { line } = await scene.shell(
      `exec unshare --mount --propagation private sh -ec '
         unshare --net mount --bind /proc/self/ns/net ${path}; stat -L -c %i ${path}; exec sleep 60'`,
    );
    const ino = Number(line);
    const done = await stage.act({ action: 'unmount' }, ino);
    expect(done.plan.steps[0]).toMatchObject({ subject: expect.stringMatching(/, in mount namespace \d+$/) });
    expect(done.plan.steps[0]?.needs).toContain('CAP_SYS_CHROOT');
    expect(done.statuses).toEqual(['done']);
    expect(done.plan.expectations.map(({ kind }) => kind)).toContain('gone');
    expect(unmet(done)).toEqual([]);
  });

  test.each(['mount-namespace', 'private-mount-namespace'])('reaches into one nobody lives in (%s)', async (kind) => {
    const held = await scene.hold(kind, mountPoint());
    const done = await stage.act({ action: 'unmount' }, held.ino);
    expect(done.statuses).toEqual(['done']);
    expect(unmet(done)).toEqual([]);
    expect(isAlive(held.pid)).toBe(true);
  });

  test('--at picks one of several mounts, and the namespace lives on', async () => {
    const blue = addNetns(scene);
    const path = mountPoint();
    run('mount', '--bind', blue.path, path);
    const done = await stage.act({ action: 'unmount', options: { paths: [path] } }, blue.ino);
    expect(done.statuses).toEqual(['done']);
    expect(unmet(done)).toEqual([]);
    expect(inodeAt(blue.path)).toBe(blue.ino);
    expect(inodeAt(path)).not.toBe(blue.ino);
    await expect(stage.plan({ action: 'unmount', options: { paths: [path] } }, blue.ino)).rejects.toMatchObject({
      code: 'ERR_NO_MOUNT',
      message: expect.stringContaining(`it is mounted at ${blue.path}`),
    });
  });

  test('a busy mount fails, says why, and comes away with --lazy', async () => {
    const path = mountPoint();
    const ino = mountNew(path);
    const holder = await scene.hold('bound', path);
    const done = await stage.act({ action: 'unmount' }, ino);
    expect(done.statuses).toEqual(['failed']);
    expect(done.messages[0]).toMatch(/EBUSY: something uses the mount itself; --lazy/);
    expect(inodeAt(path)).toBe(ino);
    expect(done.outcome.stopped).toBeNull();

    const lazily = await stage.act({ action: 'unmount', options: { lazy: true } }, ino);
    expect(lazily.statuses).toEqual(['done']);
    expect(inodeAt(path)).not.toBe(ino);
    // The descriptor still holds it, so nothing was promised of the namespace itself.
    expect(unmet(lazily)).toEqual([]);
    expect(find(await snapshotWithout(), ino)?.holders).toMatchObject([{ kind: 'descriptor', pid: holder.pid }]);
  });
});

describe('a name that is mounted twice, since /run is shared', () => {
  /** How often it is mounted, what its directory holds, and what nsleuth said and returned in between. */
  function around(name: string, before: string, ...args: readonly string[]) {
    const count = `echo "mounted $(grep -c ' /run/netns/${name} ' /proc/self/mountinfo)"`;
    const script = `${SHARED_RUN}; ip netns add ${name}; ${count}; ${before} "$@"; ${count}; echo "files $(ls /run/netns)"`;
    const { status, stdout } = nsleuthIn(['unshare', '--mount', 'sh', '-ec', script, 'sh'], args);
    return { status, stdout, facts: stdout.match(/^(?:mounted|files) .*$/gm) };
  }

  const GONE = { status: 0, facts: ['mounted 2', 'mounted 0', 'files '] };

  test.each(['unmount', 'release'])('goes as a whole by %s', (action) => {
    const name = scene.name();
    const { stdout, ...rest } = around(name, '', action, name, '--yes');
    expect(rest, stdout).toEqual(GONE);
    expect(stdout).toMatch(/^ ✓ {3}1 {2}unmount {2}\S+: unmounted$/m);
    expect(stdout).toMatch(new RegExp(`^ ✓ net:\\[\\d+\\] ${name} is gone$`, 'm'));
  });

  test('goes where somebody has a copy of it as well, of which one half is below the other', () => {
    const name = scene.name();
    const copy = `mkfifo /run/in; unshare --mount sh -c 'echo in > /run/in; exec sleep 60' & read in < /run/in; trap "kill $!" EXIT;`;
    const { stdout, ...rest } = around(name, copy, 'release', name, '--yes');
    expect(rest, stdout).toEqual(GONE);
    expect(stdout).toMatch(/^ ✓ {3}1 {2}unmount {2}\S+, in 2 mount namespaces: unmounted in 2 mount namespaces$/m);
    expect(stdout).toMatch(new RegExp(`^ ✓ net:\\[\\d+\\] ${name} is gone$`, 'm'));
  });

  test('is told of as it is where no path leads to it any more', () => {
    const name = scene.name();
    const { stdout, status, facts } = around(
      name,
      'mount -t tmpfs none /run/netns;',
      'unmount',
      `/run/netns/${name}`,
      '--yes',
    );
    expect({ status, facts }, stdout).toEqual({ status: 1, facts: ['mounted 2', 'mounted 2', 'files '] });
    expect(stdout).toMatch(/unmount {2}\S+: it is below another mount$/m);
    expect(stdout).toMatch(/^ ✗ not so: \S+ is not mounted any more: it still is$/m);
  });
});

describe('what changed since the plan was made is left alone', () => {
  test('another mount on top', async () => {
    const path = mountPoint();
    const ino = mountNew(path);
    const plan = await stage.plan({ action: 'unmount' }, ino);
    run('mount', '--bind', '/dev/null', path);
    const done = await stage.perform(plan);
    expect(done.statuses).toEqual(['changed']);
    expect(done.messages[0]).toMatch(/another mount \(\d+\) lies on top of/);
    expect(done.outcome.stopped).toBe('the host is not as it was when the plan was made');
    run('umount', path);
    expect(inodeAt(path)).toBe(ino);
  });

  test('another namespace under the same name', async () => {
    const blue = addNetns(scene);
    const keep = await scene.hold('bound', blue.path);
    const plan = await stage.plan({ action: 'unmount' }, blue.ino);
    run('umount', '-l', blue.path);
    run('unshare', '--net', 'mount', '--bind', '/proc/self/ns/net', blue.path);
    const after = inodeAt(blue.path);
    const done = await stage.perform(plan);
    expect(done.statuses).not.toContain('done');
    expect(inodeAt(blue.path)).toBe(after);
    expect(listed()).toContain(blue.name);
    expect(isAlive(keep.pid)).toBe(true);
  });

  test('another namespace with the same number, in the same place', async () => {
    const path = mountPoint();
    let ino = 0;
    let plan = await stage.plan({ action: 'unmount' }, mountNew(path));
    // The number is given out again at once, but others on this host make namespaces as well.
    for (let tries = 0; tries < 20 && inodeAt(path) !== ino; tries++) {
      if (tries > 0) plan = await stage.plan({ action: 'unmount' }, inodeAt(path));
      ino = inodeAt(path);
      run('umount', path);
      for (const until = Date.now() + 2000; Date.now() < until; ) {
        run('unshare', '--net', 'mount', '--bind', '/proc/self/ns/net', path);
        if (inodeAt(path) === ino) break;
        run('umount', path);
      }
      if (inodeAt(path) !== ino) run('unshare', '--net', 'mount', '--bind', '/proc/self/ns/net', path);
    }
    expect(inodeAt(path)).toBe(ino);
    const done = await stage.perform(plan);
    expect(done.statuses).toEqual(['changed']);
    expect(done.messages[0]).toContain('is another network namespace by now, with the same number');
    expect(inodeAt(path)).toBe(ino);
  });

  test('also where the sources are left out that tell them apart', async () => {
    const blue = addNetns(scene);
    const poor = new Stage({ without: ['kernel', 'identity', 'handles'] });
    try {
      const plan = await poor.plan({ action: 'unmount' }, blue.ino);
      expect(plan.targets[0]?.cookie).toMatch(/^\d+$/);
      const done = await poor.perform(plan);
      expect(done.statuses).toEqual(['done', 'done']);
      // Nobody but the kernel can say that it is gone.
      expect(unmet(done)).toEqual([expect.stringContaining("the kernel's own list could not be read")]);
    } finally {
      await poor.close();
    }
  });

  test('a namespace that is gone needs nothing', async () => {
    const blue = addNetns(scene);
    const plan = await stage.plan({ action: 'unmount' }, blue.ino);
    run('ip', 'netns', 'delete', blue.name);
    const done = await stage.perform(plan);
    expect(done.statuses).toEqual(['nothing', 'nothing']);
    expect(unmet(done)).toEqual([]);
  });
});

describe('the file of a name stays', () => {
  test('when it is not empty', async () => {
    const name = scene.name();
    const path = `/run/netns/${name}`;
    writeFileSync(path, 'precious');
    scene.defer(() => unlinkSync(path));
    const ino = mountNew(path);
    const done = await stage.act({ action: 'unmount' }, ino);
    expect(done.statuses).toEqual(['done', 'changed']);
    expect(done.messages[1]).toContain('is no plain empty file: it stays');
    expect(lstatSync(path).size).toBe(8);
  });

  test('when it is a link by then', async () => {
    const blue = addNetns(scene);
    const elsewhere = join(scene.directory(), 'elsewhere');
    writeFileSync(elsewhere, '');
    const plan = await stage.plan({ action: 'unmount' }, blue.ino);
    const done = await stage.perform(plan, {
      result: ({ step }) => {
        if (step !== 1) return;
        unlinkSync(blue.path);
        symlinkSync(elsewhere, blue.path);
      },
    });
    expect(done.statuses).toEqual(['done', 'changed']);
    expect(lstatSync(blue.path).isSymbolicLink()).toBe(true);
    expect(existsSync(elsewhere)).toBe(true);
    unlinkSync(blue.path);
  });

  test('when somebody else is mounted on it in another mount namespace', async () => {
    const blue = addNetns(scene);
    const { line } = await scene.shell(
      `exec unshare --mount --propagation private sh -ec '
         umount ${blue.path}; unshare --net mount --bind /proc/self/ns/net ${blue.path}
         stat -L -c %i ${blue.path}; exec sleep 60'`,
    );
    const other = Number(line);
    const done = await stage.act({ action: 'unmount' }, blue.ino);
    expect(done.plan.steps.map(({ kind }) => kind)).toEqual(['unmount']);
    expect(done.plan.untouched).toEqual([
      { subject: `the file ${blue.path}`, why: expect.stringContaining(`net:[${other}] is mounted on it`) },
    ]);
    expect(unmet(done)).toEqual([]);
    expect(find(await snapshotWithout(), other)?.holders).toMatchObject([{ kind: 'mount', path: blue.path }]);
  });
});
