import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Actor, type ActorOptions } from '../../src/act/actor.ts';
import type { PlanListener } from '../../src/act/perform.ts';
import { namespaceKey } from '../../src/model/index.ts';
import type { ActionId, ActionOptions, Outcome, Plan, StepStatus } from '../../src/model/plan.ts';
import { CLI, find, inodeAt, type Netns, run, type Scene } from './scene.ts';

/** Starts a process that lives in a namespace and takes SIGTERM at once. */
export async function inhabit(scene: Scene, { path }: Pick<Netns, 'path'>, script = 'sleep 60') {
  return scene.start('nsenter', [`--net=${path}`, 'sh', '-ec', `echo in; exec ${script}`]);
}

/** Whether a process is there, and no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** Names `ip netns list` shows. */
export function listed(): readonly string[] {
  return run('ip', 'netns', 'list')
    .split('\n')
    .flatMap((line) => line.split(' ')[0] || []);
}

/** Devices of a namespace by name, as ip-link(8) has them. */
export function linksOf(name: string): ReadonlyMap<string, { readonly flags: readonly string[] }> {
  const lines = run('ip', '-brief', '-n', name, 'link', 'show').trimEnd().split('\n');
  return new Map(
    lines.flatMap((line) => {
      const [, device, flags] = /^(\S+?)(?:@\S+)?\s.*<(.*)>/.exec(line) ?? [];
      return device === undefined ? [] : [[device, { flags: (flags ?? '').split(',') }] as const];
    }),
  );
}

/** What a test wants done, to namespaces by their numbers. */
export interface Wanted {
  readonly action: ActionId;
  readonly to?: number;
  readonly options?: ActionOptions;
}

/** What came of it. */
export interface Done {
  readonly plan: Plan;
  readonly outcome: Outcome;
  /** By the order of the plan. */
  readonly statuses: readonly StepStatus[];
  readonly messages: readonly string[];
}

/** Plans and carries out what a test wants, with an audit trail of its own. */
export class Stage {
  readonly directory = mkdtempSync(join(tmpdir(), 'nsleuth-test-act-'));
  readonly auditFile = join(this.directory, 'actions.ndjson');
  readonly #actor: Actor;

  constructor(options: Partial<ActorOptions> = {}) {
    this.#actor = new Actor({ procRoot: '/proc', without: [], auditFile: this.auditFile, ...options });
  }

  async close(): Promise<void> {
    await this.#actor.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  plan({ action, to, options = {} }: Wanted, ...inodes: readonly number[]): Promise<Plan> {
    return this.#actor.plan(action, (snapshot) => {
      const keyOf = (ino: number): string => {
        const ns = find(snapshot, ino);
        if (ns === undefined) throw new Error(`no namespace ${ino}`);
        return namespaceKey(ns);
      };
      const targets = inodes.map(keyOf);
      return { action, targets, options: to === undefined ? options : { ...options, to: keyOf(to) } };
    });
  }

  async perform(plan: Plan, listener: Partial<PlanListener> = {}, signal?: AbortSignal): Promise<Done> {
    const outcome = await this.#actor.perform(plan, { progress: () => {}, result: () => {}, ...listener }, signal);
    return {
      plan,
      outcome,
      statuses: outcome.results.map(({ status }) => status),
      messages: outcome.results.map(({ message }) => message),
    };
  }

  /** Plans and carries out at once. */
  async act(wanted: Wanted, ...inodes: readonly number[]): Promise<Done> {
    return this.perform(await this.plan(wanted, ...inodes));
  }
}

/** What was not as the plan wanted it. */
export function unmet({ outcome }: Pick<Done, 'outcome'>): readonly string[] {
  return (outcome.verification?.checks ?? [])
    .filter(({ holds }) => holds !== true)
    .map(({ text, seen }) => `${text}: ${seen}`);
}

/** Runs the command line, with a place of its own for the audit trail. */
export function nsleuth(scene: Scene, ...args: readonly string[]) {
  return spawnSync(process.execPath, [CLI, ...args], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, XDG_STATE_HOME: scene.directory() },
  });
}

/** Makes `/run` of the mount namespace a shell is in a shared one, as systemd has it: names are mounted there twice. */
export const SHARED_RUN = 'mount --make-rprivate /; mount -t tmpfs none /run; mount --make-shared /run';

/** Runs the command line under another command, which has a `/run` of its own for the audit trail. */
export function nsleuthIn(wrapper: readonly string[], args: readonly string[]) {
  const [command = '', ...before] = wrapper;
  const script = `set +e; XDG_STATE_HOME="$1"; export XDG_STATE_HOME; shift; "$@" 2>&1; echo "status $?"`;
  const out = run(command, ...before, 'sh', '-c', script, 'sh', '/run/state', process.execPath, CLI, ...args);
  return { status: Number(/^status (\d+)$/m.exec(out)?.[1]), stdout: out };
}

/** Descriptors this process has open, by what they lead to: nothing of an action may be left. */
export function openNamespaces(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return inodeAt(`/proc/self/fd/${fd}`) > 0 && readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').includes('nsfs');
    } catch {
      return false;
    }
  }).length;
}
