import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { CommandError, EXIT } from '../errors.ts';
import type { Plan, StepResult, Verification } from '../model/plan.ts';
import { type Procfs, readSmall } from '../os/procfs.ts';
import { isErrno } from '../report/save.ts';
import { safeText } from '../terminal/sanitise.ts';
import { VERSION } from '../version.ts';

/** Nobody but its owner may read what was done, and to what. */
const MODE = 0o600;
/** uid_t -1: nobody logged in (pam_loginuid(8)). */
const NOBODY = 4294967295;

/** Who acts: as whom nsleuth runs, and as whom they logged in. */
interface Actor {
  readonly uid: number;
  /** Who logged in, whatever su(1) or sudo(8) made of them; null where nobody did. */
  readonly loginUid: number | null;
  readonly sudoUser: string | null;
  readonly pid: number;
}

/** One line of the trail. */
type Entry =
  | { readonly event: 'plan'; readonly plan: Plan }
  | { readonly event: 'step'; readonly result: StepResult }
  | { readonly event: 'end'; readonly stopped: string | null; readonly verification: Verification | null }
  /** A program was started inside a namespace, in place of nsleuth. */
  | {
      readonly event: 'run';
      readonly namespace: { readonly ino: number | null; readonly cookie: string | null };
      readonly command: readonly string[];
    };

/** Where the trail is: `$XDG_STATE_HOME/nsleuth/actions.ndjson` (XDG Base Directory Specification). */
export function auditFile(env: NodeJS.ProcessEnv = process.env): string {
  const given = env.XDG_STATE_HOME;
  // "All paths must be absolute. If not, it should be ignored."
  const state = given?.startsWith('/') ? given : join(env.HOME || homedir(), '.local/state');
  return join(state, 'nsleuth/actions.ndjson');
}

function whoActs(procfs: Procfs): Actor {
  const login = Number.parseInt(readSmall(procfs.fd, 'self/loginuid') ?? '', 10);
  return {
    uid: process.geteuid?.() ?? -1,
    loginUid: Number.isNaN(login) || login === NOBODY ? null : login,
    sudoUser: process.env.SUDO_USER ?? null,
    pid: process.pid,
  };
}

function cannotKeep(file: string, reason: string): CommandError {
  return new CommandError(
    'ERR_AUDIT',
    `cannot keep the audit trail ${safeText(file)}: ${reason}; without it nothing is done. XDG_STATE_HOME says where it is kept`,
    EXIT.failed,
  );
}

/** Whether a file ends in the middle of a line. */
function isTorn(fd: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

/** The audit trail of one action: append-only, a JSON object a line, on disk before anything goes on. */
export class AuditTrail {
  readonly #file: string;
  readonly #fd: number;
  /** Tells the lines of one action from those of others. The module takes 8 ms to load, which no table waits for. */
  readonly #action = process.getBuiltinModule('node:crypto').randomUUID();
  readonly #who: Actor;
  /** Its last line has no end: whoever wrote it was cut short. */
  #torn: boolean;

  /** @throws CommandError when it cannot be written. */
  constructor(procfs: Procfs, file = auditFile()) {
    this.#file = file;
    this.#who = whoActs(procfs);
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
      this.#fd = openSync(file, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, MODE);
    } catch (error) {
      if (!isErrno(error)) throw error;
      throw cannotKeep(file, error.code === 'ELOOP' ? 'it is a symbolic link' : error.code);
    }
    try {
      const { mode, nlink, size } = fstatSync(this.#fd);
      if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw cannotKeep(file, 'it is no regular file');
      // A file that has another name may be anything: /etc/shadow, for instance.
      if (nlink > 1) throw cannotKeep(file, 'it is a hard link');
      if ((mode & 0o777) !== MODE) fchmodSync(this.#fd, MODE);
      this.#torn = isTorn(this.#fd, size);
    } catch (error) {
      closeSync(this.#fd);
      throw isErrno(error) ? cannotKeep(file, error.code) : error;
    }
  }

  /** Appends one entry, and waits until it is on disk. @throws CommandError when that fails. */
  write(entry: Entry): void {
    const { event, ...rest } = entry;
    const head = {
      at: new Date().toISOString(),
      event,
      action: this.#action,
      who: this.#who,
      host: hostname(),
      tool: `nsleuth ${VERSION}`,
    };
    const line = Buffer.from(`${this.#torn ? '\n' : ''}${JSON.stringify({ ...head, ...rest })}\n`);
    try {
      // One write: lines of two nsleuths at once do not mix (O_APPEND).
      const written = writeSync(this.#fd, line);
      this.#torn = written !== line.length;
      if (this.#torn) throw cannotKeep(this.#file, 'no space left on the device');
      fsyncSync(this.#fd);
    } catch (error) {
      throw isErrno(error) ? cannotKeep(this.#file, error.code) : error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
