import { word } from './arguments.ts';
import type { Lifecycle } from './lifecycle.ts';
import { checkNamespaceName } from './names.ts';
import { makePlan } from './parts.ts';

/** Makes a namespace with a name, as ip-netns(8) does. */
export const create: Lifecycle = {
  id: 'create',
  title: 'Create a namespace with a name',
  inside: [],
  plan: (request, facts) => {
    const { name = '' } = request.options;
    checkNamespaceName(name, facts.snapshot);
    return makePlan(`Create a network namespace called ${name}`, [], request, facts, {
      steps: [
        {
          kind: 'create',
          name,
          namespace: { key: '', ino: 0, cookie: null, label: name },
          subject: name,
          effect: `a new network namespace, mounted on ${facts.netnsDir}/${name}; its lo is down`,
          risk: 'reversible',
          why: '',
          needs: ['CAP_SYS_ADMIN'],
        },
      ],
      expectations: [{ kind: 'named', namespace: null, name }],
    });
  },
  command: {
    usage: '<NAME>',
    options: [],
    read: (args) => ({ targets: [], options: { name: word(args, 0) } }),
  },
  screen: {
    keys: ['A'],
    ask: () => ({
      targets: [],
      options: {},
      question: { label: 'Name of the new namespace:', field: 'name', initial: '' },
    }),
  },
};
