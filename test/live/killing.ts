/** What the tests of `kill` have in common: namespaces with processes in them, cgroups, and the action itself. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'vitest';
import { parseStat } from '../../collectors/tasks.ts';
import { Actor, type ActorOptions } from '../../src/act/actor.ts';
import { namespaceKey, type Snapshot } from '../../src/model/index.ts';
import type { ActionOptions, Outcome, Plan, StepResult } from '../../src/model/plan.ts';
import type { Scene } from './scene.ts';

/** A network namespace with a name, made for a test. */
export interface Place {
  readonly name: string;
  readonly path: string;
  readonly ino: number;
}

export function place(scene: Scene): Place {
  const name = scene.namespace();
  const path = `/run/netns/${name}`;
  return { name, path, ino: statSync(path).ino };
}

/** A process, told from every other that may have its pid. */
export interface Witnessed {
  readonly pid: number;
  readonly startTicks: number;
}

function statOf(pid: number) {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return null;
  }
}

export function witness(pid: number): Witnessed {
  const stat = statOf(pid);
  if (stat === null) throw new Error(`no process ${pid}`);
  return { pid, startTicks: stat.startTicks };
}

export function isAlive({ pid, startTicks }: Witnessed): boolean {
  const stat = statOf(pid);
  return stat !== null && stat.startTicks === startTicks && stat.state !== 'Z' && stat.state !== 'X';
}

/** One letter (proc_pid_stat(5)); null for one that has ended. */
export function stateOf({ pid }: Witnessed): string | null {
  return statOf(pid)?.state ?? null;
}

export async function until(what: string, holds: () => boolean, limitMs = 5000): Promise<void> {
  for (const end = performance.now() + limitMs; !holds(); await setTimeout(5)) {
    if (performance.now() > end) throw new Error(`not so within ${limitMs} ms: ${what}`);
  }
}

/** Starts a program in a namespace; it prints one line when it is ready. */
export async function inside(
  scene: Scene,
  { path }: Pick<Place, 'path'>,
  ...command: readonly string[]
): Promise<Witnessed & { readonly line: string }> {
  const { pid, line } = await scene.start('nsenter', [`--net=${path}`, '--', ...command]);
  return { ...witness(pid), line };
}

/** Starts a shell script in a namespace; its first line says that it is ready. */
export function script(scene: Scene, where: Pick<Place, 'path'>, text: string, ...args: readonly string[]) {
  return inside(scene, where, 'sh', '-c', text, 'sh', ...args);
}

/** Starts a Perl program in a namespace: perl-base is everywhere, and forks in a tenth of a millisecond. */
export function perl(scene: Scene, where: Pick<Place, 'path'>, text: string, ...args: readonly string[]) {
  return inside(scene, where, 'perl', '-e', `$| = 1; ${text}`, ...args);
}

/** Starts a process that does nothing in a namespace. */
export async function sleeper(scene: Scene, where: Pick<Place, 'path'>): Promise<Witnessed> {
  const started = await script(scene, where, 'echo; exec sleep 120');
  await until('asleep', () => readFileSync(`/proc/${started.pid}/comm`, 'utf8') === 'sleep\n');
  return started;
}

/** Where a process of an own namespace stands outside of all test namespaces. */
export const OUTSIDE = { path: '/proc/self/ns/net' } as const;

/** What came of a kill, and of the time it took. */
export interface Killed {
  readonly plan: Plan;
  readonly outcome: Outcome;
  /** The only step's. */
  readonly result: StepResult;
  /** From the entry of the plan in the audit trail to the end of the last step, in milliseconds. */
  readonly tookMs: number;
}

interface Choice extends ActionOptions, Partial<Pick<ActorOptions, 'without'>> {
  /** What happens between the plan and its run. */
  readonly between?: (plan: Plan) => unknown;
  /** Makes another plan of it. */
  readonly alter?: (plan: Plan) => Plan;
  /** Nobody there may be an oversight: look again. */
  readonly fleeting?: boolean;
  readonly signal?: AbortSignal;
  readonly progress?: (detail: string) => void;
}

function keysOf({ namespaces }: Snapshot, targets: readonly (Place | number)[]): string[] {
  const numbers = new Set(targets.map((target) => (typeof target === 'number' ? target : target.ino)));
  return namespaces.flatMap((ns) => (ns.ino !== null && numbers.has(ns.ino) ? [namespaceKey(ns)] : []));
}

