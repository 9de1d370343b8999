import { fstatSync, writeSync } from 'node:fs';

/** Major number of `/dev/null` and its kin, which are no terminals (Documentation/admin-guide/devices.txt). */
const MEMORY_DEVICES = 1;
const MINOR_BITS = 8;
/** Between two tries of what a full pipe does not take. */
const FULL_MS = 5;

/** Whether a standard descriptor is a terminal. Node's own streams, which know as well, take 4 ms to be made. */
export function isTerminal(fd: 0 | 1 | 2): boolean {
  try {
    const facts = fstatSync(fd);
    if (!facts.isCharacterDevice() || facts.rdev >> MINOR_BITS === MEMORY_DEVICES) return false;
  } catch {
    return false; // closed
  }
  return [process.stdin, process.stdout, process.stderr][fd]?.isTTY ?? false;
}

/**
 * Writes a text to the end.
 *
 * @returns null, or why it could not: an errno name.
 */
export function writeAll(fd: 1 | 2, text: string): string | null {
  const bytes = Buffer.from(text, 'utf8');
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      if (code === 'EINTR') continue;
      if (code !== 'EAGAIN') return code;
      // Somebody made the pipe non-blocking, and its reader is slow.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_MS);
    }
  }
  return null;
}
