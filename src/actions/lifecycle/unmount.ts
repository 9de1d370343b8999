import { LAZY, namespaces, words } from './arguments.ts';
import { aboutTargets } from './here.ts';
import type { Lifecycle } from './lifecycle.ts';
import { join, makePlan, nameTargets, type Part, protect, targetOf, targetsOf } from './parts.ts';
import { unmountAll } from './unmounting.ts';

/** Removes the bind mounts that keep a namespace alive, in every mount namespace. */
export const unmount: Lifecycle = {
  id: 'unmount',
  title: 'Unmount a namespace everywhere, and remove its names',
  inside: [],
  plan: (request, facts) => {
    const found = targetsOf(request, facts);
    const targets = found.map(targetOf);
    const parts = found.map((ns): Part => {
      protect(ns, facts, 'what it is mounted on stays');
      const part = unmountAll(ns, facts, request.options);
      const others = ns.holders.filter(({ kind }) => kind !== 'mount').length;
      const all = request.options.paths === undefined;
      // What nothing else holds is gone with its last mount.
      const gone: Part = { steps: [], expectations: [{ kind: 'gone', namespace: targetOf(ns) }] };
      const last = all && others === 0 && part.steps.length > 0;
      const warning = last
        ? [`nothing else holds ${targetOf(ns).label}: it ends with its last mount, and all that is in it`]
        : [];
      return last ? join(part, gone, { steps: [], warnings: warning }) : part;
    });
    return makePlan(`Unmount ${nameTargets(targets)}`, targets, request, facts, ...parts);
  },
  command: {
    usage: '<NS...>',
    options: [
      LAZY,
      {
        flags: '--at <path>',
        description: 'only the mount at this path, or of this name in /run/netns; may be given several times',
        repeatable: true,
        read: (value) => ({ paths: [value].flat().map(String) }),
      },
    ],
    read: (args, found) => ({ targets: namespaces(words(args, 0), found), options: {} }),
  },
  screen: { keys: ['U'], ask: (here) => aboutTargets(here) },
};
