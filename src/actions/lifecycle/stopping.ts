import { describeHolder, holderPid } from '../../model/describe.ts';
import { isCertain, type Namespace, type Snapshot } from '../../model/index.ts';
import type { ActionOptions, Spared } from '../../model/plan.ts';
import type { PlanFacts } from './lifecycle.ts';
import { labelOf, type Part, type StepDraft, targetOf } from './parts.ts';
import {
  emigrantsOf,
  endingWith,
  type Home,
  homeOf,
  type Inhabitant,
  identityOf,
  inhabitantsOf,
  livesIn,
} from './population.ts';
import { multiplying } from './runaway.ts';
import {
  alsoEnding,
  isBlind,
  isProtected,
  nameHome,
  nameOf,
  offerToKill,
  sayEnding,
  several,
  stopStep,
} from './stop-step.ts';

/** Who has a namespace open, or otherwise holds it, without living in it. */
function foreignHolders(ns: Namespace, ended: ReadonlySet<number>, facts: PlanFacts): Part {
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
    const comm = homeOf(pid, facts.snapshot)?.process.comm ?? '?';
    const what = several(held, (each) => each, '; ');
    untouched.push({
      subject: nameOf({ pid, comm }),
      why: `it holds the namespace (${what}): it has to close that, or to end`,
    });
  }
  return {
    steps: [],
    untouched,
    offers: [...byPid.keys()].flatMap((pid) => offerToKill(pid, facts, 'which holds the namespace')),
  };
}

/** Descendants elsewhere: listed, or ended where that is asked for and they are not protected. */
function emigrants(
  homes: readonly Home[],
  facts: PlanFacts,
  options: ActionOptions,
): Required<Pick<Part, 'steps' | 'untouched'>> & { readonly ended: readonly number[] } {
  const untouched: Spared[] = [];
  const wanted = new Map<Namespace, Inhabitant[]>();
  for (const { ns, process } of homes) {
    const place = `descends from them, and lives in ${labelOf(ns)}`;
    const spare = (what: string) => untouched.push({ subject: nameOf(process), why: `${place}: ${what}` });
    if (facts.self.lineage.includes(process.pid)) spare('nsleuth itself, or what it was started by');
    else if (isProtected(ns, facts)) spare('it has to be named, with --pid');
    else if (options.descendants !== true) spare('--descendants ends it too');
    else wanted.set(ns, [...(wanted.get(ns) ?? []), { ...identityOf(process), process }]);
  }
  return {
    steps: [...wanted].map(([ns, members]) =>
      stopStep(ns, members, facts, options, {
        scope: 'named',
        why: `${members.length === 1 ? 'it descends' : 'they descend'} from those before, and ${members.length === 1 ? 'lives' : 'live'} in ${labelOf(ns)}`,
      }),
    ),
    untouched,
    ended: [...wanted.values()].flat().map(({ pid }) => pid),
  };
}

/** What is lost elsewhere when processes end that have threads in other namespaces. */
function threadsAcross(ns: Namespace, ended: ReadonlySet<number>, { namespaces }: Snapshot): string[] {
  const outside = namespaces
    .filter((other) => other !== ns)
    .flatMap((other) => other.processes.filter(({ pid }) => ended.has(pid)).map((process) => ({ ns: other, process })));
  return outside.length === 0
    ? []
    : [`threads in other namespaces end with their process: ${several(outside, nameHome)}`];
}

/** Why somebody who lives in a namespace is not ended with everybody else; null for whom nothing protects. */
function exemption({ pid, process }: Inhabitant, facts: PlanFacts): string | null {
  if (facts.self.lineage.includes(pid)) return 'nsleuth itself, or what it was started by';
  const others = process === null ? [] : endingWith(process, facts.snapshot);
  const precious = others.filter(({ ns }) => isProtected(ns, facts));
  if (precious.length === 0) return null;
  return `it is the first process of its pid namespace, and with it would end ${several(precious, nameHome)}: it has to be named, with --pid`;
}

/** What ending everybody in a namespace takes, and what it leaves. */
export interface Stopped extends Part {
  /** Nothing but what other steps release holds it then. */
  readonly frees: boolean;
}

/** Ends everybody in a namespace. */
export function stopAll(ns: Namespace, facts: PlanFacts, options: ActionOptions, why = ''): Stopped {
  const { snapshot } = facts;
  const all = inhabitantsOf(ns, snapshot).map((who) => ({ who, exempt: exemption(who, facts) }));
  const processes = all.filter(({ exempt }) => exempt === null).map(({ who }) => who);
  const exempt = all.filter((each) => each.exempt !== null);
  const visitors = ns.processes.filter((process) => !process.kernelThread && !livesIn(ns, process, snapshot));
  const spared: Spared[] = [
    ...exempt.map(({ who, exempt: reason }) => ({ subject: nameOf(who), why: reason ?? '' })),
    ...visitors.map((process) => {
      const home = homeOf(process.pid, snapshot);
      const where = home === undefined ? 'another namespace' : labelOf(home.ns);
      return { subject: nameOf(process), why: `only a thread of it is here, it lives in ${where}` };
    }),
  ];

  // Who says how long SIGTERM may take has thought of it.
  const asked = options.graceMs !== undefined || options.freeze === true;
  const runaway = asked ? null : multiplying(ns, snapshot.host.uptimeSeconds);
  const how = runaway === null ? options : { ...options, freeze: true };
  const except = exempt.map(({ who }) => who.pid);
  const first: readonly StepDraft[] =
    processes.length === 0 ? [] : [stopStep(ns, processes, facts, how, { scope: 'namespace', except, why })];

  const pids = new Set(processes.map(({ pid }) => pid));
  const dragged = alsoEnding(processes, snapshot);
  const draggedPids = new Set(dragged.map(({ process }) => process.pid));
  const away = emigrantsOf(ns, pids, snapshot).filter(({ process }) => !draggedPids.has(process.pid));
  const gone = emigrants(away, facts, options);
  const foreign = foreignHolders(ns, new Set([...pids, ...draggedPids, ...gone.ended]), facts);
  const remaining = [...except, ...visitors.map(({ pid }) => pid)];
  return {
    steps: [...first, ...gone.steps],
    warnings: [
      ...(runaway === null ? [] : [`${runaway}: no SIGTERM, which they would outrun; --grace sends it`]),
      ...sayEnding(dragged),
      ...threadsAcross(ns, pids, snapshot),
      ...(isBlind(facts) ? ['processes of others may live here unseen: it takes CAP_SYS_PTRACE to see them'] : []),
    ],
    untouched: [...spared, ...gone.untouched, ...(foreign.untouched ?? [])],
    expectations: processes.length === 0 ? [] : [{ kind: 'empty', namespace: targetOf(ns), except: remaining }],
    offers: [
      ...visitors.flatMap(({ pid }) => offerToKill(pid, facts, 'of which a thread is here')),
      ...exempt.flatMap(({ who }) => offerToKill(who.pid, facts, 'which was left out')),
      ...(foreign.offers ?? []),
    ],
    frees: remaining.length === 0 && (foreign.untouched?.length ?? 0) === 0,
  };
}
