import type { TaskRecord } from '../../collectors/tasks.ts';

/** PROC_PID_INIT_INO: the initial pid namespace's inode, fixed since Linux 3.8 (include/linux/proc_ns.h). */
const INITIAL_PID_NAMESPACE = 4026531836;

/**
 * The network namespace the host booted with, or null where nothing proves one.
 *
 * Kernel threads never leave it and userspace cannot pose as one (PF_KTHREAD), so they are asked first. PID 1 may
 * be shielded, may have moved, and in a container is somebody else: it counts only in the initial pid namespace.
 */
export function initialNamespace(processes: readonly TaskRecord[]): number | null {
  const votes = new Map<number, number>();
  for (const { kernelThread, netns } of processes) {
    const ino = netns[0]?.ino;
    if (kernelThread && ino !== undefined) votes.set(ino, (votes.get(ino) ?? 0) + 1);
  }
  const [winner] = [...votes].sort(([, a], [, b]) => b - a);
  if (winner !== undefined) return winner[0];
  const first = processes.find(({ pid, pidNamespace }) => pid === 1 && pidNamespace === INITIAL_PID_NAMESPACE);
  return first?.netns[0]?.ino ?? null;
}
