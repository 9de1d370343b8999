import { describeHolders } from '../model/describe.ts';
import { deviceState } from '../model/device-text.ts';
import { type Namespace, namespaceKey, type Snapshot } from '../model/index.ts';
import type { Check, Expectation, Plan, Target } from '../model/plan.ts';
import { describeExpectation } from '../model/plan-text.ts';

/** What was looked at when nothing can be said for certain. */
interface Seen {
  readonly holds: boolean | null;
  readonly seen: string;
}

const HOLDS: Seen = { holds: true, seen: '' };

function find(snapshot: Snapshot, { key }: Target): Namespace | undefined {
  return snapshot.namespaces.find((ns) => namespaceKey(ns) === key);
}

/** Whether the kernel's own list of namespaces was read. */
function kernelLooked({ coverage }: Snapshot): boolean {
  const kernel = coverage.find(({ source }) => source === 'kernel');
  return kernel !== undefined && kernel.seen > 0 && (kernel.status === 'complete' || kernel.status === 'partial');
}

function isGone(snapshot: Snapshot, target: Target): Seen {
  const ns = find(snapshot, target);
  if (ns === undefined) {
    return kernelLooked(snapshot)
      ? HOLDS
      : { holds: null, seen: "nothing in userland shows it any more; the kernel's own list could not be read" };
  }
  if (ns.visibility === 'dying') return { holds: false, seen: 'it is being torn down, and not freed yet' };
  return { holds: false, seen: `held by ${describeHolders(ns.holders)}` };
}

/** Something inside a namespace: that a namespace is gone says all about what was in it. */
function inside(snapshot: Snapshot, target: Target, gone: Seen, look: (ns: Namespace) => Seen): Seen {
  const ns = find(snapshot, target);
  return ns === undefined ? gone : look(ns);
}

const NOT_READ: Seen = { holds: null, seen: 'could not be read' };
const NAMESPACE_GONE: Seen = { holds: false, seen: 'the namespace is gone' };

function named(name: string) {
  return ({ names }: Namespace) => names.includes(name);
}

function check(expectation: Expectation, snapshot: Snapshot): Seen {
  switch (expectation.kind) {
    case 'gone':
      return isGone(snapshot, expectation.namespace);
    case 'empty':
      return inside(snapshot, expectation.namespace, HOLDS, ({ processes, holders }) => {
        const there = new Set(processes.filter(({ kernelThread }) => !kernelThread).map(({ pid }) => pid));
        for (const holder of holders) if (holder.kind === 'task' && holder.view === 'kernel') there.add(holder.pid);
        for (const pid of expectation.except) there.delete(pid);
        return there.size === 0 ? HOLDS : { holds: false, seen: `${there.size} left` };
      });
    case 'ended': {
      const { pid, startTicks } = expectation.process;
      const isIt = (each: { readonly pid: number; readonly startTicks: number }): boolean =>
        each.pid === pid && each.startTicks === startTicks;
      const there =
        snapshot.namespaces.some(({ processes }) => processes.some(isIt)) ||
        snapshot.concealedTasks.some((task) => task.seenBy === 'kernel' && task.tid === task.pid && isIt(task));
      return there ? { holds: false, seen: 'it is still there' } : HOLDS;
    }
    case 'unmounted':
      return inside(snapshot, expectation.namespace, HOLDS, ({ holders }) => {
        // A number of a mount is another's as soon as that one is gone.
        const { path } = expectation;
        const ids = new Set(expectation.mountIds);
        const left = holders.filter(
          (holder) => holder.kind === 'mount' && ids.has(holder.mountId) && holder.path === path,
        ).length;
        return left === 0
          ? HOLDS
          : { holds: false, seen: left === ids.size ? 'it still is' : `${left} of ${ids.size} mounts are left` };
      });
    case 'device':
      return inside(snapshot, expectation.namespace, NAMESPACE_GONE, ({ devices }) => {
        if (devices === null) return NOT_READ;
        return devices.some(({ name }) => name === expectation.name) ? HOLDS : { holds: false, seen: 'it is not' };
      });
    case 'link':
      return inside(snapshot, expectation.namespace, NAMESPACE_GONE, ({ devices }) => {
        if (devices === null) return NOT_READ;
        const device = devices.find(({ ifindex }) => ifindex === expectation.ifindex);
        if (device === undefined) return { holds: false, seen: 'it is gone' };
        return device.flags.includes('up') === expectation.up ? HOLDS : { holds: false, seen: deviceState(device) };
      });
    case 'closed':
      return inside(snapshot, expectation.namespace, HOLDS, ({ sockets, visibility }) => {
        if (sockets === null) return visibility === 'dying' ? HOLDS : NOT_READ;
        const cookies = new Set(expectation.sockets.map(({ cookie }) => cookie));
        // What is left of a connection that was closed pins nothing, and goes by itself.
        const left = sockets.filter(({ cookie, state }) => cookie !== null && cookies.has(cookie) && state !== 'close');
        return left.length === 0 ? HOLDS : { holds: false, seen: `${left.length} still there` };
      });
    case 'named': {
      const wanted = expectation.namespace;
      const ns = snapshot.namespaces.find(named(expectation.name));
      if (ns === undefined) return { holds: false, seen: 'no namespace has that name' };
      return wanted === null || namespaceKey(ns) === wanted.key
        ? HOLDS
        : { holds: false, seen: `net:[${ns.ino}] is called that` };
    }
    case 'unnamed':
      return snapshot.namespaces.some(named(expectation.name)) ? { holds: false, seen: 'one still is' } : HOLDS;
  }
}

/** Whether what a plan was to achieve is so, by a snapshot taken after it. Pure. */
export function checkPlan({ expectations }: Plan, snapshot: Snapshot): readonly Check[] {
  return expectations.map((expectation) => ({
    text: describeExpectation(expectation),
    ...check(expectation, snapshot),
  }));
}

/** Cookies of the namespaces that should be gone. */
export function expectedGone({ expectations }: Plan): ReadonlySet<string> {
  return new Set(
    expectations.flatMap((each) =>
      each.kind === 'gone' && each.namespace.cookie !== null ? [each.namespace.cookie] : [],
    ),
  );
}
