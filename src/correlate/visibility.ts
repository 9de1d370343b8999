import type { Holder, Process, Visibility } from '../model/index.ts';

/**
 * How much it takes to see a namespace, from what holds it.
 *
 * `plain` is what everybody's tools show: it has a name in `/run/netns`, or the leader of a process whose
 * `/proc/<pid>` is not covered by a mount. Anything else that holds it makes it `obscure`. Suspected holders prove
 * nothing by themselves, but without the kernel's own list there is no proof of `hidden` either.
 */
export function visibilityOf(
  names: readonly string[],
  holders: readonly Holder[],
  processes: readonly Process[],
): Visibility {
  if (names.length > 0) return 'plain';
  const covered = new Set(processes.filter((process) => process.covered).map(({ pid }) => pid));
  const plain = holders.some(
    (holder) => holder.kind === 'task' && holder.tid === holder.pid && !covered.has(holder.pid),
  );
  return plain ? 'plain' : 'obscure';
}
