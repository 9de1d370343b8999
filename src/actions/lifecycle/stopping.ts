import { CommandError, EXIT } from '../../errors.ts';
import { describeHolder, holderPid } from '../../model/describe.ts';
import { isCertain, type Namespace, namespaceKey, type Process, type Snapshot } from '../../model/index.ts';
import type { ActionOptions, Offer, ProcessIdentity, Spared, StopStep } from '../../model/plan.ts';
import type { PlanFacts } from './lifecycle.ts';
import { count, labelOf, type Part, type StepDraft, targetOf } from './parts.ts';
import { multiplying } from './runaway.ts';

/** How long SIGTERM may take unless told otherwise, in milliseconds. */
const GRACE_MS = 5000;

function identityOf({ pid, startTicks, comm, user }: Process): ProcessIdentity {
  return { pid, startTicks, comm, user };
}

/** Whether a process lives in a namespace, rather than a thread of it: its first thread is there, or all that are left. */
function livesIn(ns: Namespace, { pid }: Process, { namespaces }: Snapshot): boolean {
  const holder = ns.holders.find((each) => each.kind === 'task' && each.pid === pid);
  if (holder?.kind === 'task' && holder.tid === pid) return true;
  return !namespaces.some((other) => other !== ns && other.processes.some((process) => process.pid === pid));
}

/** Everybody who lives in a namespace, those that procfs conceals included. */
function inhabitantsOf(ns: Namespace, snapshot: Snapshot): readonly ProcessIdentity[] {
  const known = ns.processes.filter((process) => !process.kernelThread && livesIn(ns, process, snapshot));
  const pids = new Set(known.map(({ pid }) => pid));
  const concealed = snapshot.concealedTasks.filter(
    ({ pid, tid, netns, seenBy }) => netns === ns.ino && pid === tid && seenBy === 'kernel' && !pids.has(pid),
  );
  return [
    ...known.map(identityOf),
    ...concealed.map(({ pid, startTicks, comm }) => ({ pid, startTicks, comm, user: null })),
  ];
}

/** The namespace a process lives in. */
function homeOf(pid: number, snapshot: Snapshot): { readonly ns: Namespace; readonly process: Process } | undefined {
  for (const ns of snapshot.namespaces) {
    const process = ns.processes.find((each) => each.pid === pid);
    if (process !== undefined && livesIn(ns, process, snapshot)) return { ns, process };
  }
  return undefined;
}

/** Asks to end one process, wherever it lives: the only way to end one in a protected namespace. */
function offerToKill(pid: number, snapshot: Snapshot, why: string): Offer[] {
  const home = homeOf(pid, snapshot);
  if (home === undefined) return [];
  const request = { action: 'kill', targets: [namespaceKey(home.ns)], options: { pids: [pid] } } as const;
  return [{ text: `end pid ${pid} ${home.process.comm}, ${why}`, request }];
}

function stopStep(
  ns: Namespace,
  processes: readonly ProcessIdentity[],
  { self }: PlanFacts,
  options: ActionOptions,
  over: Pick<StopStep, 'scope' | 'why'>,
  uids: readonly (number | null)[],
): StepDraft {
  const { graceMs = GRACE_MS, freeze = false } = options;
  const how = freeze
    ? 'frozen first, then SIGKILL'
    : graceMs === 0
      ? 'SIGKILL'
      : `SIGTERM, ${graceMs / 1000} s later SIGKILL; frozen first should they multiply`;
  const others = over.scope === 'namespace' ? ', and whatever is started in it meanwhile' : '';
  return {
    kind: 'stop',
    namespace: targetOf(ns),
    processes,
    graceMs: freeze ? 0 : graceMs,
    freeze,
    subject: count(processes.length, 'process', 'processes'),
    effect: `${how}${others}`,
    risk: 'destructive',
    needs: uids.some((uid) => uid !== self.uid) ? ['CAP_KILL'] : [],
    ...over,
  };
}

/** Ends the processes of a namespace that are named one by one. */
export function stopNamed(ns: Namespace, pids: readonly number[], facts: PlanFacts, options: ActionOptions): Part {
  const { snapshot, self } = facts;
  const processes = pids.map((pid) => {
    const process = ns.processes.find((each) => each.pid === pid);
    if (process === undefined) {
      const there = ns.processes.slice(0, 5).map((each) => `${each.pid} ${each.comm}`);
      const known =
        there.length === 0
          ? 'nobody lives there'
          : `there are ${there.join(', ')}${ns.processes.length > 5 ? '…' : ''}`;
      throw new CommandError('ERR_NO_PROCESS', `no process ${pid} in ${labelOf(ns)}; ${known}`);
    }
    if (self.lineage.includes(pid)) {
      throw new CommandError(
        'ERR_PROTECTED',
        `pid ${pid} ${process.comm} is nsleuth itself or what it was started by`,
        EXIT.failed,
      );
    }
    if (process.kernelThread) {
      throw new CommandError(
        'ERR_PROTECTED',
        `pid ${pid} ${process.comm} is a kernel thread: it cannot be ended`,
        EXIT.failed,
      );
    }
    return process;
  });
  // A process some of whose threads are here is ended where it lives.
  const homes = new Map<Namespace, Process[]>();
  for (const process of processes) {
    const home = homeOf(process.pid, snapshot)?.ns ?? ns;
    homes.set(home, [...(homes.get(home) ?? []), process]);
  }
  return {
    steps: [...homes].map(([home, members]) =>
      stopStep(
        home,
        members.map(identityOf),
        facts,
        options,
        { scope: 'named', why: '' },
        members.map(({ uid }) => uid),
      ),
    ),
    warnings: [...homes]
      .filter(([home]) => home !== ns)
      .map(
        ([home, members]) =>
          `${members.map(({ pid, comm }) => `pid ${pid} ${comm}`).join(', ')} lives in ${labelOf(home)}: all of it ends, not only what is here`,
      ),
    expectations: processes.map((process) => ({ kind: 'ended', process: identityOf(process) })),
  };
}

