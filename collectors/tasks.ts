import { readFileSync, statSync } from 'node:fs';
import { monotonic } from '../src/clock.ts';
import type { Issue, SafeText } from '../src/model/index.ts';
import { EACCES, EPERM, errnoName, isGone } from '../src/os/errors.ts';
import { close, errno } from '../src/os/libc.ts';
import { namespaceLink } from '../src/os/nsfs.ts';
import { listNumbers, openProcess, type Procfs, readAll, readSmall } from '../src/os/procfs.ts';
import { statxAt } from '../src/os/stat.ts';
import { sanitise } from '../src/terminal/sanitise.ts';
import type { CollectContext, CollectDepth, Collected, Collector } from './contract.ts';
import type { Gathered } from './index.ts';
import type { KernelTask } from './kernel/decode.ts';

/** Bytes of a command line worth keeping; the kernel allows megabytes. */
const CMDLINE_LIMIT = 4096;
const CAP_SYS_PTRACE = 19n;
/** PROC_PID_INIT_INO, include/linux/proc_ns.h: fixed since Linux 3.8. */
export const INITIAL_PID_NAMESPACE = 4026531836;
/** PF_KTHREAD, include/linux/sched.h: userspace cannot set it. */
const PF_KTHREAD = 0x0020_0000;
/** USER_HZ: what field 22 of stat counts in, 100 on every architecture Node runs on (proc_pid_stat(5)). */
export const TICKS_PER_SECOND = 100;

/** Threads of one process that share a namespace. */
export interface ThreadGroup {
  readonly ino: number;
  /** The leader if it is among them, else the lowest. */
  readonly tid: number;
  readonly threads: number;
}

/** One process, as `/proc/<pid>` tells. */
export interface TaskRecord {
  readonly pid: number;
  readonly ppid: number;
  readonly comm: SafeText;
  readonly rawComm?: string;
  readonly cmdline: SafeText;
  readonly rawCmdline?: string;
  readonly uid: number | null;
  readonly user: SafeText | null;
  readonly startTicks: number;
  readonly kernelThread: boolean;
  readonly zombie: boolean;
  readonly cgroup: SafeText;
  readonly namespacePids: readonly number[];
  readonly userNamespace: number | null;
  readonly pidNamespace: number | null;
  /** The leader's; null where it may not be read. */
  readonly mountNamespace: number | null;
  /** Network namespaces its threads are in; empty for zombies and where they may not be read. */
  readonly netns: readonly ThreadGroup[];
  /** Mount namespaces of threads that are in another than the leader. */
  readonly threadMountNamespaces: readonly { readonly ino: number; readonly tid: number }[];
  /** Threads other than the leader. */
  readonly otherThreads: readonly number[];
  /** errno with which the namespaces of some of its threads were refused, 0 when none were. */
  readonly refused: number;
  /** It, or one like it, forks all the time: its command line took long, or was left out (empty then). */
  readonly forking?: boolean;
}

export interface TasksData {
  readonly processes: readonly TaskRecord[];
  /** Every pid procfs lists, also of processes that were gone when they were to be read. */
  readonly listed: readonly number[];
  /** Processes that are there and may not be read, in whole or in part. */
  readonly denied: readonly number[];
  /** Whole classes of processes are out of sight: those outside a pid namespace, or those hidepid hides. */
  readonly narrowed: boolean;
}

export interface StatFacts {
  /** Bytes, one character each. */
  readonly comm: string;
  readonly state: string;
  readonly ppid: number;
  readonly flags: number;
  readonly threads: number;
  readonly startTicks: number;
}

/**
 * `/proc/<pid>/stat` (proc_pid_stat(5)). The command name may hold spaces, brackets and newlines, so fields are
 * counted from the last closing bracket. Null when it is truncated or malformed.
 */
