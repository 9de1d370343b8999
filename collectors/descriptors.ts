import { monotonic } from '../src/clock.ts';
import type { Holder, Issue } from '../src/model/index.ts';
import { errnoName, isGone } from '../src/os/errors.ts';
import { close, errno } from '../src/os/libc.ts';
import { unescapeField } from '../src/os/mountinfo.ts';
import { nsfsDevice, parseNamespaceLink } from '../src/os/nsfs.ts';
import type { Way } from '../src/os/open-namespace.ts';
import { compareDescriptors } from '../src/os/pidfd.ts';
import { listNumbers, openDirectory, type Procfs, readSmall } from '../src/os/procfs.ts';
import { sanitise } from '../src/terminal/sanitise.ts';
import type { CollectContext, Collected, Collector } from './contract.ts';
import { namesRegisteredFilesByPath } from './descriptors/fdinfo.ts';
import { type KnownNamespace, ProcfileResolver, parseNetPath } from './descriptors/procfiles.ts';
import type { DescriptorSighting, MountNamespaceDescriptor } from './descriptors/sightings.ts';
import { DescriptorWalk, type SocketDescriptor } from './descriptors/walk.ts';
import type { Gathered } from './index.ts';
import type { MountsData } from './mounts.ts';
import { FORKING, type TaskRecord, type TasksData } from './tasks.ts';

export type { DescriptorSighting, MountNamespaceDescriptor } from './descriptors/sightings.ts';

export interface DescriptorsData {
  readonly sightings: readonly DescriptorSighting[];
  /** Holders whose namespace the kernel does not tell. */
  readonly leads: readonly Holder[];
  readonly mountNamespaces: readonly MountNamespaceDescriptor[];
  /** Who has each socket open, by its inode, in whatever namespace they are; absent at depth `table`. */
  readonly sockets?: ReadonlyMap<number, readonly SocketDescriptor[]>;
  /** Processes that may have more open than was seen. */
  readonly unread?: readonly number[];
}

type Process = Pick<TaskRecord, 'pid' | 'otherThreads'> & Partial<Pick<TaskRecord, 'comm'>>;

/** A process that takes longer, in milliseconds, forks all the time, or the host cannot keep up anyhow. */
const SLOW_MS = 500;

/** So many whose parent and whose parent's parent run the very same are no server and its workers: those do not go on. */
const OFFSPRING = 10;

/** Commands whose processes fork all the time: their `maps` would be waited for, line by line. */
export function forkingCommands(processes: readonly TaskRecord[]): Set<string> {
  const byPid = new Map(processes.map((process) => [process.pid, process]));
  const offspring = new Map<string, number>();
  const isSame = (a: TaskRecord, b: TaskRecord | undefined) => a.comm === b?.comm && a.cmdline === b.cmdline;
  for (const process of processes) {
    const parent = byPid.get(process.ppid);
    if (process.kernelThread || parent === undefined || !isSame(process, parent)) continue;
    if (!isSame(process, byPid.get(parent.ppid))) continue;
    offspring.set(process.comm, (offspring.get(process.comm) ?? 0) + 1);
  }
  const many = [...offspring].flatMap(([comm, count]) => (count >= OFFSPRING ? [comm] : []));
  return new Set([...many, ...processes.flatMap(({ forking, comm }) => (forking ? [comm] : []))]);
}

function walkTable(
  walk: DescriptorWalk,
  procfs: Procfs,
  path: string,
  owner: { readonly pid: number; readonly tid?: number; readonly mapped?: boolean },
  only: readonly number[] | undefined,
): void {
  const fds = openDirectory(procfs.fd, path);
  if (fds < 0) {
    const failure = errno();
    if (!isGone(failure)) walk.refuse(owner, errnoName(failure));
    return;
  }
  try {
    walk.walk({ fds, ...owner }, only);
  } finally {
    close(fds);
  }
}

/**
 * Walks the descriptor table of a process, and those of threads that have one of their own (CLONE_FILES unshared).
 *
 * @param only descriptors to look at, by thread; all when left out.
 */
function walkProcess(
  walk: DescriptorWalk,
  procfs: Procfs,
  { pid, otherThreads }: Process,
  mapped: boolean,
  only?: ReadonlyMap<number, readonly number[]>,
): void {
  if (only === undefined || only.has(pid)) walkTable(walk, procfs, `${pid}/fd`, { pid, mapped }, only?.get(pid));
  const owners = [pid];
  for (const tid of otherThreads) {
    if (!procfs.live) {
      walk.missed.push({ subject: `threads of pid ${pid}`, reason: 'another pid namespace: private tables unknown' });
      walk.unread.add(pid);
      return;
    }
    const results = owners.map((owner) => compareDescriptors(owner, tid));
    const refused = results.find((result) => result < 0 && !isGone(-result));
    if (refused !== undefined) {
      walk.missed.push({ subject: `threads of pid ${pid}`, reason: `kcmp(2): ${errnoName(-refused)}` });
      walk.unread.add(pid);
      return;
    }
    if (results.some((result) => result <= 0)) continue;
    owners.push(tid);
    walkTable(walk, procfs, `${pid}/task/${tid}/fd`, { pid, tid }, only?.get(tid));
  }
}

