import { type Dirent, readdirSync } from 'node:fs';
import type { Issue, MountHolder, MountNamespace, SafeText } from '../src/model/index.ts';
import { EINVAL, errnoName, isGone } from '../src/os/errors.ts';
import { errno } from '../src/os/libc.ts';
import { linesWith, type MountLine } from '../src/os/mountinfo.ts';
import { namespaceLink, parseNamespaceLink } from '../src/os/nsfs.ts';
import { listNumbers, type Procfs, readAll, readLink } from '../src/os/procfs.ts';
import { sanitise } from '../src/terminal/sanitise.ts';
import type { CollectContext, Collected, Collector } from './contract.ts';
import type { TaskRecord } from './tasks.ts';

/** An nsfs bind mount of a network namespace. */
export interface MountSighting {
  readonly ino: number;
  readonly holder: MountHolder;
  /** Mount point as bytes, one character each. */
  readonly bytes: string;
  /** A process or thread that sees it, to open it through `/proc/<tid>/root`; null when nobody lives in that namespace. */
  readonly seenBy: number | null;
}

/** A mount namespace that itself is bind-mounted. */
export interface BoundMountNamespace {
  readonly ino: number;
  readonly bytes: string;
  readonly seenBy: number;
}

/** A mount laid over `/proc/<pid>`, which hides that process from whoever reads `/proc`. */
export interface Cover {
  readonly pid: number;
  readonly path: SafeText;
  readonly filesystem: SafeText;
}

export interface MountsData {
  readonly mounts: readonly MountSighting[];
  /** Names in `/run/netns` that are namespaces, as this process sees them. */
  readonly names: readonly { readonly ino: number; readonly name: SafeText }[];
  readonly covers: readonly Cover[];
  readonly mountNamespaces: readonly MountNamespace[];
  readonly boundMountNamespaces: readonly BoundMountNamespace[];
  /** Inhabited mount namespaces that none of the inhabitants shows as a whole: they have to be entered. */
  readonly chrooted: readonly { readonly ino: number; readonly tid: number }[];
  /** Every nsfs mount of any type, by mount id: what a descriptor opened through it is. */
  readonly nsfsMounts: ReadonlyMap<number, string>;
}

/** The nsfs mounts of one mount namespace, from the text of its mountinfo. */
export function parseNsfsMounts(text: string): { readonly mounts: MountLine[]; readonly malformed: number } {
  const { mounts, malformed } = linesWith(text, ' - nsfs ');
  return { mounts: mounts.filter((mount) => mount.filesystem === 'nsfs'), malformed };
}

/** Mounts over `/proc/<pid>` or below it, given where procfs is mounted. */
export function parseCovers(text: string, procRoot: string): Cover[] {
  const covers: Cover[] = [];
  for (const mount of linesWith(text, ` ${procRoot.replaceAll(' ', '\\040')}/`).mounts) {
    const pid = /^\/(\d+)(?:\/|$)/.exec(mount.path.startsWith(procRoot) ? mount.path.slice(procRoot.length) : '')?.[1];
    if (pid === undefined) continue;
    covers.push({
      pid: Number(pid),
      path: sanitise(mount.path).text,
      filesystem: sanitise(mount.filesystem).text,
    });
  }
  return covers;
}

/** Turns a mountinfo line of a network namespace into what holds it. */
export function mountHolder(mount: MountLine, mountNamespace: number | null): MountHolder {
  const path = sanitise(mount.path);
  return {
    kind: 'mount',
    path: path.text,
    ...(path.raw === undefined ? {} : { rawPath: path.raw }),
    mountNamespace,
    mountId: mount.mountId,
  };
}

/** Somebody through whose `/proc` entry a mount namespace can be read. */
interface Witness {
  readonly pid: number;
  readonly tid: number;
}

interface Population {
  readonly pids: number[];
  readonly witnesses: Witness[];
}

