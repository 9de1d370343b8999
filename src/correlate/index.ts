import type { Gathered } from '../../collectors/index.ts';
import { type TaskRecord, TICKS_PER_SECOND } from '../../collectors/tasks.ts';
import type { Container, Holder, MountNamespace, Namespace, Process, SafeText } from '../model/index.ts';
import { initialNamespace } from './initial.ts';
import { visibilityOf } from './visibility.ts';

/** A namespace while its sightings are being put together. */
class Sighted {
  readonly ino: number | null;
  readonly holders: Holder[] = [];
  readonly processes: Process[] = [];
  readonly names: SafeText[] = [];
  readonly paths = new Set<SafeText>();

  constructor(ino: number | null) {
    this.ino = ino;
  }
}

function startedAt(startTicks: number, bootTime: number | null): string | null {
  return bootTime === null ? null : new Date(bootTime + (startTicks * 1000) / TICKS_PER_SECOND).toISOString();
}

/** What is known of a process, as it appears in one of the namespaces its threads are in. */
function toProcess(
  task: TaskRecord,
  threads: number,
  covered: boolean,
  started: string | null,
  container: Container | null,
): Process {
  return {
    pid: task.pid,
    ppid: task.ppid,
    comm: task.comm,
    ...(task.rawComm === undefined ? null : { rawComm: task.rawComm }),
    cmdline: task.cmdline,
    ...(task.rawCmdline === undefined ? null : { rawCmdline: task.rawCmdline }),
    uid: task.uid,
    user: task.user,
    startedAt: started,
    startTicks: task.startTicks,
    kernelThread: task.kernelThread,
    threads,
    cgroup: task.cgroup,
    userNamespace: task.userNamespace,
    pidNamespace: task.pidNamespace,
    mountNamespace: task.mountNamespace,
    namespacePids: task.namespacePids,
    covered,
    container,
  };
}

/**
 * The container a namespace belongs to: the one its oldest process is in. A container's processes share its
 * namespace; a tool that entered it later does not make it its own.
 */
function containerOf(processes: readonly Process[]): Container | null {
  const [oldest] = processes.toSorted((a, b) => a.startTicks - b.startTicks);
  return oldest?.container ?? null;
}

/**
 * Puts what the collectors saw together into namespaces: pure, so that it can be tested and replayed.
 *
 * @param bootTime when the host booted, in milliseconds since 1970; null where unknown.
 */
export function correlate(
  gathered: Gathered,
  bootTime: number | null,
): { readonly namespaces: Namespace[]; readonly leads: readonly Holder[]; readonly mountNamespaces: MountNamespace[] } {
  const sighted = new Map<string, Sighted>();
  const at = (ino: number | null, unknown = ''): Sighted => {
    const key = ino === null ? unknown : String(ino);
    let namespace = sighted.get(key);
    if (namespace === undefined) {
      namespace = new Sighted(ino);
      sighted.set(key, namespace);
    }
    return namespace;
  };

  const processes = gathered.tasks?.processes ?? [];
  const covers = new Set(gathered.mounts?.covers.map(({ pid }) => pid));
  const byCgroup = gathered.containers?.byCgroup;
  for (const task of processes) {
    const started = startedAt(task.startTicks, bootTime);
    for (const { ino, tid, threads } of task.netns) {
      const namespace = at(ino);
      namespace.holders.push({ kind: 'task', pid: task.pid, tid, threads });
      namespace.processes.push(
        toProcess(task, threads, covers.has(task.pid), started, byCgroup?.get(task.cgroup) ?? null),
      );
    }
  }
  for (const { ino, holder } of [...(gathered.mounts?.mounts ?? []), ...(gathered['pinned-mounts']?.mounts ?? [])]) {
    const namespace = at(ino);
    namespace.holders.push(holder);
    namespace.paths.add(holder.path);
  }
  for (const { ino, unknown, holder } of gathered.descriptors?.sightings ?? []) at(ino, unknown).holders.push(holder);
  for (const { ino, name } of gathered.mounts?.names ?? []) at(ino).names.push(name);

  const initial = initialNamespace(processes, new Set([...sighted.values()].map(({ ino }) => ino)));
  const identities = gathered.identity?.identities;
  const namespaces = [...sighted.values()].map((found): Namespace => {
    const identity = found.ino === null ? undefined : identities?.get(found.ino);
    return {
      ino: found.ino,
      cookie: identity?.cookie ?? null,
      initial: found.ino !== null && found.ino === initial,
      visibility: visibilityOf(found.names, found.holders, found.processes),
      names: found.names,
      paths: [...found.paths],
      owner: identity?.owner ?? null,
      holders: found.holders,
      processes: found.processes,
      container: found.ino === initial ? null : containerOf(found.processes),
    };
  });
  return {
    namespaces,
    leads: gathered.descriptors?.leads ?? [],
    mountNamespaces: [
      ...(gathered.mounts?.mountNamespaces ?? []),
      ...(gathered['pinned-mounts']?.mountNamespaces ?? []).map((ino) => ({ ino, pids: [] })),
    ],
  };
}
