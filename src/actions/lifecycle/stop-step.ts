/** What ending all processes of a namespace and ending some by name have in common. Pure. */
import { CommandError, EXIT } from '../../errors.ts';
import { type Namespace, namespaceKey, type Snapshot } from '../../model/index.ts';
import type { ActionOptions, Offer, ProcessIdentity, StopStep } from '../../model/plan.ts';
import type { PlanFacts } from './lifecycle.ts';
import { count, labelOf, type StepDraft, targetOf } from './parts.ts';
import { endingWith, type Home, homeOf, type Inhabitant } from './population.ts';

/** How long SIGTERM may take unless told otherwise, in milliseconds. */
const GRACE_MS = 5000;
/** Named in a sentence before "and n more". */
const NAMED = 3;

/** The first of a list in words. */
export function several<Item>(items: readonly Item[], name: (item: Item) => string, between = ', '): string {
  const more = items.length > NAMED ? ` and ${items.length - NAMED} more` : '';
  return `${items.slice(0, NAMED).map(name).join(between)}${more}`;
}

/** `pid 71 agent` */
export function nameOf({ pid, comm }: Pick<ProcessIdentity, 'pid' | 'comm'>): string {
  return `pid ${pid} ${comm}`;
}

/** `pid 71 agent in net:[4026532177] blue` */
export function nameHome({ ns, process }: Home): string {
  return `${nameOf(process)} in ${labelOf(ns)}`;
}

/** Nobody in the host's own namespace and the one nsleuth runs in is ended unless named one by one. */
export function isProtected(ns: Namespace, { self }: Pick<PlanFacts, 'self'>): boolean {
  return ns.initial || ns.ino === self.netns;
}

/** Asks to end one process, wherever it lives: the only way to end one in a protected namespace. */
export function offerToKill(pid: number, { snapshot, self }: PlanFacts, why: string): Offer[] {
  const home = homeOf(pid, snapshot);
  if (home === undefined || self.lineage.includes(pid)) return [];
  const request = { action: 'kill', targets: [namespaceKey(home.ns)], options: { pids: [pid] } } as const;
  return [{ text: `end ${nameOf(home.process)}, ${why}`, request }];
}

/** Ends processes that live in a namespace. */
export function stopStep(
  ns: Namespace,
  processes: readonly Inhabitant[],
  { self }: PlanFacts,
  options: ActionOptions,
  over: Pick<StopStep, 'scope' | 'why'> & Partial<Pick<StopStep, 'except'>>,
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
    processes: processes.map(({ pid, startTicks, comm, user }) => ({ pid, startTicks, comm, user })),
    graceMs: freeze ? 0 : graceMs,
    freeze,
    except: [],
    subject: count(processes.length, 'process', 'processes'),
    effect: `${how}${others}`,
    risk: 'destructive',
    needs: processes.some(({ process }) => process?.uid !== self.uid) ? ['CAP_KILL'] : [],
    ...over,
  };
}

/** Who else ends with these, being in a pid namespace whose first process is one of them. */
export function alsoEnding(processes: readonly Inhabitant[], snapshot: Snapshot): readonly Home[] {
  const pids = new Set(processes.map(({ pid }) => pid));
  const others = processes.flatMap(({ process }) => (process === null ? [] : endingWith(process, snapshot)));
  return [...new Map(others.map((home) => [home.process.pid, home])).values()].filter(
    ({ process }) => !pids.has(process.pid),
  );
}

/** What deserves a word about others that end as well. */
export function sayEnding(others: readonly Home[]): string[] {
  if (others.length === 0) return [];
  const them = several(others, nameHome, '; ');
  return [`the first process of a pid namespace is among them, and with it ends all of that: ${them}`];
}

/** Whether processes may live anywhere that this user may not see. */
export function isBlind({ snapshot, self }: PlanFacts): boolean {
  if (self.capabilities.includes('CAP_SYS_PTRACE')) return false;
  return snapshot.coverage.some(({ source, missed }) => source === 'tasks' && missed.length > 0);
}

/** @throws CommandError always: nobody knows whom it would end. */
export function refuseBlind(what: string): never {
  const why = 'it takes CAP_SYS_PTRACE to see who lives where, and CAP_KILL to end the processes of others';
  throw new CommandError(
    'ERR_NOT_PERMITTED',
    `not permitted to ${what}: ${why}; run nsleuth as root`,
    EXIT.notPermitted,
  );
}
