import { close, errno } from '../../src/os/libc.ts';
import { openByHandle } from '../../src/os/namespace-handle.ts';
import { inodeOf, openSocketNamespace, socketCookie, socketFacts } from '../../src/os/nsfs.ts';
import type { NamespaceReference } from './sightings.ts';

/** include/linux/socket.h */
const FAMILIES: Readonly<Record<number, string>> = {
  1: 'unix', 2: 'inet', 3: 'ax25', 4: 'ipx', 5: 'appletalk', 10: 'inet6', 15: 'key', 16: 'netlink', 17: 'packet',
  21: 'rds', 24: 'pppox', 29: 'can', 30: 'tipc', 31: 'bluetooth', 33: 'rxrpc', 35: 'phonet', 36: 'ieee802154',
  37: 'caif', 38: 'alg', 39: 'nfc', 40: 'vsock', 41: 'kcm', 42: 'qipcrtr', 43: 'smc', 44: 'xdp', 45: 'mctp',
}; // biome-ignore format: a table
const TYPES: Readonly<Record<number, string>> = {
  1: 'stream',
  2: 'dgram',
  3: 'raw',
  4: 'rdm',
  5: 'seqpacket',
  6: 'dccp',
  10: 'packet',
};
const AF_UNIX = 1;

/** `inet` for 2. */
export function familyName(family: number): string {
  return FAMILIES[family] ?? `family ${family}`;
}

/** `stream` for 1. */
export function typeName(type: number): string {
  return TYPES[type] ?? `type ${type}`;
}

/** A socket and the namespace it was created in. */
export interface ResolvedSocket {
  readonly namespace: NamespaceReference;
  readonly family: string;
  readonly type: string;
  readonly protocol: number;
  readonly listening: boolean;
  readonly unix: boolean;
}

/**
 * Finds the namespaces of sockets. SIOCGSKNS is asked once per namespace: from then on the cheaper
 * SO_NETNS_COOKIE tells, which opens nothing and activates nothing. One instance serves one scan.
 *
 * Where there are inactive namespaces (Linux 6.19), SIOCGSKNS would make one active. There the cookie is the id of a
 * handle, which opens active namespaces and no others; of an inactive one the cookie is all that is learned.
 */
export class SocketResolver {
  readonly #byInode = new Map<number, ResolvedSocket>();
  readonly #byCookie = new Map<bigint, NamespaceReference>();
  readonly #mayAsk: boolean;

  constructor(mayAsk: boolean) {
    this.#mayAsk = mayAsk;
  }

  get(inode: number): ResolvedSocket | undefined {
    return this.#byInode.get(inode);
  }

  /**
   * @param duplicate our duplicate of the descriptor, closed by the caller.
   * @returns the socket, null when the descriptor is by now another file, or the errno of a refusal.
   */
  resolve(duplicate: number, inode: number): ResolvedSocket | null | { readonly errno: number } {
    if (inodeOf(duplicate) !== inode) return null;
    const facts = socketFacts(duplicate);
    if (facts === null) return { errno: errno() };
    const cookie = socketCookie(duplicate);
    let namespace = cookie === null ? undefined : this.#byCookie.get(cookie);
    if (namespace === undefined) {
      const byId = cookie !== null && !this.#mayAsk;
      const fd = byId ? openByHandle(cookie, null) : openSocketNamespace(duplicate);
      if (fd < 0 && !byId) return { errno: errno() };
      const ino = fd < 0 ? null : inodeOf(fd);
      if (fd >= 0) close(fd);
      if (ino === null && !byId) return null;
      namespace = ino === null ? { ino, unknown: `cookie:${cookie}`, cookie: String(cookie) } : { ino };
      if (cookie !== null) this.#byCookie.set(cookie, namespace);
    }
    const socket: ResolvedSocket = {
      namespace,
      family: familyName(facts.domain),
      type: typeName(facts.type),
      protocol: facts.protocol,
      listening: facts.listening,
      unix: facts.domain === AF_UNIX,
    };
    this.#byInode.set(inode, socket);
    return socket;
  }
}
