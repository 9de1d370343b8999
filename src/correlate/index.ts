import type { Gathered } from '../../collectors/index.ts';
import type { KernelNamespace, KernelTask } from '../../collectors/kernel.ts';
import type { Behind } from '../../collectors/nsids/follow.ts';
import { type TaskRecord, TICKS_PER_SECOND } from '../../collectors/tasks.ts';
import type {
  ConcealedTask,
  Container,
  Holder,
  MountNamespace,
  Namespace,
  Process,
  SafeText,
  Witness,
} from '../model/index.ts';
import { isAlive, kernelKey, provenByUserland } from './cross-view.ts';
import { initialNamespace } from './initial.ts';
import { insideOf } from './inside.ts';
import { withKernelAnswers } from './kernel-answers.ts';
import { joinDevices } from './links.ts';
import { visibilityOf } from './visibility.ts';

/** What two looks at both views agreed on. See `src/settle-views.ts`. */
export interface Verdicts {
  /** Keys (`kernelKey`) of namespaces nobody in userland holds. */
  readonly hidden: ReadonlySet<string>;
  /** Keys of namespaces that came up too late to be judged: they are left for the next snapshot. */
  readonly undecided: ReadonlySet<string>;
  /** Keys of namespaces that procfs shows a task in by now: userland was read before it came. */
  readonly vouched: ReadonlySet<string>;
  /** Inodes of namespaces userland shows and the kernel's list lacked in every look. */
  readonly unlisted: ReadonlySet<number>;
  readonly concealedTasks: readonly ConcealedTask[];
}

const NO_VERDICTS: Verdicts = {
  hidden: new Set(),
  undecided: new Set(),
  vouched: new Set(),
  unlisted: new Set(),
  concealedTasks: [],
};

