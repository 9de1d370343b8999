/**
 * Milliseconds on a clock that never goes back, with a fraction. `performance.now()` would do, but the first use of
 * `performance` loads a module of Node's that takes 3 ms, which is as long as reading a hundred processes.
 */
export function monotonic(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
