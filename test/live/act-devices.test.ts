import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inhabit, isAlive, linksOf, Stage, unmet } from './acting.ts';
import { addNetns, inodeAt, type Netns, run } from './scene.ts';
import { scene, stage } from './staged.ts';

/** A device name nobody else on this host has. */
let count = 0;
function deviceName(): string {
  count += 1;
  return `nt${process.pid}x${count}`.slice(-12);
}

function ip(...args: readonly string[]): void {
  run('ip', ...args);
}

/** A device in the initial namespace that goes with the scene, wherever it is by then. */
function forget(name: string): void {
  scene.defer(() => run('sh', '-c', 'ip link delete "$1" 2>/dev/null || true', 'sh', name));
}

/** A veth pair in one namespace. */
function addVeth({ name }: Netns, left: string, right: string): void {
  ip('-n', name, 'link', 'add', 'name', left, 'type', 'veth', 'peer', 'name', right);
}

const init = (): number => inodeAt('/proc/self/ns/net');

describe('set-link', () => {
  test('sets lo up and down', async () => {
    const blue = addNetns(scene);
    for (const link of ['up', 'down'] as const) {
      const done = await stage.act({ action: 'set-link', options: { devices: ['lo'], link } }, blue.ino);
      expect(done.plan.risk).toBe('reversible');
      expect(done.statuses).toEqual(['done']);
      expect(unmet(done)).toEqual([]);
      expect(linksOf(blue.name).get('lo')?.flags.includes('UP')).toBe(link === 'up');
    }
    const again = await stage.act({ action: 'set-link', options: { devices: ['lo'], link: 'down' } }, blue.ino);
    expect(again.statuses).toEqual(['nothing']);
    expect(again.messages).toEqual(['lo is down already']);
  });

  test('says which routes are lost', async () => {
    const blue = addNetns(scene);
    addVeth(blue, 'left', 'right');
    ip('-n', blue.name, 'link', 'set', 'left', 'up');
    ip('-n', blue.name, 'link', 'set', 'right', 'up');
    ip('-n', blue.name, 'address', 'add', '192.0.2.1/24', 'dev', 'left');
    ip('-n', blue.name, 'route', 'add', 'default', 'via', '192.0.2.9');
    const plan = await stage.plan({ action: 'set-link', options: { devices: ['left'], link: 'down' } }, blue.ino);
    expect(plan.risk).toBe('destructive');
    expect(plan.steps[0]?.effect).toContain('the kernel forgets 1 route over it');
  });

  test('a device that is gone, or has another name, is left alone', async () => {
    const blue = addNetns(scene);
    addVeth(blue, 'left', 'right');
    const wanted = { action: 'set-link', options: { devices: ['left'], link: 'up' } } as const;
    const renamed = await stage.plan(wanted, blue.ino);
    ip('-n', blue.name, 'link', 'set', 'left', 'name', 'other');
    const left = await stage.perform(renamed);
    expect(left.statuses).toEqual(['changed']);
    expect(left.messages[0]).toMatch(/^device \d+ is called other by now, not left$/);
    expect(linksOf(blue.name).get('other')?.flags).not.toContain('UP');

    const deleted = await stage.plan({ ...wanted, options: { ...wanted.options, devices: ['other'] } }, blue.ino);
    ip('-n', blue.name, 'link', 'delete', 'other');
    const gone = await stage.perform(deleted);
    expect(gone.statuses).toEqual(['changed']);
    expect(gone.messages).toEqual(['other is gone']);
    expect(unmet(gone)).toEqual([expect.stringContaining('it is gone')]);
  });

  test('no device of the initial namespace is set down', async () => {
    await expect(
      stage.plan({ action: 'set-link', options: { devices: ['lo'], link: 'down' } }, init()),
    ).rejects.toMatchObject({ code: 'ERR_PROTECTED' });
  });
});

