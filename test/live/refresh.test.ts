import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LiveCollector, type Refresh } from '../../src/live.ts';
import { namespaceKey, type Snapshot } from '../../src/model/index.ts';
import { run, Scene } from './scene.ts';

let scene: Scene;
let live: LiveCollector;
let last: Snapshot;

beforeEach(() => {
  scene = new Scene();
  live = new LiveCollector({ procRoot: '/proc', without: [] });
});

afterEach(async () => {
  await live.close();
  await scene.end();
});

/** Takes an answer in, as the screen does. */
function take(answer: Refresh): void {
  if (answer.type === 'snapshot') {
    last = answer.snapshot;
    return;
  }
  const changed = new Map(answer.namespaces.map((ns) => [ns.cookie, ns]));
  last = { ...last, ...answer.since, namespaces: last.namespaces.map((ns) => changed.get(ns.cookie) ?? ns) };
}

/** One tick of the screen. */
async function refresh(whole = false, focus: string | null = null): Promise<Refresh['type']> {
  const answer = await live.refresh({ whole, focus });
  take(answer);
  return answer.type;
}

/** Refreshes until something is so, as the screen would, only faster. */
async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(50)) {
    await refresh();
    if (condition()) return;
  }
  throw new Error('never came true');
}

const withCookie = (cookie: string) => last.namespaces.find((ns) => ns.cookie === cookie);

test('while nothing changes, no source but the kernel is read', async () => {
  await refresh(true);
  const counted: string[] = [];
  // Something else may be going on on this host, but not all the time.
  for (const deadline = Date.now() + 30_000; counted.length < 5 && Date.now() < deadline; await sleep(20)) {
    const before = last.coverage;
    const type = await refresh();
    const read = last.coverage.filter((entry, index) => entry !== before[index]).map(({ source }) => source);
    if (type === 'update') counted.push(read.sort().join());
  }
  expect(counted.length).toBeGreaterThan(0);
  expect(new Set(counted)).toEqual(new Set(['host,kernel']));
});

test('a namespace appears at the next refresh, with its process, and is gone at the one after its end', async () => {
  await refresh(true);
  const held = await scene.hold('process');
  await refresh();
  expect(withCookie(held.cookie)).toMatchObject({ ino: held.ino, visibility: 'plain' });
  expect(withCookie(held.cookie)?.processes).toMatchObject([{ pid: held.pid, comm: 'node' }]);
  // Soon userland has its turn and tells the rest.
  await until(() => withCookie(held.cookie)?.processes[0]?.cmdline.includes('holder.mjs') === true);

  await held.end();
  await until(() => withCookie(held.cookie) === undefined);
});

test('a name that is made and one that is deleted show, though no process changed', async () => {
  await refresh(true);
  const name = scene.name();
  scene.defer(() => run('sh', '-c', `ip netns delete ${name} 2>/dev/null || true`));
  run('ip', 'netns', 'add', name);
  await until(() => last.namespaces.some((ns) => ns.names.includes(name)));
  expect(last.namespaces.find((ns) => ns.names.includes(name))?.visibility).toBe('plain');
  run('ip', 'netns', 'delete', name);
  await until(() => !last.namespaces.some((ns) => ns.names.includes(name)));
});

test('a device that changes shows at the next refresh', async () => {
  const name = scene.name();
  scene.defer(() => run('ip', 'netns', 'delete', name));
  run('ip', 'netns', 'add', name);
  await refresh(true);
  const lo = () =>
    last.namespaces.find((ns) => ns.names.includes(name))?.devices?.find((device) => device.name === 'lo');
  expect(lo()?.flags).not.toContain('up');
  run('ip', '-n', name, 'link', 'set', 'lo', 'up');
  await refresh();
  expect(lo()?.flags).toContain('up');
});

test('the namespace that is looked at closely is read at every refresh, and at once when it is chosen', async () => {
  const names = [scene.name(), scene.name()];
  for (const name of names) {
    scene.defer(() => run('ip', 'netns', 'delete', name));
    run('ip', 'netns', 'add', name);
    run('ip', '-n', name, 'link', 'set', 'lo', 'up');
  }
  await refresh(true);
  const of = (name = '') => last.namespaces.find((ns) => ns.names.includes(name));
  const [first, second] = names.map((name) => namespaceKey(of(name) ?? ({} as never)));
  expect(of(names[0])?.neighbours).toBeNull();
  for (let round = 1; round <= 3; round++) {
    run('ip', '-n', names[0] ?? '', 'address', 'add', `10.0.0.${round}/32`, 'dev', 'lo');
    const before = of(names[0])?.countersAt ?? 0;
    await refresh(false, first);
    expect(of(names[0])?.addresses).toContainEqual(expect.objectContaining({ address: `10.0.0.${round}` }));
    expect(of(names[0])?.neighbours).not.toBeNull();
    expect(of(names[0])?.countersAt).toBeGreaterThan(before);
  }
  expect(of(names[1])?.neighbours).toBeNull();
  const answer = live.look(second ?? '');
  expect(answer).toMatchObject({ type: 'update', since: null, namespaces: [{ names: [names[1]] }] });
  take(answer);
  expect(of(names[1])?.neighbours).not.toBeNull();
});

test('a hidden namespace is never anything but hidden, and stays so from one refresh to the next', async () => {
  await refresh(true);
  const held = await scene.start(process.execPath, [
    join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', 'hidden.mjs'),
    'inflight-descriptor',
  ]);
  const { cookie, pid } = JSON.parse(held.line) as { cookie: string; pid: number };
  const seen = new Set<string | undefined>();
  await until(() => {
    seen.add(withCookie(cookie)?.visibility);
    return seen.has('hidden');
  });
  for (let round = 0; round < 20; round++) {
    await refresh();
    expect(withCookie(cookie)).toMatchObject({ visibility: 'hidden', holders: [{ kind: 'inflight', pid }] });
  }
  expect([...seen].filter((visibility) => visibility !== undefined)).toEqual(['hidden']);
  await held.end();
  await until(() => withCookie(cookie) === undefined);
});

test('without the kernel view every refresh reads everything', async () => {
  const blind = new LiveCollector({ procRoot: '/proc', without: ['kernel'] });
  for (let round = 0; round < 3; round++)
    expect((await blind.refresh({ whole: false, focus: null })).type).toBe('snapshot');
  await blind.close();
});