export function parseStat(text: string): StatFacts | null {
  const open = text.indexOf('(');
  const end = text.lastIndexOf(')');
  if (open < 0 || end < open) return null;
  const fields = text.slice(end + 2).split(' ', 20);
  const [state, ppid, , , , , flags] = fields;
  const threads = Number(fields[17]);
  const startTicks = Number(fields[19]);
  if (state === undefined || !/^[A-Za-z]$/.test(state) || !Number.isInteger(startTicks)) return null;
  return {
    comm: text.slice(open + 1, end),
    state,
    ppid: Number(ppid),
    flags: Number(flags),
    threads: Number.isInteger(threads) && threads > 0 ? threads : 1,
    startTicks,
  };
}

/** The pid in each nested pid namespace, outermost first, from `/proc/<pid>/status` (proc_pid_status(5), 4.1). */
export function parseNamespacePids(text: string): number[] {
  const pids = /^NSpid:[ \t]+([\d \t]*)$/m.exec(text)?.[1];
  return pids === undefined ? [] : pids.trim().split(/\s+/).map(Number);
}

/**
 * The most telling path in `/proc/<pid>/cgroup` (cgroups(7)): the longest, because with cgroup v1 some controllers
 * leave a process at the root while another names its container.
 */
export function parseCgroup(text: string): string {
  let longest = '';
  for (const line of text.split('\n')) {
    const path = line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1);
    if (path.startsWith('/') && path.length > longest.length) longest = path;
  }
  return longest;
}

/** `/proc/<pid>/cmdline`: arguments end in NUL; a process may overwrite them with anything. */
export function parseCmdline(text: string): string {
  let end = Math.min(text.length, CMDLINE_LIMIT);
  while (end > 0 && text.charCodeAt(end - 1) === 0) end--;
  return text.slice(0, end).replaceAll('\0', ' ');
}

/** uid → name of passwd(5). The first entry of a uid wins, as getpwuid(3) has it. */
export function parsePasswd(text: string): Map<number, SafeText> {
  const names = new Map<number, SafeText>();
  for (const line of text.split('\n')) {
    const [name, , uid] = line.split(':');
    if (name && uid && /^\d+$/.test(uid) && !names.has(Number(uid))) {
      names.set(Number(uid), sanitise(name).text);
    }
  }
  return names;
}

let passwdCache: { readonly file: string; readonly mtimeMs: number; readonly names: Map<number, SafeText> } | null =
  null;

/**
 * Account names from passwd alone: asking the name service (LDAP, sssd) could block on a network that is the very
 * thing under investigation.
 */
function accountNames(file: string): Map<number, SafeText> {
  try {
    const { mtimeMs } = statSync(file);
    if (passwdCache?.file !== file || passwdCache.mtimeMs !== mtimeMs) {
      passwdCache = { file, mtimeMs, names: parsePasswd(readFileSync(file, 'latin1')) };
    }
    return passwdCache.names;
  } catch {
    return new Map();
  }
}

interface ThreadScan {
  readonly netns: ThreadGroup[];
  readonly threadMountNamespaces: { readonly ino: number; readonly tid: number }[];
  readonly otherThreads: readonly number[];
  /** errno of a refusal, 0 when all was read. */
  readonly refused: number;
}

/** Where every thread of a process lives: a thread may have left its leader's namespaces (setns(2), unshare(2)). */
function scanThreads(dir: number, pid: number, leaderMount: number, count: number): ThreadScan {
  const leaderNet = namespaceLink(dir, 'ns/net');
  let refused = leaderNet === -EACCES || leaderNet === -EPERM ? -leaderNet : 0;
  if (count <= 1) {
    const netns = leaderNet > 0 ? [{ ino: leaderNet, tid: pid, threads: 1 }] : [];
    return { netns, threadMountNamespaces: [], otherThreads: [], refused };
  }

  const groups = new Map<number, { tid: number; threads: number }>();
  if (leaderNet > 0) groups.set(leaderNet, { tid: pid, threads: 1 });
  const mounts = new Map<number, number>();
  const threads = listNumbers(dir, 'task');
  if (threads === null && !isGone(errno())) refused = errno();
  const otherThreads = (threads ?? []).filter((tid) => tid !== pid);
  for (const tid of otherThreads) {
    const ino = namespaceLink(dir, `task/${tid}/ns/net`);
    if (ino <= 0) {
      if (ino === -EACCES || ino === -EPERM) refused = -ino;
      continue;
    }
    const group = groups.get(ino);
    if (group === undefined) groups.set(ino, { tid, threads: 1 });
    else group.threads++;
    const mount = namespaceLink(dir, `task/${tid}/ns/mnt`);
    if (mount > 0 && mount !== leaderMount && !mounts.has(mount)) mounts.set(mount, tid);
  }
  return {
    netns: [...groups].map(([ino, group]) => ({ ino, ...group })),
    threadMountNamespaces: [...mounts].map(([ino, tid]) => ({ ino, tid })),
    otherThreads,
    refused,
  };
}

