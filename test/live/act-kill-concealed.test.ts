import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { isAlive, kill, OUTSIDE, planKill, sleeper, witness } from './killing.ts';
import { Scene } from './scene.ts';

/** What a rootkit would conceal: names that readdir leaves out, and processes whose files cannot be opened. */
const hook = vi.hoisted(() => ({ unlisted: new Set<string>(), unreadable: new Set<string>() }));

// The stand-in for a rootkit, which no test may load: everything else about these tests is real.
vi.mock('../../src/os/libc.ts', async (original) => {
  const libc = await original<typeof import('../../src/os/libc.ts')>();
  const ENOENT = 2;
  const conceals = (path: string): boolean => hook.unreadable.has(path.split('/')[0] ?? '');
  const gone = (): number => {
    libc.errno(ENOENT);
    return -1;
  };
  return {
    ...libc,
    syscallWithBuffer: (n: number, a: number, buffer: Buffer, c: number, d: number, e: number): number => {
      const size = libc.syscallWithBuffer(n, a, buffer, c, d, e);
      if (n !== libc.SYS.getdents64) return size;
      for (let at = 0; at < size; at += buffer.readUInt16LE(at + 16)) {
        const name = buffer.toString('latin1', at + 19, buffer.indexOf(0, at + 19));
        if (hook.unlisted.has(name)) buffer.write('.', at + 19, 'latin1'); // no number any more
      }
      return size;
    },
    openat: (fd: number, path: string, flags: number) => (conceals(path) ? gone() : libc.openat(fd, path, flags)),
    readlinkat: (fd: number, path: string, buffer: Buffer, size: number) =>
      conceals(path) ? gone() : libc.readlinkat(fd, path, buffer, size),
  };
});

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(async () => {
  hook.unlisted.clear();
  hook.unreadable.clear();
  await scene.end();
});

test.for(['unlisted', 'unlisted and unreadable'] as const)(
  'a concealed process (%s) ends with all others',
  async (how) => {
    const held = await scene.hold('process');
    const [lurker, bystander, outside] = [
      witness(held.pid),
      await scene.hold('process'),
      await sleeper(scene, OUTSIDE),
    ];
    const spared = witness(bystander.pid);
    hook.unlisted.add(String(held.pid));
    if (how !== 'unlisted') hook.unreadable.add(String(held.pid));

    const { plan, result, outcome } = await kill(scene, [held.ino], { graceMs: 1000 });
    expect(plan.steps).toMatchObject([{ processes: [{ pid: held.pid, startTicks: lurker.startTicks }] }]);
    expect(result).toMatchObject({ status: 'done', message: '1 process ended' });
    expect(outcome.verification?.checks).toMatchObject([{ holds: true }]);
    expect([isAlive(lurker), isAlive(spared), isAlive(outside)]).toEqual([false, true, true]);
  },
);

test('a concealed process may be named, and is another one once its pid was given again', async () => {
  const held = await scene.hold('process');
  const lurker = witness(held.pid);
  hook.unlisted.add(String(held.pid));
  hook.unreadable.add(String(held.pid));
  const plan = await planKill([held.ino], { pids: [held.pid] });
  expect(plan.steps).toMatchObject([{ scope: 'named', processes: [{ pid: held.pid }] }]);

  const { result } = await kill(scene, [held.ino], {
    pids: [held.pid],
    alter: (made) => ({
      ...made,
      steps: made.steps.map((step) =>
        step.kind === 'stop'
          ? { ...step, processes: step.processes.map((each) => ({ ...each, startTicks: each.startTicks - 1 })) }
          : step,
      ),
    }),
  });
  expect(result).toMatchObject({ status: 'changed', message: expect.stringContaining('is another process by now') });
  expect(isAlive(lurker)).toBe(true);
});