/** Plans a kill, and carries it out. */
export async function kill(scene: Scene, targets: readonly (Place | number)[], choice: Choice = {}): Promise<Killed> {
  const { without = [], between, alter, fleeting = false, signal, progress, ...options } = choice;
  const auditFile = join(scene.directory(), `audit-${scene.name()}`);
  const actor = new Actor({ procRoot: '/proc', without, auditFile });
  try {
    const look = () =>
      actor.plan('kill', (snapshot) => ({ action: 'kill', targets: keysOf(snapshot, targets), options }));
    let made = await look();
    // What lives for less than a millisecond is not in every snapshot.
    for (let attempt = 0; fleeting && made.steps.length === 0 && attempt < 50; attempt++) made = await look();
    const plan = alter?.(made) ?? made;
    await between?.(plan);
    const listener = { progress: (_: unknown, detail: string | null) => progress?.(detail ?? ''), result: () => {} };
    const outcome = await actor.perform(plan, listener, signal);
    const entries = readFileSync(auditFile, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(entries.map(({ event }) => event)).toEqual(['plan', ...plan.steps.map(() => 'step'), 'end']);
    const ends = outcome.results.map(({ startedAt, durationMs }) => Date.parse(startedAt) + durationMs);
    const [result] = outcome.results;
    if (result === undefined) throw new Error('no step');
    return { plan, outcome, result, tookMs: Math.max(...ends) - Date.parse(entries[0].at) };
  } finally {
    await actor.close();
  }
}

/** Only the plan. */
export async function planKill(targets: readonly (Place | number)[], options: ActionOptions = {}): Promise<Plan> {
  const actor = new Actor({ procRoot: '/proc', without: [] });
  try {
    return await actor.plan('kill', (snapshot) => ({ action: 'kill', targets: keysOf(snapshot, targets), options }));
  } finally {
    await actor.close();
  }
}

/** Who lives in a namespace by the kernel's own view. */
export async function populationOf({ ino }: Place): Promise<number[]> {
  const actor = await import('../../src/session.ts');
  const session = new actor.Session({ lasting: false });
  try {
    const state = await session.probe();
    if (!('probe' in state)) throw new Error('no kernel view');
    return state.probe
      .tasks()
      .filter(({ netns, zombie }) => netns === ino && !zombie)
      .map(({ pid }) => pid);
  } finally {
    await session.close();
  }
}

/** Where cgroups of each kind are made; null where this host has none of them. */
export const CGROUPS = {
  pids: first('/sys/fs/cgroup/pids', 'cgroup.procs'),
  freezer: first('/sys/fs/cgroup/freezer', 'cgroup.procs'),
  unified: first('/sys/fs/cgroup/unified', 'cgroup.procs') ?? first('/sys/fs/cgroup', 'cgroup.controllers'),
} as const;

function first(directory: string, file: string): string | null {
  return existsSync(join(directory, file)) ? directory : null;
}

function membersOf(directory: string): number[] {
  return readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
}

/** A cgroup made for a test. When the scene ends, everything in it is ended by its pid, whatever happened, and it is removed. */
export function cgroup(scene: Scene, kind: keyof typeof CGROUPS, limit?: number): string {
  const directory = join(CGROUPS[kind] ?? '', scene.name());
  mkdirSync(directory);
  scene.defer(async () => {
    if (kind === 'pids') writeFileSync(join(directory, 'pids.max'), '0');
    if (kind === 'freezer') writeFileSync(join(directory, 'freezer.state'), 'THAWED');
    if (kind === 'unified') writeFileSync(join(directory, 'cgroup.freeze'), '0');
    for (const end = performance.now() + 10_000; ; await setTimeout(10)) {
      const members = membersOf(directory);
      for (const pid of members) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // ended meanwhile
        }
      }
      try {
        rmdirSync(directory);
        return;
      } catch (error) {
        if (performance.now() > end) throw error;
      }
    }
  });
  if (limit !== undefined) writeFileSync(join(directory, 'pids.max'), String(limit));
  return directory;
}

/** Whether a cgroup stands still. */
export function isFrozen(directory: string): boolean {
  const state = join(directory, 'freezer.state');
  return existsSync(state)
    ? readFileSync(state, 'utf8').trim() !== 'THAWED'
    : readFileSync(join(directory, 'cgroup.freeze'), 'utf8').trim() !== '0';
}

export function enterCgroup(directory: string, pid: number): void {
  writeFileSync(join(directory, 'cgroup.procs'), String(pid));
}
