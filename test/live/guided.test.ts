import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { collect } from '../../src/collect.ts';
import type { Namespace, Snapshot } from '../../src/model/index.ts';
import { Session } from '../../src/session.ts';
import { rootkit } from './rootkit.ts';
import { find, run, Scene } from './scene.ts';

vi.mock('../../src/os/libc.ts', async (original) => (await import('./rootkit.ts')).concealing(await original()));

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(async () => {
  rootkit.remove();
  await scene.end();
});

/** What `nsleuth list` prints its table from: guided by the kernel's view, or walked in full. */
async function table(guided: boolean, ...without: readonly string[]): Promise<Snapshot> {
  const options = {
    procRoot: '/proc',
    without: ['identity', 'handles', 'listns', ...without],
    depth: 'table',
  } as const;
  if (guided) return collect(options);
  const session = new Session({ lasting: false, devices: false });
  try {
    return await collect(options, undefined, session);
  } finally {
    await session.close();
  }
}

function isGuided({ coverage }: Snapshot): boolean {
  return coverage.some(
    ({ source, notes }) => source === 'descriptors' && notes.some(({ reason }) => reason.includes("kernel's view")),
  );
}

/** What columns show of a namespace, in an order that does not depend on when what was read. */
function shown(ns: Namespace | undefined): unknown {
  if (ns === undefined) return undefined;
  const { ino, visibility, names, paths, holders, processes, container } = ns;
  const sorted = (items: readonly unknown[]): string[] => items.map((item) => JSON.stringify(item)).sort();
  return {
    ino,
    visibility,
    names,
    paths,
    container,
    holders: sorted(holders),
    processes: sorted(processes.map((process) => ({ ...process, startedAt: '' }))),
  };
}

/** A process of one thread, which is what the kernel's word is taken for, in a namespace of its own. */
async function sleeper(...wrapper: readonly string[]): Promise<{ readonly pid: number; readonly ino: number }> {
  const [file = 'unshare', ...args] = [...wrapper, 'unshare', '--net', 'sleep', '1000'];
  const child = spawn(file, args, { stdio: 'ignore' });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  scene.defer(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  for (;;) {
    const link = readlinkSync(`/proc/${pid}/ns/net`);
    if (link !== readlinkSync('/proc/self/ns/net')) return { pid, ino: Number(link.slice('net:['.length, -1)) };
    await sleep(5);
  }
}

/** Eight retries are 107 s. */
const ORPHANS_MS = 120_000;

test(
  'a guided table shows what a full walk shows, for every kind of holder',
  async () => {
    const inodes: number[] = [];
    for (const kind of [
      'process',
      'thread',
      'private-table',
      'descriptor',
      'detached',
      'unix',
      'inet',
      'inet6',
      'netlink',
      'packet',
      'raw',
      'listening',
      'tun',
      'inotify',
      'fanotify',
      'iouring',
    ]) {
      inodes.push((await scene.hold(kind)).ino);
    }
    inodes.push((await scene.hold('accepted', join(scene.directory(), 'server'))).ino);
    const alone = await sleeper();
    // As another user, and with arguments to sanitise.
    const other = await sleeper('setpriv', '--reuid=0', '--regid=65534', '--clear-groups');
    const covered = await sleeper();
    run('mount', '-t', 'tmpfs', 'none', `/proc/${covered.pid}`);
    scene.defer(() => run('umount', `/proc/${covered.pid}`));
    inodes.push(alone.ino, other.ino, covered.ino);
    const name = scene.name();
    scene.defer(() => run('ip', 'netns', 'delete', name));
    run('ip', 'netns', 'add', name);

    // What other tests left for the kernel to time out (TCP orphans) is hidden, and asks for a walk.
    await vi.waitFor(
      async () => {
        const { namespaces } = await table(false);
        expect(namespaces.filter(({ visibility }) => visibility === 'hidden' || visibility === 'dying')).toEqual([]);
      },
      { timeout: ORPHANS_MS, interval: 500 },
    );
    const guided = await table(true);
    const full = await table(false);
    expect([guided, full].map(isGuided)).toEqual([true, false]);
    for (const ino of inodes) expect(shown(find(guided, ino))).toEqual(shown(find(full, ino)));
    expect(inodes.filter((ino) => find(guided, ino) === undefined)).toEqual([]);
    const named = ({ namespaces }: Snapshot) => shown(namespaces.find(({ names }) => names.includes(name)));
    expect(named(guided)).toEqual(named(full));
    expect(find(guided, covered.ino)?.processes).toMatchObject([{ pid: covered.pid, covered: true }]);
    // What may not be read is said either way.
    const gaps = ({ coverage }: Snapshot) =>
      coverage.map(({ source, status, missed }) => [source, status, missed.map(({ subject }) => subject)]);
    expect(gaps(guided)).toEqual(gaps(full));
  },
  2 * ORPHANS_MS,
);

test.each(['inflight-descriptor', 'unaccepted', 'packet-ring', 'iouring-mapped'])(
  'what only the kernel shows is hidden in a guided table too: %s',
  async (kind) => {
    mkdirSync(scene.directory(), { recursive: true });
    const held = await scene.start(process.execPath, [
      join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', 'hidden.mjs'),
      kind,
      kind === 'unaccepted' ? join(scene.directory(), 'listener') : '',
    ]);
    const { cookie } = JSON.parse(held.line) as { cookie: string };
    const seen = (snapshot: Snapshot) => snapshot.namespaces.find((ns) => ns.cookie === cookie);
    const guided = seen(await table(true));
    expect(guided?.visibility).toBe('hidden');
    expect(shown(guided)).toEqual(shown(seen(await table(false))));
  },
);

test('a process that readdir conceals is concealed from a guided table too', async () => {
  const { pid, ino } = await sleeper();
  rootkit.unlisted.add(String(pid));
  const snapshot = await table(true);
  expect(snapshot.concealedTasks).toMatchObject([{ pid, tid: pid, netns: ino, seenBy: 'kernel' }]);
  expect(find(snapshot, ino)).toMatchObject({ visibility: 'hidden', processes: [{ pid, comm: 'sleep' }] });
});

test('a descriptor that readdir conceals leaves its namespace hidden in a guided table too', async () => {
  const held = await scene.hold('descriptor');
  rootkit.unlisted.add(String(held.fd));
  const seen = find(await table(true), held.ino);
  expect(seen?.visibility).toBe('hidden');
  expect(seen?.holders).toMatchObject([{ kind: 'descriptor', pid: held.pid, fd: held.fd, view: 'kernel' }]);
});

test.each(['kernel', 'mounts', 'descriptors'])('without %s a table is not guided', async (source) => {
  const held = await scene.hold('process');
  const snapshot = await table(true, source);
  expect(
    snapshot.coverage.flatMap(({ notes }) => notes).filter(({ reason }) => reason.includes("kernel's view")),
  ).toEqual([]);
  expect(find(snapshot, held.ino)?.visibility).toBe('plain');
});
