/**
 * Loads the probe and reads the kernel's view again and again inside one process; prints milliseconds as JSON: the
 * load, the first refresh, the warm ones, a deep look, and what live refreshes cost on a host that stands still.
 */

import { KernelProbe } from '../../collectors/kernel/load.ts';
import { readProbe } from '../../collectors/kernel.ts';
import { LiveCollector } from '../../src/live.ts';

const RUNS = 50;
const LIVE_RUNS = 20;

/** Beside the bundle this file ends up in. */
const OBJECT = new URL('./probe.bpf.o', import.meta.url);

async function timed(run: () => unknown): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

async function main(): Promise<void> {
  const started = performance.now();
  const state = await KernelProbe.load({ object: OBJECT });
  const load = performance.now() - started;
  if ('failure' in state) throw new Error(state.failure.reason);
  const { probe } = state;
  const first = await timed(() => readProbe(probe, true));
  const warm: number[] = [];
  for (let index = 0; index < RUNS; index++) warm.push(await timed(() => readProbe(probe, true)));
  const parts = {
    namespaces: await timed(() => probe.namespaces()),
    devices: await timed(() => probe.devices()),
    tasks: await timed(() => probe.tasks()),
    files: await timed(() => probe.files()),
  };
  await probe.loadDeep();
  const deep = await timed(() => probe.deepPins());
  const counts = { namespaces: probe.namespaces().length, tasks: probe.tasks().length };
  probe.close();

  const live = new LiveCollector({ procRoot: '/proc', without: [] });
  const whole = await timed(() => live.refresh({ whole: true, focus: null }));
  const refreshes: { type: string; ms: number }[] = [];
  for (let index = 0; index < LIVE_RUNS; index++) {
    const before = performance.now();
    const { type } = await live.refresh({ whole: false, focus: null });
    refreshes.push({ type, ms: performance.now() - before });
  }
  await live.close();
  process.stdout.write(JSON.stringify({ load, first, warm, parts, deep, counts, whole, refreshes }));
}

void main();
