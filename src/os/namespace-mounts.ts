import { readdirSync } from 'node:fs';
import { SystemError } from './errors.ts';
import {
  AT_FDCWD,
  close,
  cString,
  errno,
  fstatfs,
  mount,
  O_CLOEXEC,
  O_PATH,
  openat,
  umount2,
  unshare,
} from './libc.ts';
import { CLONE_NEWNS } from './nsfs.ts';

// include/uapi/linux/mount.h, include/linux/fs.h
const MS_RDONLY = 1;
const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_SLAVE = 0x8_0000;
const MNT_DETACH = 2;
const ST_RDONLY = 1;

/** Where iproute2 keeps files for the namespaces it has names for. */
const ETC_NETNS = '/etc/netns';

/** Whether the filesystem at a path is mounted read-only, or is read-only itself. */
function isReadOnly(path: string): boolean {
  const fd = openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);
  if (fd < 0) return false;
  const facts = Buffer.alloc(128); // struct statfs: f_flags is its eleventh word (statfs(2))
  const known = fstatfs(fd, facts) === 0;
  close(fd);
  return known && (facts.readUInt32LE(80) & ST_RDONLY) !== 0;
}

/** A sysfs shows the network namespace of whoever mounted it. One that was read-only stays so. */
function mountSysfs(source: string): void {
  const flags = isReadOnly('/sys') ? MS_RDONLY : 0;
  // Where it cannot be unmounted (locked, or not mounted at all) the new one goes on top.
  umount2(cString('/sys'), MNT_DETACH);
  if (mount(cString(source), cString('/sys'), cString('sysfs'), flags, null) < 0) {
    throw new SystemError('mount', 'sysfs on /sys', errno());
  }
}

function entriesOf(directory: string): readonly Buffer[] {
  try {
    return readdirSync(directory, 'buffer');
  } catch {
    return [];
  }
}

/** Lays every file of `/etc/netns/<name>` over the one in `/etc`. One that cannot be is no reason not to go on. */
function bindEtc(name: string, warn: (error: SystemError) => void): void {
  for (const entry of entriesOf(`${ETC_NETNS}/${name}`)) {
    const source = Buffer.concat([Buffer.from(`${ETC_NETNS}/${name}/`), entry]);
    const target = Buffer.concat([Buffer.from('/etc/'), entry]);
    if (mount(cString(source), cString(target), cString('none'), MS_BIND, null) < 0) {
      warn(new SystemError('bind', `${source.toString()} over ${target.toString()}`, errno()));
    }
  }
}

/** Whether there are files for a namespace of that name. */
export function hasEtcFiles(name: string): boolean {
  return entriesOf(`${ETC_NETNS}/${name}`).length > 0;
}

/**
 * Gives this thread a mount namespace of its own, as `ip netns exec` does for the network namespace the thread is in:
 * `/sys` shows that namespace, and files of `/etc/netns/<name>` lie over those in `/etc`. Mounts made here stay here,
 * those made on the host still arrive.
 *
 * @param name in `/run/netns`, or null for a namespace without one.
 * @param source what `/sys` says it was mounted from.
 * @param warn told of what could not be done and need not be.
 * @throws SystemError; the thread then may be in a mount namespace of its own, half made.
 */
export function mountForNamespace(name: string | null, source: string, warn: (error: SystemError) => void): void {
  if (unshare(CLONE_NEWNS) < 0) throw new SystemError('unshare', 'the mount namespace', errno());
  if (mount(cString('none'), cString('/'), null, MS_SLAVE | MS_REC, null) < 0) {
    throw new SystemError('mount --make-rslave', '/', errno());
  }
  mountSysfs(source);
  if (name !== null) bindEtc(name, warn);
}
