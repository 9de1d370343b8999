import { DESCENDANTS, FREEZE, GRACE, namespaces, PIDS, words } from './arguments.ts';
import { aboutSelected, aboutTargets, rowOf } from './here.ts';
import type { Lifecycle } from './lifecycle.ts';
import { makePlan, nameTargets, protect, targetOf, targetsOf } from './parts.ts';
import { stopPicked } from './picking.ts';
import { isBlind, refuseBlind } from './stop-step.ts';
import { stopAll } from './stopping.ts';

/** Ends processes: all of a namespace, or those that are named. */
export const kill: Lifecycle = {
  id: 'kill',
  title: 'End all processes of a namespace, or some',
  inside: [],
  plan: (request, facts) => {
    const { pids } = request.options;
    const found = targetsOf(request, facts);
    const targets = found.map(targetOf);
    const names = nameTargets(targets);
    if (pids !== undefined) {
      const title = `End ${pids.length === 1 ? `pid ${pids[0]}` : `${pids.length} processes`} of ${names}`;
      return makePlan(title, targets, request, facts, stopPicked(found, pids, facts, request.options));
    }
    const parts = found.map((ns) => {
      protect(ns, facts, 'its processes are ended only one by one, with --pid');
      return stopAll(ns, facts, request.options);
    });
    if (parts.every(({ steps }) => steps.length === 0) && isBlind(facts)) refuseBlind(`end all processes of ${names}`);
    return makePlan(`End all processes of ${names}`, targets, request, facts, ...parts);
  },
  command: {
    usage: '<NS...>',
    options: [PIDS, GRACE, FREEZE, DESCENDANTS],
    read: (args, found) => ({ targets: namespaces(words(args, 0), found), options: {} }),
  },
  screen: {
    keys: ['K'],
    hint: 'kill',
    ask: (here) => {
      const process = rowOf(here, 'processes');
      return process === undefined ? aboutTargets(here) : aboutSelected(here, { pids: [process.pid] });
    },
  },
};
