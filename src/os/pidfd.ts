import { close, errno, SYS, syscallNumbers } from './libc.ts';

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
 * Whether two tasks share one descriptor table (kcmp(2), KCMP_FILES). True also when the kernel cannot tell
 * (no CONFIG_KCMP, no permission): threads that unshared their table are the rare exception.
 */
export function shareDescriptors(tid1: number, tid2: number): boolean {
  return syscallNumbers(SYS.kcmp, tid1, tid2, KCMP_FILES, 0, 0) <= 0;
}

/** Whether kcmp(2) can be used at all; errno is set when not. */
export function sharesWithItself(): boolean {
  return syscallNumbers(SYS.kcmp, process.pid, process.pid, KCMP_FILES, 0, 0) === 0;
}

/** Runs `use` with a pidfd and closes it. Null when the process is gone or pidfds are not allowed. */
export function withPidfd<T>(tid: number, thread: boolean, use: (pidfd: number) => T): T | { errno: number } {
  const pidfd = openPidfd(tid, thread);
  if (pidfd < 0) return { errno: errno() };
  try {
    return use(pidfd);
  } finally {
    close(pidfd);
  }
}
