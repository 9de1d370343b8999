import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openSnapshotNamespace } from '../../src/enter.ts';
import { close } from '../../src/os/libc.ts';
import { describeWay } from '../../src/os/open-namespace.ts';
import { closeProcfs, openProcfs } from '../../src/os/procfs.ts';
import { rootkit } from './rootkit.ts';
import { find, holdersOf, Scene, snapshotWithout } from './scene.ts';

vi.mock('../../src/os/libc.ts', async (original) => (await import('./rootkit.ts')).concealing(await original()));

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(async () => {
  rootkit.remove();
  await scene.end();
});

test('a process that readdir conceals is a concealed task, and its namespace is hidden', async () => {
  const held = await scene.hold('process');
  const bystander = await scene.hold('process');
  expect((await snapshotWithout()).concealedTasks).toEqual([]);

  rootkit.unlisted.add(String(held.pid));
  const snapshot = await snapshotWithout();
  const tasks = snapshot.concealedTasks.filter(({ pid }) => pid === held.pid);
  expect(tasks).toContainEqual(
    expect.objectContaining({ tid: held.pid, comm: 'node', uid: 0, netns: held.ino, seenBy: 'kernel' }),
  );
  expect(snapshot.concealedTasks.map(({ pid }) => pid).filter((pid) => pid !== held.pid)).toEqual([]);
  const seen = find(snapshot, held.ino);
  expect(seen).toMatchObject({
    visibility: 'hidden',
    cookie: held.cookie,
    processes: [{ pid: held.pid, comm: 'node' }],
  });
  expect(holdersOf(seen, 'task')).toMatchObject([{ pid: held.pid, tid: held.pid, view: 'kernel' }]);
  expect(find(snapshot, bystander.ino)?.visibility).toBe('plain');

  expect(find(await snapshotWithout('kernel'), held.ino)).toBeUndefined();
  expect((await snapshotWithout('kernel')).concealedTasks).toEqual([]);
});

test('a thread that readdir conceals is a concealed task', async () => {
  const held = await scene.hold('thread');
  rootkit.unlisted.add(String(held.tid));
  const snapshot = await snapshotWithout();
  expect(snapshot.concealedTasks).toMatchObject([{ pid: held.pid, tid: held.tid, netns: held.ino }]);
  expect(find(snapshot, held.ino)?.visibility).toBe('hidden');
});

test('a descriptor that readdir conceals leaves its namespace hidden, with the holder the kernel names', async () => {
  const held = await scene.hold('descriptor');
  rootkit.unlisted.add(String(held.fd));
  const seen = find(await snapshotWithout(), held.ino);
  expect(seen?.visibility).toBe('hidden');
  expect(seen?.holders).toMatchObject([{ kind: 'descriptor', pid: held.pid, fd: held.fd, view: 'kernel' }]);
});

test("a namespace beside a concealed task's is opened through what is still there", async () => {
  const held = await scene.hold('process');
  rootkit.unlisted.add(String(held.pid));
  const snapshot = await snapshotWithout();
  const seen = find(snapshot, held.ino);
  const procfs = openProcfs('/proc');
  try {
    if (seen === undefined) throw new Error('not listed');
    const opened = openSnapshotNamespace(procfs, seen, snapshot);
    expect(opened.fd).not.toBeNull();
    if (opened.fd === null) return;
    close(opened.fd);
    // readdir lies, looking up the name does not.
    expect(describeWay(opened.way)).toContain(`pid ${held.pid}`);
  } finally {
    closeProcfs(procfs);
  }
});
