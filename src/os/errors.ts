import { getSystemErrorName } from 'node:util';

/**
 * A system call that failed. `code` is the errno's name (`EACCES`), `operation` the call, `subject` what it was
 * called on; the message says all three.
 */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly code: string;
  readonly operation: string;
  readonly subject: string;

  constructor(operation: string, subject: string, errno: number) {
    const code = errnoName(errno);
    super(`${operation} ${subject}: ${code}`);
    this.code = code;
    this.operation = operation;
    this.subject = subject;
  }
}

/** `EACCES` for 13. */
export function errnoName(errno: number): string {
  try {
    return getSystemErrorName(-errno);
  } catch {
    return `errno ${errno}`;
  }
}

/** Whether an errno means that the process or descriptor looked at is simply gone: normal on a live host. */
export function isGone(errno: number): boolean {
  return errno === ENOENT || errno === ESRCH || errno === EBADF;
}

export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EINVAL = 22;
export const ENFILE = 23;
export const EMFILE = 24;
export const EFBIG = 27;
export const ENOSYS = 38;
export const EBADMSG = 74;
export const EMSGSIZE = 90;
export const ETIMEDOUT = 110;
export const ESTALE = 116;
