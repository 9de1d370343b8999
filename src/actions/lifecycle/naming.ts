import type { Namespace } from '../../model/index.ts';
import type { PlanFacts } from './lifecycle.ts';
import { checkNamespaceName } from './names.ts';
import { type Part, targetOf } from './parts.ts';

/** Gives a namespace a name. @throws CommandError for one that is taken, or none. */
export function giveName(ns: Namespace, name: string, { snapshot, netnsDir }: PlanFacts): Part {
  checkNamespaceName(name, snapshot);
  const namespace = targetOf(ns);
  return {
    steps: [
      {
        kind: 'bind-name',
        name,
        namespace,
        subject: `${namespace.label} ${name}`,
        effect: `mounted on ${netnsDir}/${name}, which keeps it alive`,
        risk: 'reversible',
        why: '',
        needs: ['CAP_SYS_ADMIN'],
      },
    ],
    expectations: [{ kind: 'named', namespace, name }],
  };
}
