/**
 * Numbers in few cells, by powers of 1000 as link speeds are: at most five cells wide. Unknown (null) is `?`, and what
 * there is none of (undefined) is `—`.
 */
export type Quantity = number | null | undefined;

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

interface Scaled {
  readonly digits: string;
  readonly prefix: string;
}

function scale(value: number): Scaled {
  let scaled = value;
  let power = 0;
  // 999.5 would round to a fourth digit.
  while (scaled >= 999.5 && power < PREFIXES.length - 1) {
    scaled /= 1000;
    power += 1;
  }
  // 99.95 would round to 100.0.
  return { digits: scaled.toFixed(power > 0 && scaled < 99.95 ? 1 : 0), prefix: PREFIXES[power] ?? '' };
}

function isKnown(value: Quantity): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function unknown(value: Quantity): string {
  return value === undefined ? '—' : '?';
}

/** Something per second: `0`, `340`, `1.2k`, `88.0M`, `900k`. What is less than one but not nothing is `<1`. */
export function formatRate(perSecond: Quantity): string {
  if (!isKnown(perSecond)) return unknown(perSecond);
  if (perSecond > 0 && perSecond < 1) return '<1';
  const { digits, prefix } = scale(perSecond);
  return digits + prefix;
}

/** An amount of data: `0 B`, `340 B`, `1.2 kB`, `88.0 MB`. */
export function formatBytes(bytes: Quantity): string {
  if (!isKnown(bytes)) return unknown(bytes);
  const { digits, prefix } = scale(bytes);
  return `${digits} ${prefix}B`;
}
