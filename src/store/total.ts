import { type History, rateOf } from './history.ts';
import { addRates, NO_TRAFFIC, type Rates } from './rates.ts';
import { addSample, type Series, samplesOf, startSeries } from './series.ts';

/** What is kept at most: at one reading a second, five minutes. */
const MOST_SAMPLES = 300;

/** What passes the edges of all namespaces together; null where that is known of none. What passes several counts in each. */
function totalRates(history: History): Rates | null {
  let total: Rates | null = null;
  for (const key of history.tracks.keys()) {
    const rates = rateOf(history, key);
    if (rates !== null) total = addRates(total ?? NO_TRAFFIC, rates);
  }
  return total;
}

/** When the last of all readings was; null before the first. */
function lastReading({ tracks }: History): number | null {
  let last: number | null = null;
  // What is gone was read by a clock that may have started anew since.
  for (const { at, current } of tracks.values()) if (current && (last === null || at > last)) last = at;
  return last;
}

/** Takes in what a look came to. One that read nothing new changes nothing. */
export function followTotal(total: Series | null, history: History): Series | null {
  const at = lastReading(history);
  if (at === null) return total;
  if (total === null) return startSeries(at);
  const before = samplesOf(total, 1)[0]?.at ?? total.since;
  // The clock goes back when another collector takes over.
  if (at < before) return startSeries(at);
  return at === before ? total : addSample(total, at, totalRates(history), MOST_SAMPLES);
}
