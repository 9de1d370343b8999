import { existsSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listed, nsleuth, nsleuthIn, openNamespaces, SHARED_RUN, unmet } from './acting.ts';
import { addNetns, type Held, inodeAt, run } from './scene.ts';
import { scene, stage } from './staged.ts';

/** A name that is given up with the scene, whoever has it then. */
function nameFor(name = scene.name()): string {
  scene.defer(() => run('sh', '-c', 'ip netns delete "$1" 2>/dev/null || rm -f "/run/netns/$1"', 'sh', name));
  return name;
}

async function hide(kind: string, argument = ''): Promise<Held> {
  const program = join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', 'hidden.mjs');
  const { line } = await scene.start(process.execPath, [program, kind, argument]);
  return JSON.parse(line) as Held;
}

/** Lines of this process's mountinfo about a path. */
function mountsAt(path: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.split(' ')[4] === path);
}

describe('create', () => {
  test.each([null, 'größe-µ'])('makes what ip netns add makes (%s)', async (given) => {
    const name = nameFor(given === null ? undefined : `${scene.name()}-${given}`);
    const before = openNamespaces();
    const done = await stage.act({ action: 'create', options: { name } });
    expect(done.plan).toMatchObject({ risk: 'reversible', targets: [] });
    expect(done.statuses).toEqual(['done']);
    expect(unmet(done)).toEqual([]);
    expect(listed()).toContain(name);
    expect(run('ip', 'netns', 'exec', name, 'cat', '/proc/net/dev')).toContain('lo:');
    expect(done.messages[0]).toBe(`net:[${inodeAt(`/run/netns/${name}`)}] is ${name}`);
    // As ip-netns(8) leaves it: the directory is a mount of its own, and shared.
    expect(mountsAt('/run/netns').at(-1)).toMatch(/ shared:\d+ /);
    expect(openNamespaces()).toBe(before);
    run('ip', 'netns', 'delete', name);
    expect(listed()).not.toContain(name);
  });

  test('a name that is taken is refused, and nothing is touched', async () => {
    const blue = addNetns(scene);
    await expect(stage.plan({ action: 'create', options: { name: blue.name } })).rejects.toMatchObject({
      code: 'ERR_NAME_TAKEN',
      message: `net:[${blue.ino}] is called ${blue.name} already`,
    });
    const name = nameFor();
    writeFileSync(`/run/netns/${name}`, 'precious');
    const done = await stage.act({ action: 'create', options: { name } });
    expect(done.statuses).toEqual(['changed']);
    expect(done.messages[0]).toBe(`/run/netns/${name} is there already`);
    expect(readFileSync(`/run/netns/${name}`, 'utf8')).toBe('precious');
  });

  test('at the limit it says which limit, and leaves no name behind', () => {
    const name = scene.name();
    const script = `echo 1 > /proc/sys/user/max_net_namespaces; mount -t tmpfs none /run; exec "$@"`;
    // The namespace the process itself gets is the one that is allowed.
    const { status, stdout } = nsleuthIn(
      ['unshare', '--user', '--map-root-user', '--net', '--mount', 'sh', '-ec', script, 'sh'],
      ['create', name, '--yes'],
    );
    expect(stdout).toContain('the limit of network namespaces is reached (user.max_net_namespaces)');
    expect(status).toBe(1);
  });
});

describe('name', () => {
  test('an anonymous namespace gets one, and keeps it when its process ends', async () => {
    const held = await scene.hold('process');
    const name = nameFor();
    const done = await stage.act({ action: 'name', options: { name } }, held.ino);
    expect(done.statuses).toEqual(['done']);
    expect(unmet(done)).toEqual([]);
    await held.end();
    expect(inodeAt(`/run/netns/${name}`)).toBe(held.ino);
    expect(listed()).toContain(name);
  });

  test.each(['inflight-descriptor', 'inflight-socket', 'packet-ring', 'iouring-mapped', 'tcp-orphan'])(
    'a hidden one does, by its handle (%s)',
    async (kind) => {
      const held = await hide(kind, kind === 'tcp-orphan' ? '7' : '');
      const name = nameFor();
      const done = await stage.act({ action: 'name', options: { name } }, held.ino);
      expect(done.statuses, done.messages.join()).toEqual(['done']);
      expect(unmet(done)).toEqual([]);
      expect(inodeAt(`/run/netns/${name}`)).toBe(held.ino);
      expect(run('ip', 'netns', 'exec', name, 'cat', '/proc/net/dev')).toContain('lo:');
    },
  );

  test('one that is another by now gets none', async () => {
    const held = await scene.hold('process');
    const name = nameFor();
    const plan = await stage.plan({ action: 'name', options: { name } }, held.ino);
    await held.end();
    const done = await stage.perform(plan);
    expect(done.statuses).toEqual(['changed']);
    expect(existsSync(`/run/netns/${name}`)).toBe(false);
    expect(unmet(done)).toHaveLength(1);
  });
});

