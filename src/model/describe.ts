import { type Holder, type InflightHolder, isCertain } from './holder.ts';
import type { ConcealedTask, Namespace } from './namespace.ts';

/** "pid 71 fd 4", or "pid 71 thread 72 fd 4" for a descriptor in a thread's private table. */
function place(holder: { readonly pid: number; readonly fd: number; readonly tid?: number }): string {
  return `pid ${holder.pid}${holder.tid === undefined ? '' : ` thread ${holder.tid}`} fd ${holder.fd}`;
}

/** "1 nsfs descriptor", "2 descriptors". */
function describeContent({ content, count }: InflightHolder): string {
  return `${count} ${content === undefined ? '' : `${content} `}${count === 1 ? 'descriptor' : 'descriptors'}`;
}

/** One holder in one line, safe to draw. */
export function describeHolder(holder: Holder): string {
  switch (holder.kind) {
    case 'task':
      if (holder.tid !== holder.pid) {
        return holder.threads === 1
          ? `thread ${holder.tid} of pid ${holder.pid}`
          : `${holder.threads} threads of pid ${holder.pid}, first ${holder.tid}`;
      }
      return holder.threads === 1 ? `pid ${holder.pid}` : `pid ${holder.pid}, ${holder.threads} threads`;
    case 'mount':
      return `mount ${holder.path}`;
    case 'descriptor':
      return `${{ nsfs: 'descriptor', bound: 'descriptor of a mount', detached: 'detached mount' }[holder.form]}, ${place(holder)}`;
    case 'socket':
      return `${holder.listening ? 'listening ' : ''}${holder.family} ${holder.type} socket, ${place(holder)}`;
    case 'tun':
      return `tun ${holder.device ?? '(unattached)'}, ${place(holder)}`;
    case 'procfile':
      return `file ${holder.path}, ${place(holder)}`;
    case 'watch':
      return `${holder.mechanism} watch${holder.ino === undefined ? '' : ` of namespace ${holder.ino}`}, ${place(holder)}`;
    case 'iouring':
      return `io_uring file ${holder.slot} (${holder.target})${holder.count === undefined ? '' : ` and ${holder.count - 1} more`}, ${place(holder)}`;
    case 'mapping':
      return `mapping of ${holder.target}, pid ${holder.pid}`;
    case 'inflight':
      return holder.content === 'connection'
        ? `connection not accepted, ${place(holder)}`
        : `${describeContent(holder)} in flight, ${place(holder)}`;
    case 'bpflink': {
      const { pid, fd, tid, id } = holder;
      const owner =
        pid !== undefined && fd !== undefined ? place({ pid, fd, ...(tid === undefined ? {} : { tid }) }) : '';
      return ['BPF netfilter link', ...(id === undefined ? [] : [`id ${id}`]), ...(owner === '' ? [] : [owner])].join(
        ', ',
      );
    }
    case 'orphan':
      return `TCP connection without a process, ${holder.local} → ${holder.remote} ${holder.state}`;
  }
}

/** Plural of each kind, in the order an admin would go about releasing them: processes first. */
const PLURALS: readonly (readonly [Holder['kind'], string])[] = [
  ['task', 'tasks'],
  ['mount', 'mounts'],
  ['descriptor', 'descriptors'],
  ['socket', 'sockets'],
  ['tun', 'tuns'],
  ['procfile', 'proc files'],
  ['watch', 'watches'],
  ['iouring', 'io_uring files'],
  ['mapping', 'mappings'],
  ['inflight', 'in flight'],
  ['bpflink', 'BPF links'],
  ['orphan', 'orphans'],
];

/** All certain holders in a few words: each kind once, single ones in full. */
export function describeHolders(holders: readonly Holder[]): string {
  const kinds = new Map<Holder['kind'], { readonly first: Holder; count: number }>();
  for (const holder of holders) {
    if (!isCertain(holder)) continue;
    const others = kinds.get(holder.kind);
    if (others === undefined) kinds.set(holder.kind, { first: holder, count: 1 });
    else others.count++;
  }
  if (kinds.size === 0) return holders.length === 0 ? 'no holder seen' : 'no certain holder';
  const parts: string[] = [];
  for (const [kind, plural] of PLURALS) {
    const found = kinds.get(kind);
    if (found !== undefined) parts.push(found.count === 1 ? describeHolder(found.first) : `${found.count} ${plural}`);
    if (parts.length === kinds.size) break;
  }
  return parts.join(', ');
}

/** The process a holder belongs to; null for what needs none. */
export function holderPid(holder: Holder): number | null {
  return holder.kind === 'mount' || holder.kind === 'orphan' ? null : (holder.pid ?? null);
}

/** What a namespace is called where one word must do: its number, its name beside it. */
export function nameNamespace(ns: Namespace): string {
  const number = ns.ino === null ? 'namespace without a number' : String(ns.ino);
  const name = ns.names[0] ?? (ns.initial ? 'init' : undefined);
  return name === undefined ? number : `${number} ${name}`;
}

/** "3 references, 14 passive, 1 active": what the kernel counts, unknown as `?`. */
export function describeReferences(references: Namespace['references']): string {
  if (references === null) return '? references';
  const { count, passive, active } = references;
  const parts = [`${count ?? '?'} ${count === 1 ? 'reference' : 'references'}`, `${passive} passive`];
  return [...parts, ...(active === null ? [] : [`${active} active`])].join(', ');
}

/** "pid 71 kworker", "thread 72 of pid 71 kworker". */
export function describeConcealedTask({ pid, tid, comm }: ConcealedTask): string {
  return `${tid === pid ? '' : `thread ${tid} of `}pid ${pid} ${comm}`;
}

/** Who shows a concealed task and who does not. */
export function describeDisagreement({ seenBy }: Pick<ConcealedTask, 'seenBy'>): string {
  return seenBy === 'kernel' ? 'the kernel shows it, /proc does not' : '/proc shows it, the kernel does not';
}
