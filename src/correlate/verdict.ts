import type { Gathered } from '../../collectors/index.ts';
import type { KernelNamespace, KernelTask } from '../../collectors/kernel.ts';
import { kernelKey, provenByUserland, unheld, unlisted } from './cross-view.ts';

/** Userland sources that must have looked before a namespace without a holder may be called hidden. */
const HOLDER_SOURCES = ['tasks', 'mounts', 'descriptors', 'pinned-mounts'] as const;

/**
 * How long a namespace that nothing at all is known to hold must stay so, in milliseconds. What held it last is gone
 * from every table before its reference is: a socket's goes after an RCU grace period (deferred_put_nlk_sk), an
 * unmounted nsfs file's when a workqueue gets to it (delayed_mntput). On a busy host that was seen to take 300 ms.
 */
export const FADING_MS = 1000;

/** A namespace the kernel lists and userland cannot explain. */
export interface Question {
  readonly ns: KernelNamespace;
  /** Tasks the kernel shows in it. */
  readonly tasks: readonly KernelTask[];
  /** Everything the kernel shows to hold it, as one text that is the same as long as that is; empty for nothing. */
  readonly evidence: string;
}

/** One look's open questions. */
export interface Questions {
  readonly unheld: ReadonlyMap<string, Question>;
  readonly unlisted: ReadonlySet<number>;
}

/** Whether userland saw as much of this host as the kernel's list spans. */
function sawTheWholeHost(gathered: Gathered): boolean {
  return (
    gathered.kernel?.hostWide === true &&
    gathered.tasks?.narrowed === false &&
    HOLDER_SOURCES.every((source) => gathered[source] !== undefined)
  );
}

/**
 * What is to be looked at again before it is said. Left out is what userland could not have seen: namespaces held by
 * processes it may not read, and everything while one of its sources is off or sees only a part of the host.
 */
export function questions(gathered: Gathered): Questions {
  const open = new Map<string, Question>();
  const { kernel, tasks } = gathered;
  const proven = provenByUserland(gathered);
  if (sawTheWholeHost(gathered)) {
    const denied = new Set(tasks?.denied);
    for (const ns of unheld(gathered, proven)) {
      const inside = (kernel?.tasks ?? []).filter(({ netns }) => netns === ns.ino);
      const pins = (kernel?.pins ?? []).filter(({ netns }) => netns === ns.ino);
      if ([...inside, ...pins].some(({ pid }) => denied.has(pid))) continue;
      const evidence = [
        ...inside.map(({ tid, startTicks }) => `task ${tid} ${startTicks}`),
        ...pins.map(({ place, tid, fd, slot, inode }) => `${place} ${tid} ${fd} ${slot} ${inode}`),
      ];
      open.set(kernelKey(ns), { ns, tasks: inside, evidence: evidence.sort().join('\n') });
    }
  }
  return { unheld: open, unlisted: new Set(unlisted(gathered, proven)) };
}

/** Since when, in milliseconds, a namespace has been unheld with the same evidence. */
export type UnheldSince = ReadonlyMap<string, { readonly evidence: string; readonly since: number }>;

/** Evidence that a task may have passed on, unlike what waits in a queue or is mapped. */
const PASSED_ON = /^(?:task|descriptor) /m;

/**
 * Carries on what was known about the questions of earlier looks. That a deeper look found what holds a namespace is
 * no change of hands.
 */
export function remember(before: UnheldSince, { unheld: open }: Questions, now: number): UnheldSince {
  return new Map(
    [...open].map(([key, { evidence }]) => {
      const known = before.get(key);
      const same =
        known !== undefined && (known.evidence === evidence || (known.evidence === '' && !PASSED_ON.test(evidence)));
      return [key, { evidence, since: same ? known.since : now }] as const;
    }),
  );
}

/**
 * Which of the open questions are answered.
 *
 * A namespace is hidden when in two looks at different times the kernel listed it, userland had no holder for it, and
 * what the kernel shows to hold it was the same: else it may have passed from hand to hand behind userland's back.
 * Where the kernel shows nothing either, it may be about to go, and has to stay for `FADING_MS`.
 *
 * @param vouched keys of namespaces that procfs by now shows a task in.
 */
export function settle(
  { unheld: open, unlisted: missing }: Questions,
  since: UnheldSince,
  vouched: ReadonlySet<string>,
  missingBefore: ReadonlySet<number>,
  now: number,
): {
  readonly hidden: ReadonlySet<string>;
  readonly undecided: ReadonlySet<string>;
  readonly unlisted: ReadonlySet<number>;
} {
  const hidden = new Set<string>();
  const undecided = new Set<string>();
  for (const [key, { evidence }] of open) {
    const age = now - (since.get(key)?.since ?? now);
    if (vouched.has(key)) continue;
    if (evidence === '' ? age >= FADING_MS : age > 0) hidden.add(key);
    else undecided.add(key);
  }
  return { hidden, undecided, unlisted: new Set([...missing].filter((ino) => missingBefore.has(ino))) };
}
