import { setTimeout } from 'node:timers/promises';
import type { KernelTask } from '../../../collectors/kernel.ts';
import { parseStat } from '../../../collectors/tasks.ts';
import type { ProcessIdentity } from '../../model/plan.ts';
import { EACCES, EPERM, errnoName } from '../../os/errors.ts';
import { close, errno } from '../../os/libc.ts';
import { inodeOf, namespaceLink, openPidfdNamespace } from '../../os/nsfs.ts';
import { endedAmong, openPidfd, signalThrough } from '../../os/pidfd.ts';
import { listNumbers, type Procfs, readSmall } from '../../os/procfs.ts';
import { sanitise } from '../../terminal/sanitise.ts';
import { type StepContext, StepError } from '../contract.ts';

/** PF_KTHREAD, include/linux/sched.h. */
const PF_KTHREAD = 0x0020_0000;
const ENDED = new Set(['Z', 'X', 'x']);

/** A process that lives in a namespace: its first thread does, or, where that has ended, all others do. */
export type Inhabitant = Pick<ProcessIdentity, 'pid' | 'startTicks' | 'comm'>;

/** A process that is to end, held by a pidfd: that never leads to another one. */
export interface Prey extends Inhabitant {
  readonly pidfd: number;
}

/** Why a process is not the one that was meant. */
export type Mismatch = 'gone' | 'another' | 'moved' | 'kernel thread';

function byProcess(tasks: readonly KernelTask[]): Map<number, KernelTask[]> {
  const processes = new Map<number, KernelTask[]>();
  for (const task of tasks) {
    const threads = processes.get(task.pid);
    if (threads === undefined) processes.set(task.pid, [task]);
    else threads.push(task);
  }
  return processes;
}

function fromKernel(tasks: readonly KernelTask[], ino: number): Inhabitant[] {
  return [...byProcess(tasks)].flatMap(([pid, threads]): Inhabitant[] => {
    const leader = threads.find(({ tid }) => tid === pid);
    const living = threads.filter(({ zombie, netns }) => !zombie && netns !== 0);
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

function fromProcfs(procfs: Procfs, ino: number): Inhabitant[] {
  return (listNumbers(procfs.fd, '.') ?? []).flatMap((pid): Inhabitant[] => {
    if (livesIn(procfs, pid, ino) !== true) return [];
    const stat = parseStat(readSmall(procfs.fd, `${pid}/stat`) ?? '');
    if (stat === null || ENDED.has(stat.state)) return [];
    return [{ pid, startTicks: stat.startTicks, comm: sanitise(stat.comm).text }];
  });
}

/** Who lives in a namespace right now: by the kernel's own iterator, which nothing is concealed from, else by procfs. */
export async function inhabitants({ procfs, tasks }: StepContext, ino: number): Promise<Inhabitant[]> {
  const known = await tasks();
  return known === null ? fromProcfs(procfs, ino) : fromKernel(known, ino);
}

/** What the kernel says of a process that procfs conceals. */
async function identifyConcealed(
  { tasks }: StepContext,
  { pid, startTicks }: Pick<Inhabitant, 'pid' | 'startTicks'>,
  pidfd: number,
  ino: number,
): Promise<Mismatch | null> {
  const task = (await tasks())?.find((each) => each.tid === pid && each.pid === pid);
  if (task === undefined || task.zombie) return 'gone';
  if (task.startTicks !== startTicks) return 'another';
  const namespace = openPidfdNamespace(pidfd);
  const inode = namespace < 0 ? task.netns : inodeOf(namespace);
  if (namespace >= 0) close(namespace);
  return inode === ino ? null : 'moved';
}

/**
 * Takes hold of a process: opens a pidfd first, and then makes sure that what it leads to is the process that is meant,
 * by when it started, and still in the namespace.
 */
export async function seize(context: StepContext, wanted: Inhabitant, ino: number): Promise<Prey | Mismatch> {
  const { procfs } = context;
  const { pid, startTicks } = wanted;
  const pidfd = openPidfd(pid, false);
  if (pidfd < 0) return 'gone';
  const text = readSmall(procfs.fd, `${pid}/stat`);
  const mismatch =
    text === null && endedAmong([pidfd]).size === 0
      ? await identifyConcealed(context, wanted, pidfd, ino)
      : identify(procfs, text ?? '', pid, startTicks, ino);
  if (mismatch === null) return { ...wanted, pidfd };
  close(pidfd);
  return mismatch;
}

function identify(procfs: Procfs, text: string, pid: number, startTicks: number, ino: number): Mismatch | null {
  const stat = parseStat(text);
  if (stat === null) return 'gone';
  if (stat.startTicks !== startTicks) return 'another';
  if (ENDED.has(stat.state) && stat.threads <= 1) return 'gone';
  if ((stat.flags & PF_KTHREAD) !== 0) return 'kernel thread';
  const inside = livesIn(procfs, pid, ino);
  if (inside === null) return 'gone';
  return inside ? null : 'moved';
}

/** Signals one process. @returns whether it was there to receive it. @throws StepError when that is not permitted. */
export function signal({ pid, comm, pidfd }: Prey, number: number): boolean {
  if (signalThrough(pidfd, number) === 0) return true;
  const failure = errno();
  if (failure === EPERM || failure === EACCES) {
    throw new StepError('denied', `pid ${pid} ${comm} may not be signalled: it takes CAP_KILL`, 'CAP_KILL');
  }
  return false;
}

/** Waits until they have ended, zombies included, or time is up. @returns those that have not. */
export async function awaitEnd(
  prey: readonly Prey[],
  limitMs: number,
  signal: AbortSignal,
  pollMs: number,
): Promise<readonly Prey[]> {
  const until = performance.now() + limitMs;
  for (let left = prey; ; ) {
    const ended = endedAmong(left.map(({ pidfd }) => pidfd));
    left = left.filter(({ pidfd }) => !ended.has(pidfd));
    if (left.length === 0 || performance.now() >= until || signal.aborted) return left;
    await setTimeout(pollMs);
  }
}

/** What a process is doing that will not end: `pid 71 agent (state D, uninterruptible, in io_schedule)`. */
export function describeSurvivor(procfs: Procfs, { pid, comm }: Inhabitant): string {
  const state = parseStat(readSmall(procfs.fd, `${pid}/stat`) ?? '')?.state;
  if (state === undefined) return `pid ${pid} ${comm} (${errnoName(errno())})`;
  const where = sanitise(readSmall(procfs.fd, `${pid}/wchan`) ?? '').text;
  const inside = where === '' || where === '0' ? '' : `, in ${where}`;
  const word = state === 'D' ? 'state D, uninterruptible' : `state ${state}`;
  return `pid ${pid} ${comm} (${word}${inside})`;
}
