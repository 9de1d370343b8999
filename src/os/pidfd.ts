import { errno, SYS, syscallNumbers } from './libc.ts';

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
