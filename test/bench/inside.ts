/**
 * Looks into every namespace of this host again and again inside one process, and into one with ten thousand sockets,
 * and prints how long each took as JSON, in milliseconds.
 */
import type { InsideSource } from '../../collectors/index.ts';
import { contextFor } from '../../src/collect.ts';
import { socket } from '../../src/os/libc.ts';
import { closeProcfs, openProcfs } from '../../src/os/procfs.ts';
import { Run } from '../../src/run.ts';
import { Session } from '../../src/session.ts';
import { AF, inNew, listen, must, SOCK } from '../live/programs/lib/hold.ts';

const RUNS = 15;
const SOCKETS = 10_000;
const FULL: readonly InsideSource[] = ['links', 'addresses', 'routes', 'neighbours', 'sockets'];

interface Timing {
  readonly total: number;
  readonly sources: Readonly<Record<string, number>>;
}

const procfs = openProcfs('/proc');
const session = new Session();

/** Finds the namespaces, the kernel's own view included, and looks into them, or into one. */
async function look(sources: readonly InsideSource[], only?: ReadonlySet<number>): Promise<Timing & { seen: number }> {
  const run = new Run(contextFor(procfs, {}, new AbortController().signal, session), []);
  await run.stages((name) => name === 'tasks' || name === 'mounts' || name === 'kernel');
  const started = performance.now();
  run.inspect((name) => sources.includes(name), only);
  const total = performance.now() - started;
  const coverage = run.coverage().filter(({ source }) => sources.some((name) => name === source));
  return {
    total,
    sources: Object.fromEntries(coverage.map(({ source, durationMs }) => [source, durationMs])),
    seen: run.gathered.inside?.size ?? 0,
  };
}

async function again(sources: readonly InsideSource[], only?: ReadonlySet<number>): Promise<Timing[]> {
  const timings: Timing[] = [];
  for (let index = 0; index < RUNS; index++) timings.push(await look(sources, only));
  return timings;
}

/** Ten thousand listening TCP sockets in a namespace of their own; they and it end with this process. */
function crowd(): number {
  return inNew(() => {
    for (let index = 0; index < SOCKETS; index++) {
      must(listen(must(socket(AF.inet, SOCK.stream, 0), 'socket'), 1), 'listen');
    }
    return {};
  }).ino;
}

async function main(): Promise<void> {
  const first = await look(FULL);
  const warm = await again(FULL);
  const crowded = new Set([crowd()]);
  const sockets = await again(['sockets'], crowded);
  await session.close();
  closeProcfs(procfs);
  process.stdout.write(JSON.stringify({ namespaces: first.seen, first, warm, sockets }));
}

void main();
