import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Outcome, Plan } from '../../src/model/plan.ts';
import { inhabit, isAlive, listed, nsleuth, openNamespaces, unmet } from './acting.ts';
import { addNetns, CLI, find, inodeAt, type Netns, run, snapshotWithout } from './scene.ts';
import { scene, stage } from './staged.ts';

const MANY = 200;

interface Crowd {
  readonly namespaces: readonly Netns[];
  readonly pids: readonly number[];
}

/** Namespaces, each with a name, a process and a veth pair. */
function crowd(count: number): Crowd {
  const prefix = scene.name();
  const script = `
    for i in $(seq 1 "$2"); do
      ip netns add "$1-$i"
      ip -n "$1-$i" link add name left type veth peer name right
      nsenter --net="/run/netns/$1-$i" sleep 300 >/dev/null 2>&1 </dev/null &
      echo "$1-$i $(stat -L -c %i "/run/netns/$1-$i") $!"
    done`;
  const undo = `for i in $(seq 1 "$2"); do ip netns delete "$1-$i" 2>/dev/null || true; done`;
  scene.defer(() => run('sh', '-c', undo, 'sh', prefix, String(count)));
  const rows = run('sh', '-ec', script, 'sh', prefix, String(count))
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' '));
  const pids = rows.map(([, , pid]) => Number(pid));
  scene.defer(() => {
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  });
  return { namespaces: rows.map(([name = '', ino]) => ({ name, ino: Number(ino), path: `/run/netns/${name}` })), pids };
}