/** Who lives in which mount namespace; the key null is for those whose mount namespace may not be read. */
function populations(processes: readonly TaskRecord[]): Map<number | null, Population> {
  const byNamespace = new Map<number | null, Population>();
  const add = (ino: number | null, pid: number, tid: number) => {
    let population = byNamespace.get(ino);
    if (population === undefined) {
      population = { pids: [], witnesses: [] };
      byNamespace.set(ino, population);
    }
    population.pids.push(pid);
    population.witnesses.push({ pid, tid });
  };
  for (const process of processes) {
    // A zombie's own namespaces are gone; its threads may live on.
    if (!process.zombie) add(process.mountNamespace, process.pid, process.pid);
    for (const { ino, tid } of process.threadMountNamespaces) add(ino, process.pid, tid);
  }
  return byNamespace;
}

function readMountinfo(procfs: Procfs, { pid, tid }: Witness): string | null {
  const path = tid === pid ? `${pid}/mountinfo` : `${pid}/task/${tid}/mountinfo`;
  return readAll(procfs.fd, path);
}

/** A task that is ending has no mount namespace any more: mounts_open_common (fs/proc_namespace.c) says EINVAL. */
function hasLeft(failure: number): boolean {
  return isGone(failure) || failure === EINVAL;
}

class MountScan {
  readonly mounts: MountSighting[] = [];
  readonly bound: BoundMountNamespace[] = [];
  readonly nsfsMounts = new Map<number, string>();
  readonly missed: Issue[] = [];
  readonly chrooted: { readonly ino: number; readonly tid: number }[] = [];
  /** What was in each table that was read, by its text. */
  readonly lines = new Map<string, readonly MountLine[]>();
  /** Tables of mount namespaces, as they read from our own root. */
  readonly texts = new Map<number, string>();

  /** Takes over one mount namespace's mountinfo. */
  add(text: string, mountNamespace: number | null, pid: number): void {
    const { mounts, malformed } = parseNsfsMounts(text);
    this.lines.set(text, mounts);
    if (malformed > 0) {
      this.missed.push({ subject: `mountinfo of pid ${pid}`, reason: `${malformed} malformed lines` });
    }
    for (const mount of mounts) {
      // Read again through a process whose mount namespace may not be told: it is one of those already seen.
      if (mountNamespace === null && this.nsfsMounts.has(mount.mountId)) continue;
      this.nsfsMounts.set(mount.mountId, mount.root);
      const ino = parseNamespaceLink(mount.root);
      if (ino === null) continue;
      if (mount.root.startsWith('net:')) {
        this.mounts.push({ ino, holder: mountHolder(mount, mountNamespace), bytes: mount.path, seenBy: pid });
      } else if (mount.root.startsWith('mnt:')) {
        this.bound.push({ ino, bytes: mount.path, seenBy: pid });
      }
    }
  }

  /** Reads a mount namespace through the first of its inhabitants that is still there. */
  readKnown(procfs: Procfs, ino: number, witnesses: readonly Witness[]): void {
    let failure = 0;
    let chrooted: Witness | undefined;
    for (const witness of witnesses) {
      // mountinfo shows no more than what is below its reader's root.
      const root = readLink(procfs.fd, `${witness.tid}/root`);
      if (root !== null && root !== '/') {
        chrooted = witness;
        continue;
      }
      const text = readMountinfo(procfs, witness);
      if (text !== null && text !== '') {
        this.add(text, ino, witness.tid);
        if (root !== null) this.texts.set(ino, text);
        return;
      }
      if (text === null) failure = errno();
      if (text === null && !hasLeft(failure)) break;
    }
    if (chrooted !== undefined) this.chrooted.push({ ino, tid: chrooted.tid });
    // All of them gone: so is the mount namespace, unless something else pins it (pinned-mounts looks there).
    if (failure !== 0 && !hasLeft(failure)) {
      this.missed.push({ subject: `mount namespace ${ino}`, reason: errnoName(failure) });
    }
  }

  /** Without leave to read `ns/mnt`, tables that read alike are taken for one mount namespace. */
  readUnknown(procfs: Procfs, witnesses: readonly Witness[]): void {
    const known = new Set(this.lines.keys());
    for (const witness of witnesses) {
      const text = readMountinfo(procfs, witness);
      if (text === null) {
        const failure = errno();
        if (!hasLeft(failure)) {
          this.missed.push({ subject: `mountinfo of pid ${witness.pid}`, reason: errnoName(failure) });
        }
        continue;
      }
      if (text === '' || known.has(text)) continue;
      known.add(text);
      this.add(text, null, witness.tid);
    }
  }
}

