import type { Issue } from '../src/model/index.ts';
import { SystemError } from '../src/os/errors.ts';
import { AT_FDCWD, close } from '../src/os/libc.ts';
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

/** Mount namespaces that somebody holds and nobody lives in. */
function candidates({ procfs }: CollectContext, device: number, { mounts, descriptors }: Gathered): Candidate[] {
  const inhabited = new Set(mounts?.mountNamespaces.map(({ ino }) => ino));
  return [
    ...(descriptors?.mountNamespaces ?? []).map(({ ino, pid, fd }) => ({
      ino,
      open: () => openIfNamespace(procfs.fd, procfs.fd, `${pid}/fd/${fd}`, device),
    })),
    ...(mounts?.boundMountNamespaces ?? []).map(({ ino, seenBy, bytes }) => ({
      ino,
      open: () => openMountedAt(procfs.fd, seenBy, bytes, device),
    })),
  ].filter(({ ino }) => !inhabited.has(ino));
}

function collectPinned(context: CollectContext, gathered: Gathered): Collected<PinnedMountsData> {
  const device = nsfsDevice(context.procfs.fd) ?? -1;
  const queue = candidates(context, device, gathered);
  const visited = new Set<number>();
  const mounts: MountSighting[] = [];
  const identities = new Map<number, Identity>();
  const missed: Issue[] = [];

  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { ino, open } = next;
    const fd = open();
    if (fd < 0 || visited.has(ino) || inodeOf(fd) !== ino || namespaceType(fd) !== CLONE_NEWNS) {
      if (fd >= 0) close(fd);
      continue; // seen already, gone or replaced: in the latter case another candidate may lead there
    }
    visited.add(ino);
    try {
      inMountNamespace(context.procfs.fd, fd, `mnt:[${ino}]`, () => {
        const text = readAll(context.procfs.fd, 'thread-self/mountinfo') ?? '';
        for (const mount of parseNsfsMounts(text).mounts) {
          const held = parseNamespaceLink(mount.root);
          if (held === null) continue;
          const opened = openMountedNamespace(context.procfs.fd, AT_FDCWD, mount.path, device);
          if (mount.root.startsWith('mnt:') && opened >= 0) {
            // Only from in here is this one within reach: its descriptor waits for its turn.
            queue.push({ ino: held, open: () => opened });
            continue;
          }
          if (mount.root.startsWith('net:')) {
            mounts.push({ ino: held, holder: mountHolder(mount, ino), bytes: mount.path, seenBy: null });
            if (opened >= 0 && !identities.has(held)) identities.set(held, readIdentity(context.procfs.fd, opened));
          }
          if (opened >= 0) close(opened);
        }
      });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      missed.push({ subject: `mount namespace ${ino}`, reason: `${error.operation}: ${error.code}` });
    } finally {
      close(fd);
    }
  }
  return {
    data: { mounts, identities, mountNamespaces: [...visited] },
    seen: visited.size,
    missed,
    notes: [],
  };
}

/** nsfs mounts in mount namespaces nobody lives in, which a descriptor or a mount keeps alive. */
export const pinnedMounts = {
  name: 'pinned-mounts',
  view: 'userland',
  reads: 'mountinfo from inside each mount namespace that only a descriptor or a mount holds',
  needs: 'CAP_SYS_ADMIN and CAP_SYS_CHROOT, to enter such a mount namespace for the length of one read',
  collect: collectPinned,
} as const satisfies Collector<'pinned-mounts', PinnedMountsData>;
