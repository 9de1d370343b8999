import type { Way } from '../src/os/open-namespace.ts';
import type { Gathered } from './index.ts';

/** Every way to get at each namespace, by its number: processes first, they are the cheapest to open. */
export function waysIn(gathered: Gathered): Map<number, Way[]> {
  const { tasks, mounts, descriptors, kernel } = gathered;
  const ways = new Map<number, Way[]>();
  const add = (ino: number, way: Way) => {
    const known = ways.get(ino);
    if (known === undefined) ways.set(ino, [way]);
    else known.push(way);
  };
  for (const { pid, netns } of tasks?.processes ?? []) {
    for (const { ino, tid, threads } of netns) add(ino, { holder: { kind: 'task', pid, tid, threads } });
  }
  for (const { ino, holder, seenBy, bytes } of mounts?.mounts ?? []) add(ino, { holder, seenBy, mountPoint: bytes });
  for (const { ino, holder } of descriptors?.sightings ?? []) if (ino !== null) add(ino, { holder });
  for (const { ino, id, departed } of kernel?.namespaces ?? []) {
    if (id !== null && !departed) add(ino, { handle: id });
  }
  return ways;
}