describe('move-device', () => {
  test('moves one, by its number, and says what is lost', async () => {
    const [blue, red] = [addNetns(scene), addNetns(scene)];
    addVeth(blue, 'left', 'right');
    ip('-n', blue.name, 'link', 'set', 'left', 'up');
    ip('-n', blue.name, 'address', 'add', '192.0.2.1/24', 'dev', 'left');
    ip('-n', blue.name, 'neighbour', 'add', '192.0.2.3', 'lladdr', '02:00:00:00:00:03', 'dev', 'left');
    ip('-n', blue.name, 'link', 'add', 'link', 'left', 'name', 'stacked', 'type', 'macvlan');
    const wanted = { action: 'move-device', to: red.ino, options: { devices: ['left'], name: 'right' } } as const;
    const done = await stage.act(wanted, blue.ino);
    expect(done.plan).toMatchObject({
      risk: 'destructive',
      warnings: ['stacked on left stays where it is, and sends by it from there'],
      steps: [{ effect: 'goes down, loses its addresses 192.0.2.1/24; 1 permanent neighbour' }],
    });
    expect(done.statuses).toEqual(['done']);
    expect(unmet(done)).toEqual([]);
    expect([...linksOf(red.name).keys()]).toEqual(['lo', 'right']);
    expect([...linksOf(blue.name).keys()]).toEqual(['lo', 'right', 'stacked']);
  });

  test('the port of a bridge leaves it, and the plan says so', async () => {
    const [blue, red] = [addNetns(scene), addNetns(scene)];
    addVeth(blue, 'left', 'right');
    ip('-n', blue.name, 'link', 'add', 'name', 'br', 'type', 'bridge');
    ip('-n', blue.name, 'link', 'set', 'left', 'master', 'br');
    const done = await stage.act({ action: 'move-device', to: red.ino, options: { devices: ['left'] } }, blue.ino);
    expect(done.plan.steps[0]?.effect).toBe('loses its place in br');
    expect(unmet(done)).toEqual([]);
    await expect(
      stage.plan({ action: 'move-device', to: red.ino, options: { devices: ['br'] } }, blue.ino),
    ).rejects.toMatchObject({ code: 'ERR_IMMOVABLE' });
  });

  test('a name taken meanwhile, a device gone, a namespace gone: nothing moves', async () => {
    const [blue, red] = [addNetns(scene), addNetns(scene)];
    addVeth(blue, 'left', 'right');
    const wanted = { action: 'move-device', to: red.ino, options: { devices: ['left'] } } as const;

    const taken = await stage.plan(wanted, blue.ino);
    addVeth(red, 'left', 'other');
    const refused = await stage.perform(taken);
    expect(refused.statuses).toEqual(['changed']);
    expect(refused.messages[0]).toContain('has a device called left by now');
    expect(linksOf(blue.name).has('left')).toBe(true);
    ip('-n', red.name, 'link', 'delete', 'left');

    const gone = await stage.plan(wanted, blue.ino);
    ip('-n', blue.name, 'link', 'delete', 'left');
    expect(await stage.perform(gone)).toMatchObject({ statuses: ['changed'], messages: ['left is gone'] });

    addVeth(blue, 'left', 'right');
    const nowhere = await stage.plan(wanted, blue.ino);
    run('ip', 'netns', 'delete', red.name);
    const left = await stage.perform(nowhere);
    expect(left.statuses).toEqual(['changed']);
    // Closing a socket takes the kernel a moment, for which the namespace can still be opened by its handle.
    expect(left.messages[0]).toMatch(/ is gone$|^nothing holds /);
    expect(linksOf(blue.name).has('left')).toBe(true);
  });

  test('an alternative name that is taken there is found out before', async () => {
    const [blue, red] = [addNetns(scene), addNetns(scene)];
    addVeth(blue, 'left', 'right');
    addVeth(red, 'alpha', 'beta');
    ip('-n', blue.name, 'link', 'property', 'add', 'dev', 'left', 'altname', 'alpha');
    const wanted = { action: 'move-device', to: red.ino, options: { devices: ['left'] } } as const;
    await expect(stage.plan(wanted, blue.ino)).rejects.toMatchObject({
      code: 'ERR_NAME_TAKEN',
      message: expect.stringContaining('ip link property del dev left altname alpha'),
    });
  });

  test('a name that shows escape sequences moves as it is, and is drawn harmless', async () => {
    const [blue, red] = [addNetns(scene), addNetns(scene)];
    const name = 'e\u001b[2J';
    addVeth(blue, name, 'right');
    addVeth(red, name, 'right');
    const shown = 'e\\x1b[2J';
    const done = await stage.act({ action: 'move-device', to: red.ino, options: { devices: [shown] } }, blue.ino);
    expect(done.plan.steps[0]?.subject).toContain(`as ${shown}-2, since ${shown} is taken there`);
    expect(JSON.stringify(done.plan.expectations)).not.toContain('\\u001b');
    expect(unmet(done)).toEqual([]);
    expect([...linksOf(red.name).keys()]).toEqual(['lo', 'right', name, `${name}-2`]);
  });
});