describe('rename', () => {
  test('ip netns agrees, and the namespace is never without a name', async () => {
    const blue = addNetns(scene);
    const name = nameFor();
    const seen: number[] = [];
    const plan = await stage.plan({ action: 'rename', options: { name } }, blue.ino);
    const done = await stage.perform(plan, {
      result: () => seen.push([blue.path, `/run/netns/${name}`].filter((path) => existsSync(path)).length),
    });
    expect(plan).toMatchObject({
      risk: 'reversible',
      steps: [{ kind: 'bind-name' }, { kind: 'unmount' }, { kind: 'remove-name' }],
    });
    expect(done.statuses).toEqual(['done', 'done', 'done']);
    expect(unmet(done)).toEqual([]);
    expect(seen).toEqual([2, 2, 1]);
    expect(listed()).toContain(name);
    expect(listed()).not.toContain(blue.name);
    expect(inodeAt(`/run/netns/${name}`)).toBe(blue.ino);
  });

  test('gives up both mounts of the old name where /run is shared', () => {
    const [old, name] = [scene.name(), scene.name()];
    const script = `${SHARED_RUN}; ip netns add ${old}; "$@"; echo names: $(ip netns list)`;
    const { status, stdout } = nsleuthIn(
      ['unshare', '--mount', 'sh', '-ec', script, 'sh'],
      ['rename', old, name, '--yes'],
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(`names: ${name}\\n$`) });
  });

  test('of several names one has to be said; the others stay', async () => {
    const blue = addNetns(scene);
    const second = nameFor();
    run('ip', 'netns', 'attach', second, String((await pidIn(blue.path)).pid));
    const name = nameFor();
    const asked = { action: 'rename', options: { name } } as const;
    await expect(stage.plan(asked, blue.ino)).rejects.toMatchObject({ code: 'ERR_WHICH_NAME', exitCode: 2 });
    await expect(
      stage.plan({ action: 'rename', options: { name, oldName: 'no-such' } }, blue.ino),
    ).rejects.toMatchObject({ code: 'ERR_NO_NAME' });

    const { status, stdout } = nsleuth(scene, 'rename', String(blue.ino), name, '--old', second, '--yes');
    expect({ status, stdout }).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(`✓ no namespace is called ${second}`),
    });
    expect(listed()).toEqual(expect.arrayContaining([blue.name, name]));
    expect(listed()).not.toContain(second);
    // What it is called by is the one that is changed.
    const third = nameFor();
    expect(nsleuth(scene, 'rename', name, third, '--yes').status).toBe(0);
    expect(listed()).toEqual(expect.arrayContaining([blue.name, third]));
    expect(listed()).not.toContain(name);
  });

  test('the old name stays where the new one cannot be given', async () => {
    const blue = addNetns(scene);
    const name = nameFor();
    const plan = await stage.plan({ action: 'rename', options: { name } }, blue.ino);
    writeFileSync(`/run/netns/${name}`, '');
    const done = await stage.perform(plan);
    expect(done.statuses).toEqual(['changed', 'skipped', 'skipped']);
    expect(listed()).toContain(blue.name);
    unlinkSync(`/run/netns/${name}`);
  });
});

/** A process in a namespace. */
function pidIn(path: string): Promise<{ readonly pid: number }> {
  return scene.start('nsenter', [`--net=${path}`, 'sh', '-c', 'echo in; exec sleep 60']);
}
