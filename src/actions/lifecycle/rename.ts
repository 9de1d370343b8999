import { posix } from 'node:path';
import { CommandError, EXIT } from '../../errors.ts';
import type { Namespace } from '../../model/index.ts';
import { safeText } from '../../terminal/sanitise.ts';
import { word } from './arguments.ts';
import type { Lifecycle } from './lifecycle.ts';
import { giveName } from './naming.ts';
import { labelOf, makePlan, type Part, targetOf, targetsOf } from './parts.ts';
import { unmountAll } from './unmounting.ts';

/** The name that is given up. @throws CommandError where there is none, or it is not said which. */
function oldName(ns: Namespace, wanted: string | undefined): string {
  const { names } = ns;
  const [only] = names;
  if (wanted !== undefined && names.includes(wanted)) return wanted;
  const known = names.length === 0 ? 'it has none; name gives it one' : `its names are ${names.join(', ')}`;
  if (wanted !== undefined)
    throw new CommandError('ERR_NO_NAME', `${labelOf(ns)} is not called ${safeText(wanted)}; ${known}`);
  if (only === undefined)
    throw new CommandError('ERR_NO_NAME', `${labelOf(ns)} has no name to change; name gives it one`);
  if (names.length > 1) {
    throw new CommandError(
      'ERR_WHICH_NAME',
      `${labelOf(ns)} has several names; --old says which to change: ${names.join(', ')}`,
      EXIT.usage,
    );
  }
  return only;
}

/** Changes the name of a namespace: the new one first, so that it is never without. */
export const rename: Lifecycle = {
  id: 'rename',
  title: 'Change the name of a namespace',
  inside: [],
  plan: (request, facts) => {
    const found = targetsOf(request, facts);
    const { name = '', oldName: wanted } = request.options;
    const parts = found.flatMap((ns): Part[] => {
      const old = oldName(ns, wanted);
      const given = giveName(ns, name, facts);
      const path = posix.join(facts.netnsDir, old);
      const { steps, untouched = [] } = unmountAll(
        ns,
        facts,
        { paths: [path] },
        'after the new name, so that it is never without one',
      );
      return [
        given,
        { steps: steps.map((step) => ({ ...step, risk: 'reversible' })), untouched },
        { steps: [], expectations: [{ kind: 'unnamed', name: old }] },
      ];
    });
    return makePlan(
      `Rename ${found.map(labelOf).join(', ')} to ${name}`,
      found.map(targetOf),
      request,
      facts,
      ...parts,
    );
  },
  command: {
    usage: '<NS> <NAME>',
    options: [
      {
        flags: '--old <name>',
        description: 'which of its names to change, where it has several',
        read: (value) => ({ oldName: String(value) }),
      },
    ],
    read: (args, found) => {
      const selector = word(args, 0);
      return { targets: [found.namespace(selector)], options: { name: word(args, 1), ...found.named(selector) } };
    },
  },
  screen: {
    keys: ['N'],
    ask: ({ selected }) => {
      const [old] = selected?.names ?? [];
      if (selected === null || old === undefined) return null;
      const question = { label: `New name for ${old}:`, field: 'name', initial: old } as const;
      return { targets: [selected], options: { oldName: old }, question };
    },
  },
};
