import type { Gathered } from '../../collectors/index.ts';
import type { KernelNamespace } from '../../collectors/kernel.ts';
import { kernelKey, unheld, unlisted } from './cross-view.ts';

/** Userland sources that must have looked before a namespace without a holder may be called hidden. */
const HOLDER_SOURCES = ['tasks', 'mounts', 'descriptors', 'pinned-mounts'] as const;

/** One look's open questions. */
export interface Questions {
  /** Key of each namespace userland has no holder for → what the kernel shows to hold it, as one comparable text. */
  readonly unheld: ReadonlyMap<string, string>;
  readonly unlisted: ReadonlySet<number>;
}

/** The tasks and descriptors the kernel shows to hold a namespace. */
function evidence(
  { kernel }: Gathered,
  { ino }: KernelNamespace,
): { readonly pid: number; readonly text: string; readonly task: boolean }[] {
  return [
    ...(kernel?.tasks ?? [])
      .filter(({ netns }) => netns === ino)
      .map(({ pid, tid, startTicks }) => ({ pid, text: `task ${tid} ${startTicks}`, task: true })),
    ...(kernel?.pins ?? [])
      .filter(({ netns, place }) => netns === ino && place === 'descriptor')
      .map(({ pid, tid, fd }) => ({ pid, text: `fd ${tid} ${fd}`, task: false })),
  ];
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
  const open = new Map<string, string>();
  if (!sawTheWholeHost(gathered)) return { unheld: open, unlisted: new Set(unlisted(gathered)) };
  const denied = new Set(gathered.tasks?.denied);
  for (const ns of unheld(gathered)) {
    const held = evidence(gathered, ns);
    if (held.some(({ pid }) => denied.has(pid))) continue;
    open.set(
      kernelKey(ns),
      held
        .map(({ text }) => text)
        .sort()
        .join(),
    );
  }
  return { unheld: open, unlisted: new Set(unlisted(gathered)) };
}

/**
 * What two looks in a row agreed on.
 *
 * A namespace is hidden when the kernel listed it both times, userland had no holder for it both times, and what the
 * kernel shows to hold it did not change in between: else it may have passed from hand to hand behind userland's back.
 *
 * @param confirmed keys that were hidden before; they need one look.
 */
export function settle(
  before: Questions | null,
  now: Questions,
  confirmed: ReadonlySet<string>,
): {
  readonly hidden: ReadonlySet<string>;
  readonly undecided: ReadonlySet<string>;
  readonly unlisted: ReadonlySet<number>;
} {
  const hidden = new Set<string>();
  const undecided = new Set<string>();
  for (const [key, held] of now.unheld) {
    if (confirmed.has(key) || before?.unheld.get(key) === held) hidden.add(key);
    else undecided.add(key);
  }
  return { hidden, undecided, unlisted: new Set([...now.unlisted].filter((ino) => before?.unlisted.has(ino))) };
}