function readable(ino: number): number | null {
  return ino > 0 ? ino : null;
}

/** Why something of a process was left out. */
export const FORKING = 'left out: processes like these fork all the time, and would be waited for';

/**
 * How long a command line may take to be read, in milliseconds. fork(2) locks the memory map of the parent while it
 * copies it (dup_mmap, kernel/fork.c). A fork bomb starves whoever holds that lock of CPU time, so each look into one
 * waits for 150 ms, and one at its `maps` for that long per line: minutes for a hundred processes (6.18).
 */
const SLOW_MS = 40;

/** How long slow ones may take together before the rest is left out, whatever it is called: a bomb may rename itself. */
const PATIENCE_MS = 1000;

/** Reads command lines, but for those of commands that were slow to answer before. */
export class CommandLines {
  readonly #read: (dirfd: number, path: string) => string | null;
  readonly #slow = new Set<string>();
  #waitedMs = 0;
  #leftOut = 0;

  constructor(read = readSmall) {
    this.#read = read;
  }

  /** How many were left out. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /**
   * @param comm what the process is called.
   * @returns `text` empty where it was left out, null where the process is gone; `forking`: it would be waited for.
   */
  read(dirfd: number, path: string, comm: string): { readonly text: string | null; readonly forking: boolean } {
    if (this.#slow.has(comm) || this.#waitedMs > PATIENCE_MS) {
      this.#leftOut++;
      return { text: '', forking: true };
    }
    const started = monotonic();
    const text = this.#read(dirfd, path);
    const took = monotonic() - started;
    if (took <= SLOW_MS) return { text, forking: false };
    this.#slow.add(comm);
    this.#waitedMs += took;
    return { text, forking: true };
  }
}

const NO_ARGUMENTS = { text: '', forking: false } as const;

/** Reads one process. Null when it is gone; an issue when it is there and cannot be read. */
function readProcess(
  dir: number,
  pid: number,
  names: Map<number, SafeText>,
  ownPidNamespace: number,
  depth: CollectDepth,
  commandLines: CommandLines,
): TaskRecord | Issue | null {
  const statText = readSmall(dir, 'stat');
  if (statText === null) {
    const failure = errno();
    return isGone(failure) ? null : { subject: `pid ${pid}`, reason: errnoName(failure) };
  }
  const stat = parseStat(statText);
  if (stat === null) return { subject: `pid ${pid}`, reason: 'malformed stat' };

  // The owner of `/proc/<pid>` itself is the process's effective uid, even when it is not dumpable
  // (task_dump_owner, fs/proc/base.c): one statx instead of a parsed `status`.
  const uid = statxAt(dir, '')?.uid ?? null;
  const full = depth === 'full';
  const pidNamespace = full ? namespaceLink(dir, 'ns/pid') : 0;
  const nested = full && pidNamespace !== ownPidNamespace;
  const kernelThread = (stat.flags & PF_KTHREAD) !== 0;
  const comm = sanitise(stat.comm);
  const { text, forking } = kernelThread ? NO_ARGUMENTS : commandLines.read(dir, 'cmdline', stat.comm);
  const cmdline = sanitise(parseCmdline(text ?? ''));
  const cgroup = sanitise(parseCgroup(readSmall(dir, 'cgroup') ?? '')).text;
  const mountNamespace = namespaceLink(dir, 'ns/mnt');
  const threads = scanThreads(dir, pid, mountNamespace, stat.threads);
  // A process that ended meanwhile reads as empty: without a namespace it is either that, or refused, or a zombie.
  const zombie = stat.state === 'Z' || stat.state === 'X';
  if (threads.netns.length === 0 && threads.refused === 0 && !zombie) return null;
  return {
    pid,
    ppid: stat.ppid,
    comm: comm.text,
    ...(comm.raw === undefined ? {} : { rawComm: comm.raw }),
    cmdline: cmdline.text,
    ...(cmdline.raw === undefined ? {} : { rawCmdline: cmdline.raw }),
    uid,
    user: (uid !== null && names.get(uid)) || null,
    startTicks: stat.startTicks,
    kernelThread,
    zombie,
    cgroup,
    namespacePids: nested ? parseNamespacePids(readSmall(dir, 'status') ?? '') : [pid],
    userNamespace: full ? readable(namespaceLink(dir, 'ns/user')) : null,
    pidNamespace: readable(pidNamespace),
    mountNamespace: readable(mountNamespace),
    netns: threads.netns,
    threadMountNamespaces: threads.threadMountNamespaces,
    otherThreads: threads.otherThreads,
    refused: threads.refused,
    ...(forking ? { forking } : {}),
  };
}

