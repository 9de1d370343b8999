/**
 * The two views set against each other: what the kernel lists and userland cannot explain, and the reverse. Pure. A
 * difference found here is only a question: the views were taken at different moments. `src/settle-views.ts`
 * looks again before any of it becomes a verdict.
 */
import type { Gathered } from '../../collectors/index.ts';
import type { KernelNamespace, KernelTask } from '../../collectors/kernel.ts';
import type { TaskRecord } from '../../collectors/tasks.ts';
import { isProvenByUserland } from '../model/index.ts';
import { answeredSightings } from './kernel-answers.ts';

/** What tells a namespace of the kernel's list from all others: its cookie, where the kernel has them. */
export function kernelKey({ cookie, ino }: Pick<KernelNamespace, 'cookie' | 'ino'>): string {
  return cookie ?? `net:[${ino}]`;
}

/** On the list, and not waiting for its teardown. */
export function isAlive({ departed, count }: KernelNamespace): boolean {
  return !departed && count !== 0;
}

/** Inodes of the namespaces userland itself has a holder for that proves them. */
export function provenByUserland(gathered: Gathered): ReadonlySet<number> {
  const inodes = new Set<number>();
  for (const { netns } of gathered.tasks?.processes ?? []) for (const { ino } of netns) inodes.add(ino);
  for (const { ino } of gathered.mounts?.mounts ?? []) inodes.add(ino);
  for (const { ino } of gathered['pinned-mounts']?.mounts ?? []) inodes.add(ino);
  for (const { ino, holder } of answeredSightings(gathered)) {
    if (ino !== null && isProvenByUserland(holder)) inodes.add(ino);
  }
  return inodes;
}

/** Namespaces the kernel lists and userland has no certain holder for (`proven`). */
export function unheld({ kernel }: Gathered, proven: ReadonlySet<number>): KernelNamespace[] {
  return (kernel?.namespaces ?? []).filter((ns) => isAlive(ns) && !proven.has(ns.ino));
}

/** Namespaces userland has a holder for and the kernel does not list; none while there is no kernel view. */
export function unlisted({ kernel }: Gathered, proven: ReadonlySet<number>): number[] {
  const listed = new Set(kernel?.namespaces.filter(({ departed }) => !departed).map(({ ino }) => ino));
  return listed.size === 0 ? [] : [...proven].filter((ino) => !listed.has(ino));
}

/** Whether the tasks of both views can be compared: both were read, and of the same processes. */
function comparable({ tasks, kernel }: Gathered): boolean {
  return tasks?.narrowed === false && kernel?.hostWide === true && kernel.tasks.length > 0;
}

/**
 * Tasks the kernel has and procfs does not list. One that procfs lists and may not be read is denied, not concealed.
 *
 * @param listed every thread id procfs listed.
 */
export function unseenTasks(gathered: Gathered, listed: ReadonlySet<number>): KernelTask[] {
  if (!comparable(gathered)) return [];
  const denied = new Set(gathered.tasks?.denied);
  return (gathered.kernel?.tasks ?? []).filter(({ tid, pid }) => !listed.has(tid) && !denied.has(pid));
}

/** Every thread id that was seen in procfs. */
export function seenTaskIds({ tasks }: Gathered): Set<number> {
  const ids = new Set(tasks?.listed);
  for (const { otherThreads } of tasks?.processes ?? []) for (const tid of otherThreads) ids.add(tid);
  return ids;
}

/** Processes procfs shows and the kernel's iterator does not. */
export function unlistedProcesses(gathered: Gathered): TaskRecord[] {
  if (!comparable(gathered)) return [];
  const listed = new Set(gathered.kernel?.tasks.map(({ pid }) => pid));
  const denied = new Set(gathered.tasks?.denied);
  return (gathered.tasks?.processes ?? []).filter(({ pid }) => !listed.has(pid) && !denied.has(pid));
}
