/** Who lives where, who comes from whom, and who ends with whom. Pure. */
import type { Namespace, Process, Snapshot } from '../../model/index.ts';
import type { ProcessIdentity } from '../../model/plan.ts';

/** A process, and the namespace it lives in. */
export interface Home {
  readonly ns: Namespace;
  readonly process: Process;
}

const known = new WeakMap<Snapshot, ReadonlyMap<number, Home>>();

/**
 * Where every process lives, rather than some thread of it: where its first thread is, or, where that has ended, all
 * that are left. One whose first thread has ended and whose others are in several namespaces lives in none.
 */
function homes(snapshot: Snapshot): ReadonlyMap<number, Home> {
  const before = known.get(snapshot);
  if (before !== undefined) return before;
  const led = new Map<number, Home>();
  const others = new Map<number, Home | null>();
  for (const ns of snapshot.namespaces) {
    const leaders = new Set(
      ns.holders.flatMap((each) => (each.kind === 'task' && each.tid === each.pid ? each.pid : [])),
    );
    for (const process of ns.processes) {
      const { pid } = process;
      if (leaders.has(pid)) led.set(pid, { ns, process });
      else others.set(pid, others.has(pid) ? null : { ns, process });
    }
  }
  for (const [pid, home] of others) if (home !== null && !led.has(pid)) led.set(pid, home);
  known.set(snapshot, led);
  return led;
}

/** The namespace a process lives in. */
export function homeOf(pid: number, snapshot: Snapshot): Home | undefined {
  return homes(snapshot).get(pid);
}

export function livesIn(ns: Namespace, { pid }: Process, snapshot: Snapshot): boolean {
  return homeOf(pid, snapshot)?.ns === ns;
}

export function identityOf({ pid, startTicks, comm, user }: Process): ProcessIdentity {
  return { pid, startTicks, comm, user };
}

/** An inhabitant: `process` is null for one that procfs conceals altogether. */
export interface Inhabitant extends ProcessIdentity {
  readonly process: Process | null;
}

/** Everybody who lives in a namespace, those that procfs conceals included; no kernel threads, nobody can end those. */
export function inhabitantsOf(ns: Namespace, snapshot: Snapshot): readonly Inhabitant[] {
  const shown = ns.processes.filter((process) => !process.kernelThread && livesIn(ns, process, snapshot));
  const pids = new Set(ns.processes.map(({ pid }) => pid));
  const concealed = new Map(
    snapshot.concealedTasks
      .filter(({ pid, tid, netns, seenBy }) => netns === ns.ino && pid === tid && seenBy === 'kernel' && !pids.has(pid))
      .map(({ pid, startTicks, comm }) => [pid, { pid, startTicks, comm, user: null, process: null }]),
  );
  return [...shown.map((process) => ({ ...identityOf(process), process })), ...concealed.values()];
}

/** Processes that live elsewhere and descend from some of these. */
export function emigrantsOf(ns: Namespace, pids: ReadonlySet<number>, snapshot: Snapshot): readonly Home[] {
  const parents = new Map(
    snapshot.namespaces.flatMap(({ processes }) => processes.map(({ pid, ppid }) => [pid, ppid] as const)),
  );
  const descends = new Map<number, boolean>([...pids].map((pid) => [pid, true]));
  const settle = (pid: number): boolean => {
    const line: number[] = [];
    let found = false;
    for (let at: number | undefined = pid; at !== undefined; at = parents.get(at)) {
      const settled = descends.get(at);
      if (settled !== undefined) {
        found = settled;
        break;
      }
      // Said before it is known, so that a circle of parents ends.
      descends.set(at, false);
      line.push(at);
    }
    for (const each of line) descends.set(each, found);
    return found;
  };
  return [...homes(snapshot).values()].filter(
    ({ ns: home, process }) => home !== ns && !process.kernelThread && !pids.has(process.pid) && settle(process.pid),
  );
}

/** Whether a process is the first one of a pid namespace below ours: the kernel ends all others in it with it (pid_namespaces(7)). */
function isInit({ namespacePids }: Process): boolean {
  return namespacePids.length > 1 && namespacePids.at(-1) === 1;
}

/** Who ends with a process because it is the first one of its pid namespace: everybody in that, and in those below it. */
export function endingWith(init: Process, snapshot: Snapshot): readonly Home[] {
  if (!isInit(init) || init.pidNamespace === null) return [];
  const everybody = [...homes(snapshot).values()];
  const doomed = new Set([init.pidNamespace]);
  const namespaceOf = new Map(everybody.map(({ process }) => [process.pid, process.pidNamespace]));
  const inits = everybody.filter(({ process }) => isInit(process));
  for (let before = 0; before !== doomed.size; ) {
    before = doomed.size;
    for (const { process } of inits) {
      const parent = namespaceOf.get(process.ppid) ?? null;
      if (process.pidNamespace !== null && parent !== null && doomed.has(parent)) doomed.add(process.pidNamespace);
    }
  }
  return everybody.filter(
    ({ process }) => process.pid !== init.pid && process.pidNamespace !== null && doomed.has(process.pidNamespace),
  );
}
