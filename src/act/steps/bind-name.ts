import type { Perform } from '../contract.ts';
import { giveName } from '../names.ts';

/** Gives a namespace a name, by whatever way leads into it: a hidden one too. */
export const bindName: Perform<'bind-name'> = ({ name, namespace }, { netnsDir, open }) => {
  giveName(netnsDir, name, open(namespace));
  return { status: 'done', message: `${namespace.label} is ${name}` };
};