describe('release', () => {
  test('takes everything in order, each step with its why, and nothing else', async () => {
    const blue = addNetns(scene);
    const bystander = addNetns(scene);
    const inside = await inhabit(scene, blue);
    const outside = await inhabit(scene, bystander);
    run('ip', '-n', blue.name, 'link', 'add', 'name', 'left', 'type', 'veth', 'peer', 'name', 'right');
    const before = openNamespaces();
    const done = await stage.act({ action: 'release' }, blue.ino);
    expect(done.plan.steps.map(({ kind, why }) => ({ kind, why }))).toEqual([
      { kind: 'stop', why: 'first: they could make anew what the next steps remove' },
      { kind: 'unmount', why: 'last: until then the namespace can be entered by it' },
      { kind: 'remove-name', why: '' },
    ]);
    expect(done.plan.warnings).toEqual([
      expect.stringMatching(/go its virtual devices (left, right|right, left), and/),
    ]);
    expect(done.statuses).toEqual(['done', 'done', 'done']);
    expect(unmet(done)).toEqual([]);
    expect(isAlive(inside.pid)).toBe(false);
    expect(isAlive(outside.pid)).toBe(true);
    expect(inodeAt(bystander.path)).toBe(bystander.ino);
    expect(openNamespaces()).toBe(before);
  });

  test('a foreign descriptor: the plan says who, offers to end it, and that frees the namespace', async () => {
    const blue = addNetns(scene);
    const { pid } = await inhabit(scene, blue);
    // Not opened by the mount, which that would keep busy.
    const foreign = await scene.start('sh', ['-c', `exec 9</proc/${pid}/ns/net; echo open; exec sleep 60 <&-`]);
    const bystander = addNetns(scene);
    const outside = await inhabit(scene, bystander);
    const done = await stage.act({ action: 'release' }, blue.ino);
    expect(done.plan.untouched).toEqual([
      {
        subject: `pid ${foreign.pid} sleep`,
        why: expect.stringMatching(/^it holds the namespace \(.*\): it has to close that, or to end$/),
      },
    ]);
    expect(done.plan.offers.map(({ request }) => request.options.pids)).toEqual([[foreign.pid]]);
    expect(done.plan.expectations.map(({ kind }) => kind)).not.toContain('gone');
    expect(done.statuses).toEqual(['done', 'done', 'done']);
    expect(unmet(done)).toEqual([]);
    expect(isAlive(foreign.pid)).toBe(true);
    const left = find(await snapshotWithout(), blue.ino);
    expect(left?.holders).toMatchObject([{ kind: 'descriptor', pid: foreign.pid }]);

    // It is found in the plan of what is left, and only there: it takes a step of its own.
    const rest = await stage.plan({ action: 'release' }, blue.ino);
    expect(rest.steps).toEqual([]);
    const offered = rest.offers[0]?.request;
    const { action = 'kill', options = {} } = offered ?? {};
    const ended = await stage.act({ action, options: { ...options, graceMs: 500 } }, inodeAt('/proc/self/ns/net'));
    expect(ended.plan.steps).toMatchObject([{ kind: 'stop', scope: 'named', processes: [{ pid: foreign.pid }] }]);
    expect(ended.statuses).toEqual(['done']);
    expect(unmet(ended)).toEqual([]);
    const cookies = (await snapshotWithout()).namespaces.map(({ cookie }) => cookie);
    expect(cookies).not.toContain(left?.cookie);
    expect(isAlive(outside.pid)).toBe(true);
  });

  test('what still holds it is seen afterwards, and the rest of the clean-up offered', async () => {
    const blue = addNetns(scene);
    const plan = await stage.plan({ action: 'release' }, blue.ino);
    // Somebody comes in behind the plan's back.
    const late = await scene.hold('bound', blue.path);
    const done = await stage.perform(plan);
    expect(done.statuses).toEqual(['failed', 'skipped']);
    expect(unmet(done)).toContainEqual(expect.stringContaining('is gone: held by'));
    expect(done.outcome.verification?.offers.map(({ request }) => request)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ action: 'release' }),
        expect.objectContaining({ action: 'kill', options: { pids: [late.pid] } }),
      ]),
    );
  });

  test('a failure in one namespace leaves the others of the plan to be released', async () => {
    const [blue, red] = [addNetns(scene), addNetns(scene)];
    const { pid } = await scene.hold('bound', blue.path);
    const plan = await stage.plan({ action: 'unmount' }, blue.ino, red.ino);
    expect(plan.warnings).toContainEqual(expect.stringContaining(`pid ${pid} has it open by a mount`));
    const done = await stage.perform(plan);
    expect(done.statuses).toEqual(['failed', 'skipped', 'done', 'done']);
    expect(listed()).toContain(blue.name);
    expect(listed()).not.toContain(red.name);
  });

  test('one whose processes take their time does not keep the others waiting', async () => {
    const namespaces = Array.from({ length: 4 }, () => addNetns(scene));
    for (const ns of namespaces) await inhabit(scene, ns, `sh -c 'trap "" TERM; while :; do sleep 1; done'`);
    const plan = await stage.plan(
      { action: 'release', options: { graceMs: 1000 } },
      ...namespaces.map(({ ino }) => ino),
    );
    const started = performance.now();
    const done = await stage.perform(plan);
    expect(unmet(done)).toEqual([]);
    const stops = done.outcome.results.filter((_, index) => plan.steps[index]?.kind === 'stop');
    for (const { durationMs } of stops) expect(durationMs).toBeGreaterThan(900);
    expect(performance.now() - started).toBeLessThan(stops.reduce((sum, { durationMs }) => sum + durationMs, 0));
  });

  test('an interrupt before the first step does nothing', async () => {
    const blue = addNetns(scene);
    const plan = await stage.plan({ action: 'release' }, blue.ino);
    const done = await stage.perform(plan, {}, AbortSignal.abort());
    expect(done.statuses).toEqual(['skipped', 'skipped']);
    expect(done.outcome).toMatchObject({ interrupted: true, stopped: 'interrupted', verification: null });
    expect(listed()).toContain(blue.name);
  });
});

