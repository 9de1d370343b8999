import type { NamespaceIdEntry } from '../model/index.ts';
import { namespaceName, namespaceNumbered } from './cells.ts';
import type { InNamespace, Registry } from './column.ts';

/** Ids a namespace has for others: it is, or was, connected to each of them. */
export const NSIDS: Registry<NamespaceIdEntry, InNamespace> = {
  columns: [
    {
      id: 'nsid',
      header: 'NSID',
      description: 'The id, what `link-netnsid` of ip-link(8) shows.',
      width: 5,
      align: 'right',
      value: ({ nsid }) => nsid,
    },
    {
      id: 'namespace',
      header: 'NAMESPACE',
      description: 'The namespace it stands for, by number and name.',
      width: 16,
      maxWidth: 40,
      align: 'left',
      value: ({ netns }, context) => (netns === null ? null : namespaceName(netns, context)),
    },
    {
      id: 'visibility',
      header: 'VISIBLE',
      description: 'How much it takes to see that namespace.',
      width: 9,
      align: 'left',
      value: ({ netns }, context) => namespaceNumbered(netns, context)?.visibility ?? null,
    },
    {
      id: 'inode',
      header: 'INODE',
      description: 'Its nsfs inode number.',
      width: 10,
      align: 'left',
      value: ({ netns }) => netns,
    },
  ],
  defaults: ['nsid', 'namespace', 'visibility'],
};
