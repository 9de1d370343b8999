import type { Gathered } from '../../collectors/index.ts';
import type { KernelData } from '../../collectors/kernel.ts';
import type { SocketRecord } from '../../collectors/sockets.ts';
import type { TasksData } from '../../collectors/tasks.ts';
import type { SafeText, Socket, SocketProcess } from '../model/index.ts';
import { oncePer } from '../once-per.ts';

/** A descriptor that is a socket. */
interface Opened {
  readonly pid: number;
  readonly fd: number;
}

/** Descriptors by the namespace their socket is of, then by its inode. */
type Pinned = ReadonlyMap<number, ReadonlyMap<number, readonly Opened[]>>;

const pinnedSockets = oncePer(({ pins }: KernelData): Pinned => {
  const index = new Map<number, Map<number, Opened[]>>();
  for (const { kind, place, netns, inode, pid, fd } of pins) {
    if (kind !== 'socket' || place !== 'descriptor') continue;
    let ofNamespace = index.get(netns);
    if (ofNamespace === undefined) {
      ofNamespace = new Map();
      index.set(netns, ofNamespace);
    }
    const known = ofNamespace.get(inode);
    if (known === undefined) ofNamespace.set(inode, [{ pid, fd }]);
    else known.push({ pid, fd });
  }
  return index;
});

const userlandCommands = oncePer(
  ({ processes }: TasksData): ReadonlyMap<number, SafeText> => new Map(processes.map(({ pid, comm }) => [pid, comm])),
);

/** Of each process its leader's. */
const kernelCommands = oncePer(
  ({ tasks }: KernelData): ReadonlyMap<number, SafeText> =>
    new Map(tasks.filter(({ tid, pid }) => tid === pid).map(({ pid, comm }) => [pid, comm])),
);

/** Whether a socket that no descriptor is of has none: every table of every process was read, by one view or the other. */
function sawEverything({ tasks, descriptors, kernel }: Gathered): boolean {
  if (tasks === undefined || tasks.narrowed || descriptors?.sockets === undefined) return false;
  const { unread = [] } = descriptors;
  if (unread.length === 0) return true;
  return kernel?.hostWide === true && unread.every((pid) => kernelCommands(kernel).has(pid));
}

/** What either view shows, each descriptor once. */
function together(userland: readonly Opened[] = [], kernel: readonly Opened[] = []): readonly Opened[] {
  if (userland.length === 0) return kernel;
  const known = ({ pid, fd }: Opened) => userland.some((opened) => opened.pid === pid && opened.fd === fd);
  const more = kernel.filter((opened) => !known(opened));
  return more.length === 0 ? userland : [...userland, ...more];
}

/**
 * Who has the sockets of a namespace open, in whatever namespace they are themselves. What userland and the kernel's own
 * view show is put together: a process may be out of sight for one of them, or have opened its socket in between.
 *
 * A socket that is younger than both looks shows no process.
 */
export function withProcesses(records: readonly SocketRecord[], netns: number, gathered: Gathered): Socket[] {
  const { tasks, descriptors, kernel } = gathered;
  const open = descriptors?.sockets;
  const pinned = kernel === undefined ? undefined : pinnedSockets(kernel).get(netns);
  const commOf = (pid: number): SafeText =>
    (tasks === undefined ? undefined : userlandCommands(tasks).get(pid)) ??
    (kernel === undefined ? undefined : kernelCommands(kernel).get(pid)) ??
    '?';
  const nobody = sawEverything(gathered) ? [] : null;
  return records.map((record) => {
    // What is left of a socket after the last process closed it, or a connection nobody has accepted yet.
    if (record.inode === 0) return { ...record, processes: [] };
    const found = together(open?.get(record.inode), pinned?.get(record.inode));
    if (found.length === 0) return { ...record, processes: nobody };
    return { ...record, processes: found.map(({ pid, fd }): SocketProcess => ({ pid, fd, comm: commOf(pid) })) };
  });
}
