/** One line of `/proc/<pid>/mountinfo` (proc_pid_mountinfo(5)), octal escapes undone. */
export interface MountLine {
  readonly mountId: number;
  /** `major << 20 | minor` of the filesystem. */
  readonly device: number;
  /** What of the filesystem is mounted: `net:[4026532177]` for a namespace. */
  readonly root: string;
  /** Bytes, one character each (latin1): a path need not be UTF-8. */
  readonly path: string;
  readonly filesystem: string;
  readonly source: string;
  /** Options of the filesystem as a whole: the controllers of a cgroup hierarchy. */
  readonly superOptions: string;
}

/** Undoes `\040` and its kin, which stand for blank, tab, newline and backslash. */
export function unescapeField(field: string): string {
  return field.includes('\\')
    ? field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    : field;
}

/** Mount id, parent, device, root, mount point, options, optional fields, hyphen, type, source, super options. */
const LINE = /^(\d+) \d+ (\d+):(\d+) (\S+) (\S+) (?:\S+ )*?- (\S+) (\S*) ?(\S*)/;

/** One line; null when it is truncated or malformed. */
export function parseMountLine(line: string): MountLine | null {
  const fields = LINE.exec(line);
  if (fields === null) return null;
  const [, id, major, minor, root = '', path = '', filesystem = '', source = '', superOptions = ''] = fields;
  return {
    mountId: Number(id),
    device: Number(major) * 0x100000 + Number(minor),
    root: unescapeField(root),
    path: unescapeField(path),
    filesystem: unescapeField(filesystem),
    source: unescapeField(source),
    superOptions,
  };
}

/**
 * The lines that hold `needle`, without splitting the rest: of thousands of mounts only a few are of interest.
 *
 * @returns the parsed lines, and how many of the matching ones were malformed.
 */
export function linesWith(text: string, needle: string): { readonly mounts: MountLine[]; readonly malformed: number } {
  const mounts: MountLine[] = [];
  let malformed = 0;
  for (let at = text.indexOf(needle); at >= 0; ) {
    const start = text.lastIndexOf('\n', at) + 1;
    let end = text.indexOf('\n', at);
    if (end < 0) end = text.length;
    const mount = parseMountLine(text.slice(start, end));
    if (mount === null) malformed++;
    else mounts.push(mount);
    at = text.indexOf(needle, end);
  }
  return { mounts, malformed };
}
