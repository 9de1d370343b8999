function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** `14:02:11`, local time. */
export function clock(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `12d`, `3h`, `5m`, `40s`: one unit is enough for an uptime. */
export function shortDuration(seconds: number): string {
  if (seconds >= 86_400) return `${Math.floor(seconds / 86_400)}d`;
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)}h`;
  if (seconds >= 60) return `${Math.floor(seconds / 60)}m`;
  return `${Math.floor(seconds)}s`;
}

/** An interval: `0.5s`, `30s`, `1m`. */
export function intervalText(ms: number): string {
  return ms >= 60_000 ? `${ms / 60_000}m` : `${ms / 1000}s`;
}
