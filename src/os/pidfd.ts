import { errno, poll, SYS, syscallNumbers } from './libc.ts';

const PIDFD_THREAD = 0o200; // O_EXCL; since Linux 6.9
const KCMP_FILES = 2;

/**
 * pidfd_open(2) on a process, or on one thread of it where the kernel can (PIDFD_THREAD, 6.9).
 *
 * @returns a descriptor the caller closes, or -1 with errno set.
 */
export function openPidfd(tid: number, thread: boolean): number {
  return syscallNumbers(SYS.pidfd_open, tid, thread ? PIDFD_THREAD : 0, 0, 0, 0);
}

/**
 * Duplicates another process's descriptor into this one (pidfd_getfd(2), Linux 5.6, CAP_SYS_PTRACE).
 *
 * @returns a close-on-exec descriptor the caller closes, or -1 with errno set.
 */
export function duplicateFrom(pidfd: number, fd: number): number {
  return syscallNumbers(SYS.pidfd_getfd, pidfd, fd, 0, 0, 0);
}

/**
 * Compares the descriptor tables of two tasks (kcmp(2), KCMP_FILES).
 *
 * @returns 0 when they share one, a positive number when not, minus errno when the kernel does not say.
 */
export function compareDescriptors(tid1: number, tid2: number): number {
  const result = syscallNumbers(SYS.kcmp, tid1, tid2, KCMP_FILES, 0, 0);
  return result < 0 ? -errno() : result;
}

const POLLIN = 1;

/**
 * Sends a signal to the process behind a pidfd (pidfd_send_signal(2), Linux 5.1): never to another that has its pid by
 * now.
 *
 * @returns 0, or -1 with errno set (ESRCH when it is gone, EPERM without CAP_KILL over it).
 */
export function signalThrough(pidfd: number, signal: number): number {
  return syscallNumbers(SYS.pidfd_send_signal, pidfd, signal, 0, 0, 0);
}

/** Which of these pidfds stand for processes that have ended, zombies included (pidfd_open(2), Linux 5.3). */
export function endedAmong(pidfds: readonly number[]): ReadonlySet<number> {
  const entries = Buffer.alloc(pidfds.length * 8); // struct pollfd: fd, events, revents
  for (const [index, fd] of pidfds.entries()) {
    entries.writeInt32LE(fd, index * 8);
    entries.writeInt16LE(POLLIN, index * 8 + 4);
  }
  if (poll(entries, pidfds.length, 0) <= 0) return new Set();
  return new Set(pidfds.filter((_, index) => (entries.readInt16LE(index * 8 + 6) & POLLIN) !== 0));
}
