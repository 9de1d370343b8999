import { EACCES } from './errors.ts';
import { close, errno, getsockopt, ioctlNumber, ioctlPointer, readlinkat, socket } from './libc.ts';
import { statxAt, statxPath } from './stat.ts';

// include/uapi/linux/nsfs.h, include/uapi/linux/sockios.h, include/uapi/linux/if_tun.h
const NS_GET_USERNS = 0xb701;
const NS_GET_NSTYPE = 0xb703;
const NS_GET_OWNER_UID = 0xb704;
const NS_GET_ID = 0x8008b70d;
const SIOCGSKNS = 0x894c;
const PIDFD_GET_NET_NAMESPACE = 0xff04;
const TUNGETDEVNETNS = 0x54e3;
const TUNGETIFF = 0x800454d2;

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_ACCEPTCONN = 30;
const SO_PROTOCOL = 38;
const SO_DOMAIN = 39;
const SO_NETNS_COOKIE = 71;

export const CLONE_NEWNS = 0x2_0000;
export const CLONE_NEWNET = 0x4000_0000;

const eight = Buffer.alloc(8);
const length = Buffer.alloc(4);
const ifreq = Buffer.alloc(40);

/** nsfs's device number, learned from this thread's own namespace file; never a constant. */
export function nsfsDevice(procFd: number): number | null {
  // A procfs in which we do not appear has no thread-self; ours serves as well, there is one nsfs.
  return (statxAt(procFd, 'thread-self/ns/net') ?? statxPath('/proc/thread-self/ns/net'))?.device ?? null;
}

/** Inode of an open namespace file. Null with errno set. */
export function inodeOf(fd: number): number | null {
  return statxAt(fd, '')?.ino ?? null;
}

/** Namespace id (6.18; equals `net->net_cookie`), null where the kernel has no NS_GET_ID. */
export function namespaceId(nsFd: number): bigint | null {
  return ioctlPointer(nsFd, NS_GET_ID, eight) < 0 ? null : eight.readBigUInt64LE(0);
}

/** CLONE_NEW… constant of an open namespace file (NS_GET_NSTYPE, 4.11); -1 with errno set for another file. */
export function namespaceType(nsFd: number): number {
  return ioctlNumber(nsFd, NS_GET_NSTYPE, 0);
}

/**
 * The user namespace owning a namespace and the uid that created it (ioctl_ns(2), 4.9 and 4.11).
 * Null when that user namespace is not ours or below ours (EPERM).
 */
export function ownerOf(nsFd: number): { readonly userNamespace: number; readonly uid: number | null } | null {
  const userFd = ioctlNumber(nsFd, NS_GET_USERNS, 0);
  if (userFd < 0) return null;
  try {
    const userNamespace = inodeOf(userFd);
    if (userNamespace === null) return null;
    const uid = ioctlPointer(userFd, NS_GET_OWNER_UID, eight) < 0 ? null : eight.readUInt32LE(0);
    return { userNamespace, uid };
  } finally {
    close(userFd);
  }
}

/**
 * Opens the namespace a socket or tun descriptor pins (SIOCGSKNS, 4.10 and 5.0; needs CAP_NET_ADMIN over it).
 * For a tun that is the namespace of whoever opened it, not the device's.
 *
 * @returns a descriptor the caller closes, or -1 with errno set.
 */
export function openSocketNamespace(fd: number): number {
  return ioctlNumber(fd, SIOCGSKNS, 0);
}

/**
 * Opens the network namespace of the task behind a pidfd (PIDFD_GET_NET_NAMESPACE, include/uapi/linux/pidfd.h, Linux
 * 6.11): procfs is not asked. -1 with errno set.
 */
export function openPidfdNamespace(pidfd: number): number {
  return ioctlNumber(pidfd, PIDFD_GET_NET_NAMESPACE, 0);
}

/** Opens the namespace a tun's device is in (TUNGETDEVNETNS, 5.2); -1 with EBADFD while none is attached. */
export function openTunDeviceNamespace(fd: number): number {
  return ioctlNumber(fd, TUNGETDEVNETNS, 0);
}

/** Name of the device attached to a tun descriptor as bytes, one character each (latin1); null while there is none. */
export function tunDeviceName(fd: number): string | null {
  ifreq.fill(0);
  if (ioctlPointer(fd, TUNGETIFF, ifreq) < 0) return null;
  const end = ifreq.indexOf(0);
  return ifreq.toString('latin1', 0, end < 0 || end > 16 ? 16 : end);
}

function socketOption(fd: number, name: number): number | null {
  length.writeInt32LE(4);
  return getsockopt(fd, SOL_SOCKET, name, eight, length) < 0 ? null : eight.readInt32LE(0);
}

/** `net_cookie` of the namespace a socket belongs to (SO_NETNS_COOKIE, 5.14, needs no privilege). */
export function socketCookie(fd: number): bigint | null {
  length.writeInt32LE(8);
  return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, eight, length) < 0 ? null : eight.readBigUInt64LE(0);
}

/** Asks a throw-away socket, made in this thread's namespace. -1 when none can be made. */
export function withSocket(ask: (fd: number) => number): number {
  const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return -1;
  const answer = ask(fd);
  close(fd);
  return answer;
}

/** `net_cookie` of the namespace this thread is in, told by a socket made for the purpose. Null before 5.14. */
export function cookieOfOwnNamespace(): bigint | null {
  let cookie: bigint | null = null;
  withSocket((fd) => {
    cookie = socketCookie(fd);
    return 0;
  });
  return cookie;
}

/** What a socket is, as numbers from its own options; null when it is no socket. */
export function socketFacts(
  fd: number,
): { readonly domain: number; readonly type: number; readonly protocol: number; readonly listening: boolean } | null {
  const domain = socketOption(fd, SO_DOMAIN);
  if (domain === null) return null;
  return {
    domain,
    type: socketOption(fd, SO_TYPE) ?? 0,
    protocol: socketOption(fd, SO_PROTOCOL) ?? 0,
    listening: socketOption(fd, SO_ACCEPTCONN) === 1,
  };
}

const link = Buffer.alloc(64);

/** Inode a `/proc/…/ns/<type>` link names, 0 when it names none, or minus errno. */
export function namespaceLink(dirfd: number, path: string): number {
  const size = readlinkat(dirfd, path, link, link.length);
  if (size < 0) return -errno();
  // Linux 5.10.262 refuses like this; others say EACCES (ns_readlink_proc, proc_ns_readlink).
  if (size === 0) return -EACCES;
  let ino = 0;
  // `net:[4026531833]`: read off the bytes, a thousand processes have five thousand of these.
  for (let at = link.indexOf(0x5b) + 1; at < size - 1; at++) ino = ino * 10 + (link[at] ?? 0) - 0x30;
  return Number.isSafeInteger(ino) && ino > 0 ? ino : 0;
}

/** The inode in `net:[4026531833]`, any namespace type; null for any other text. */
export function parseNamespaceLink(text: string): number | null {
  const open = text.indexOf(':[');
  if (open <= 0 || !text.endsWith(']')) return null;
  const ino = Number(text.slice(open + 2, -1));
  return Number.isSafeInteger(ino) && ino > 0 ? ino : null;
}
