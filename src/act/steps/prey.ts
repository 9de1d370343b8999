import { setTimeout } from 'node:timers/promises';
import type { KernelTask } from '../../../collectors/kernel.ts';
import { parseStat, type StatFacts } from '../../../collectors/tasks.ts';
import { monotonic } from '../../clock.ts';
import type { ProcessIdentity } from '../../model/plan.ts';
import { EACCES, EINVAL, EMFILE, ENFILE, ENOENT, ENOMEM, EPERM, ESRCH, errnoName, isGone } from '../../os/errors.ts';
import { close, errno } from '../../os/libc.ts';
import { inodeOf, namespaceLink, openPidfdNamespace } from '../../os/nsfs.ts';
import { endedAmong, openPidfd, signalThrough } from '../../os/pidfd.ts';
import { listNumbers, type Procfs, readSmall } from '../../os/procfs.ts';
import { safeText, sanitise } from '../../terminal/sanitise.ts';
import { type StepContext, StepError } from '../contract.ts';

/** PF_KTHREAD, include/linux/sched.h. */
const PF_KTHREAD = 0x0020_0000;
const ENDED = new Set(['Z', 'X', 'x']);

/** A process that lives in a namespace: its first thread does, or, where that has ended, all others do. */
export type Inhabitant = Pick<ProcessIdentity, 'pid' | 'startTicks' | 'comm'>;

/** A process that is to end, held by a pidfd: that never leads to another one. */
export interface Prey extends Inhabitant {
  readonly pidfd: number;
  /** Somebody else had stopped it (SIGSTOP) when it was taken hold of. */
  readonly wasStopped: boolean;
}

/** Why a process is not the one that was meant; `no room`: there are not enough descriptors to take hold of it. */
export type Mismatch = 'gone' | 'another' | 'moved' | 'kernel thread' | 'no room';

function byProcess(tasks: readonly KernelTask[]): Map<number, KernelTask[]> {
  const processes = new Map<number, KernelTask[]>();
  for (const task of tasks) {
    const threads = processes.get(task.pid);
    if (threads === undefined) processes.set(task.pid, [task]);
    else threads.push(task);
  }
  return processes;
}

/** Who lives in a namespace, as the kernel's own iterator has it. Pure. */
export function fromKernel(tasks: readonly KernelTask[], ino: number): Inhabitant[] {
  return [...byProcess(tasks)].flatMap(([pid, threads]): Inhabitant[] => {
    const leader = threads.find(({ tid }) => tid === pid);
    const living = threads.filter(({ zombie, netns, kernelThread }) => !zombie && !kernelThread && netns !== 0);
    const deciding = leader !== undefined && living.includes(leader) ? [leader] : living;
    if (deciding.length === 0 || deciding.some(({ netns }) => netns !== ino)) return [];
    const { startTicks, comm } = leader ?? threads[0] ?? { startTicks: 0, comm: '?' };
    return [{ pid, startTicks, comm }];
  });
}

/** Whether a process lives in a namespace, as procfs has it. Null where that cannot be told: it has ended, or may not be read. */
export function livesIn(procfs: Procfs, pid: number, ino: number): boolean | null {
  const leader = namespaceLink(procfs.fd, `${pid}/ns/net`);
  if (leader > 0) return leader === ino;
  const threads = (listNumbers(procfs.fd, `${pid}/task`) ?? [])
    .map((tid) => namespaceLink(procfs.fd, `${pid}/task/${tid}/ns/net`))
    .filter((link) => link > 0);
  return threads.length === 0 ? null : threads.every((link) => link === ino);
}

/** `/proc/<pid>/stat`; null when it cannot be read, with errno set. */
export function statOf(procfs: Procfs, pid: number): StatFacts | null {
  const text = readSmall(procfs.fd, `${pid}/stat`);
  return text === null ? null : parseStat(text);
}

