import { type Holder, isProvenByUserland, type Process, type Visibility } from '../model/index.ts';

/** What is known of a namespace, as far as it decides how much it takes to see it. */
export interface VisibilityFacts {
  readonly names: readonly string[];
  readonly holders: readonly Holder[];
  readonly processes: readonly Process[];
  /** The kernel's count reached zero. */
  readonly dead?: boolean;
  /** The kernel lists it, userland has no certain holder, and both were looked at twice. */
  readonly confirmedHidden?: boolean;
  /** The kernel shows tasks in it that procfs conceals. */
  readonly concealed?: boolean;
}

/**
 * How much it takes to see a namespace, from what holds it.
 *
 * `plain` is what everybody's tools show: it has a name in `/run/netns`, or the leader of a process whose
 * `/proc/<pid>` is not covered by a mount. Anything else that holds it makes it `obscure`. Without a holder that
 * userland can prove it is `hidden`, and so it is when nobody is seen in it but those procfs conceals. Suspected
 * holders, and those only the kernel names, make nothing visible.
 */
export function visibilityOf(facts: VisibilityFacts): Visibility {
  const { names, holders, processes } = facts;
  if (facts.dead) return 'dying';
  if (names.length > 0) return 'plain';
  if (facts.confirmedHidden) return 'hidden';
  const covered = new Set(processes.filter((process) => process.covered).map(({ pid }) => pid));
  const proven = holders.some(isProvenByUserland);
  const plain = holders.some(
    (holder) =>
      holder.kind === 'task' &&
      holder.tid === holder.pid &&
      !covered.has(holder.pid) &&
      // What only the kernel shows, where userland did not look or may not, counts for nothing where userland did.
      (isProvenByUserland(holder) || !proven),
  );
  if (facts.concealed && !(plain && proven)) return 'hidden';
  return plain ? 'plain' : 'obscure';
}