/** Every namespace somebody has seen so far, with ways to get at it. */
function knownNamespaces(
  tasks: TasksData | undefined,
  mounts: MountsData | undefined,
  sightings: readonly DescriptorSighting[],
): KnownNamespace[] {
  const known = new Map<number, { ino: number; task?: { pid: number; tid: number }; ways: Way[] }>();
  for (const process of tasks?.processes ?? []) {
    for (const { ino, tid } of process.netns) {
      if (!known.has(ino)) known.set(ino, { ino, task: { pid: process.pid, tid }, ways: [] });
    }
  }
  const add = (ino: number, way: Way) => {
    const namespace = known.get(ino);
    if (namespace === undefined) known.set(ino, { ino, ways: [way] });
    else namespace.ways.push(way);
  };
  for (const { ino, holder, seenBy, bytes } of mounts?.mounts ?? []) add(ino, { holder, seenBy, mountPoint: bytes });
  for (const { ino, holder } of sightings) if (ino !== null) add(ino, { holder });
  return [...known.values()];
}

/** Inodes of namespaces of other types, which a watch may be on as well. */
function otherNamespaces(tasks: TasksData | undefined): Set<number> {
  const inodes = new Set<number>();
  for (const { userNamespace, pidNamespace, mountNamespace } of tasks?.processes ?? []) {
    for (const ino of [userNamespace, pidNamespace, mountNamespace]) if (ino !== null) inodes.add(ino);
  }
  return inodes;
}

/**
 * Whether a file registered with an io_uring may pin a namespace: a detached mount, a file of `/proc/<pid>/net`, a
 * tun, or one of the bare names that kernels before the d_path format print (`UNIX`, `TCP`).
 */
function mayPin(target: string): boolean {
  if (target.startsWith('anon_inode:') || target.startsWith('pipe:')) return false;
  return !target.startsWith('/') || target === '/' || target === '/dev/net/tun' || parseNetPath(target) !== null;
}

/** What the walk found but could not place until everything else was seen. */
function settle(
  walk: DescriptorWalk,
  procfs: Procfs,
  device: number,
  { tasks, mounts }: Gathered,
): { sightings: DescriptorSighting[]; leads: Holder[] } {
  const sightings: DescriptorSighting[] = [];
  const leads: Holder[] = [];
  const { watches, procfiles, registered, mappings, openRings } = walk.pending;
  if (watches.length + procfiles.length + registered.length + mappings.length === 0) return { sightings, leads };

  const known = knownNamespaces(tasks, mounts, walk.sightings);
  const knownInodes = new Set(known.map(({ ino }) => ino));
  const others = otherNamespaces(tasks);

  for (const { place, mechanism, watched } of watches) {
    const certain = watched.network ?? (knownInodes.has(watched.ino) ? true : others.has(watched.ino) ? false : null);
    const holder = { kind: 'watch', ...place, mechanism } as const;
    if (certain) sightings.push({ ino: watched.ino, holder });
    // A number of some namespace, perhaps of another type: no row is made of that.
    else if (certain === null) leads.push({ ...holder, ino: watched.ino, suspected: true });
  }

  const resolver = new ProcfileResolver(procfs, device, known);
  for (const { place, path, file, ino } of procfiles) {
    const name = sanitise(path);
    const netns = resolver.resolve(file, ino);
    sightings.push({
      ino: netns,
      // Two files of one namespace cannot be told from two namespaces: the inode is all there is to go by.
      ...(netns === null ? { unknown: `procfile:${ino}` } : {}),
      holder: { kind: 'procfile', ...place, path: name.text, ...(name.raw === undefined ? {} : { rawPath: name.raw }) },
    });
  }

  const mounted = new Map((mounts?.mounts ?? []).map(({ bytes, ino }) => [bytes, ino]));
  const byPath = namesRegisteredFilesByPath(readSmall(procfs.fd, 'sys/kernel/osrelease') ?? '');
  for (const { place, slot, target } of registered) {
    const holder = { kind: 'iouring', ...place, slot, target: sanitise(target).text } as const;
    const socket = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    // A bare name is anybody's choice: then it is no more than a lead.
    if (!byPath) {
      if (mayPin(target)) leads.push({ ...holder, suspected: true });
    } else if (target.startsWith('net:')) sightings.push({ ino: parseNamespaceLink(target), holder });
    else if (socket !== undefined) {
      const resolved = walk.sockets.get(Number(socket));
      if (resolved === undefined) leads.push({ ...holder, suspected: true });
      else sightings.push({ ...resolved.namespace, holder });
    } else {
      // A path says which mount point it was opened by, not in which mount namespace.
      const ino = mounted.get(unescapeField(target));
      if (ino !== undefined) sightings.push({ ino, holder: { ...holder, suspected: true } });
      else if (mayPin(target)) leads.push({ ...holder, suspected: true });
    }
  }

  for (const { pid, target, ino } of mappings) {
    const socket = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    const resolved = socket === undefined ? undefined : walk.sockets.get(Number(socket));
    if (resolved !== undefined) sightings.push({ ...resolved.namespace, holder: { kind: 'mapping', pid, target } });
    // The files of a ring whose descriptor is still open are read off that descriptor.
    else if (socket !== undefined || !openRings.has(ino)) leads.push({ kind: 'mapping', pid, target, suspected: true });
  }
  return { sightings, leads };
}

