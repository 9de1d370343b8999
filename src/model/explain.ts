import type { Coverage } from './coverage.ts';
import { describeHolders, holderPid } from './describe.ts';
import { type Holder, isCertain, isProvenByUserland } from './holder.ts';
import type { ConcealedTask, Namespace } from './namespace.ts';
import type { Snapshot } from './snapshot.ts';

/** What an explanation draws on besides the namespace itself. */
type Facts = Pick<Snapshot, 'concealedTasks' | 'coverage' | 'namespaces'>;

/** Sources that must have looked everywhere before nothing found means that there is nothing. */
const FINDERS: readonly string[] = ['tasks', 'mounts', 'descriptors', 'pinned-mounts'];

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** Tasks in a namespace that only one of the two views shows. */
export function concealedIn(ns: Namespace, { concealedTasks }: Pick<Snapshot, 'concealedTasks'>): ConcealedTask[] {
  // The number of one that is dying may be another's by now.
  if (ns.ino === null || ns.visibility === 'dying') return [];
  return concealedTasks.filter(({ netns }) => netns === ns.ino);
}

/**
 * What may hold a namespace, though the kernel does not say that it does. Offered where nothing certain is known; one
 * that is dying is held by nothing.
 */
export function leadsFor(ns: Namespace, { leads }: Pick<Snapshot, 'leads'>): readonly Holder[] {
  return ns.visibility === 'dying' || ns.holders.some(isCertain) ? [] : leads;
}

/** Why userland does not show a holder that the kernel shows. */
function whyUnseen(holders: readonly Holder[], coverage: readonly Coverage[]): string {
  const refused = new Set(coverage.flatMap(({ missed }) => missed.map(({ subject }) => subject)));
  const pids = new Set(holders.map(holderPid).filter((pid) => pid !== null && refused.has(`pid ${pid}`)));
  if (pids.size > 0) return `${[...pids].map((pid) => `pid ${pid}`).join(', ')} may not be read`;
  const blind = coverage.filter(({ source, status }) => FINDERS.includes(source) && status !== 'complete');
  if (blind.length === 0) return 'the other sources see a part of this host only';
  return `not every source could look: ${blind.map(({ source, status }) => `${source} ${status}`).join(', ')}`;
}

function isLeader(holder: Holder): boolean {
  return holder.kind === 'task' && holder.tid === holder.pid;
}

function explainPlain(ns: Namespace, { coverage }: Facts): string {
  const leaders = ns.holders.filter(isLeader);
  const shown = leaders.filter(isProvenByUserland).length;
  const reasons = [
    ...(ns.names.length > 0 ? ['ip netns lists it'] : []),
    ...(shown > 0 ? [`/proc/<pid>/ns/net of ${count(shown, 'process', 'processes')} shows it`] : []),
  ];
  if (reasons.length > 0) return reasons.join('; ');
  return `${count(leaders.length, 'process', 'processes')} in it, by the kernel's word alone: ${whyUnseen(leaders, coverage)}`;
}

/** Who says that it exists, where nothing shows what holds it. */
function knownBy({ witnesses }: Namespace): string {
  const id = witnesses.find((witness) => witness.source === 'nsids');
  if (id === undefined || witnesses.some(({ source }) => source === 'kernel')) return 'the kernel lists it';
  return `net:[${id.from}] has the id ${id.nsid} for it`;
}

function explainObscure(ns: Namespace, { coverage }: Facts): string {
  const proven = ns.holders.filter(isProvenByUserland);
  if (proven.length === 0) {
    const named = ns.holders.filter(isCertain);
    const held = named.length === 0 ? knownBy(ns) : `only the kernel shows what holds it, ${describeHolders(named)}`;
    return `${held}; ${whyUnseen(named, coverage)}`;
  }
  if (ns.processes.some(({ covered }) => covered)) {
    return 'a mount laid over /proc/<pid> conceals its processes from other tools';
  }
  const kinds = [...new Set(proven.map(({ kind }) => kind))];
  if (kinds.join() === 'task') return 'only single threads of processes that live elsewhere are in it';
  return `neither ip netns nor a scan of /proc/<pid>/ns/net finds it, only its holders do: ${kinds.join(', ')}`;
}

function explainHidden(ns: Namespace, facts: Facts): string {
  const concealed = concealedIn(ns, facts).length;
  if (concealed > 0) return `the kernel shows ${count(concealed, 'task')} in it that /proc conceals`;
  const named = ns.holders.filter(isCertain);
  if (named.length > 0) return `the kernel lists it, and it alone shows what holds it: ${describeHolders(named)}`;
  return `${knownBy(ns)}, and nothing ${ns.holders.length > 0 ? 'certain ' : ''}was found that holds it`;
}

/** Of one that has left the kernel's list no devices can be told, while those of others are. */
function explainDying({ devices, references }: Namespace, { namespaces }: Facts): string {
  const departed = devices === null && namespaces.some((other) => other.devices !== null);
  return departed && references !== null
    ? `torn down and off the kernel's list, but its memory is not freed: ${count(references.passive, 'passive reference')} left`
    : 'its count reached zero, and its teardown has not finished';
}

/** Whether the kernel's list, where there is one, lacks what others show. */
function isUnlisted(ns: Namespace, coverage: readonly Coverage[]): boolean {
  const kernel = coverage.find(({ source }) => source === 'kernel');
  return (
    ns.ino !== null &&
    kernel !== undefined &&
    kernel.seen > 0 &&
    (kernel.status === 'complete' || kernel.status === 'partial') &&
    !ns.witnesses.some(({ source }) => source === 'kernel')
  );
}

const EXPLAIN = { plain: explainPlain, obscure: explainObscure, hidden: explainHidden, dying: explainDying } as const;

/** Why a namespace has its visibility, in one clause or two. */
export function explainVisibility(ns: Namespace, facts: Facts): string {
  const why = EXPLAIN[ns.visibility](ns, facts);
  return isUnlisted(ns, facts.coverage) ? `${why}; the kernel's own list lacks it` : why;
}
