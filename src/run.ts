import type { CollectContext, Collected } from '../collectors/contract.ts';
import { COLLECTORS, type Gathered } from '../collectors/index.ts';
import type { Coverage, CoverageStatus } from './model/index.ts';
import { safeText } from './terminal/sanitise.ts';

type Stage = (typeof COLLECTORS)[number];
type SourceName = Stage['name'];

const NOTHING = { seen: 0, missed: [], notes: [] } as const;

function statusOf({ unavailable, missed }: Collected<unknown>): CoverageStatus {
  if (unavailable) return 'unavailable';
  return missed.length > 0 ? 'partial' : 'complete';
}

/** Runs one stage. A collector that throws has a bug: that costs its own evidence, not the others'. */
async function runStage(stage: Stage, context: CollectContext, gathered: Gathered): Promise<Coverage> {
  const { name: source, view } = stage;
  const started = performance.now();
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

/** Milliseconds since a reading of `performance.now()`, to the microsecond. */
export function elapsed(since: number): number {
  return Math.round((performance.now() - since) * 1000) / 1000;
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

  /** Runs the wanted stages, in the order of the table. */
  async stages(wanted: (name: SourceName) => boolean): Promise<void> {
    for (const stage of COLLECTORS) {
      const { name: source, view } = stage;
      if (!wanted(source)) continue;
      this.#coverage.set(
        source,
        this.#without.includes(source)
          ? { ...NOTHING, source, view, status: 'off', durationMs: 0 }
          : await runStage(stage, this.context, this.gathered),
      );
    }
  }

  /** In the order of the stages. */
  coverage(): Coverage[] {
    return COLLECTORS.flatMap(({ name }) => this.#coverage.get(name) ?? []);
  }
}
