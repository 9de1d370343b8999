/** Parsers of `/proc/<pid>/maps` and `/proc/devices`: pure. */

/** A mapped socket or io_uring: what maps calls it, and its inode. */
export interface Mapping {
  readonly target: string;
  readonly ino: number;
}

/** The sockets and io_urings in `/proc/<pid>/maps` (proc_pid_maps(5)), each once. */
export function parseMappings(text: string): Mapping[] {
  const mappings = new Map<string, Mapping>();
  for (const [, inode, target] of text.matchAll(
    /^\S+ \S+ \S+ \S+ (\d+) +(socket:\[\d+\]|anon_inode:\[io_uring\])$/gm,
  )) {
    if (target !== undefined) mappings.set(`${target} ${inode}`, { target, ino: Number(inode) });
  }
  return [...mappings.values()];
}

/** Character device majors of macvtap and ipvtap, from `/proc/devices`. */
export function parseTapMajors(text: string): Set<number> {
  return new Set([...text.matchAll(/^ *(\d+) (?:macvtap|ipvtap)$/gm)].map(([, major]) => Number(major)));
}
