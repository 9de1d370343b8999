import type { Capability } from '../model/plan.ts';
import { hasCapability } from './capabilities.ts';
import { errnoName } from './errors.ts';
import { AT_FDCWD, close, errno, O_CLOEXEC, O_RDONLY, openat } from './libc.ts';
import { cookieOfOwnNamespace, namespaceId, openSocketNamespace, withSocket } from './nsfs.ts';
import { compareDescriptors, duplicateFrom, openPidfd } from './pidfd.ts';
import type { Procfs } from './procfs.ts';
import { readSmall } from './procfs.ts';

/** Whether something the collectors build on works here. */
export interface Probe {
  readonly title: string;
  readonly works: boolean;
  /** What was seen. */
  readonly detail: string;
  /** What would make it work; empty when it does. */
  readonly cure: string;
}

/** What nsleuth needs capabilities for. */
const CAPABILITIES: readonly { readonly name: Capability; readonly purpose: string }[] = [
  { name: 'CAP_KILL', purpose: "to end other users' processes" },
  { name: 'CAP_NET_ADMIN', purpose: 'to ask a socket or tun which namespace it pins, and to change devices' },
  { name: 'CAP_SYS_CHROOT', purpose: 'to look into mount namespaces nobody lives in' },
  { name: 'CAP_SYS_PTRACE', purpose: "to read other users' namespaces and descriptors" },
  { name: 'CAP_SYS_ADMIN', purpose: 'for a procfs nothing can be mounted over, and to enter namespaces' },
];

/** PROC_USER_INIT_INO and PROC_PID_INIT_INO, include/linux/proc_ns.h: fixed since Linux 3.8. */
const INITIAL = { user: 4026531837, pid: 4026531836 } as const;

function probeCapabilities(status: string): Probe[] {
  return CAPABILITIES.map(({ name, purpose }) => {
    const works = hasCapability(name, status);
    return { title: name, works, detail: purpose, cure: works ? '' : 'run nsleuth as root' };
  });
}

function probeInitial(type: 'user' | 'pid', ino: number): Probe {
  const works = ino === INITIAL[type];
  return {
    title: `initial ${type} namespace`,
    works,
    detail: ino > 0 ? `${type}:[${ino}]` : 'not readable',
    cure: works ? '' : 'run nsleuth on the host itself: from in here only part of it is visible',
  };
}

function probeProcfs({ uncovered, coveredReason, live, name }: Procfs): Probe {
  const title = 'procfs nothing can be mounted over';
  if (uncovered) return { title, works: true, detail: 'open_tree(2), or fsopen(2)', cure: '' };
  if (!live)
    return { title, works: false, detail: `${name} shows the pids of another pid namespace`, cure: 'leave out --proc' };
  const cure = coveredReason === 'ENOSYS' ? 'needs Linux 5.2' : 'needs CAP_SYS_ADMIN: run nsleuth as root';
  return {
    title,
    works: false,
    detail: coveredReason ?? `${name} was asked for`,
    cure: coveredReason === null ? 'leave out --proc' : cure,
  };
}

function probePidfds(): Probe {
  const title = "other processes' descriptors";
  const pidfd = openPidfd(process.pid, false);
  const opened = openat(AT_FDCWD, '/dev/null', O_RDONLY | O_CLOEXEC);
  const duplicate = pidfd < 0 ? -1 : duplicateFrom(pidfd, opened);
  const failure = duplicate < 0 ? errnoName(errno()) : '';
  for (const fd of [pidfd, opened, duplicate]) if (fd >= 0) close(fd);
  return {
    title,
    works: duplicate >= 0,
    detail: duplicate < 0 ? `pidfd_getfd(2): ${failure}` : 'pidfd_open(2), pidfd_getfd(2)',
    cure: duplicate < 0 ? 'needs Linux 5.6 and a seccomp filter that allows it' : '',
  };
}

function probeSocketNamespace(): Probe {
  const fd = withSocket(openSocketNamespace);
  const failure = fd < 0 ? errnoName(errno()) : '';
  if (fd >= 0) close(fd);
  return {
    title: 'namespace of a socket',
    works: fd >= 0,
    detail: fd < 0 ? `SIOCGSKNS: ${failure}` : 'SIOCGSKNS',
    cure: fd < 0 ? 'needs Linux 4.10 and CAP_NET_ADMIN: run nsleuth as root' : '',
  };
}

function probeCookie(mayEnter: boolean): Probe {
  const title = 'identity that is never reused';
  const own = openat(AT_FDCWD, '/proc/thread-self/ns/net', O_RDONLY | O_CLOEXEC);
  const id = own < 0 ? null : namespaceId(own);
  if (own >= 0) close(own);
  if (id !== null) return { title, works: true, detail: 'NS_GET_ID', cure: '' };
  const cookie = cookieOfOwnNamespace();
  return cookie === null
    ? { title, works: false, detail: 'no net_cookie', cure: 'needs Linux 5.14' }
    : {
        title,
        works: mayEnter,
        detail: 'SO_NETNS_COOKIE: each namespace is entered for it',
        cure: mayEnter ? '' : 'needs CAP_SYS_ADMIN to enter them: run nsleuth as root',
      };
}

function probeThreadPidfd(): Probe {
  const fd = openPidfd(process.pid, true);
  const failure = fd < 0 ? errnoName(errno()) : '';
  if (fd >= 0) close(fd);
  return {
    title: 'sockets in private tables',
    works: fd >= 0,
    detail: fd < 0 ? `PIDFD_THREAD: ${failure}` : 'PIDFD_THREAD',
    cure: fd < 0 ? 'needs Linux 6.9; also for processes whose first thread has ended' : '',
  };
}

function probeKcmp(): Probe {
  const result = compareDescriptors(process.pid, process.pid);
  const works = result === 0;
  return {
    title: "threads' private descriptor tables",
    works,
    detail: works ? 'kcmp(2)' : `kcmp(2): ${errnoName(-result)}`,
    cure: works ? '' : 'needs a kernel with CONFIG_KCMP and a seccomp filter that allows it',
  };
}

/** Tries everything the collectors build on, on nsleuth itself. */
export function probeHost(procfs: Procfs, namespaces: { readonly user: number; readonly pid: number }): Probe[] {
  const status = readSmall(procfs.fd, 'self/status') ?? '';
  const capabilities = probeCapabilities(status);
  return [
    ...capabilities,
    probeInitial('user', namespaces.user),
    probeInitial('pid', namespaces.pid),
    probeProcfs(procfs),
    probePidfds(),
    probeSocketNamespace(),
    probeCookie(capabilities.find(({ title }) => title === 'CAP_SYS_ADMIN')?.works ?? false),
    probeKcmp(),
    probeThreadPidfd(),
  ];
}