/** Processes elsewhere that descend from some of these. */
function emigrants(ns: Namespace, pids: ReadonlySet<number>, { namespaces }: Snapshot) {
  const parents = new Map(
    namespaces.flatMap(({ processes }) => processes.map(({ pid, ppid }) => [pid, ppid] as const)),
  );
  const descends = (pid: number): boolean => {
    for (
      let at = parents.get(pid), depth = 0;
      at !== undefined && depth < parents.size;
      at = parents.get(at), depth++
    ) {
      if (pids.has(at)) return true;
    }
    return false;
  };
  return namespaces
    .filter((other) => other !== ns)
    .flatMap((other) =>
      other.processes.filter(({ pid }) => !pids.has(pid) && descends(pid)).map((process) => ({ home: other, process })),
    );
}

/** Who has a namespace open, or otherwise holds it, without living in it. */
function foreignHolders(ns: Namespace, ended: ReadonlySet<number>, snapshot: Snapshot): Part {
  const byPid = new Map<number, string[]>();
  const untouched: Spared[] = [];
  for (const holder of ns.holders) {
    if (!isCertain(holder) || ['task', 'mount', 'orphan'].includes(holder.kind)) continue;
    const pid = holderPid(holder);
    const what = describeHolder(holder);
    if (pid === null)
      untouched.push({ subject: what, why: 'no process has it open: it has to be unpinned (bpftool link)' });
    else if (!ended.has(pid)) byPid.set(pid, [...(byPid.get(pid) ?? []), what]);
  }
  for (const [pid, held] of byPid) {
    const comm = homeOf(pid, snapshot)?.process.comm ?? '?';
    const more = held.length > 3 ? ` and ${held.length - 3} more` : '';
    untouched.push({
      subject: `pid ${pid} ${comm}`,
      why: `it holds the namespace (${held.slice(0, 3).join('; ')}${more}): it has to close that, or to end`,
    });
  }
  return {
    steps: [],
    untouched,
    offers: [...byPid.keys()].flatMap((pid) => offerToKill(pid, snapshot, 'which holds the namespace')),
  };
}

/** What ending everybody in a namespace takes, and what it leaves. */
export interface Stopped extends Part {
  /** Nothing but what other steps release holds it then. */
  readonly frees: boolean;
}

/** Ends everybody in a namespace. */
export function stopAll(ns: Namespace, facts: PlanFacts, options: ActionOptions, why = ''): Stopped {
  const { snapshot, self } = facts;
  const all = inhabitantsOf(ns, snapshot);
  const processes = all.filter(({ pid }) => !self.lineage.includes(pid));
  const pids = new Set(processes.map(({ pid }) => pid));
  const untouched: Spared[] = all
    .filter(({ pid }) => self.lineage.includes(pid))
    .map(({ pid, comm }) => ({ subject: `pid ${pid} ${comm}`, why: 'nsleuth itself, or what it was started by' }));
  const visitors = ns.processes.filter((process) => !process.kernelThread && !livesIn(ns, process, snapshot));
  for (const { pid, comm } of visitors) {
    const home = homeOf(pid, snapshot);
    untouched.push({
      subject: `pid ${pid} ${comm}`,
      why: `only a thread of it is here, it lives in ${home === undefined ? 'another namespace' : labelOf(home.ns)}`,
    });
  }
  const steps: StepDraft[] = [];
  const uidOf = new Map(ns.processes.map(({ pid, uid }) => [pid, uid]));
  const uids = processes.map(({ pid }) => uidOf.get(pid) ?? null);
  // Who says how long SIGTERM may take has thought of it.
  const runaway = options.graceMs === undefined && !options.freeze ? multiplying(ns) : null;
  if (processes.length > 0) {
    const how = runaway === null ? options : { ...options, freeze: true };
    steps.push(stopStep(ns, processes, facts, how, { scope: 'namespace', why }, uids));
  }
  const ended = new Set(pids);
  for (const { home, process } of emigrants(ns, pids, snapshot)) {
    const place = `descends from them, and lives in ${labelOf(home)}`;
    if (options.descendants !== true) {
      untouched.push({ subject: `pid ${process.pid} ${process.comm}`, why: `${place}: --descendants ends it too` });
    } else if (home.initial || self.lineage.includes(process.pid)) {
      untouched.push({
        subject: `pid ${process.pid} ${process.comm}`,
        why: `${place}: it has to be named, with --pid`,
      });
    } else {
      ended.add(process.pid);
      const named = { scope: 'named', why: `it ${place}` } as const;
      steps.push(stopStep(home, [identityOf(process)], facts, options, named, [process.uid]));
    }
  }
  const foreign = foreignHolders(ns, ended, snapshot);
  const stays = visitors.length > 0 || processes.length < all.length || (foreign.untouched?.length ?? 0) > 0;
  return {
    steps,
    warnings: runaway === null ? [] : [`${runaway}: no SIGTERM, which they would outrun; --grace sends it`],
    untouched: [...untouched, ...(foreign.untouched ?? [])],
    expectations: processes.length === 0 ? [] : [{ kind: 'empty', namespace: targetOf(ns) }],
    offers: [
      ...visitors.flatMap(({ pid }) => offerToKill(pid, snapshot, 'of which a thread is here')),
      ...(foreign.offers ?? []),
    ],
    frees: !stays,
  };
}
