import { EINVAL, ESRCH, errnoName, isGone } from '../../src/os/errors.ts';
import { close, errno } from '../../src/os/libc.ts';
import { duplicateFrom, openPidfd } from '../../src/os/pidfd.ts';
import { readLink } from '../../src/os/procfs.ts';

/** A descriptor table: a process's own, or the private one of a thread. */
export interface Table {
  /**
   * Its open `fd` directory. Everything else of the process is read relative to it (`../maps`): it cannot slip to
   * another process that got the same pid.
   */
  readonly fds: number;
  readonly pid: number;
  readonly tid?: number;
  /** False where what the process has mapped is not to be looked at. */
  readonly mapped?: boolean;
}

/** Duplicates of other processes' descriptors. One pidfd serves a whole table, until `close`. */
export class Duplicates {
  #pidfd = -1;
  #errno = 0;

  /**
   * Duplicates a descriptor for as long as `use` asks it questions.
   *
   * @returns why it was refused; null when it was not, or is gone.
   */
  use(table: Table, fd: number, use: (duplicate: number) => void): string | null {
    const pidfd = this.#open(table);
    const duplicate = pidfd < 0 ? -1 : duplicateFrom(pidfd, fd);
    if (duplicate < 0) {
      const failure = pidfd < 0 ? this.#errno : errno();
      if (isGone(failure)) return null;
      const tooOld = pidfd < 0 && failure === EINVAL && table.tid !== undefined;
      return tooOld ? 'a single thread: needs Linux 6.9 (PIDFD_THREAD)' : errnoName(failure);
    }
    try {
      use(duplicate);
    } finally {
      close(duplicate);
    }
    return null;
  }

  /** It is known to be of this process: `table.fds` still answers after it is open. */
  #open(table: Table): number {
    if (this.#pidfd >= 0 || this.#errno !== 0) return this.#pidfd;
    this.#pidfd = openPidfd(table.tid ?? table.pid, table.tid !== undefined);
    if (this.#pidfd < 0) this.#errno = errno();
    else if (readLink(table.fds, '../ns/net') === null) {
      close(this.#pidfd);
      this.#pidfd = -1;
      this.#errno = ESRCH;
    }
    return this.#pidfd;
  }

  /** Done with this table. */
  close(): void {
    if (this.#pidfd >= 0) close(this.#pidfd);
    this.#pidfd = -1;
    this.#errno = 0;
  }
}
