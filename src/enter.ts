import type { MountHolder, Namespace, Snapshot } from './model/index.ts';
import { WAYS_IN } from './model/ways.ts';
import { close } from './os/libc.ts';
import { namespaceId, nsfsDevice } from './os/nsfs.ts';
import { type Opened, type OpenOptions, openNamespace, type Way } from './os/open-namespace.ts';
import type { Procfs } from './os/procfs.ts';

/** A mount point as bytes, one character each: the exact ones, whatever the path looks like. */
export function mountPointBytes({ path, rawPath }: Pick<MountHolder, 'path' | 'rawPath'>): string {
  if (rawPath === undefined) return Buffer.from(path, 'utf8').toString('latin1');
  return rawPath.replace(/\\(?:x([0-9a-f]{2})|\\)/g, (_, byte: string | undefined) =>
    byte === undefined ? '\\' : String.fromCharCode(Number.parseInt(byte, 16)),
  );
}

/** Every way into a namespace of a snapshot, best first; its nsfs handle (Linux 6.18) is the last resort. */
export function waysInto(ns: Namespace, { mountNamespaces }: Pick<Snapshot, 'mountNamespaces'>): Way[] {
  const ways = ns.holders
    .filter(({ kind }) => WAYS_IN.includes(kind))
    .toSorted((a, b) => WAYS_IN.indexOf(a.kind) - WAYS_IN.indexOf(b.kind))
    .map((holder): Way => {
      if (holder.kind !== 'mount') return { holder };
      const seenBy = mountNamespaces.find(({ ino }) => ino === holder.mountNamespace)?.pids[0] ?? null;
      return { holder, seenBy, mountPoint: mountPointBytes(holder) };
    });
  // From 6.18 on the cookie is the id that handles are made of; before, no such handle opens.
  return ns.cookie === null ? ways : [...ways, { handle: BigInt(ns.cookie) }];
}

/** What came of opening a namespace of a snapshot. `replaced`: what leads there leads to another one with its number. */
export type OpenedAgain = Opened | { readonly fd: null; readonly why: 'replaced' };

/**
 * Opens a namespace of a snapshot, by whatever leads there now, and makes sure that it still is the same one: an inode
 * number is another's as soon as the namespace is gone, a cookie never.
 *
 * Nothing is changed by opening, unless `mayActivate` allows it.
 */
export function openSnapshotNamespace(
  procfs: Procfs,
  ns: Namespace,
  snapshot: Pick<Snapshot, 'mountNamespaces'>,
  options: OpenOptions = { mayActivate: false },
): OpenedAgain {
  if (ns.ino === null) return { fd: null, why: 'no way' };
  const opened = openNamespace(procfs, ns.ino, nsfsDevice(procfs.fd) ?? -1, waysInto(ns, snapshot), options);
  if (opened.fd === null || ns.cookie === null) return opened;
  const id = namespaceId(opened.fd);
  if (id === null || String(id) === ns.cookie) return opened;
  close(opened.fd);
  return { fd: null, why: 'replaced' };
}