/** Paths of cgroups by what the kernel calls the set of them (`KernelTask.cgroups`). */
type CgroupPaths = Map<number, SafeText>;

function cgroupOf(procfs: Procfs, { pid, cgroups }: KernelTask, paths: CgroupPaths): SafeText | null {
  const known = paths.get(cgroups);
  if (known !== undefined) return known;
  const text = readSmall(procfs.fd, `${pid}/cgroup`);
  if (text === null) return null;
  const path = sanitise(parseCgroup(text)).text;
  if (cgroups !== 0) paths.set(cgroups, path);
  return path;
}

/**
 * A process with one thread, as the kernel's own view has it, once procfs has shown that it is in that namespace. Null
 * when procfs says anything else: then it is read as if nothing were known.
 */
function confirmProcess(
  procfs: Procfs,
  task: KernelTask,
  names: Map<number, SafeText>,
  paths: CgroupPaths,
  commandLines: CommandLines,
): TaskRecord | null {
  const { pid, uid, kernelThread } = task;
  if (task.zombie || namespaceLink(procfs.fd, `${pid}/ns/net`) !== task.netns) return null;
  const { text, forking } = kernelThread
    ? NO_ARGUMENTS
    : commandLines.read(procfs.fd, `${pid}/cmdline`, task.rawComm ?? task.comm);
  const cgroup = cgroupOf(procfs, task, paths);
  if (text === null || cgroup === null) return null;
  const cmdline = sanitise(parseCmdline(text));
  return {
    pid,
    ppid: task.parent,
    comm: task.comm,
    ...(task.rawComm === undefined ? {} : { rawComm: task.rawComm }),
    cmdline: cmdline.text,
    ...(cmdline.raw === undefined ? {} : { rawCmdline: cmdline.raw }),
    uid,
    user: names.get(uid) || null,
    startTicks: task.startTicks,
    kernelThread,
    zombie: false,
    cgroup,
    namespacePids: [pid],
    userNamespace: null,
    pidNamespace: null,
    mountNamespace: readable(task.mountNamespace),
    netns: [{ ino: task.netns, tid: pid, threads: 1 }],
    threadMountNamespaces: [],
    otherThreads: [],
    refused: 0,
    ...(forking ? { forking } : {}),
  };
}

/** Processes that procfs does not even list. */
function outOfSight(procfs: Procfs, ownPidNamespace: number): Issue[] {
  const issues: Issue[] = [];
  if (ownPidNamespace !== INITIAL_PID_NAMESPACE) {
    issues.push({
      subject: `pid:[${ownPidNamespace}]`,
      reason: 'processes outside this pid namespace are not visible',
    });
  }
  // proc(5): hidepid hides the processes of other users from whoever may not trace them.
  const effective = /^CapEff:\s+([0-9a-f]+)$/m.exec(readSmall(procfs.fd, 'self/status') ?? '')?.[1] ?? '0';
  const mayTrace = ((BigInt(`0x${effective}`) >> CAP_SYS_PTRACE) & 1n) === 1n;
  // With thousands of mounts the kernel takes milliseconds to write them down.
  const mounts = mayTrace ? '' : (readAll(procfs.fd, 'self/mountinfo') ?? '');
  if (/ - proc \S+ \S*hidepid=(?!0|off)/.test(mounts)) {
    issues.push({ subject: procfs.name, reason: 'mounted with hidepid: processes of other users are not visible' });
  }
  return issues;
}

