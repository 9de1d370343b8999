import type { Coverage } from './coverage.ts';
import type { Namespace } from './namespace.ts';
import type { Snapshot } from './snapshot.ts';
import { describeBestWay, whyNoWay } from './ways.ts';

type Facts = Pick<Snapshot, 'coverage' | 'mountNamespaces'>;

/** What a source says it missed of a namespace. */
function missedIn(coverage: Coverage | undefined, { ino }: Namespace): string[] {
  const subject = `net:[${ino}]`;
  return (coverage?.missed ?? [])
    .filter((issue) => issue.subject === subject || issue.subject.startsWith(`${subject} `))
    .map((issue) => `${issue.subject.slice(subject.length + 1)} ${issue.reason}`.trim());
}

function find(source: string, { coverage }: Pick<Snapshot, 'coverage'>): Coverage | undefined {
  return coverage.find((entry) => entry.source === source);
}

/** Why what a source reads inside namespaces is not known of one; never empty. */
export function whyNotRead(source: string, ns: Namespace, snapshot: Facts): string {
  const coverage = find(source, snapshot);
  if (coverage?.status === 'off') return `${source} is switched off`;
  if (ns.ino === null || ns.visibility === 'dying') return whyNoWay(ns, snapshot);
  if (coverage === undefined) return `${source} was not asked`;
  const missed = missedIn(coverage, ns);
  if (missed.length > 0) return missed.join('; ');
  if (coverage.status !== 'unavailable') {
    return describeBestWay(ns, snapshot) === null ? whyNoWay(ns, snapshot) : 'it was not looked into';
  }
  const [why] = [...coverage.missed, ...coverage.notes];
  return why === undefined ? `${source} is unavailable` : `${source} is unavailable: ${why.reason}`;
}

/** Why what a source did read of a namespace may not be all. */
export function gapsIn(source: string, ns: Namespace, snapshot: Pick<Snapshot, 'coverage'>): string[] {
  return ns.ino === null || ns.visibility === 'dying' ? [] : missedIn(find(source, snapshot), ns);
}
