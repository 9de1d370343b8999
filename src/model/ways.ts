import { describeHolder } from './describe.ts';
import { type Holder, type HolderKind, isCertain } from './holder.ts';
import type { Namespace } from './namespace.ts';
import type { Snapshot } from './snapshot.ts';

/** Kinds of holders that lead into a namespace, in the order they are tried: what needs the least goes first. */
export const WAYS_IN: readonly HolderKind[] = ['task', 'descriptor', 'mount', 'socket', 'tun'];

/** These are asked for their namespace (SIOCGSKNS), which may change something, so they come after its nsfs handle. */
const ASKED: readonly HolderKind[] = ['socket', 'tun'];

function leadsIn(holder: Holder, { mountNamespaces }: Pick<Snapshot, 'mountNamespaces'>): boolean {
  if (!isCertain(holder)) return false;
  if (holder.kind !== 'mount') return WAYS_IN.includes(holder.kind);
  return mountNamespaces.some(({ ino, pids }) => ino === holder.mountNamespace && pids.length > 0);
}

/**
 * The way by which a namespace of a snapshot would be entered, in a few words; null where nothing leads into it.
 * `openSnapshotNamespace` tries the same ways in the same order, and then knows.
 */
export function describeBestWay(ns: Namespace, snapshot: Pick<Snapshot, 'mountNamespaces'>): string | null {
  if (ns.ino === null || ns.visibility === 'dying') return null;
  const holders = ns.holders
    .filter((holder) => leadsIn(holder, snapshot))
    .toSorted((a, b) => WAYS_IN.indexOf(a.kind) - WAYS_IN.indexOf(b.kind));
  const [best] = holders;
  if (best !== undefined && !ASKED.includes(best.kind)) return describeHolder(best);
  if (ns.witnesses.some(({ source }) => source === 'handles')) return 'nsfs handle';
  if (best === undefined) return null;
  const change = ns.references?.active === 0 ? ', on request only: it would make the namespace active again' : '';
  return `${describeHolder(best)} (SIOCGSKNS${change})`;
}

/** Why nothing leads into a namespace. */
export function whyNoWay(ns: Namespace, { coverage }: Pick<Snapshot, 'coverage'>): string {
  if (ns.visibility === 'dying') return 'it is being torn down';
  if (ns.ino === null) return 'the kernel tells nobody its number';
  const handles = coverage.find(({ source }) => source === 'handles');
  const reason = handles?.status === 'off' ? 'switched off' : handles?.notes[0]?.reason;
  return `no holder leads into it${reason === undefined ? '' : `; nsfs handles: ${reason}`}`;
}