function collectDescriptors({ procfs, depth, signal }: CollectContext, gathered: Gathered): Collected<DescriptorsData> {
  const device = nsfsDevice(procfs.fd) ?? -1;
  const walk = new DescriptorWalk(procfs, gathered.mounts?.nsfsMounts ?? new Map(), device, depth);
  const forking = forkingCommands(gathered.tasks?.processes ?? []);
  let unmapped = 0;
  const processes: readonly Process[] =
    gathered.tasks?.processes.filter(
      ({ kernelThread, zombie, otherThreads }) => !kernelThread && (!zombie || otherThreads.length > 0),
    ) ??
    (listNumbers(procfs.fd, '.') ?? []).map((pid) => ({
      pid,
      otherThreads: (listNumbers(procfs.fd, `${pid}/task`) ?? []).filter((tid) => tid !== pid),
    }));
  const { guide, tasks } = gathered;
  const denied = new Set(tasks?.denied);
  for (const process of processes) {
    signal.throwIfAborted();
    const { pid, comm } = process;
    const only = guide?.tables.get(pid);
    // What may not be read in whole is to say so here as well.
    const guided = guide?.pids.has(pid) === true && !denied.has(pid);
    if (guided && only === undefined) continue;
    const mapped = comm === undefined || !forking.has(comm);
    if (!mapped) unmapped++;
    const started = monotonic();
    if (guided && only !== undefined) {
      walkProcess(walk, procfs, { pid, otherThreads: [...only.keys()].filter((tid) => tid !== pid) }, mapped, only);
    } else walkProcess(walk, procfs, process, mapped);
    if (comm !== undefined && monotonic() - started > SLOW_MS) forking.add(comm);
  }
  if (unmapped > 0 && depth === 'full')
    walk.missed.push({ subject: `mappings of ${unmapped} processes`, reason: FORKING });
  const settled = settle(walk, procfs, device, gathered);
  return {
    data: {
      sightings: [...walk.sightings, ...settled.sightings],
      leads: [...walk.leads, ...settled.leads],
      mountNamespaces: walk.mountNamespaces,
      ...(walk.openSockets === null ? null : { sockets: walk.openSockets }),
      unread: [...walk.unread],
    },
    seen: walk.seen,
    missed: mergeIssues(walk.missed),
    notes:
      guide === undefined
        ? []
        : [{ subject: procfs.name, reason: "what the kernel's view says pins nothing was not looked at" }],
  };
}

/** A process refused as a whole is one gap, not another for its maps and another for its threads. */
function mergeIssues(missed: readonly Issue[]): Issue[] {
  const subjects = new Set(missed.map(({ subject }) => subject));
  return missed.filter(({ subject }) => {
    const whole = /^(?:maps|threads) of (.*)$/.exec(subject)?.[1];
    return whole === undefined || !subjects.has(whole);
  });
}

/** Everything open, mapped, watched, registered or queued that pins a namespace. */
export const descriptors = {
  name: 'descriptors',
  view: 'userland',
  reads: '/proc/<pid>/fd, fdinfo and maps; sockets and tuns through pidfd_getfd(2) and SIOCGSKNS',
  needs: 'CAP_SYS_PTRACE and CAP_NET_ADMIN; Linux 5.6 for sockets, 6.9 for those of single threads',
  collect: collectDescriptors,
} as const satisfies Collector<'descriptors', DescriptorsData>;
