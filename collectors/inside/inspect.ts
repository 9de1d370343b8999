import { monotonic } from '../../src/clock.ts';
import type { Coverage, Issue } from '../../src/model/index.ts';
import { endProcess } from '../../src/os/end-process.ts';
import { hasKernelPart, type KernelPart } from '../../src/os/kernel-modules.ts';
import { describeFailure } from '../../src/os/netlink/socket.ts';
import { namespaceLink, nsfsDevice } from '../../src/os/nsfs.ts';
import { safeText } from '../../src/terminal/sanitise.ts';
import type { CollectContext } from '../contract.ts';
import type { Gathered, InsideData, InsideSource } from '../index.ts';
import { hasEnded, waysIn } from '../ways.ts';
import type { HasPart, InsideCollector } from './contract.ts';
import { enter, type Wanted } from './enter.ts';

/** What a source saw over all namespaces. */
class Account {
  readonly collector: InsideCollector<InsideSource>;
  seen = 0;
  durationMs = 0;
  asked = 0;
  failed = 0;
  readonly missed: Issue[] = [];
  readonly notes: Issue[] = [];

  constructor(collector: InsideCollector<InsideSource>, has: HasPart) {
    this.collector = collector;
    const { missed = [], notes = [] } = collector.once?.(has) ?? {};
    this.missed.push(...missed);
    this.notes.push(...notes);
  }

  get coverage(): Coverage {
    const { name: source, view } = this.collector;
    const { seen, missed, notes, durationMs } = this;
    const useless = this.asked > 0 && this.failed === this.asked;
    const status = missed.length === 0 ? 'complete' : useless ? 'unavailable' : 'partial';
    return { source, view, status, seen, missed, notes, durationMs: Math.round(durationMs * 1000) / 1000 };
  }
}

/** What is inside the namespaces, by their number, and how well each source could see it. */
export interface Inspection {
  readonly inside: Map<number, InsideData>;
  readonly coverage: Coverage[];
}

/** Each part is looked up once: what is loaded meanwhile is for the next scan. */
function partsAtStart(sysRoot: string): HasPart {
  const known = new Map<KernelPart, boolean>();
  return (part) => {
    const answer = known.get(part) ?? hasKernelPart(part, sysRoot);
    known.set(part, answer);
    return answer;
  };
}

function union<T>(lists: readonly (readonly T[])[]): T[] {
  return [...new Set(lists.flat())];
}

/**
 * Looks into namespaces, one after the other: each is entered once, and left again before anything of it is read.
 *
 * @param only numbers of the namespaces to look into; all when left out.
 * @throws the signal's reason when aborted.
 */
export function inspectNamespaces(
  context: CollectContext,
  gathered: Gathered,
  collectors: readonly InsideCollector<InsideSource>[],
  only?: ReadonlySet<number>,
): Inspection {
  const { procfs, sysRoot, depth, signal } = context;
  const has = partsAtStart(sysRoot);
  const accounts = collectors.map((collector) => new Account(collector, has));
  const filesWhere = (entered: boolean) =>
    union(collectors.map(({ files }) => (typeof files === 'function' ? files({ entered, depth, has }) : files)));
  const wanted: Wanted = {
    netlink: union(collectors.filter(({ parts = [] }) => parts.every(has)).map(({ netlink }) => netlink)),
    files: filesWhere(true),
    filesFromOutside: filesWhere(false),
    filesAfter: (entered, file) =>
      union(collectors.map(({ filesAfter }) => filesAfter?.({ entered, depth, has }, file) ?? [])),
  };
  const inside = new Map<number, InsideData>();
  const own = namespaceLink(procfs.fd, 'thread-self/ns/net');
  const device = nsfsDevice(procfs.fd) ?? -1;
  const ways = waysIn(gathered, only);
  if (own > 0 && procfs.live && !ways.has(own) && (only === undefined || only.has(own))) ways.set(own, []);
  for (const [ino, waysHere] of ways) {
    signal.throwIfAborted();
    const entered = enter(context, gathered, { ino, ways: waysHere, own, device }, wanted);
    if (entered.inside === null) {
      if (entered.why === 'gone' || hasEnded(gathered, ino)) continue;
      for (const account of accounts) {
        account.asked += 1;
        account.failed += 1;
        account.missed.push({ subject: `net:[${ino}]`, reason: entered.why });
      }
      continue;
    }
    const found: Record<string, unknown> = { at: monotonic() };
    try {
      for (const account of accounts) {
        const { collector } = account;
        const started = monotonic();
        account.asked += 1;
        try {
          const { data, seen, missed = [], notes = [] } = collector.inspect(entered.inside, has);
          found[collector.name] = data;
          account.seen += seen;
          account.missed.push(...missed);
          account.notes.push(...notes);
        } catch (error) {
          // What is neither the kernel's refusal nor our impatience is a bug: it costs this source, not the others.
          const reason = describeFailure(error) ?? safeText(error instanceof Error ? error.message : String(error));
          account.failed += 1;
          account.missed.push({ subject: entered.inside.subject, reason });
        } finally {
          account.durationMs += monotonic() - started;
        }
      }
    } finally {
      entered.close();
    }
    inside.set(ino, found as unknown as InsideData);
  }
  // A thread in the wrong namespace would take everything after this for something it is not.
  if (namespaceLink(procfs.fd, 'thread-self/ns/net') !== own) endProcess('not back from looking into namespaces');
  return { inside, coverage: accounts.map(({ coverage }) => coverage) };
}