/** Names in `/run/netns` and what is wrong with those that name nothing. */
function readNames(
  netnsDir: string,
  ownMounts: readonly MountLine[],
): { names: { ino: number; name: SafeText }[]; notes: Issue[]; missed: Issue[] } {
  const names: { ino: number; name: SafeText }[] = [];
  const notes: Issue[] = [];
  const missed: Issue[] = [];
  let entries: Dirent<Buffer>[];
  try {
    entries = readdirSync(netnsDir, { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    if (code !== 'ENOENT') missed.push({ subject: netnsDir, reason: code });
    return { names, notes, missed };
  }
  // A later mount on the same path covers an earlier one, so the last one counts.
  const onPath = new Map(ownMounts.map((mount) => [mount.path, mount]));
  for (const entry of entries) {
    const mount = onPath.get(`${netnsDir}/${entry.name.toString('latin1')}`);
    const name = sanitise(entry.name.toString('latin1')).text;
    const ino = mount?.root.startsWith('net:') ? parseNamespaceLink(mount.root) : null;
    if (ino !== null) names.push({ ino, name });
    else if (mount !== undefined)
      notes.push({ subject: `${netnsDir}/${name}`, reason: `is ${mount.root}, not a network namespace` });
    else notes.push({ subject: `${netnsDir}/${name}`, reason: 'stale name: nothing is mounted on it' });
  }
  return { names, notes, missed };
}

function collectMounts(
  { procfs, netnsDir, signal }: CollectContext,
  tasks: readonly TaskRecord[] | null,
): Collected<MountsData> {
  const scan = new MountScan();
  const mountNamespaces: MountNamespace[] = [];

  // Without the tasks source every process is asked in turn; mount namespaces of single threads are missed.
  const byNamespace =
    tasks === null
      ? new Map<number | null, Population>([
          [null, { pids: [], witnesses: (listNumbers(procfs.fd, '.') ?? []).map((pid) => ({ pid, tid: pid })) }],
        ])
      : populations(tasks);
  // The unknown ones last: what they share with the others is known by then.
  for (const [ino, { pids, witnesses }] of [...byNamespace].sort(
    ([a], [b]) => Number(a === null) - Number(b === null),
  )) {
    signal.throwIfAborted();
    if (tasks !== null) mountNamespaces.push({ ino, pids });
    if (ino === null) scan.readUnknown(procfs, witnesses);
    else scan.readKnown(procfs, ino, witnesses);
  }

  // Our own, or what somebody in our mount namespace reads whose root is ours: each costs milliseconds.
  const ownText =
    scan.texts.get(namespaceLink(procfs.fd, 'thread-self/ns/mnt')) ?? readAll(procfs.fd, 'thread-self/mountinfo');
  const { names, notes, missed } =
    ownText === null
      ? {
          names: [],
          notes: [],
          missed: [{ subject: netnsDir, reason: `no thread-self under ${procfs.name}: names unknown` }],
        }
      : readNames(netnsDir, scan.lines.get(ownText) ?? parseNsfsMounts(ownText).mounts);
  const covers = parseCovers(ownText ?? '', procfs.root);
  for (const cover of covers) {
    const where = {
      subject: cover.path,
      reason: `a ${cover.filesystem} is mounted over it: other tools do not see pid ${cover.pid}`,
    };
    if (procfs.uncovered) notes.push(where);
    else missed.push(where);
  }
  return {
    data: {
      mounts: scan.mounts,
      names,
      covers,
      mountNamespaces,
      boundMountNamespaces: scan.bound,
      chrooted: scan.chrooted,
      nsfsMounts: scan.nsfsMounts,
    },
    seen: byNamespace.size,
    missed: [...scan.missed, ...missed],
    notes,
  };
}

/** nsfs mounts in every mount namespace that somebody lives in, and the names of `/run/netns`. */
export const mounts = {
  name: 'mounts',
  view: 'userland',
  reads: '/proc/<pid>/mountinfo of one process per mount namespace, names in /run/netns, mounts over /proc/<pid>',
  needs: 'CAP_SYS_PTRACE to tell the mount namespaces of other users apart',
  collect: (context, gathered) => collectMounts(context, gathered.tasks?.processes ?? null),
} as const satisfies Collector<'mounts', MountsData>;
