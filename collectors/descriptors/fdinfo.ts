/** Parsers of `/proc/<pid>/fdinfo/<fd>` (proc_pid_fdinfo(5)): pure, and content with whatever they are given. */

const CLONE_NEWNET = 0x4000_0000;
/** FILEID_NSFS, include/linux/exportfs.h, Linux 6.18. */
const FILEID_NSFS = 0xf1;

function field(text: string, name: string): string | undefined {
  const at = text.startsWith(`${name}:`) ? 0 : text.indexOf(`\n${name}:`) + 1;
  if (at === 0 && !text.startsWith(`${name}:`)) return undefined;
  const end = text.indexOf('\n', at);
  return text.slice(at + name.length + 1, end < 0 ? undefined : end).trim();
}

function integer(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

/** The mount a file was opened through, and its inode (`ino:` since 5.14). */
export function parseFileFacts(text: string): { readonly mountId: number | null; readonly ino: number | null } {
  return { mountId: integer(field(text, 'mnt_id')), ino: integer(field(text, 'ino')) };
}

/** Whether it is a tun descriptor: tun_chr_show_fdinfo writes `iff:` with the device's name, also an empty one. */
export function isTun(text: string): boolean {
  return field(text, 'iff') !== undefined;
}

/** Descriptors that wait inside a unix socket: `scm_fds`, unix_show_fdinfo, Linux 5.8. */
export function parseQueuedDescriptors(text: string): number {
  return integer(field(text, 'scm_fds')) ?? 0;
}

/** `netfilter` for a BPF netfilter link, also where the kernel prints only the number (BPF_LINK_TYPE_NETFILTER). */
export function isNetfilterLink(text: string): boolean {
  const type = field(text, 'link_type');
  return type === 'netfilter' || type === '<10>' || type === '10';
}

/** One watched inode. */
export interface Watched {
  readonly ino: number;
  /** What the file handle says the namespace is; null where the kernel gives no nsfs handle (before 6.18). */
  readonly network: boolean | null;
}

/** Inodes on the given device that an inotify or fanotify descriptor watches. */
export function parseWatches(text: string, device: number): Watched[] {
  const watches: Watched[] = [];
  for (const [line, ino, sdev] of text.matchAll(/^(?:inotify|fanotify) .*?ino:([0-9a-f]+) sdev:([0-9a-f]+).*$/gm)) {
    if (ino === undefined || sdev === undefined || Number.parseInt(sdev, 16) !== device) continue;
    const handle = /fhandle-type:([0-9a-f]+) f_handle:([0-9a-f]+)/.exec(line);
    let network: boolean | null = null;
    if (handle !== null && Number.parseInt(handle[1] ?? '', 16) === FILEID_NSFS && (handle[2]?.length ?? 0) >= 32) {
      // struct nsfs_file_handle: u64 ns_id, u32 ns_type, u32 ns_inum (include/uapi/linux/nsfs.h).
      network = Buffer.from(handle[2] ?? '', 'hex').readUInt32LE(8) === CLONE_NEWNET;
    }
    watches.push({ ino: Number.parseInt(ino, 16), network });
  }
  return watches;
}

/**
 * Whether this kernel's io_uring fdinfo names registered files by path (tried on 6.18). Older ones (6.1 and 6.12 were
 * tried) print the bare last name: `/` for a namespace, and `net:[1]` for whatever file somebody called so.
 */
export function namesRegisteredFilesByPath(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 18);
}

/** Files registered with an io_uring, as io_uring_show_fdinfo lists them below `UserFiles:`. */
export function parseRegisteredFiles(text: string): { readonly slot: number; readonly target: string }[] {
  const start = text.indexOf('\nUserFiles:');
  if (start < 0) return [];
  const files: { slot: number; target: string }[] = [];
  for (const line of text.slice(text.indexOf('\n', start + 1) + 1).split('\n')) {
    if (/^[A-Za-z]/.test(line)) break; // the next section
    const entry = /^ *(\d+): (.*)$/.exec(line);
    if (entry === null) continue;
    const [, slot, target = ''] = entry;
    if (target !== '' && target !== '<none>') files.push({ slot: Number(slot), target });
  }
  return files;
}
