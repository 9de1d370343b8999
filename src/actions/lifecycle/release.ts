import { isLoopback } from '../../correlate/device-kinds.ts';
import { isCertain, type Namespace } from '../../model/index.ts';
import type { ActionOptions } from '../../model/plan.ts';
import { DESCENDANTS, FREEZE, GRACE, LAZY, namespaces, words } from './arguments.ts';
import { closeSocketsPart, orphansOf } from './closing.ts';
import { aboutTargets } from './here.ts';
import type { Lifecycle, PlanFacts } from './lifecycle.ts';
import { Destination, hardwareOf, homeNamespace, moveDevices } from './moving.ts';
import { join, labelOf, makePlan, nameTargets, type Part, protect, targetOf, targetsOf } from './parts.ts';
import { stopAll } from './stopping.ts';
import { unmountAll } from './unmounting.ts';

/** Devices named in a warning before "and n more". */
const NAMED = 5;

/** What goes with the namespace. */
function goesWithIt(ns: Namespace, moved: ReadonlySet<string>): string[] {
  const devices = (ns.devices ?? []).filter((device) => !isLoopback(device) && !moved.has(device.name));
  if (devices.length === 0) return [];
  const named = devices.slice(0, NAMED).map(({ name }) => name);
  const more = devices.length > NAMED ? ` and ${devices.length - NAMED} more` : '';
  return [`with ${targetOf(ns).label} go its virtual devices ${named.join(', ')}${more}, and their other ends`];
}

/** Holders nothing can be done about from here, but for those that belong to a process. */
function unreleasable({ holders }: Namespace): boolean {
  return holders.some((holder) => holder.kind === 'orphan' && holder.state !== 'TIME_WAIT');
}

/** @param home where hardware goes; asked for only where there is some. */
function releaseOne(ns: Namespace, home: () => Destination, facts: PlanFacts, options: ActionOptions): Part {
  protect(ns, facts, 'it is never released');
  const stopped = stopAll(ns, facts, options, 'first: they could make anew what the next steps remove');
  const hardware = hardwareOf(ns);
  const moved =
    hardware.length === 0
      ? { steps: [] }
      : moveDevices(ns, home(), hardware, 'before the namespace ends, so that it keeps its name');
  const orphans = orphansOf(ns);
  const closed = closeSocketsPart(
    ns,
    orphans,
    'reset: no process has them open any more',
    'they keep it alive though nobody is left',
  );
  const unmounted = unmountAll(ns, facts, options, 'last: until then the namespace can be entered by it');
  // What hardware is there, and which connections, was not to be seen: then nothing is promised.
  const blind = ns.holders.some(isCertain) === false && ns.visibility !== 'hidden';
  const left = !stopped.frees || blind || (unreleasable(ns) && orphans.length === 0);
  const unseen =
    ns.devices === null
      ? [`the devices of ${labelOf(ns)} could not be read: hardware among them is not brought home`]
      : [];
  return join(stopped, moved, closed, unmounted, {
    steps: [],
    warnings: unseen.concat(goesWithIt(ns, new Set(hardware.map(({ device }) => device.name)))),
    expectations: left ? [] : [{ kind: 'gone', namespace: targetOf(ns) }],
  });
}

/** The whole clean-up: processes, physical devices, connections, mounts. */
export const release: Lifecycle = {
  id: 'release',
  title: 'Release a namespace: processes, devices, connections, mounts',
  inside: ['links', 'addresses', 'routes', 'neighbours', 'sockets'],
  plan: (request, facts) => {
    const found = targetsOf(request, facts);
    const targets = found.map(targetOf);
    let known: Destination | undefined;
    const home = (): Destination => {
      known ??= new Destination(homeNamespace(facts), facts);
      return known;
    };
    const parts = found.map((ns) => releaseOne(ns, home, facts, request.options));
    return makePlan(`Release ${nameTargets(targets)}`, targets, request, facts, ...parts);
  },
  command: {
    usage: '<NS...>',
    options: [GRACE, FREEZE, DESCENDANTS, LAZY],
    read: (args, found) => ({ targets: namespaces(words(args, 0), found), options: {} }),
  },
  screen: { keys: ['R'], hint: 'release', ask: (here) => aboutTargets(here) },
};
