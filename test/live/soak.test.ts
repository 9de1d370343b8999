import { expect, test } from 'vitest';
import { collect } from '../../src/collect.ts';
import { Session } from '../../src/session.ts';
import { run, Scene } from './scene.ts';

const SCANS = 200;
/** No longer than this, however slow the machine: what was scanned until then must be right. */
const LONGEST_MS = 60_000;

test('namespaces and processes that come and go as fast as they can are never taken for hidden ones', async () => {
  const scene = new Scene();
  const session = new Session();
  try {
    const quiet = await collect({ procRoot: '/proc', without: [] });
    const before = new Set(
      quiet.namespaces.filter(({ visibility }) => visibility === 'hidden').map(({ cookie }) => cookie),
    );
    const name = scene.name();
    // Deferred before the shell starts, so that it runs after the shell is gone.
    scene.defer(() => run('sh', '-c', `umount /run/netns/${name} 2>/dev/null; rm -f /run/netns/${name}`));
    await scene.shell(`
      (while :; do unshare --net true; done) &
      (while :; do unshare --net sh -c '(sleep 0.02 &) ; exec sleep 0.01'; done) &
      (while :; do ip netns add ${name} && ip netns exec ${name} true; ip netns delete ${name}; done) &
      (while :; do /bin/true; done) &
      echo ready; wait`);
    const wrong: string[] = [];
    let seen = 0;
    let scans = 0;
    for (const started = Date.now(); scans < SCANS && Date.now() - started < LONGEST_MS; scans++) {
      const snapshot = await collect({ procRoot: '/proc', without: [] }, undefined, session);
      seen = Math.max(seen, snapshot.namespaces.length);
      for (const ns of snapshot.namespaces) {
        if (ns.visibility === 'hidden' && !before.has(ns.cookie))
          wrong.push(`scan ${scans}: hidden ${JSON.stringify(ns)}`);
      }
      for (const task of snapshot.concealedTasks) wrong.push(`scan ${scans}: concealed ${JSON.stringify(task)}`);
    }
    expect(wrong).toEqual([]);
    // The shell was at work all the while.
    expect(seen).toBeGreaterThan(1);
    expect(scans).toBe(SCANS);
  } finally {
    await session.close();
    await scene.end();
  }
}, 120_000);