/** Whether nothing of a process runs any more. Whoever cannot be asked is taken to be there. */
export function hasEnded(procfs: Procfs, pid: number): boolean {
  errno(0);
  const stat = statOf(procfs, pid);
  return stat === null ? isGone(errno()) : ENDED.has(stat.state) && stat.threads <= 1;
}

/** The pid that was handed out last (proc_loadavg(5)), in our pid namespace, which every process procfs lists has one of. */
function lastPid(procfs: Procfs): string | undefined {
  return readSmall(procfs.fd, 'loadavg')?.trimEnd().split(' ')[4];
}

function fromProcfs(procfs: Procfs, ino: number): Inhabitant[] {
  // The latest first: what forks and ends is gone by the time everybody else was looked at.
  return (listNumbers(procfs.fd, '.') ?? []).toReversed().flatMap((pid): Inhabitant[] => {
    if (livesIn(procfs, pid, ino) !== true) return [];
    const stat = statOf(procfs, pid);
    if (stat === null || (ENDED.has(stat.state) && stat.threads <= 1)) return [];
    if ((stat.flags & PF_KTHREAD) !== 0) return [];
    return [{ pid, startTicks: stat.startTicks, comm: sanitise(stat.comm).text }];
  });
}

/** Who lives in a namespace right now. */
interface Population {
  readonly inhabitants: readonly Inhabitant[];
  /** By the kernel's own iterator: nothing is concealed from it, and hardly anything too fast for it. */
  readonly byKernel: boolean;
  /** Nobody on the host forked meanwhile: nobody can have been missed who forks and ends. */
  readonly still: boolean;
}

/** Who lives in a namespace right now: by the kernel's own iterator, else by procfs. */
export async function populationOf({ procfs, tasks }: StepContext, ino: number): Promise<Population> {
  const before = lastPid(procfs);
  const known = await tasks();
  const inhabitants = known === null ? fromProcfs(procfs, ino) : fromKernel(known, ino);
  return { inhabitants, byKernel: known !== null, still: before !== undefined && before === lastPid(procfs) };
}

function isShortOfDescriptors(failure: number): boolean {
  return failure === EMFILE || failure === ENFILE || failure === ENOMEM;
}

/** Why there is no pidfd of a process. @throws StepError where there are none at all. */
function whyNoPidfd(failure: number): Mismatch {
  if (failure === ESRCH) return 'gone';
  // The number is that of a thread by now: EINVAL, from Linux 6.9 on ENOENT.
  if (failure === EINVAL || failure === ENOENT) return 'another';
  if (isShortOfDescriptors(failure)) return 'no room';
  throw new StepError('failed', `pidfd_open: ${errnoName(failure)}: it takes Linux 5.3, and no filter that forbids it`);
}

function identify(procfs: Procfs, stat: StatFacts | null, wanted: Inhabitant, ino: number): Mismatch | null {
  if (stat === null) return 'gone';
  if (stat.startTicks !== wanted.startTicks) return 'another';
  if (ENDED.has(stat.state) && stat.threads <= 1) return 'gone';
  if ((stat.flags & PF_KTHREAD) !== 0) return 'kernel thread';
  const inside = livesIn(procfs, wanted.pid, ino);
  if (inside === null) return 'gone';
  return inside ? null : 'moved';
}

/** What the kernel says of a process that procfs conceals. */
function identifyConcealed(task: KernelTask | undefined, wanted: Inhabitant, pidfd: number, ino: number) {
  if (task === undefined || task.zombie) return 'gone';
  if (task.startTicks !== wanted.startTicks) return 'another';
  if (task.kernelThread) return 'kernel thread';
  const namespace = openPidfdNamespace(pidfd);
  const inode = namespace < 0 ? task.netns : inodeOf(namespace);
  if (namespace >= 0) close(namespace);
  return inode === ino ? null : 'moved';
}

