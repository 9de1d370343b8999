import type { Issue } from '../src/model/index.ts';
import { errnoName, isGone, SystemError } from '../src/os/errors.ts';
import { AT_FDCWD, close, errno, O_CLOEXEC, O_RDONLY, openat } from '../src/os/libc.ts';
import { inMountNamespace } from '../src/os/mount-namespace.ts';
import { CLONE_NEWNS, inodeOf, namespaceType, nsfsDevice, parseNamespaceLink } from '../src/os/nsfs.ts';
import { openIfNamespace, openMountedAt, openMountedNamespace } from '../src/os/open-namespace.ts';
import { readAll } from '../src/os/procfs.ts';
import type { CollectContext, Collected, Collector } from './contract.ts';
import { type Identity, readIdentity } from './identity.ts';
import type { Gathered } from './index.ts';
import { type MountSighting, mountHolder, parseNsfsMounts } from './mounts.ts';

export interface PinnedMountsData {
  readonly mounts: readonly MountSighting[];
  /** Nobody outside can reach these mounts again, so what they are is read while inside. */
  readonly identities: ReadonlyMap<number, Identity>;
  /** Mount namespaces that only a descriptor or a mount keeps alive. */
  readonly mountNamespaces: readonly number[];
}

interface Candidate {
  readonly ino: number;
  /** Opens it, or hands over a descriptor that is open already; the caller closes. */
  readonly open: () => number;
}

/** Mount namespaces that cannot be read through an inhabitant: held but not lived in, or lived in by chroots only. */
function candidates(
  { procfs }: CollectContext,
  device: number,
  inhabited: ReadonlySet<number | null>,
  { mounts, descriptors }: Gathered,
): Candidate[] {
  const held = [
    ...(descriptors?.mountNamespaces ?? []).map(({ ino, pid, tid, fd }) => ({
      ino,
      open: () => openIfNamespace(procfs.fd, procfs.fd, `${tid ?? pid}/fd/${fd}`, device),
    })),
    ...(mounts?.boundMountNamespaces ?? []).map(({ ino, seenBy, bytes }) => ({
      ino,
      open: () => openMountedAt(procfs.fd, seenBy, bytes, device),
    })),
  ].filter(({ ino }) => !inhabited.has(ino));
  const chrooted = (mounts?.chrooted ?? []).map(({ ino, tid }) => ({
    ino,
    open: () => openat(procfs.fd, `${tid}/ns/mnt`, O_RDONLY | O_CLOEXEC),
  }));
  return [...held, ...chrooted];
}

function collectPinned(context: CollectContext, gathered: Gathered): Collected<PinnedMountsData> {
  const { procfs } = context;
  const device = nsfsDevice(procfs.fd) ?? -1;
  const chrooted = new Set(gathered.mounts?.chrooted.map(({ ino }) => ino));
  // Those are read here, though somebody lives in them.
  const inhabited = new Set(
    gathered.mounts?.mountNamespaces.map(({ ino }) => ino).filter((ino) => ino === null || !chrooted.has(ino)),
  );
  const queue = candidates(context, device, inhabited, gathered);
  const visited = new Set<number>();
  const mounts: MountSighting[] = [];
  const identities = new Map<number, Identity>();
  const missed: Issue[] = [];
  const refused = new Map<number, string>();

  /** Reads one mount namespace from inside. */
  const read = (ino: number): void => {
    const text = readAll(procfs.fd, 'thread-self/mountinfo');
    if (text === null) {
      missed.push({ subject: `mount namespace ${ino}`, reason: `mountinfo: ${errnoName(errno())}` });
      return;
    }
    const parsed = parseNsfsMounts(text);
    if (parsed.malformed > 0) {
      missed.push({ subject: `mount namespace ${ino}`, reason: `${parsed.malformed} malformed lines` });
    }
    for (const mount of parsed.mounts) {
      const held = parseNamespaceLink(mount.root);
      if (held === null || !/^(?:net|mnt):/.test(mount.root)) continue;
      if (mount.root.startsWith('mnt:') && (inhabited.has(held) || visited.has(held))) continue;
      const opened = openMountedNamespace(procfs.fd, AT_FDCWD, mount.path, device);
      if (opened < 0) missed.push({ subject: `${mount.root} in mount namespace ${ino}`, reason: errnoName(errno()) });
      if (mount.root.startsWith('mnt:')) {
        // Only from in here is this one within reach: its descriptor waits for its turn.
        if (opened >= 0) queue.push({ ino: held, open: () => opened });
        continue;
      }
      mounts.push({ ino: held, holder: mountHolder(mount, ino), bytes: mount.path, seenBy: null });
      if (opened < 0) continue;
      if (!identities.has(held)) identities.set(held, readIdentity(procfs.fd, opened));
      close(opened);
    }
  };

  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { ino, open } = next;
    const fd = open();
    if (fd < 0) {
      const failure = errno();
      if (!isGone(failure)) refused.set(ino, errnoName(failure));
      continue;
    }
    if (visited.has(ino) || inodeOf(fd) !== ino || namespaceType(fd) !== CLONE_NEWNS) {
      close(fd);
      continue; // seen already, or replaced: in the latter case another candidate may lead there
    }
    visited.add(ino);
    try {
      inMountNamespace(procfs.fd, fd, `mnt:[${ino}]`, () => read(ino));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      missed.push({ subject: `mount namespace ${ino}`, reason: `${error.operation}: ${error.code}` });
    } finally {
      close(fd);
    }
  }
  for (const [ino, reason] of refused) {
    if (!visited.has(ino)) missed.push({ subject: `mount namespace ${ino}`, reason });
  }
  return {
    data: { mounts, identities, mountNamespaces: [...visited].filter((ino) => !chrooted.has(ino)) },
    seen: visited.size,
    missed,
    notes: [],
  };
}

/** nsfs mounts in mount namespaces nobody lives in outside a chroot, which a descriptor or a mount keeps alive. */
export const pinnedMounts = {
  name: 'pinned-mounts',
  view: 'userland',
  reads: 'mountinfo from inside each mount namespace that only a descriptor, a mount or a chroot holds',
  needs: 'CAP_SYS_ADMIN and CAP_SYS_CHROOT, to enter such a mount namespace for the length of one read',
  collect: collectPinned,
} as const satisfies Collector<'pinned-mounts', PinnedMountsData>;
