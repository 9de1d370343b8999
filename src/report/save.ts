import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CommandError, EXIT } from '../errors.ts';
import { safeText } from '../terminal/sanitise.ts';

/** Loaded when something is saved: it takes every other command 2 ms. */
const crypto = () => process.getBuiltinModule('node:crypto');

/** What goes wrong with files, in words that say what to do. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its directory does not exist',
  ENOTDIR: 'what should be its directory is none',
  EISDIR: 'it is a directory',
  EACCES: 'not permitted',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'it is too large for the file system',
  EEXIST: 'it exists already; --force replaces it',
  ENAMETOOLONG: 'the name is too long',
};

export function isErrno(error: unknown): error is NodeJS.ErrnoException & { readonly code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

function cannotWrite(file: string, code: string, reason = REASONS[code]): CommandError {
  const denied = code === 'EACCES' || code === 'EPERM';
  return new CommandError(
    'ERR_CANNOT_WRITE',
    `cannot write ${safeText(file)}: ${reason === undefined ? code : `${reason} (${code})`}`,
    denied ? EXIT.notPermitted : EXIT.failed,
  );
}

/** Turns what the system says of a file into an error that says what to do. */
function writing<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isErrno(error) ? cannotWrite(file, error.code) : error;
  }
}

function checksumFile(file: string): string {
  return `${file}.sha256`;
}

/** What has that name; a symbolic link is not followed. */
function existing(file: string) {
  return lstatSync(file, { throwIfNoEntry: false });
}

/**
 * Whether a file and its checksum can be made there.
 *
 * @throws CommandError when one of them exists and may not be replaced, is no regular file, or its directory cannot be
 * written to.
 */
export function checkTarget(file: string, force: boolean): void {
  const directory = dirname(file);
  writing(file, () => {
    if (file === '' || file.endsWith('/')) throw cannotWrite(file, 'EISDIR');
    if (!statSync(directory).isDirectory()) throw cannotWrite(file, 'ENOTDIR');
    accessSync(directory, constants.W_OK | constants.X_OK);
  });
  for (const target of [file, checksumFile(file)]) {
    const there = writing(target, () => existing(target));
    if (there === undefined) continue;
    if (there.isDirectory()) throw cannotWrite(target, 'EISDIR');
    // Replacing a device, or the link `/dev/stdout`, by a file would break it for everybody.
    if (!there.isFile()) throw cannotWrite(target, 'EEXIST', 'it is there, and no regular file');
    if (!force) throw cannotWrite(target, 'EEXIST');
  }
}

/** Writes a file beside its place, to the disk and not only on the way there. Nobody else may read it. */
function writeBeside(file: string, text: string): string {
  const temporary = join(dirname(file), `.nsleuth-${crypto().randomBytes(8).toString('hex')}.partial`);
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(fd);
  }
  return temporary;
}

/** Gives a finished file its name: all of it is there at once. */
function publish(temporary: string, file: string, force: boolean): void {
  if (!force) {
    try {
      linkSync(temporary, file); // never replaces anything, even what came up since it was looked for
      unlinkSync(temporary);
      return;
    } catch (error) {
      // FAT and some network file systems have no links.
      if (!isErrno(error) || !['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(error.code)) throw error;
      if (existing(file) !== undefined) throw cannotWrite(file, 'EEXIST');
    }
  }
  renameSync(temporary, file);
}

/** Names are on the disk only when their directory is. */
function flushDirectory(directory: string): void {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } catch (error) {
    // Some file systems cannot.
    if (!isErrno(error) || error.code !== 'EINVAL') throw error;
  } finally {
    closeSync(fd);
  }
}

function remove(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // It was not made, or has its name by now.
  }
}

/** A line of sha256sum(1): the name of a file that has a newline or a backslash in it is escaped, and marked so. */
function checksumLine(checksum: string, name: string): string {
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `${escaped === name ? '' : '\\'}${checksum}  ${escaped}\n`;
}

/** Signals that ask a process to end. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Does something without being ended half-way: a signal that comes meanwhile ends the process afterwards. */
async function undisturbed<T>(work: () => T): Promise<T> {
  const came: NodeJS.Signals[] = [];
  const note = (signal: NodeJS.Signals) => came.push(signal);
  for (const signal of ENDING) process.on(signal, note);
  try {
    return work();
  } finally {
    // Signals are told between two turns of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    for (const signal of ENDING) process.off(signal, note);
    for (const signal of came) process.kill(process.pid, signal);
  }
}

/**
 * Writes a file and, beside it, its SHA-256 in the format of sha256sum(1). Each is there in full or not at all, and on
 * an error what did not exist before does not exist after; between the two renames of `force`, a new file may stand
 * beside the checksum of the one before it, which then does not fit.
 *
 * @returns the checksum.
 * @throws CommandError that says why it cannot be written.
 */
export function saveWithChecksum(file: string, text: string, force: boolean): Promise<string> {
  const checksum = crypto().createHash('sha256').update(text).digest('hex');
  const sidecar = checksumFile(file);
  return undisturbed(() => {
    const temporaries: string[] = [];
    const published: string[] = [];
    try {
      const data = writing(file, () => writeBeside(file, text));
      temporaries.push(data);
      const line = writing(sidecar, () => writeBeside(sidecar, checksumLine(checksum, basename(file))));
      temporaries.push(line);
      writing(file, () => publish(data, file, force));
      published.push(file);
      writing(sidecar, () => publish(line, sidecar, force));
      writing(file, () => flushDirectory(dirname(file)));
    } catch (error) {
      for (const temporary of temporaries) remove(temporary);
      // What was replaced is lost by then, and the new one is better than none.
      if (!force) for (const half of published) remove(half);
      throw error;
    }
    return checksum;
  });
}