/** Keeps hold of the right one, lets go of a wrong one. */
function keep(wanted: Inhabitant, pidfd: number, mismatch: Mismatch | null, wasStopped: boolean): Prey | Mismatch {
  if (mismatch === null) return { ...wanted, pidfd, wasStopped };
  close(pidfd);
  return mismatch;
}

/**
 * Takes hold of processes: opens a pidfd of each first, and then makes sure that what it leads to is the process that
 * is meant, by when it started, and still in the namespace.
 *
 * @returns what came of each, in their order.
 */
export async function seize(
  context: StepContext,
  wanted: readonly Inhabitant[],
  ino: number,
): Promise<readonly (Prey | Mismatch)[]> {
  const { procfs, tasks } = context;
  const unseen: { readonly index: number; readonly pidfd: number }[] = [];
  const found = wanted.map((each, index): Prey | Mismatch => {
    const pidfd = openPidfd(each.pid, false);
    if (pidfd < 0) return whyNoPidfd(errno());
    const text = readSmall(procfs.fd, `${each.pid}/stat`);
    if (text === null && isShortOfDescriptors(errno())) return keep(each, pidfd, 'no room', false);
    if (text === null) {
      unseen.push({ index, pidfd });
      return 'gone';
    }
    const stat = parseStat(text);
    return keep(each, pidfd, identify(procfs, stat, each, ino), stat?.state === 'T');
  });
  if (unseen.length === 0) return found;
  // Asked after their pidfds were opened: none of them is another's since.
  const byPid = new Map((await tasks())?.flatMap((task) => (task.tid === task.pid ? [[task.pid, task]] : [])));
  const ended = endedAmong(unseen.map(({ pidfd }) => pidfd));
  for (const { index, pidfd } of unseen) {
    const each = wanted[index];
    if (each === undefined) continue;
    const mismatch = ended.has(pidfd) ? 'gone' : identifyConcealed(byPid.get(each.pid), each, pidfd, ino);
    found[index] = keep(each, pidfd, mismatch, false);
  }
  return found;
}

/** Signals one process, or, with 0, asks whether that is permitted. */
export function signal({ pidfd }: Prey, number: number): 'sent' | 'gone' | 'denied' {
  if (signalThrough(pidfd, number) === 0) return 'sent';
  const failure = errno();
  return failure === EPERM || failure === EACCES ? 'denied' : 'gone';
}

/** Waits until they have ended, zombies included, or time is up. @returns those that have not. */
export async function awaitEnd<Each extends Prey>(
  prey: readonly Each[],
  limitMs: number,
  signal: AbortSignal | null,
  pollMs: number,
): Promise<readonly Each[]> {
  const until = monotonic() + limitMs;
  for (let left = prey; ; ) {
    const ended = endedAmong(left.map(({ pidfd }) => pidfd));
    if (ended.size > 0) left = left.filter(({ pidfd }) => !ended.has(pidfd));
    if (left.length === 0 || monotonic() >= until || signal?.aborted) return left;
    await setTimeout(pollMs);
  }
}

/**
 * What a process is doing that will not end: `pid 71 agent (state D, uninterruptible, in io_schedule)`.
 *
 * @param frozenBy the cgroup somebody keeps it frozen in; null where none does.
 */
export function describeSurvivor(procfs: Procfs, { pid, comm }: Inhabitant, frozenBy: string | null): string {
  const state = statOf(procfs, pid)?.state;
  if (state === undefined) return `pid ${pid} ${comm} (${errnoName(errno())})`;
  const where = sanitise(readSmall(procfs.fd, `${pid}/wchan`) ?? '').text;
  const inside = where === '' || where === '0' ? '' : `, in ${where}`;
  const word = state === 'D' ? 'state D, uninterruptible' : `state ${state}`;
  const why = frozenBy === null ? '' : `, frozen by somebody in cgroup ${safeText(frozenBy)} until that is thawed`;
  return `pid ${pid} ${comm} (${word}${inside}${why})`;
}
