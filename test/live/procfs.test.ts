import { expect, test } from 'vitest';
import { closeProcfs, openProcfs } from '../../src/os/procfs.ts';
import { run } from './scene.ts';

test('/proc is read through a mount of its own that nothing can be mounted over', () => {
  const procfs = openProcfs('/proc');
  closeProcfs(procfs);
  expect(procfs).toMatchObject({ uncovered: true, live: true, coveredReason: null });
});

test('a filesystem mounted over /proc itself hides nothing', () => {
  const json = run(
    'unshare', '--mount', '--propagation', 'private', 'sh', '-ec',
    `mount -t tmpfs none /proc; exec ${process.execPath} dist/cli.js list --json`,
  ); // biome-ignore format: one command
  const snapshot = JSON.parse(json) as { namespaces: { initial: boolean; processes: unknown[] }[] };
  expect(snapshot.namespaces.find(({ initial }) => initial)?.processes.length).toBeGreaterThan(10);
});
