import { writeSync } from 'node:fs';
import { safeText } from './sanitise.ts';

/**
 * Alternate screen (the cursor is saved with it), cursor hidden, no autowrap (a character wider than we think must
 * not push its line onto the next), bracketed paste (pasted text must not act as commands).
 */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[?2004h\u001b[H';
/**
 * An update that was cut short would hold the terminal back, so it is ended first. The alternate screen is wiped before
 * it is left: after a resize, tmux 3.3a otherwise mixes its rows into the screen it restores.
 */
const LEAVE = '\u001b[?2026l\u001b[?2004l\u001b[?7h\u001b[m\u001b[H\u001b[J\u001b[?25h\u001b[?1049l';

/** Signals that end a process unless handled, and that somebody may send: each must find the terminal restored. */
const FATAL_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGALRM', 'SIGUSR2', 'SIGXCPU'] as const;

/** What the keys of a terminal send. */
const LENT: readonly string[] = ['SIGINT', 'SIGQUIT', 'SIGTSTP'];

/** How long after stopping ourselves we may still be running before we conclude that we were not stopped. */
const RESUME_CHECK_MS = 50;

/** The terminal, and who draws on it. */
export interface Terminal {
  readonly input: Pick<NodeJS.ReadStream, 'setRawMode'>;
  readonly output: { readonly fd: number };
  /** Started whenever the terminal is ours, stopped before it no longer is. */
  readonly painter: { start(): void; stop(): void };
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0, tries = 0; at < bytes.length && tries < 1000; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      // A terminal that is gone needs no restoring; one that is busy is asked again.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      tries += 1;
    }
  }
}

/** An error the way it may be printed on a terminal: its stack can quote text from outside. */
function printable(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text.split('\n').map(safeText).join('\n');
}

/**
 * The terminal while a full-screen program owns it. It is given back exactly as it was found, exactly once, on every
 * way out: `leave`, a fatal signal (which is raised again, so that the parent sees the true status), an uncaught
 * error (printed once the screen is gone, exit code 1) and `process.exit` from anywhere.
 */
export class FullScreen {
  readonly #terminal: Terminal;
  #entered = false;
  #listeners: [string, (error: unknown) => void][] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Takes the terminal over. */
  enter(): void {
    for (const signal of FATAL_SIGNALS) this.#listen(signal, () => this.raise(signal));
    this.#listen('SIGTSTP', () => this.suspend(process.pid));
    this.#listen('SIGCONT', () => this.#resumeAfterStop());
    this.#listen('uncaughtException', (error) => this.crash(error));
    this.#listen('unhandledRejection', (error) => this.crash(error));
    this.#listen('exit', () => this.leave());
    this.#take();
  }

  /** Gives the terminal back. Calling it again does nothing. */
  leave(): void {
    for (const [event, listener] of this.#listeners) process.off(event, listener);
    this.#listeners = [];
    this.#giveBack();
  }

  /** Gives the terminal back and dies of `signal`. */
  raise(signal: NodeJS.Signals): void {
    this.leave();
    // Other listeners (Ink brings some) would keep the signal from ending the process.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }

  /** Gives the terminal back, says why and exits with 1. */
  crash(error: unknown): void {
    // A terminal that hung up refuses to be written to, at times before SIGHUP arrives.
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'EIO') {
      this.raise('SIGHUP');
      return;
    }
    this.leave();
    writeAll(2, `nsleuth: ${printable(error)}\n`);
    process.exit(1);
  }

  /**
   * Stops like any job on Ctrl-Z and takes the terminal again when continued.
   *
   * @param target process to stop; 0 is the whole foreground job, which is what the terminal itself would stop.
   */
  suspend(target = 0): void {
    const stop = this.#listeners.find(([event]) => event === 'SIGTSTP');
    if (!this.#entered || stop === undefined) return;
    this.#giveBack();
    process.off(...stop);
    process.kill(target, 'SIGTSTP');
    // Also runs when nothing stopped us (an orphaned job is not stopped), and once we are continued.
    setTimeout(() => {
      if (this.#listeners.length === 0) return;
      process.on(...stop);
      this.#take();
    }, RESUME_CHECK_MS);
  }

  /**
   * Lends the terminal to somebody else, and takes it back when they are done. Meanwhile the keys that send signals are
   * theirs: Ctrl-C ends them and not us, and Ctrl-Z stops us along with them, as a job.
   */
  async lend(run: () => Promise<void>): Promise<void> {
    const theirs = this.#listeners.filter(([event]) => LENT.includes(event));
    const ignore = (): void => {};
    this.#giveBack();
    for (const listener of theirs) process.off(...listener);
    process.on('SIGINT', ignore).on('SIGQUIT', ignore);
    try {
      await run();
    } finally {
      process.off('SIGINT', ignore).off('SIGQUIT', ignore);
      if (this.#listeners.length > 0) {
        for (const listener of theirs) process.on(...listener);
        this.#take();
      }
    }
  }

  #resumeAfterStop(): void {
    if (!this.#entered) return;
    // SIGSTOP came unannounced: whoever had the terminal meanwhile may have changed its mode.
    this.#giveBack();
    this.#take();
  }

  #listen(event: string, listener: (error: unknown) => void): void {
    process.on(event, listener);
    this.#listeners.push([event, listener]);
  }

  #take(): void {
    this.#entered = true;
    this.#terminal.input.setRawMode(true);
    writeAll(this.#terminal.output.fd, ENTER);
    this.#terminal.painter.start();
  }

  #giveBack(): void {
    if (!this.#entered) return;
    this.#entered = false;
    this.#terminal.painter.stop();
    writeAll(this.#terminal.output.fd, LEAVE);
    try {
      this.#terminal.input.setRawMode(false);
    } catch {
      // The terminal is gone, and its mode with it.
    }
  }
}
