import { writeSync } from 'node:fs';
import { ENOENT, errnoName } from './errors.ts';
import { restoreInherited } from './inherited.ts';
import { AT_FDCWD, cString, errno, execvp, exitNow } from './libc.ts';
import { readAll } from './procfs.ts';

/** What shells, env(1) and nohup(1) say of a command that is not there, and of one that cannot be run (POSIX). */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** Says something on standard error now: `process.stderr` may write later, when this process is another program. */
export function tell(message: string): void {
  try {
    writeSync(2, `nsleuth: ${message}\n`);
  } catch {
    // Nobody is there to be told.
  }
}

/**
 * Says on standard error what went wrong and ends the process at once: for a thread that cannot go on where it is. No
 * handler runs: whatever it did would be done in another namespace.
 */
export function die(message: string, code: number): never {
  tell(message);
  return exitNow(code);
}

/**
 * The bytes of arguments. Node decodes its command line as UTF-8, and what is none becomes U+FFFD: those arguments, which
 * have to be the last ones of the command line, are read from where the kernel keeps them.
 */
export function argumentBytes(argv: readonly string[]): Buffer[] {
  const bytes = argv.map((argument) => Buffer.from(argument));
  if (!argv.some((argument) => argument.includes('\ufffd'))) return bytes;
  const line = readAll(AT_FDCWD, '/proc/self/cmdline')?.split('\0').slice(0, -1) ?? [];
  for (let index = argv.length - 1; index >= 0; index--) {
    const raw = Buffer.from(line[line.length - argv.length + index] ?? '', 'latin1');
    if (raw.toString() !== argv[index]) break;
    bytes[index] = raw;
  }
  return bytes;
}

/**
 * Makes this process another program: the same process, with what it was given by its parent, so that exit code,
 * signals, standard streams, terminal and job control are that program's own. It is looked for in `PATH` as execvp(3)
 * does. When it cannot be run the process ends, with the exit code a shell would give.
 *
 * Called on the main thread: whatever thread calls it, the kernel ends all others, and what that thread had of its own
 * (its namespaces, signal mask) is what the program gets.
 *
 * @param shown the program's name, safe to draw.
 */
export function execute(argv: readonly Buffer[], shown: string): never {
  const strings = argv.map(cString);
  restoreInherited();
  const [file] = strings;
  if (file !== undefined) execvp(file, [...strings, null]);
  const failure = file === undefined ? ENOENT : errno();
  const why = failure === ENOENT ? 'there is no such program, or none of its interpreter' : 'it cannot be executed';
  return die(`cannot run "${shown}": ${why} (${errnoName(failure)})`, failure === ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}