describe('reclaim', () => {
  /** A sysfs in which these devices sit on a bus. */
  function sysfsWith(...names: readonly string[]): string {
    const root = join(scene.directory(), 'sys');
    for (const name of names) {
      const device = join(root, 'devices/pci0000:00', name);
      mkdirSync(device, { recursive: true });
      symlinkSync('../../../bus/pci', join(device, 'subsystem'));
      mkdirSync(join(root, 'class/net', name), { recursive: true });
      symlinkSync(`../../../devices/pci0000:00/${name}`, join(root, 'class/net', name, 'device'));
    }
    return root;
  }

  async function withSysfs<T>(sysRoot: string, run: (stage: Stage) => Promise<T>): Promise<T> {
    const own = new Stage({ sysRoot });
    try {
      return await run(own);
    } finally {
      await own.close();
    }
  }

  test.each(['veth', 'tap'])('hardware comes home with its name (%s)', async (kind) => {
    const blue = addNetns(scene);
    const bystander = addNetns(scene);
    const nic = deviceName();
    forget(nic);
    if (kind === 'veth') addVeth(blue, nic, 'right');
    else ip('-n', blue.name, 'tuntap', 'add', 'dev', nic, 'mode', 'tap');
    ip('-n', blue.name, 'address', 'add', '192.0.2.7/24', 'dev', nic);
    addVeth(bystander, 'left', 'right');
    await withSysfs(sysfsWith(nic), async (own) => {
      const done = await own.act({ action: 'reclaim' }, blue.ino);
      expect(done.plan.steps).toMatchObject([
        { name: nic, newName: nic, effect: expect.stringContaining('its addresses 192.0.2.7/24') },
      ]);
      expect(done.statuses).toEqual(['done']);
      expect(unmet(done)).toEqual([]);
    });
    expect(run('ip', '-br', 'link', 'show', 'dev', nic)).toContain(nic);
    expect(linksOf(blue.name).has(nic)).toBe(false);
    expect(linksOf(bystander.name).size).toBe(3);
  });

  test('what is no hardware stays, unless it is named or all are wanted', async () => {
    const [blue, red] = [addNetns(scene), addNetns(scene)];
    addVeth(blue, 'left', 'right');
    await expect(stage.plan({ action: 'reclaim' }, blue.ino)).rejects.toMatchObject({
      code: 'ERR_NO_DEVICE',
      message: expect.stringMatching(
        /^no physical device in .*; it has (right, left|left, right): name one to move it$/,
      ),
    });
    const named = await stage.plan({ action: 'reclaim', to: red.ino, options: { devices: ['left'] } }, blue.ino);
    expect(named.steps).toMatchObject([{ name: 'left' }]);
    const all = await stage.act({ action: 'reclaim', to: red.ino, options: { all: true } }, blue.ino);
    expect(all.statuses).toEqual(['done', 'done']);
    expect([...linksOf(red.name).keys()].toSorted()).toEqual(['left', 'lo', 'right']);
  });

  test('of two with one name, from two namespaces, each gets a name of its own, as was said', async () => {
    const [blue, red] = [addNetns(scene), addNetns(scene)];
    const nic = deviceName();
    const home = [nic, `${nic}-2`, `${nic}-3`] as const;
    for (const name of home) forget(name);
    ip('link', 'add', 'name', nic, 'type', 'bridge');
    for (const ns of [blue, red]) addVeth(ns, nic, 'right');
    await withSysfs(sysfsWith(nic), async (own) => {
      const done = await own.act({ action: 'reclaim' }, blue.ino, red.ino);
      expect(done.plan.steps.map(({ subject }) => subject.replace(/^.* as /, ''))).toEqual([
        `${home[1]}, since ${nic} is taken there`,
        `${home[2]}, since ${nic} is taken there`,
      ]);
      expect(done.statuses).toEqual(['done', 'done']);
      expect(unmet(done)).toEqual([]);
    });
    for (const name of home) expect(run('ip', '-br', 'link', 'show', 'dev', name)).toContain(name);
  });

  test('release brings it home before the namespace ends', async () => {
    const blue = addNetns(scene);
    const bystander = addNetns(scene);
    const nic = deviceName();
    forget(nic);
    addVeth(blue, nic, 'right');
    ip('-n', blue.name, 'link', 'set', 'right', 'netns', bystander.name);
    const inside = await inhabit(scene, blue);
    const outside = await inhabit(scene, bystander);
    await withSysfs(sysfsWith(nic), async (own) => {
      const done = await own.act({ action: 'release' }, blue.ino);
      expect(done.plan.steps.map(({ kind }) => kind)).toEqual(['stop', 'move-device', 'unmount', 'remove-name']);
      expect(unmet(done)).toEqual([]);
    });
    expect(run('ip', '-br', 'link', 'show', 'dev', nic)).toContain(nic);
    // Its other end would have gone with it.
    expect(linksOf(bystander.name).has('right')).toBe(true);
    expect(isAlive(inside.pid)).toBe(false);
    expect(isAlive(outside.pid)).toBe(true);
  });

  test('where it cannot be brought home, the namespace is not taken apart', async () => {
    const blue = addNetns(scene);
    const nic = deviceName();
    forget(nic);
    addVeth(blue, nic, 'right');
    await withSysfs(sysfsWith(nic), async (own) => {
      const plan = await own.plan({ action: 'release' }, blue.ino);
      ip('link', 'add', 'name', nic, 'type', 'bridge');
      const done = await own.perform(plan);
      expect(done.statuses).toEqual(['changed', 'skipped', 'skipped']);
      expect(unmet(done)).not.toEqual([]);
      expect(done.outcome.verification?.offers.map(({ request }) => request.action)).toContain('release');
    });
    expect(inodeAt(blue.path)).toBe(blue.ino);
    expect(linksOf(blue.name).has(nic)).toBe(true);
  });
});
