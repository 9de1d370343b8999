import type { Issue, Owner } from '../src/model/index.ts';
import { SystemError } from '../src/os/errors.ts';
import { close } from '../src/os/libc.ts';
import { inNetworkNamespace } from '../src/os/network-namespace.ts';
import { cookieOfOwnNamespace, namespaceId, namespaceLink, nsfsDevice, ownerOf } from '../src/os/nsfs.ts';
import { openNamespace } from '../src/os/open-namespace.ts';
import type { CollectContext, Collected, Collector } from './contract.ts';
import type { Gathered } from './index.ts';
import { hasEnded, waysIn } from './ways.ts';

/** What tells a namespace apart for good, and who made it. */
export interface Identity {
  /** Decimal `net_cookie`; null where the kernel does not tell. */
  readonly cookie: string | null;
  /** Null when the owning user namespace is out of our sight. */
  readonly owner: Owner | null;
}

export interface IdentityData {
  readonly identities: ReadonlyMap<number, Identity>;
}

/**
 * `net_cookie` of an open namespace on kernels without NS_GET_ID: a socket made inside tells (SO_NETNS_COOKIE,
 * 5.14). The socket is gone again before this returns. Null where not allowed or not supported.
 */
export function cookieByEntering(procFd: number, netns: number): bigint | null {
  try {
    return inNetworkNamespace(procFd, netns, 'a namespace, for its cookie', cookieOfOwnNamespace);
  } catch (error) {
    if (error instanceof SystemError) return null;
    throw error;
  }
}

/** Reads the identity of an open network namespace. */
export function readIdentity(procFd: number, netns: number): Identity {
  const cookie = namespaceId(netns) ?? cookieByEntering(procFd, netns);
  return { cookie: cookie === null ? null : String(cookie), owner: ownerOf(netns) };
}

function collectIdentity({ procfs, signal }: CollectContext, gathered: Gathered): Collected<IdentityData> {
  const identities = new Map(gathered['pinned-mounts']?.identities);
  // The kernel's own view knows them all already.
  for (const { ino, cookie, owner, departed } of gathered.kernel?.namespaces ?? []) {
    if (cookie !== null && !departed) identities.set(ino, { cookie, owner });
  }
  const missed: Issue[] = [];
  const device = nsfsDevice(procfs.fd) ?? -1;
  const own = namespaceLink(procfs.fd, 'thread-self/ns/net');
  for (const [ino, ways] of waysIn(gathered)) {
    signal.throwIfAborted();
    if (identities.has(ino)) continue;
    const opened = openNamespace(procfs, ino, device, ways);
    if (opened.fd === null) {
      // What died between being seen and being opened is no gap.
      if (opened.why === 'gone' || hasEnded(gathered, ino)) continue;
      const reason =
        opened.why === 'activates'
          ? 'only a socket or tun leads to it, and asking would make it active: cookie and owner unknown'
          : 'no holder leads to it: cookie and owner unknown';
      missed.push({ subject: `net:[${ino}]`, reason });
      continue;
    }
    const found = readIdentity(procfs.fd, opened.fd);
    close(opened.fd);
    // Our own namespace need not be entered to be asked.
    const cookie = found.cookie ?? (ino === own ? String(cookieOfOwnNamespace() ?? '') || null : null);
    identities.set(ino, { ...found, cookie });
    if (cookie === null) missed.push({ subject: `net:[${ino}]`, reason: 'cookie not readable' });
  }
  return { data: { identities }, seen: identities.size, missed, notes: [] };
}

/** Cookie and owner of every namespace found. */
export const identity = {
  name: 'identity',
  view: 'userland',
  reads: 'NS_GET_ID or SO_NETNS_COOKIE, NS_GET_USERNS and NS_GET_OWNER_UID of every namespace found',
  needs: 'leave to open the namespace; Linux 6.18, or 5.14 and CAP_SYS_ADMIN, for the cookie',
  collect: collectIdentity,
} as const satisfies Collector<'identity', IdentityData>;
