import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { collect } from '../../src/collect.ts';
import { run, Scene } from './scene.ts';

const ALL = { procRoot: '/proc', without: [] };

function openDescriptors(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [`${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`];
    } catch {
      return []; // The one that lists them.
    }
  });
}

/** Where this thread is: what entering another namespace must have put back. */
function whereabouts(): readonly string[] {
  return [
    ...['net', 'mnt', 'user'].map((type) => readlinkSync(`/proc/thread-self/ns/${type}`)),
    process.cwd(),
    readlinkSync('/proc/thread-self/root'),
  ];
}

test('a scan leaves no descriptor open and this thread where it was', async () => {
  const scene = new Scene();
  try {
    const path = join(scene.directory(), 'pinned');
    closeSync(openSync(path, 'w'));
    const name = scene.name();
    scene.defer(() => run('ip', 'netns', 'delete', name));
    run('ip', 'netns', 'add', name);
    // The kinds for which something is duplicated, reopened or entered.
    await scene.hold('mount-namespace', path);
    await scene.hold('procfile-of', `/run/netns/${name}`);
    for (const kind of ['unix', 'tun', 'detached', 'private-table', 'procfile', 'inotify']) await scene.hold(kind);

    await collect(ALL);
    // The procfs of a scan is closed on another thread, some 10 ms later at most.
    await setTimeout(200);
    const before = { open: openDescriptors(), where: whereabouts() };
    for (let round = 0; round < 50; round++) await collect(ALL);
    await setTimeout(200);
    expect({ open: openDescriptors(), where: whereabouts() }).toEqual(before);
  } finally {
    await scene.end();
  }
});

test('processes and namespaces that come and go all the while are no gap and no error', async () => {
  const scene = new Scene();
  try {
    const quiet = await collect(ALL);
    // What this host refuses anyway, such as a shielded PID 1.
    const refused = new Set(quiet.coverage.flatMap(({ missed }) => missed.map(({ subject }) => subject)));
    const absent = new Set(quiet.coverage.filter(({ status }) => status === 'unavailable').map(({ source }) => source));
    const name = scene.name();
    // Deferred before the shell starts, so that it runs after the shell is gone.
    scene.defer(() => run('sh', '-c', `umount /run/netns/${name} 2>/dev/null; rm -f /run/netns/${name}`));
    await scene.shell(`
      (while :; do unshare --net true; done) &
      (while :; do unshare --net --mount sleep 0.01; done) &
      (i=0; while [ $i -lt 10000 ]; do ip netns add ${name} && ip netns delete ${name}; i=$((i+1)); done) &
      echo ready; wait`);
    for (let round = 0; round < 40; round++) {
      const snapshot = await collect(ALL);
      const missed = snapshot.coverage.flatMap(({ source, missed }) => missed.map((issue) => ({ source, ...issue })));
      // Where PID 1 is shielded, its mount table can be read and its root cannot: a mount that was made since the
      // others' table was read is seen and refused.
      for (const { ino, holders } of snapshot.namespaces) {
        if (holders.some((holder) => holder.kind === 'mount' && holder.mountNamespace === null))
          refused.add(`net:[${ino}]`);
      }
      // `ip netns add` binds a name in two steps, and between them it is the stale file it looks like.
      expect(missed.filter(({ subject }) => !refused.has(subject) && !subject.endsWith(name))).toEqual([]);
      expect(snapshot.coverage.filter(({ status, source }) => status === 'unavailable' && !absent.has(source))).toEqual(
        [],
      );
    }
  } finally {
    await scene.end();
  }
});
