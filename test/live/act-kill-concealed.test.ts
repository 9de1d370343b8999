import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { isAlive, kill, OUTSIDE, planKill, sleeper, witness } from './killing.ts';
import { rootkit } from './rootkit.ts';
import { Scene } from './scene.ts';

vi.mock('../../src/os/libc.ts', async (original) => (await import('./rootkit.ts')).concealing(await original()));

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(async () => {
  rootkit.remove();
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
    rootkit.unlisted.add(String(held.pid));
    if (how !== 'unlisted') rootkit.unreadable.add(String(held.pid));

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
  rootkit.unlisted.add(String(held.pid));
  rootkit.unreadable.add(String(held.pid));
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
