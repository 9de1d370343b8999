import { EPERM, SystemError } from '../../src/os/errors.ts';
import { close } from '../../src/os/libc.ts';
import { type NetlinkProtocol, NetlinkSocket } from '../../src/os/netlink/socket.ts';
import { inNetworkNamespace } from '../../src/os/network-namespace.ts';
import { openNamespace, type Way } from '../../src/os/open-namespace.ts';
import { readAll } from '../../src/os/procfs.ts';
import type { CollectContext } from '../contract.ts';
import type { Gathered } from '../index.ts';
import type { Inside } from './contract.ts';

/** How long one namespace may take: one with a million sockets must not keep the others waiting. */
const PATIENCE_MS = 3000;

/** What is to be opened and read inside. */
export interface Wanted {
  readonly netlink: readonly NetlinkProtocol[];
  readonly files: readonly string[];
}

/** What came of trying to get inside. */
export type Entered =
  | { readonly inside: Inside; readonly close: () => void }
  /** `gone`: it ended meanwhile, which is no gap. Otherwise why it could not be entered. */
  | { readonly inside: null; readonly why: 'gone' | string };

type Sockets = ReadonlyMap<NetlinkProtocol, NetlinkSocket | SystemError>;
type Files = ReadonlyMap<string, string | null>;

/** Opens what is wanted in the namespace this thread is in. */
function openHere({ netlink, files }: Wanted, procFd: number, deadline: number): { sockets: Sockets; texts: Files } {
  const sockets = new Map<NetlinkProtocol, NetlinkSocket | SystemError>();
  for (const protocol of netlink) {
    try {
      sockets.set(protocol, new NetlinkSocket(protocol, deadline));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      sockets.set(protocol, error);
    }
  }
  // After the sockets: what counts sockets counts ours, always the same number of them.
  const texts = new Map(files.map((name) => [name, readAll(procFd, `thread-self/net/${name}`)]));
  return { sockets, texts };
}

/** Reads tables of a namespace without entering it: `/proc/<pid>/net` of a process in it. Null when nobody lives there. */
function readThroughProcess(procFd: number, ways: readonly Way[], names: readonly string[]): Files | null {
  for (const way of ways) {
    if (!('holder' in way) || way.holder.kind !== 'task') continue;
    const { pid, tid } = way.holder;
    const path = pid === tid ? `${pid}/net` : `${pid}/task/${tid}/net`;
    const texts = new Map(names.map((name) => [name, readAll(procFd, `${path}/${name}`)]));
    if ([...texts.values()].some((text) => text !== null)) return texts;
  }
  return null;
}

/**
 * Enters a namespace once, opens what speaks for it and comes home. Whoever closes what was opened lets go of it: an
 * open netlink socket keeps a namespace alive.
 *
 * @param own number of the namespace this thread is at home in.
 */
export function enter(
  context: CollectContext,
  gathered: Gathered,
  { ino, ways, own, device }: { ino: number; ways: readonly Way[]; own: number; device: number },
  wanted: Wanted,
): Entered {
  const { procfs } = context;
  const subject = `net:[${ino}]`;
  const deadline = performance.now() + PATIENCE_MS;
  const isOwn = ino === own && procfs.live;
  const inside = (sockets: Sockets, texts: Files, refusal: SystemError | null): Entered => ({
    inside: {
      ino,
      subject,
      own: isOwn,
      netlink: (protocol) => {
        const socket = sockets.get(protocol);
        if (socket instanceof NetlinkSocket) return socket;
        throw socket ?? refusal ?? new SystemError('socket', `netlink ${protocol}`, EPERM);
      },
      file: (name) => texts.get(name) ?? null,
      context,
      gathered,
    },
    close: () => {
      for (const socket of sockets.values()) if (socket instanceof NetlinkSocket) socket.close();
    },
  });
  const fromOutside = (refusal: SystemError): Entered => {
    const texts = readThroughProcess(procfs.fd, ways, wanted.files);
    return texts === null ? { inside: null, why: refusal.message } : inside(new Map(), texts, refusal);
  };

  if (isOwn) {
    const { sockets, texts } = openHere(wanted, procfs.fd, deadline);
    return inside(sockets, texts, null);
  }
  // Another kernel's, or a tree of files: there is nothing to enter.
  if (!procfs.ofThisKernel) return fromOutside(new SystemError('open', subject, EPERM));
  const opened = openNamespace(procfs, ino, device, ways);
  if (opened.fd === null) {
    if (opened.why === 'gone') return { inside: null, why: 'gone' };
    if (opened.why === 'activates') {
      return { inside: null, why: 'only a socket or tun leads to it, and asking would make it active' };
    }
    return fromOutside(new SystemError('open', subject, EPERM));
  }
  try {
    const { sockets, texts } = inNetworkNamespace(procfs.fd, opened.fd, subject, () =>
      openHere(wanted, procfs.fd, deadline),
    );
    return inside(sockets, texts, null);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return fromOutside(error);
  } finally {
    close(opened.fd);
  }
}
