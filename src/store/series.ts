import type { Rates } from './rates.ts';

/** The rates over one stretch of time, `since` to `at`, milliseconds on the clock of `Namespace.countersAt`. */
export interface Sample {
  readonly since: number;
  readonly at: number;
  /** Null where the counters do not tell. */
  readonly rates: Rates | null;
}

/** Numbers of samples one after the other: when, then the four rates; NaN for unknown. Small: thousands are kept. */
type Piece = readonly number[];

const FIELDS = 5;
/** Samples in a piece: what adding one has to copy, and how many go at once when there are too many. */
const PIECE = 10;

/** Samples in the order of time. Never changes: adding one makes another series, which shares all but its last piece. */
export interface Series {
  /** When the first of the samples begins. */
  readonly since: number;
  readonly full: readonly Piece[];
  readonly last: Piece;
}

/** A series without samples: counters were read for the first time. */
export function startSeries(at: number): Series {
  return { since: at, full: [], last: [] };
}

/** Adds a sample, which begins where the one before ended; the oldest ones go where that makes more than `most`. */
export function addSample({ since, full, last }: Series, at: number, rates: Rates | null, most: number): Series {
  const { rxBytes, txBytes, rxPackets, txPackets } = rates ?? {};
  const unknown = Number.NaN;
  const sample = [at, rxBytes ?? unknown, txBytes ?? unknown, rxPackets ?? unknown, txPackets ?? unknown];
  if (last.length < PIECE * FIELDS) return { since, full, last: last.concat(sample) };
  const [oldest, ...others] = [...full, last];
  if (oldest === undefined || (others.length + 1) * PIECE < most) return { since, full: [...full, last], last: sample };
  return { since: oldest.at(-FIELDS) ?? since, full: others, last: sample };
}

/** The newest `most` samples, the oldest of them first; all of them unless told. */
export function samplesOf({ since, full, last }: Series, most = Number.POSITIVE_INFINITY): Sample[] {
  const kept = full.length * PIECE + last.length / FIELDS;
  const number = (index: number, field: number): number =>
    (full[Math.floor(index / PIECE)] ?? last)[(index % PIECE) * FIELDS + field] ?? Number.NaN;
  const wanted = Math.min(kept, most);
  return Array.from({ length: wanted }, (_, place) => {
    const index = kept - wanted + place;
    return {
      since: index === 0 ? since : number(index - 1, 0),
      at: number(index, 0),
      rates: Number.isNaN(number(index, 1))
        ? null
        : {
            rxBytes: number(index, 1),
            txBytes: number(index, 2),
            rxPackets: number(index, 3),
            txPackets: number(index, 4),
          },
    };
  });
}