describe(`${MANY} namespaces in one go`, () => {
  test('are released within 10 s, by one plan, step by step, and proven gone', async () => {
    const { namespaces, pids } = crowd(MANY);
    const bystander = addNetns(scene);
    const outside = await inhabit(scene, bystander);
    const started = performance.now();
    const { status, stdout, stderr } = nsleuth(scene, 'release', ...namespaces.map(({ name }) => name), '--yes');
    const seconds = (performance.now() - started) / 1000;
    expect(stderr).toMatch(/^Release net:\[\d+\] \S+, .* and 197 more$/m);
    expect(stdout.match(/^ ✓ +\d+ /gm)).toHaveLength(3 * MANY);
    expect(stdout.match(/^ ✓ net:\[\d+\] \S+ is gone$/gm)).toHaveLength(MANY);
    expect({ status, unmet: stdout.match(/^ [✗?] .*$/gm) }).toEqual({ status: 0, unmet: null });
    expect(listed().filter((name) => namespaces.some((ns) => ns.name === name))).toEqual([]);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(isAlive(outside.pid)).toBe(true);
    expect(inodeAt(bystander.path)).toBe(bystander.ino);
    expect(seconds).toBeLessThan(10);
  }, 60_000);

  test('interrupted, it tells the truth about what was done, and ends by the signal', async () => {
    const { namespaces, pids } = crowd(40);
    const args = ['release', ...namespaces.map(({ name }) => name), '--yes', '--json'];
    const child = spawn(process.execPath, [CLI, ...args], {
      env: { ...process.env, XDG_STATE_HOME: scene.directory() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => {
      stdout += String(data);
    });
    child.stderr.on('data', (data) => {
      stderr += String(data);
      if (/ remove +\S+.*: the empty file is removed/.test(stderr)) child.kill('SIGINT');
    });
    const signal = await new Promise((resolve) => child.once('close', (_, by) => resolve(by)));
    expect(signal).toBe('SIGINT');
    expect(stderr).toContain('nsleuth: interrupted: it ends after the steps at hand');

    const { plan, outcome } = JSON.parse(stdout) as { plan: Plan; outcome: Outcome };
    expect(outcome.interrupted).toBe(true);
    const statuses = new Map(outcome.results.map(({ step, status }) => [step, status]));
    expect(statuses.size).toBe(plan.steps.length);
    const left = listed();
    let removed = 0;
    for (const step of plan.steps) {
      const name = namespaces.find(({ ino }) => ino === step.namespace.ino)?.name ?? '';
      const status = statuses.get(step.id);
      if (step.kind === 'remove-name')
        expect({ name, there: left.includes(name) }).toEqual({ name, there: status !== 'done' });
      if (step.kind === 'remove-name' && status === 'done') removed++;
      if (step.kind === 'stop' && status === 'done') {
        expect(step.processes.filter(({ pid }) => isAlive(pid))).toEqual([]);
      }
      if (step.kind === 'stop' && status === 'skipped') {
        expect(step.processes.every(({ pid }) => isAlive(pid))).toBe(true);
      }
    }
    expect(removed).toBeGreaterThan(0);
    expect(removed).toBeLessThan(namespaces.length);
    expect(pids.length).toBe(namespaces.length);
    const checks = outcome.verification?.checks.filter(({ text }) => text.endsWith(' is gone')) ?? [];
    expect(checks).toHaveLength(namespaces.length);
    for (const { text, holds } of checks) {
      const ns = namespaces.find(({ name }) => text.includes(` ${name} `));
      // Its name may be left, with nothing mounted on it.
      const there = ns !== undefined && existsSync(ns.path) && inodeAt(ns.path) === ns.ino;
      expect({ text, gone: !there }).toEqual({ text, gone: holds });
    }
    const trail = readFileSync(join(scene.directory(), 'nsleuth/actions.ndjson'), 'utf8').trimEnd().split('\n');
    expect(JSON.parse(trail.at(-1) ?? '')).toMatchObject({ event: 'end', stopped: 'interrupted' });
  }, 60_000);
});
