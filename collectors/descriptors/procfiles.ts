import { close } from '../../src/os/libc.ts';
import { inNetworkNamespace } from '../../src/os/network-namespace.ts';
import { openNamespace, type Way } from '../../src/os/open-namespace.ts';
import type { Procfs } from '../../src/os/procfs.ts';
import { statxAt } from '../../src/os/stat.ts';

/** A known namespace and how to look at its `/proc/net`. */
export interface KnownNamespace {
  readonly ino: number;
  /** A task that lives in it. */
  readonly task?: { readonly pid: number; readonly tid: number };
  readonly ways: readonly Way[];
}

/** Files of no namespace in particular: made with proc_create_seq or proc_create_single, which take no reference. */
const PINS_NOTHING =
  /^(?:dev_snmp6\/.*|softnet_stat|psched|(?:stat\/)?rt_cache|rt_acct|(?:ip|ip6|arp)_tables_(?:matches|targets))$/;

/** The file below `net/` in `/proc/4711/net/tcp` or `/proc/4711/task/4712/net/tcp`; null for other paths. */
export function parseNetPath(path: string): { readonly pid: number; readonly file: string } | null {
  const match = /\/(\d+)(?:\/task\/\d+)?\/net\/([^/].*)$/.exec(path);
  return match === null || PINS_NOTHING.test(match[2] ?? '') ? null : { pid: Number(match[1]), file: match[2] ?? '' };
}

/**
 * Tells which namespace an open file under `/proc/<pid>/net` belongs to. Every namespace has its own tree of such
 * files, and proc_register gives each file an inode number of its own, so a file's inode number names its
 * namespace as soon as one knows that namespace's file of the same name.
 */
export class ProcfileResolver {
  readonly #procfs: Procfs;
  readonly #device: number;
  readonly #known: readonly KnownNamespace[];
  /** file name → inode of that file → namespace */
  readonly #tables = new Map<string, Map<number, number>>();

  constructor(procfs: Procfs, device: number, known: readonly KnownNamespace[]) {
    this.#procfs = procfs;
    this.#device = device;
    this.#known = known;
  }

  /** The namespace, or null when it is none of the known ones. */
  resolve(file: string, ino: number): number | null {
    let table = this.#tables.get(file);
    if (table === undefined) {
      table = this.#build(file);
      this.#tables.set(file, table);
    }
    return table.get(ino) ?? null;
  }

  #build(file: string): Map<number, number> {
    const table = new Map<number, number>();
    for (const namespace of this.#known) {
      const ino = (namespace.task && this.#byTask(namespace.task, file)) ?? this.#byEntering(namespace, file);
      if (ino !== null) table.set(ino, namespace.ino);
    }
    return table;
  }

  #byTask({ pid, tid }: { readonly pid: number; readonly tid: number }, file: string): number | null {
    return statxAt(this.#procfs.fd, `${pid}/task/${tid}/net/${file}`)?.ino ?? null;
  }

  /** A namespace nobody lives in has no `/proc/<pid>/net`: this thread goes there for one statx. */
  #byEntering({ ino, ways }: KnownNamespace, file: string): number | null {
    const { fd } = openNamespace(this.#procfs, ino, this.#device, ways);
    if (fd === null) return null;
    try {
      return inNetworkNamespace(
        this.#procfs.fd,
        fd,
        `net:[${ino}]`,
        () => statxAt(this.#procfs.fd, `thread-self/net/${file}`)?.ino ?? null,
      );
    } catch {
      return null; // not allowed to enter: that namespace's files stay unrecognised
    } finally {
      close(fd);
    }
  }
}
