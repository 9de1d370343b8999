import { describeHolder, holderPid } from '../model/describe.ts';
import { type Holder, isCertain } from '../model/index.ts';
import { commandOf } from './cells.ts';
import type { InNamespace, Registry } from './column.ts';

/** Who sees a mount: the inhabitants of its mount namespace. Other holders are seen by every tool, or by one. */
function seenBy(holder: Holder, context: InNamespace): string {
  if (isCertain(holder) && holder.view === 'kernel') return 'kernel only';
  if (holder.kind !== 'mount') return '';
  if (holder.mountNamespace === null) return 'mount namespace not readable';
  const { mountNamespaces } = context.snapshot;
  const pids = mountNamespaces.find(({ ino }) => ino === holder.mountNamespace)?.pids ?? [];
  if (pids.length === 0) return `mount namespace ${holder.mountNamespace}, nobody lives in it`;
  const [first = 0] = pids;
  const others = pids.length > 1 ? ` and ${pids.length - 1} more` : '';
  return `mount namespace ${holder.mountNamespace}: pid ${first} ${commandOf(first, context)}${others}`;
}

/** What keeps a namespace alive, or may do so. */
export const HOLDERS: Registry<Holder, InNamespace> = {
  columns: [
    {
      id: 'kind',
      header: 'KIND',
      description: '`task`, `mount`, `descriptor`, `socket`…; with `?` where it is only suspected.',
      width: 11,
      align: 'left',
      value: (holder) => (isCertain(holder) ? holder.kind : `${holder.kind}?`),
    },
    {
      id: 'holder',
      header: 'HOLDER',
      description: 'What it is, and which process has it.',
      width: 24,
      maxWidth: 60,
      align: 'left',
      value: describeHolder,
    },
    {
      id: 'command',
      header: 'COMMAND',
      description: 'Name of the process that has it, wherever that lives.',
      width: 15,
      align: 'left',
      value: (holder, context) => {
        const pid = holderPid(holder);
        return pid === null ? '' : commandOf(pid, context);
      },
    },
    {
      id: 'seen-by',
      header: 'SEEN BY',
      description:
        'Of a mount, the mount namespace that shows it and who lives there; `kernel only` where nothing else shows it.',
      width: 12,
      maxWidth: 60,
      align: 'left',
      value: seenBy,
    },
    {
      id: 'pid',
      header: 'PID',
      description: 'The process that has it.',
      width: 7,
      align: 'right',
      value: (holder) => holderPid(holder) ?? '',
      sortKey: holderPid,
    },
    {
      id: 'descriptor',
      header: 'FD',
      description: 'Number of the descriptor that holds it, or leads to what does.',
      width: 5,
      align: 'right',
      value: (holder) => ('fd' in holder ? (holder.fd ?? '') : ''),
      searched: false,
    },
    {
      id: 'certain',
      header: 'CERTAIN',
      description: 'Whether the kernel says that it holds this very namespace.',
      width: 7,
      align: 'left',
      value: isCertain,
      searched: false,
    },
  ],
  defaults: ['kind', 'holder', 'command', 'seen-by'],
};
