import { monotonic } from '../../src/clock.ts';
import { EPERM, ETIMEDOUT, errnoName, isGone, SystemError } from '../../src/os/errors.ts';
import { close, errno } from '../../src/os/libc.ts';
import { type NetlinkProtocol, NetlinkSocket } from '../../src/os/netlink/socket.ts';
import { inNetworkNamespace } from '../../src/os/network-namespace.ts';
import { namespaceLink } from '../../src/os/nsfs.ts';
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
  /** What to read through a process in there instead, where it cannot be entered. */
  readonly filesFromOutside: readonly string[];
  /** @param file what one of those says; null where it is not there. */
  readonly filesAfter: (entered: boolean, file: Inside['file']) => readonly string[];
}

/** What came of trying to get inside. */
export type Entered =
  | { readonly inside: Inside; readonly close: () => void }
  /** `gone`: it ended meanwhile, which is no gap. Otherwise why it could not be entered. */
  | { readonly inside: null; readonly why: 'gone' | string };

type Sockets = ReadonlyMap<NetlinkProtocol, NetlinkSocket | SystemError>;
/** What each file says, or why it could not be read: the errno. */
type Files = ReadonlyMap<string, string | number>;

function textOf(texts: Files, name: string): string | null {
  const text = texts.get(name);
  return typeof text === 'string' ? text : null;
}

/** Reads tables of a directory such as `thread-self/net`. One with a million lines must not keep the others waiting. */
function readTables(procFd: number, directory: string, entered: boolean, wanted: Wanted, deadline: number): Files {
  const texts = new Map<string, string | number>();
  const read = (name: string) => {
    if (texts.has(name)) return;
    const late = monotonic() > deadline;
    texts.set(name, late ? ETIMEDOUT : (readAll(procFd, `${directory}/${name}`) ?? errno()));
  };
  for (const name of entered ? wanted.files : wanted.filesFromOutside) read(name);
  for (const name of wanted.filesAfter(entered, (known) => textOf(texts, known))) read(name);
  return texts;
}

/** Opens what is wanted in the namespace this thread is in. */
function openHere(wanted: Wanted, procFd: number, deadline: number): { sockets: Sockets; texts: Files } {
  const sockets = new Map<NetlinkProtocol, NetlinkSocket | SystemError>();
  for (const protocol of wanted.netlink) {
    try {
      sockets.set(protocol, new NetlinkSocket(protocol, deadline));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      sockets.set(protocol, error);
    }
  }
  // After the sockets: what counts sockets counts ours, always the same number of them.
  return { sockets, texts: readTables(procFd, 'thread-self/net', true, wanted, deadline) };
}

/** Reads tables of a namespace without entering it: `/proc/<pid>/net` of a process in it. Null when nobody lives there. */
function readThroughProcess(
  procFd: number,
  ino: number,
  ways: readonly Way[],
  wanted: Wanted,
  deadline: number,
): Files | null {
  for (const way of ways) {
    if (!('holder' in way) || way.holder.kind !== 'task') continue;
    const { pid, tid } = way.holder;
    const path = pid === tid ? String(pid) : `${pid}/task/${tid}`;
    const texts = readTables(procFd, `${path}/net`, false, wanted, deadline);
    // What moved to another namespace meanwhile told of that one.
    const now = namespaceLink(procFd, `${path}/ns/net`);
    if (now > 0 && now !== ino) continue;
    if ([...texts.values()].some((text) => typeof text === 'string')) return texts;
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
  const deadline = monotonic() + PATIENCE_MS;
  const isOwn = ino === own && procfs.live;
  const inside = (sockets: Sockets, texts: Files, refusal: SystemError | null): Entered => ({
    inside: {
      ino,
      subject,
      own: isOwn,
      entered: refusal === null,
      netlink: (protocol) => {
        const socket = sockets.get(protocol);
        if (socket instanceof NetlinkSocket) return socket;
        throw socket ?? refusal ?? new SystemError('socket', `netlink ${protocol}`, EPERM);
      },
      ownSockets: [...sockets.values()].filter((socket) => socket instanceof NetlinkSocket),
      file: (name) => textOf(texts, name),
      refusal: (name) => {
        const failure = texts.get(name);
        return typeof failure === 'number' && !isGone(failure) ? errnoName(failure) : null;
      },
      context,
      gathered,
    },
    close: () => {
      for (const socket of sockets.values()) if (socket instanceof NetlinkSocket) socket.close();
    },
  });
  const fromOutside = (refusal: SystemError): Entered => {
    const texts = readThroughProcess(procfs.fd, ino, ways, wanted, deadline);
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
