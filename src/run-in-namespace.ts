import { openSnapshotNamespace } from './enter.ts';
import { CommandError, EXIT } from './errors.ts';
import type { Namespace, Snapshot } from './model/index.ts';
import { describeBestWay, whyNoWay } from './model/ways.ts';
import { hasCapability } from './os/capabilities.ts';
import { SystemError } from './os/errors.ts';
import { argumentBytes, die, execute, tell } from './os/execute.ts';
import { close, errno, setns } from './os/libc.ts';
import { mountForNamespace } from './os/namespace-mounts.ts';
import { inNetworkNamespace } from './os/network-namespace.ts';
import { CLONE_NEWNET, cookieOfOwnNamespace } from './os/nsfs.ts';
import type { Procfs } from './os/procfs.ts';
import { leaveVrf } from './os/vrf.ts';
import { safeText } from './terminal/sanitise.ts';

/** A namespace of a snapshot, and what is needed to open it. */
export interface Target {
  readonly procfs: Procfs;
  readonly ns: Namespace;
  readonly snapshot: Pick<Snapshot, 'mountNamespaces' | 'coverage'>;
}

/** What to run, and where. */
export interface InsideRun extends Target {
  /** The name in `/run/netns` whose files in `/etc/netns` are laid over those in `/etc`; null for none. */
  readonly name: string | null;
  readonly argv: readonly string[];
  /** Set in the environment, besides what is there. */
  readonly env?: Readonly<Record<string, string>>;
}

function nameOf(ns: Namespace): string {
  return ns.ino === null ? 'a namespace without a number' : `net:[${ns.ino}]`;
}

function notPermitted(ns: Namespace, what: string): CommandError {
  return new CommandError(
    'ERR_NOT_PERMITTED',
    `cannot enter ${nameOf(ns)}: ${what}; it needs CAP_SYS_ADMIN, over that namespace and over our own: run nsleuth as root`,
    EXIT.notPermitted,
  );
}

function notOpened({ ns, snapshot }: Target, why: 'gone' | 'replaced' | 'no way' | 'activates'): CommandError {
  if (why === 'gone' || why === 'replaced')
    return new CommandError('ERR_GONE', `cannot enter ${nameOf(ns)}: it is gone`);
  const led = describeBestWay(ns, snapshot);
  if (led !== null && !hasCapability('CAP_SYS_ADMIN')) {
    return notPermitted(ns, `what leads into it (${led}) is not ours to open`);
  }
  const reason = led === null ? whyNoWay(ns, snapshot) : `what led into it (${led}) is gone, or is not ours to open`;
  return new CommandError('ERR_NO_WAY', `cannot enter ${nameOf(ns)}: ${reason}`);
}

/**
 * Opens a namespace for entering it. Where only asking a socket or tun for it is left, that is done: somebody asked for
 * it.
 *
 * @returns a descriptor the caller closes.
 * @throws CommandError which says why it cannot be opened.
 */
function open(target: Target): number {
  const { procfs, ns, snapshot } = target;
  if (!procfs.ofThisKernel)
    throw new CommandError('ERR_NO_WAY', `${procfs.name} is not about this kernel's namespaces`);
  const opened = openSnapshotNamespace(procfs, ns, snapshot, { mayActivate: true });
  if (opened.fd === null) throw notOpened(target, opened.why);
  return opened.fd;
}

/**
 * Runs a synchronous function inside, once it is certain that this is the very namespace of the snapshot: before Linux
 * 6.18 its cookie can only be told from inside.
 *
 * @throws CommandError when it is not, and when it may not be entered.
 */
function inside<T>({ procfs, ns }: Target, fd: number, run: () => T): T {
  try {
    return inNetworkNamespace(procfs.fd, fd, nameOf(ns), () => {
      const cookie = cookieOfOwnNamespace();
      if (ns.cookie !== null && cookie !== null && String(cookie) !== ns.cookie) {
        throw new CommandError('ERR_GONE', `cannot enter ${nameOf(ns)}: it is gone, and its number another's`);
      }
      return run();
    });
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.code === 'EPERM') throw notPermitted(ns, error.message);
    throw new CommandError('ERR_ENTER', `cannot enter ${nameOf(ns)}: ${error.message}`);
  }
}

/**
 * Runs a synchronous function inside a namespace of a snapshot, and comes home. Main thread or collecting thread only.
 *
 * @throws CommandError when it cannot be entered.
 */
export function lookInside<T>(target: Target, run: () => T): T {
  const fd = open(target);
  try {
    return inside(target, fd, run);
  } finally {
    close(fd);
  }
}

/** Enters for good and becomes the program: from here on there is no way back, only an end. */
function become({ ns, name, argv, env = {} }: InsideRun, fd: number): never {
  const [command = ''] = argv;
  // Read while /proc is still the one it was.
  const words = argumentBytes(argv);
  const vrf = leaveVrf();
  if (vrf !== null) tell(`cannot leave the VRF: ${safeText(vrf.message)}`);
  try {
    if (setns(fd, CLONE_NEWNET) < 0) throw new SystemError('setns', nameOf(ns), errno());
    mountForNamespace(name, name ?? nameOf(ns), (error) => tell(safeText(error.message)));
  } catch (error) {
    if (!(error instanceof SystemError)) return die(safeText(String(error)), EXIT.failed);
    const denied = error.code === 'EPERM';
    const need = denied ? '; it needs CAP_SYS_ADMIN' : '';
    return die(`${safeText(error.message)}${need}: nothing was run`, denied ? EXIT.notPermitted : EXIT.failed);
  }
  Object.assign(process.env, env);
  return execute(words, safeText(command));
}

/**
 * Runs a program in a network namespace as `ip netns exec` does, in place of this process: the namespace is entered, the
 * program gets a mount namespace of its own in which `/sys` and `/etc` are that network namespace's, and what Node
 * changed in this process is undone. Main thread only; comes back in no case but that it throws, and then nothing has
 * been changed yet. What fails later ends the process, with a message: exit code 1, 4 when not permitted, 126 or 127
 * when the program cannot be run.
 *
 * @throws CommandError when the namespace is gone, nothing leads into it or it may not be entered.
 */
export function runInNamespace(run: InsideRun): never {
  const fd = open(run);
  try {
    inside(run, fd, () => undefined);
  } catch (error) {
    close(fd);
    throw error;
  }
  return become(run, fd);
}
