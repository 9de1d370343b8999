/**
 * Scans this host again and again inside one process and prints the snapshots' own durations as JSON: the first
 * run, as a command has it, and then those that the screen has once the code is warm.
 */
import { collect } from '../../src/collect.ts';
import { Session } from '../../src/session.ts';

const RUNS = 20;
const WARM_UPS = 2;

interface Run {
  readonly total: number;
  readonly stages: Readonly<Record<string, number>>;
  readonly namespaces: number;
}

/** As the screen has it: the probe is loaded once. */
const session = new Session();

async function run(): Promise<Run> {
  const options = { procRoot: '/proc', without: [] };
  const { durationMs, coverage, namespaces } = await collect(options, undefined, session);
  return {
    total: durationMs,
    stages: Object.fromEntries(coverage.map((entry) => [entry.source, entry.durationMs])),
    namespaces: namespaces.length,
  };
}

async function main(): Promise<void> {
  const cold = await run();
  for (let index = 0; index < WARM_UPS; index += 1) await run();
  const warm: Run[] = [];
  for (let index = 0; index < RUNS; index += 1) warm.push(await run());
  await session.close();
  process.stdout.write(JSON.stringify({ cold, warm }));
}

void main();
