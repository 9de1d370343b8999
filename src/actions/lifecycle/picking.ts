import { CommandError, EXIT } from '../../errors.ts';
import type { Namespace } from '../../model/index.ts';
import type { ActionOptions } from '../../model/plan.ts';
import type { PlanFacts } from './lifecycle.ts';
import { labelOf, type Part } from './parts.ts';
import { homeOf, type Inhabitant, identityOf, inhabitantsOf } from './population.ts';
import { alsoEnding, isBlind, nameOf, refuseBlind, sayEnding, several, stopStep } from './stop-step.ts';

interface Picked {
  /** Where it was looked for, and found, maybe by one of its threads. */
  readonly found: Namespace;
  /** Where it lives, and is ended. */
  readonly home: Namespace;
  readonly who: Inhabitant;
}

/** A process of one of these namespaces, by its pid. @throws CommandError for none, or one that must not be ended. */
function pick(pid: number, among: readonly Namespace[], facts: PlanFacts): Picked {
  const { snapshot, self } = facts;
  for (const found of among) {
    const process = found.processes.find((each) => each.pid === pid);
    const who =
      process === undefined
        ? inhabitantsOf(found, snapshot).find((each) => each.pid === pid)
        : { ...identityOf(process), process };
    if (who === undefined) continue;
    const refusal = (why: string) => new CommandError('ERR_PROTECTED', `${nameOf(who)} is ${why}`, EXIT.failed);
    if (self.lineage.includes(pid)) throw refusal('nsleuth itself or what it was started by');
    if (process?.kernelThread) throw refusal('a kernel thread: it cannot be ended');
    return { found, home: homeOf(pid, snapshot)?.ns ?? found, who };
  }
  if (isBlind(facts) && homeOf(pid, snapshot) === undefined) refuseBlind(`end pid ${pid}`);
  const there = among.flatMap(({ processes }) => processes);
  const known = there.length === 0 ? 'nobody lives there' : `there are ${several(there, nameOf)}`;
  throw new CommandError('ERR_NO_PROCESS', `no process ${pid} in ${among.map(labelOf).join(', ')}; ${known}`);
}

/** Ends processes that are named one by one, each of one of these namespaces. */
export function stopPicked(
  among: readonly Namespace[],
  pids: readonly number[],
  facts: PlanFacts,
  options: ActionOptions,
): Part {
  const picked = [...new Set(pids)].map((pid) => pick(pid, among, facts));
  // A process some of whose threads are here is ended where it lives.
  const byHome = new Map<Namespace, Picked[]>();
  for (const each of picked) byHome.set(each.home, [...(byHome.get(each.home) ?? []), each]);
  const strangers = [...byHome].flatMap(([home, members]) => {
    const away = members.filter(({ found }) => found !== home).map(({ who }) => who);
    return away.length === 0
      ? []
      : [`${several(away, nameOf)} lives in ${labelOf(home)}: all of it ends, not only what is here`];
  });
  const everyone = picked.map(({ who }) => who);
  return {
    steps: [...byHome].map(([home, members]) =>
      stopStep(
        home,
        members.map(({ who }) => who),
        facts,
        options,
        { scope: 'named', why: '' },
      ),
    ),
    warnings: [...strangers, ...sayEnding(alsoEnding(everyone, facts.snapshot))],
    expectations: everyone.map(({ pid, startTicks, comm, user }) => ({
      kind: 'ended',
      process: { pid, startTicks, comm, user },
    })),
  };
}
