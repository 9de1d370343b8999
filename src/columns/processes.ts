import { concealedIn } from '../model/explain.ts';
import type { Process } from '../model/index.ts';
import { containerText } from './cells.ts';
import type { Column, InNamespace, Registry } from './column.ts';

/** How a process is kept from other tools; empty for one that is not. */
function concealment({ covered, pid }: Process, { ns, snapshot }: InNamespace): string {
  if (covered) return 'covered';
  const unlisted = concealedIn(ns, snapshot).some((task) => task.pid === pid && task.seenBy === 'kernel');
  return unlisted ? 'not in /proc' : '';
}

function commandText({ cmdline, comm }: Process): string {
  return cmdline || `[${comm}]`;
}

function namespaceColumn(
  id: string,
  header: string,
  what: string,
  value: (process: Process) => number | null,
): Column<Process, InNamespace> {
  return { id, header, description: `Inode of its ${what} namespace.`, width: 10, align: 'left', value };
}

/** Processes with at least one thread in a namespace. */
export const PROCESSES: Registry<Process, InNamespace> = {
  columns: [
    { id: 'pid', header: 'PID', description: 'Process id.', width: 7, align: 'right', value: ({ pid }) => pid },
    {
      id: 'user',
      header: 'USER',
      description: 'User it runs as; the uid where that has no name.',
      width: 8,
      maxWidth: 16,
      align: 'left',
      value: ({ user, uid }) => user ?? (uid === null ? null : String(uid)),
    },
    {
      id: 'started',
      header: 'STARTED',
      description: 'When it started, UTC.',
      width: 20,
      align: 'left',
      value: ({ startedAt }) => startedAt?.replace(/\.\d+Z$/, 'Z') ?? null,
      sortKey: ({ startTicks }) => startTicks,
      searched: false,
    },
    {
      id: 'threads',
      header: 'THREADS',
      description: 'Its threads in this namespace.',
      width: 7,
      align: 'right',
      value: ({ threads }) => threads,
      descendingFirst: true,
      searched: false,
    },
    {
      id: 'container',
      header: 'CONTAINER',
      description: 'Container, pod or systemd unit, from the cgroup.',
      width: 12,
      maxWidth: 36,
      align: 'left',
      value: ({ container }) => (container === null ? '' : containerText(container)),
    },
    {
      id: 'command',
      header: 'COMMAND',
      description: 'Command line; the name in brackets where there is none.',
      width: 16,
      maxWidth: 80,
      align: 'left',
      value: commandText,
      text: (process, context) => {
        const how = concealment(process, context);
        return `${how === '' ? '' : `(${how}) `}${commandText(process)}`;
      },
    },
    {
      id: 'name',
      header: 'NAME',
      description: 'Its name (comm), at most 15 bytes.',
      width: 15,
      align: 'left',
      value: ({ comm }) => comm,
    },
    { id: 'uid', header: 'UID', description: 'uid it runs as.', width: 6, align: 'right', value: ({ uid }) => uid },
    {
      id: 'parent',
      header: 'PARENT',
      description: 'Process id of its parent.',
      width: 7,
      align: 'right',
      value: ({ ppid }) => ppid,
      searched: false,
    },
    {
      id: 'concealed',
      header: 'CONCEALED',
      description:
        'How it is kept from other tools: `covered` by a mount over its /proc entry, or `not in /proc` at all.',
      width: 12,
      align: 'left',
      value: concealment,
    },
    {
      id: 'kernel-thread',
      header: 'KTHREAD',
      description: 'Whether it is a thread of the kernel.',
      width: 7,
      align: 'left',
      value: ({ kernelThread }) => kernelThread,
      searched: false,
    },
    {
      id: 'pids-inside',
      header: 'PIDS INSIDE',
      description: 'Its process id in each pid namespace nested in ours, outermost first.',
      width: 11,
      align: 'left',
      value: ({ namespacePids }) => namespacePids.slice(1).map(String),
      searched: false,
    },
    {
      id: 'cgroup',
      header: 'CGROUP',
      description: 'Its cgroup.',
      width: 16,
      maxWidth: 60,
      align: 'left',
      value: ({ cgroup }) => cgroup,
    },
    namespaceColumn('user-namespace', 'USERNS', 'user', ({ userNamespace }) => userNamespace),
    namespaceColumn('pid-namespace', 'PIDNS', 'pid', ({ pidNamespace }) => pidNamespace),
    namespaceColumn('mount-namespace', 'MNTNS', 'mount', ({ mountNamespace }) => mountNamespace),
  ],
  defaults: ['pid', 'user', 'started', 'threads', 'container', 'command'],
};
