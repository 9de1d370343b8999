import type { Way } from '../src/os/open-namespace.ts';
import type { Gathered } from './index.ts';

/**
 * Every way to get at each namespace, by its number: processes first, they are the cheapest to open.
 *
 * @param only numbers of the namespaces that are wanted; all when left out.
 */
export function waysIn(gathered: Gathered, only?: ReadonlySet<number>): Map<number, Way[]> {
  const { tasks, mounts, descriptors, kernel } = gathered;
  const ways = new Map<number, Way[]>();
  const isWanted = (ino: number): boolean => only === undefined || only.has(ino);
  const add = (ino: number, way: Way) => {
    const known = ways.get(ino);
    if (known === undefined) ways.set(ino, [way]);
    else known.push(way);
  };
  for (const { pid, netns } of tasks?.processes ?? []) {
    for (const { ino, tid, threads } of netns) {
      if (isWanted(ino)) add(ino, { holder: { kind: 'task', pid, tid, threads } });
    }
  }
  for (const { ino, holder, seenBy, bytes } of mounts?.mounts ?? []) {
    if (isWanted(ino)) add(ino, { holder, seenBy, mountPoint: bytes });
  }
  for (const { ino, holder } of descriptors?.sightings ?? []) if (ino !== null && isWanted(ino)) add(ino, { holder });
  for (const { ino, id, departed } of kernel?.namespaces ?? []) {
    if (id !== null && !departed && isWanted(ino)) add(ino, { handle: id });
  }
  return ways;
}

/** Whether a namespace that somebody saw has ended since: the kernel's own list, taken later, lacks it. */
export function hasEnded({ kernel }: Gathered, ino: number): boolean {
  if (kernel === undefined || kernel.namespaces.length === 0) return false;
  return !kernel.namespaces.some((listed) => listed.ino === ino && !listed.departed);
}
