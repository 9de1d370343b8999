import type { CollectContext, Collected } from '../collectors/contract.ts';
import { COLLECTORS, type Gathered, INSIDE, type InsideData, type InsideSource } from '../collectors/index.ts';
import { inspectNamespaces } from '../collectors/inside/inspect.ts';
import { followNsids } from '../collectors/nsids/follow.ts';
import { monotonic } from './clock.ts';
import type { Coverage, CoverageStatus, Issue } from './model/index.ts';
import { safeText } from './terminal/sanitise.ts';

type Stage = (typeof COLLECTORS)[number];
type StageName = Stage['name'];
type SourceName = StageName | InsideSource;

const NOTHING = { seen: 0, missed: [], notes: [] } as const;

function statusOf({ unavailable, missed }: Collected<unknown>): CoverageStatus {
  if (unavailable) return 'unavailable';
  return missed.length > 0 ? 'partial' : 'complete';
}

/** Runs one stage. A collector that throws has a bug: that costs its own evidence, not the others'. */
async function runStage(stage: Stage, context: CollectContext, gathered: Gathered): Promise<Coverage> {
  const { name: source, view } = stage;
  const started = monotonic();
  try {
    const collected = await stage.collect(context, gathered);
    Object.assign(gathered, { [source]: collected.data });
    const { seen, missed, notes } = collected;
    return { source, view, status: statusOf(collected), seen, missed, notes, durationMs: elapsed(started) };
  } catch (error) {
    context.signal.throwIfAborted();
    const reason = safeText(error instanceof Error ? error.message : String(error));
    const missed = [{ subject: source, reason }];
    return { ...NOTHING, source, view, status: 'unavailable', missed, durationMs: elapsed(started) };
  }
}

/** Milliseconds since a reading of `monotonic()`, to the microsecond. */
export function elapsed(since: number): number {
  return Math.round((monotonic() - since) * 1000) / 1000;
}

/** The cookie of each namespace, by its number. */
function cookies({ kernel, identity }: Gathered): Map<number, string | null> {
  const known = new Map([...(identity?.identities ?? [])].map(([ino, { cookie }]) => [ino, cookie]));
  for (const { ino, cookie, departed } of kernel?.namespaces ?? []) if (!departed) known.set(ino, cookie);
  return known;
}

/** What was found out about a namespace before, and what was found out now. */
function merge(before: Gathered['inside'], now: ReadonlyMap<number, InsideData>): ReadonlyMap<number, InsideData> {
  if (before === undefined) return now;
  const merged = new Map(before);
  for (const [ino, data] of now) {
    const known = merged.get(ino);
    // The time is that of the counters.
    const at = data.links === undefined ? (known?.at ?? data.at) : data.at;
    merged.set(ino, { ...known, ...data, at });
  }
  return merged;
}

/** Runs the stages that are to run, and keeps what they gathered and how well they could see. */
export class Run {
  readonly context: CollectContext;
  readonly gathered: Gathered;
  readonly #coverage: Map<string, Coverage>;
  readonly #without: readonly string[];

  /** @param earlier a run whose evidence this one starts with, as if it had gathered it itself. */
  constructor(context: CollectContext, without: readonly string[], earlier?: Run) {
    this.context = context;
    this.gathered = { ...earlier?.gathered };
    this.#coverage = new Map(earlier?.coverage().map((coverage) => [coverage.source, coverage]));
    this.#without = without;
  }

  /** Whether a stage is to run at all. */
  runs(source: SourceName): boolean {
    return !this.#without.includes(source);
  }

  /** Runs the wanted stages, in the order of the table. */
  async stages(wanted: (name: StageName) => boolean): Promise<void> {
    for (const stage of COLLECTORS) {
      const { name: source, view } = stage;
      if (!wanted(source)) continue;
      this.#coverage.set(
        source,
        this.runs(source)
          ? await runStage(stage, this.context, this.gathered)
          : { ...NOTHING, source, view, status: 'off', durationMs: 0 },
      );
    }
  }

  /**
   * Looks into the namespaces found so far.
   *
   * @param only numbers of those to look into; all when left out.
   */
  inspect(wanted: (name: InsideSource) => boolean, only?: ReadonlySet<number>): void {
    const asked = INSIDE.filter(({ name }) => wanted(name) && this.runs(name));
    for (const { name: source, view } of INSIDE) {
      if (wanted(source) && !this.runs(source)) {
        this.#coverage.set(source, { ...NOTHING, source, view, status: 'off', durationMs: 0 });
      }
    }
    if (asked.length === 0) return;
    const { inside, coverage } = inspectNamespaces(this.context, this.gathered, asked, only);
    this.gathered.inside = merge(this.gathered.inside, inside);
    for (const entry of coverage) {
      // What a look at some says is not all that was seen.
      if (only === undefined || !this.#coverage.has(entry.source)) this.#coverage.set(entry.source, entry);
      else this.miss(entry.source, entry.missed);
    }
    if (asked.some(({ name }) => name === 'nsids')) {
      this.gathered.nsids = followNsids(this.context, this.gathered);
      this.miss('nsids', this.gathered.nsids.missed);
    }
  }

  /**
   * Takes over what an earlier run found inside namespaces that are still the same ones: a number alone may be another's
   * by now.
   */
  keepInside(earlier: Run): void {
    const before = cookies(earlier.gathered);
    const now = cookies(this.gathered);
    const { inside, nsids } = earlier.gathered;
    if (inside === undefined) return;
    const isSame = (ino: number): boolean => before.get(ino) === now.get(ino);
    this.gathered.inside = new Map([...inside].filter(([ino]) => isSame(ino)));
    if (nsids !== undefined) {
      const resolved = [...nsids.resolved]
        .filter(([from]) => isSame(from))
        .map(([from, table]) => [from, new Map([...table].filter(([, ino]) => isSame(ino)))] as const);
      const behind = nsids.behind.filter(({ from }) => isSame(from));
      this.gathered.nsids = { ...nsids, resolved: new Map(resolved), behind };
    }
    for (const { name } of INSIDE) {
      const coverage = earlier.#coverage.get(name);
      if (coverage !== undefined) this.#coverage.set(name, coverage);
    }
  }

  /** Drops what was found inside namespaces, and how well each source could see. */
  forgetInside(): void {
    delete this.gathered.inside;
    delete this.gathered.nsids;
    for (const { name } of INSIDE) this.#coverage.delete(name);
  }

  /** Adds gaps that showed only after the source had been read. */
  miss(source: string, issues: readonly Issue[]): void {
    const coverage = this.#coverage.get(source);
    if (coverage === undefined) return;
    const known = new Set(coverage.missed.map(({ subject, reason }) => `${subject}: ${reason}`));
    const added = issues.filter(({ subject, reason }) => !known.has(`${subject}: ${reason}`));
    if (added.length === 0) return;
    this.#coverage.set(source, { ...coverage, status: 'partial', missed: [...coverage.missed, ...added] });
  }

  /** In the order of the stages. */
  coverage(): Coverage[] {
    return [...COLLECTORS, ...INSIDE].flatMap(({ name }) => this.#coverage.get(name) ?? []);
  }
}