/** A namespace while its sightings are being put together. */
class Sighted {
  readonly ino: number | null;
  readonly holders: Holder[] = [];
  readonly processes: Process[] = [];
  readonly names: SafeText[] = [];
  readonly paths = new Set<SafeText>();
  /** Where it is known by that alone. */
  cookie: string | undefined;
  kernel: KernelNamespace | undefined;
  /** The ids others have for it, where nothing else is known of it. */
  behind: readonly Behind[] = [];

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

/** A process that only the kernel shows. */
function fromKernel(task: KernelTask, threads: number, started: string | null): Process {
  return {
    pid: task.pid,
    ppid: task.parent,
    comm: task.comm,
    ...(task.rawComm === undefined ? null : { rawComm: task.rawComm }),
    cmdline: '',
    uid: task.uid,
    user: null,
    startedAt: started,
    startTicks: task.startTicks,
    kernelThread: task.kernelThread,
    threads,
    cgroup: '',
    userNamespace: task.userNamespace,
    pidNamespace: task.pidNamespace,
    mountNamespace: task.mountNamespace,
    namespacePids: [task.pid],
    covered: false,
    container: null,
  };
}

/** Adds the tasks the kernel shows in namespaces that userland has nobody in. */
function addKernelTasks(
  tasks: readonly KernelTask[],
  wanted: (ino: number) => Sighted | undefined,
  vouched: ReadonlySet<string>,
  bootTime: number | null,
): void {
  const groups = new Map<string, KernelTask[]>();
  for (const task of tasks) {
    if (task.netns === 0 || wanted(task.netns) === undefined) continue;
    const key = `${task.netns} ${task.pid}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [task]);
    else group.push(task);
  }
  for (const group of groups.values()) {
    const first = group.find(({ tid, pid }) => tid === pid) ?? group[0];
    const namespace = first === undefined ? undefined : wanted(first.netns);
    if (first === undefined || namespace === undefined) continue;
    const { pid, tid } = first;
    const seen = namespace.kernel !== undefined && vouched.has(kernelKey(namespace.kernel));
    namespace.holders.push({ kind: 'task', pid, tid, threads: group.length, ...(seen ? null : { view: 'kernel' }) });
    namespace.processes.push(fromKernel(first, group.length, startedAt(first.startTicks, bootTime)));
  }
}

/**
 * Ids that stand for the same namespace: two that see the same addresses on the same devices. One without any address
 * cannot be told from another.
 */
function sameBehind(all: readonly Behind[]): Behind[][] {
  const groups = new Map<string, Behind[]>();
  for (const behind of all) {
    const { from, nsid, addresses } = behind;
    const told = addresses.map(({ ifindex, address }) => `${ifindex} ${address}`).join();
    const key = told === '' ? `${from} ${nsid}` : told;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [behind]);
    else group.push(behind);
  }
  return [...groups.values()];
}

/** By namespace: which others have an id for it. */
function idsByNamespace({ nsids }: Gathered): Map<number, Witness[]> {
  const ids = new Map<number, Witness[]>();
  for (const [from, table] of nsids?.resolved ?? []) {
    for (const [nsid, ino] of table) {
      const witness: Witness = { source: 'nsids', from, nsid };
      const known = ids.get(ino);
      if (known === undefined) ids.set(ino, [witness]);
      else known.push(witness);
    }
  }
  return ids;
}

/** Who knows of it without holding it. */
function witnessesOf(
  { ino, kernel, behind }: Sighted,
  { handles, listns }: Gathered,
  ids: ReadonlyMap<number, readonly Witness[]>,
): Witness[] {
  const witnesses: Witness[] = [];
  if (kernel !== undefined) witnesses.push({ source: 'kernel' });
  // The number of one that left the list may be another's by now.
  if (ino !== null && !kernel?.departed && handles?.opened.has(ino)) witnesses.push({ source: 'handles' });
  if (kernel?.cookie != null && listns?.cookies.has(kernel.cookie)) witnesses.push({ source: 'listns' });
  if (ino !== null && !kernel?.departed) witnesses.push(...(ids.get(ino) ?? []));
  for (const { from, nsid } of behind) witnesses.push({ source: 'nsids', from, nsid });
  return witnesses;
}

/**
 * Puts what the collectors saw together into namespaces: pure, so that it can be tested and replayed.
 *
 * @param bootTime when the host booted, in milliseconds since 1970; null where unknown.
 */
export function correlate(
  gathered: Gathered,
  bootTime: number | null,
  verdicts: Verdicts = NO_VERDICTS,
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
  for (const { ino, name } of gathered.mounts?.names ?? []) at(ino).names.push(name);

  const proven = provenByUserland(gathered);
  const { sightings, leads } = withKernelAnswers(gathered, proven);
  for (const { ino, unknown, cookie, holder } of sightings) {
    const namespace = at(ino, unknown);
    namespace.holders.push(holder);
    namespace.cookie ??= cookie;
  }
  joinKernel(gathered, sighted, at, verdicts);
  for (const behind of sameBehind(gathered.nsids?.behind ?? [])) {
    const [{ from, nsid } = { from: 0, nsid: 0 }] = behind;
    at(null, `nsid:${from}:${nsid}`).behind = behind;
  }
  addKernelTasks(
    gathered.kernel?.tasks ?? [],
    (ino) => (proven.has(ino) ? undefined : sighted.get(String(ino))),
    verdicts.vouched,
    bootTime,
  );

  const initial = initialNamespace(processes, new Set([...sighted.values()].map(({ ino }) => ino)));
  const devices = joinDevices(gathered);
  // A namespace none of whose devices is listed by the kernel's own view has none.
  const listed = (gathered.kernel?.devices.length ?? 0) > 0;
  const ids = idsByNamespace(gathered);
  const { tasks } = gathered;
  const wholeHost = tasks !== undefined && tasks.denied.length === 0 && !tasks.narrowed;
  const concealing = new Set(verdicts.concealedTasks.map(({ netns }) => netns));
  const namespaces = [...sighted.values()].map((found): Namespace => {
    const { ino, names, holders, kernel } = found;
    const identity = ino === null || kernel?.departed ? undefined : gathered.identity?.identities.get(ino);
    return {
      ino,
      cookie: kernel?.cookie ?? identity?.cookie ?? found.cookie ?? null,
      initial: ino !== null && ino === initial,
      visibility: visibilityOf({
        names,
        holders,
        processes: found.processes,
        dead: kernel !== undefined && !isAlive(kernel),
        confirmedHidden:
          kernel === undefined ? found.behind.length > 0 && wholeHost : verdicts.hidden.has(kernelKey(kernel)),
        concealed: ino !== null && concealing.has(ino),
      }),
      names,
      paths: [...found.paths],
      owner: identity?.owner ?? kernel?.owner ?? null,
      holders,
      witnesses: witnessesOf(found, gathered, ids),
      references: kernel === undefined ? null : { count: kernel.count, passive: kernel.passive, active: kernel.active },
      processes: found.processes,
      devices: ino === null || kernel?.departed ? null : (devices?.get(ino) ?? (listed ? [] : null)),
      ...insideOf(ino, gathered),
      ...(found.behind[0] === undefined ? null : { addresses: found.behind[0].addresses }),
      uplink: null,
      container: ino === initial ? null : containerOf(found.processes),
    };
  });
  return {
    namespaces,
    leads,
    mountNamespaces: [
      ...(gathered.mounts?.mountNamespaces ?? []),
      ...(gathered['pinned-mounts']?.mountNamespaces ?? []).map((ino) => ({ ino, pids: [] })),
    ],
  };
}

/** Adds what the kernel lists, and takes away what it does not list any more. */
function joinKernel(
  { kernel }: Gathered,
  sighted: Map<string, Sighted>,
  at: (ino: number | null, unknown?: string) => Sighted,
  { undecided, unlisted }: Verdicts,
): void {
  if (kernel === undefined || kernel.namespaces.length === 0) return;
  const listed = new Set<number>();
  for (const ns of kernel.namespaces) {
    const key = kernelKey(ns);
    if (undecided.has(key)) {
      sighted.delete(String(ns.ino));
      continue;
    }
    listed.add(ns.ino);
    if (!ns.departed) {
      at(ns.ino).kernel = ns;
      continue;
    }
    // Its number may by now be another's.
    const departed = new Sighted(ns.ino);
    departed.kernel = ns;
    sighted.set(`departed ${key}`, departed);
  }
  for (const [key, { ino }] of sighted) {
    // It ended between the two looks, unless it was missing from the list every time.
    if (ino !== null && !listed.has(ino) && !unlisted.has(ino)) sighted.delete(key);
  }
}
