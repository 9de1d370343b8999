/** The stand-in for a rootkit, which no test may load: everything else about the tests that use it is real. */
import type * as Libc from '../../src/os/libc.ts';

const ENOENT = 2;

/** What it conceals: names that readdir leaves out (its hook of getdents), and processes whose files cannot be opened. */
export const rootkit = {
  unlisted: new Set<string>(),
  unreadable: new Set<string>(),
  remove(): void {
    this.unlisted.clear();
    this.unreadable.clear();
  },
};

/** libc as the rootkit lets it be seen: what a test puts in place of `src/os/libc.ts`. */
export function concealing(libc: typeof Libc): typeof Libc {
  const conceals = (path: string): boolean => rootkit.unreadable.has(path.split('/')[0] ?? '');
  const gone = (): number => {
    libc.errno(ENOENT);
    return -1;
  };
  return {
    ...libc,
    syscallWithBuffer: (n, a, buffer, c, d, e) => {
      const size = libc.syscallWithBuffer(n, a, buffer, c, d, e);
      if (n !== libc.SYS.getdents64) return size;
      const entries = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.length);
      for (let at = 0; at < size; at += entries.readUInt16LE(at + 16)) {
        const name = entries.toString('latin1', at + 19, entries.indexOf(0, at + 19));
        if (rootkit.unlisted.has(name)) entries.write('.', at + 19, 'latin1'); // no number any more
      }
      return size;
    },
    openat: (fd, path, flags) => (conceals(path) ? gone() : libc.openat(fd, path, flags)),
    readlinkat: (fd, path, buffer, size) => (conceals(path) ? gone() : libc.readlinkat(fd, path, buffer, size)),
  };
}
