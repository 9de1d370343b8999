import { mountPointBytes, openSnapshotNamespace, waysInto } from '../enter.ts';
import { type Namespace, namespaceKey, type Snapshot } from '../model/index.ts';
import type { Target } from '../model/plan.ts';
import { SystemError } from '../os/errors.ts';
import { AT_FDCWD, close, errno, O_CLOEXEC, O_RDONLY, openat } from '../os/libc.ts';
import { inNetworkNamespace } from '../os/network-namespace.ts';
import { cookieOfOwnNamespace, inodeOf, nsfsDevice } from '../os/nsfs.ts';
import { openMountedNamespace } from '../os/open-namespace.ts';
import type { Procfs } from '../os/procfs.ts';
import { StepError, trying } from './contract.ts';
import { within } from './mount-namespace.ts';

/** The namespaces of a plan, open: no other namespace can have the number of one that is. */
export class OpenTargets {
  readonly #procfs: Procfs;
  readonly #snapshot: Snapshot;
  readonly #open = new Map<string, number>();

  constructor(procfs: Procfs, snapshot: Snapshot) {
    this.#procfs = procfs;
    this.#snapshot = snapshot;
  }

  find(target: Target) {
    return this.#snapshot.namespaces.find((ns) => namespaceKey(ns) === target.key);
  }

  open(target: Target): number {
    const known = this.#open.get(target.key);
    if (known !== undefined) return known;
    const ns = this.find(target);
    if (ns === undefined) throw new StepError('gone', `${target.label} is gone`);
    const opened = openSnapshotNamespace(this.#procfs, ns, this.#snapshot, { mayActivate: true });
    const found = opened.fd ?? this.#openInside(ns);
    if (found === null) {
      const why = opened.fd === null ? opened.why : null;
      if (why === 'replaced') throw this.#replaced(target);
      if (why === 'gone') throw new StepError('gone', `${target.label} is gone`);
      throw new StepError('failed', `nothing leads into ${target.label} that may be opened`);
    }
    try {
      const { fd, cookie } = this.#enter(found, target);
      // Where the kernel does not tell the id of a namespace (before Linux 6.18), a socket made inside does.
      if (cookie !== null && target.cookie !== null && cookie !== target.cookie) {
        close(fd);
        throw this.#replaced(target);
      }
      this.#open.set(target.key, fd);
      return fd;
    } finally {
      close(found);
    }
  }

  /** Opens it where it is mounted in a mount namespace that nobody lives in, from inside that; null where it is not. */
  #openInside({ ino, holders }: Namespace): number | null {
    const inhabited = new Set(
      this.#snapshot.mountNamespaces.flatMap(({ ino, pids }) => (pids.length > 0 ? [ino] : [])),
    );
    const device = nsfsDevice(this.#procfs.fd) ?? -1;
    for (const holder of holders) {
      if (holder.kind !== 'mount' || inhabited.has(holder.mountNamespace)) continue;
      const place = { mountNamespace: holder.mountNamespace, seenBy: [] };
      const open = () => openMountedNamespace(this.#procfs.fd, AT_FDCWD, mountPointBytes(holder), device);
      const fd = within(this.#procfs, place, open) ?? -1;
      if (fd >= 0 && inodeOf(fd) === ino) return fd;
      if (fd >= 0) close(fd);
    }
    return null;
  }

  /**
   * Whether what the snapshot has to lead into a namespace that is open still does. What nothing else holds by now can be
   * opened for a moment, by its handle, and is gone when it is closed again.
   */
  isHeld(target: Target): boolean {
    const ns = this.find(target);
    // Without a cookie there is no handle to open it by. It is open, so its number is nobody else's.
    const plain = ns === undefined ? undefined : { ...ns, cookie: null };
    if (plain === undefined || waysInto(plain, this.#snapshot).length === 0) return true;
    const { fd } = openSnapshotNamespace(this.#procfs, plain, this.#snapshot);
    if (fd !== null) close(fd);
    return fd !== null;
  }

  /** Opens it anew from inside: a descriptor that was opened by a bind mount would keep that mount busy. */
  #enter(fd: number, { label }: Target) {
    return trying('CAP_SYS_ADMIN', () =>
      inNetworkNamespace(this.#procfs.fd, fd, label, () => {
        const again = openat(this.#procfs.fd, 'thread-self/ns/net', O_RDONLY | O_CLOEXEC);
        if (again < 0) throw new SystemError('open', label, errno());
        const cookie = cookieOfOwnNamespace();
        return { fd: again, cookie: cookie === null ? null : String(cookie) };
      }),
    );
  }

  #replaced({ label }: Target): StepError {
    return new StepError('changed', `${label} is another network namespace by now, with the same number`);
  }

  close(key: string): void {
    const fd = this.#open.get(key);
    if (fd !== undefined) close(fd);
    this.#open.delete(key);
  }

  closeAll(): void {
    for (const key of [...this.#open.keys()]) this.close(key);
  }
}