function collectTasks(
  { procfs, passwdFile, depth, signal }: CollectContext,
  { guide }: Gathered,
): Collected<TasksData> {
  const pids = listNumbers(procfs.fd, '.');
  if (pids === null || pids.length === 0) {
    const reason = pids === null ? errnoName(errno()) : 'no process in it: is a procfs mounted there?';
    const missed = [{ subject: procfs.name, reason }];
    return {
      data: { processes: [], listed: [], denied: [], narrowed: true },
      seen: 0,
      missed,
      notes: [],
      unavailable: true,
    };
  }
  const names = accountNames(passwdFile);
  const ownPidNamespace = procfs.live ? namespaceLink(procfs.fd, 'self/ns/pid') : 0;
  const processes: TaskRecord[] = [];
  const denied: number[] = [];
  const missed: Issue[] = [];
  const paths: CgroupPaths = new Map();
  const commandLines = new CommandLines();
  for (const pid of pids) {
    signal.throwIfAborted();
    const told = guide?.alone.get(pid);
    const confirmed = told === undefined ? null : confirmProcess(procfs, told, names, paths, commandLines);
    if (confirmed !== null) {
      processes.push(confirmed);
      continue;
    }
    const dir = openProcess(procfs, pid);
    if (dir < 0) {
      const failure = errno();
      if (isGone(failure)) continue;
      denied.push(pid);
      missed.push({ subject: `pid ${pid}`, reason: errnoName(failure) });
      continue;
    }
    try {
      const record = readProcess(dir, pid, names, ownPidNamespace, depth, commandLines);
      if (record === null) continue;
      if (!('pid' in record)) {
        denied.push(pid);
        missed.push(record);
        continue;
      }
      processes.push(record);
      if (record.refused === 0) continue;
      denied.push(pid);
      missed.push({ subject: `pid ${pid}`, reason: errnoName(record.refused) });
    } finally {
      close(dir);
    }
  }
  const { leftOut } = commandLines;
  if (leftOut > 0) missed.push({ subject: `command lines of ${leftOut} processes`, reason: FORKING });
  const hidden = procfs.live ? outOfSight(procfs, ownPidNamespace) : [];
  missed.push(...hidden);
  const notes: Issue[] = [];
  if (guide !== undefined) {
    notes.push({
      subject: procfs.name,
      reason: "of processes with one thread, only namespace, command line and cgroup are userland's own word here",
    });
  }
  if (procfs.coveredReason !== null) {
    notes.push({
      subject: procfs.name,
      reason: `read as mounted (private procfs: ${procfs.coveredReason}): a mount over /proc/<pid> could hide a process`,
    });
  }
  return {
    data: { processes, listed: pids, denied, narrowed: hidden.length > 0 || !procfs.live },
    seen: processes.length,
    missed,
    notes,
  };
}

/** Every thread id procfs lists: of all processes their first, and of the given processes all. */
export function listTaskIds(procfs: Procfs, pids: Iterable<number>): Set<number> {
  const ids = new Set(listNumbers(procfs.fd, '.') ?? []);
  for (const pid of pids) {
    for (const tid of listNumbers(procfs.fd, `${pid}/task`) ?? []) ids.add(tid);
  }
  return ids;
}

/** Every thread of every process, and the namespaces it is in. */
export const tasks = {
  name: 'tasks',
  view: 'userland',
  reads: '/proc/<pid>/task/<tid>/ns/net of every thread, with name, user, start time and cgroup of its process',
  needs: 'CAP_SYS_PTRACE for processes of other users; CAP_SYS_ADMIN for a procfs nothing can be mounted over',
  collect: collectTasks,
} as const satisfies Collector<'tasks', TasksData>;
