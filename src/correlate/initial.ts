import { INITIAL_PID_NAMESPACE, type TaskRecord } from '../../collectors/tasks.ts';

/**
 * NET_NS_INIT_INO (include/uapi/linux/nsfs.h): what new kernels give the initial network namespace. It lies below
 * 0xf0000000, from where numbers are allocated, so on older kernels no namespace ever has it.
 */
const INITIAL_NETWORK_NAMESPACE = 4026531833;

/**
 * The network namespace the host booted with, or null where nothing proves one.
 *
 * A number only it can have decides, where the kernel gives one. Kernel threads never leave it and userspace cannot
 * pose as one (PF_KTHREAD), so they come next. PID 1 may be shielded, may have moved, and in a container is somebody
 * else: it counts only in the initial pid namespace.
 */
export function initialNamespace(processes: readonly TaskRecord[], inodes: ReadonlySet<number | null>): number | null {
  if (inodes.has(INITIAL_NETWORK_NAMESPACE)) return INITIAL_NETWORK_NAMESPACE;
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
