import { word } from './arguments.ts';
import type { Lifecycle } from './lifecycle.ts';
import { giveName } from './naming.ts';
import { labelOf, makePlan, targetOf, targetsOf } from './parts.ts';

/** Gives a namespace a name, also one nothing leads into but its nsfs handle. */
export const name: Lifecycle = {
  id: 'name',
  title: 'Give a namespace a name in /run/netns',
  inside: [],
  plan: (request, facts) => {
    const found = targetsOf(request, facts);
    const { name: wanted = '' } = request.options;
    const parts = found.map((ns) => giveName(ns, wanted, facts));
    return makePlan(`Name ${found.map(labelOf).join(', ')} ${wanted}`, found.map(targetOf), request, facts, ...parts);
  },
  command: {
    usage: '<NS> <NAME>',
    options: [],
    read: (args, found) => ({ targets: [found.namespace(word(args, 0))], options: { name: word(args, 1) } }),
  },
  screen: {
    keys: ['n'],
    ask: ({ selected }) => {
      if (selected === null) return null;
      const question = { label: `Name for net:[${selected.ino ?? '?'}]:`, field: 'name', initial: '' } as const;
      return { targets: [selected], options: {}, question };
    },
  },
};
