import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { collect } from '../../src/collect.ts';
import type { Holder, HolderKind, Namespace, Snapshot } from '../../src/model/index.ts';

export const CLI = join(import.meta.dirname, '../../dist/cli.js');

/** What a helper process told about what it holds. */
export interface Held {
  readonly pid: number;
  readonly ino: number;
  readonly cookie: string;
  readonly fd: number;
  readonly tid: number;
  readonly mountNamespace: number;
  readonly socket: number;
}

type Undo = () => unknown;

/** Namespaces, mounts and processes made for a test; `end` takes everything away again, whatever happened. */
export class Scene {
  readonly #undo: Undo[] = [];
  #directory: string | undefined;
  #count = 0;

  /** Runs `undo` when the scene ends, last one first. */
  defer(undo: Undo): void {
    this.#undo.push(undo);
  }

  async end(): Promise<void> {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        await undo();
      } catch (error) {
        process.stderr.write(`scene: ${String(error)}\n`);
      }
    }
  }

  /** A name nobody else uses. */
  name(): string {
    this.#count += 1;
    return `nsleuth-test-${process.pid}-${this.#count}`;
  }

  /** Makes a namespace with a name; it is gone with the scene, unless the test has seen to that. */
  namespace(): string {
    const name = this.name();
    run('ip', 'netns', 'add', name);
    this.defer(() => existsSync(`/run/netns/${name}`) && run('ip', 'netns', 'delete', name));
    return name;
  }

  directory(): string {
    if (this.#directory === undefined) {
      const directory = mkdtempSync(join(tmpdir(), 'nsleuth-test-'));
      this.#directory = directory;
      this.defer(() => rmSync(directory, { recursive: true, force: true }));
    }
    return this.#directory;
  }

  /** Starts a program that prints one line when it is ready; it is ended, by pid, with the scene. */
  async start(
    command: string,
    args: readonly string[],
  ): Promise<{ readonly pid: number; readonly line: string; readonly end: () => Promise<void> }> {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const pid = child.pid ?? 0;
    const end = async () => {
      try {
        process.kill(-pid, 'SIGKILL'); // its process group: everything it started, nothing else
      } catch {
        // ended already
      }
      await closed;
    };
    this.defer(end);
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve);
      child.once('close', (code) => reject(new Error(`${command} ${args.join(' ')} ended with ${code}`)));
      child.once('error', reject);
    });
    return { pid, line, end };
  }

  /** Starts test/live/programs/holder.ts. */
  async hold(kind: string, argument = ''): Promise<Held & { readonly end: () => Promise<void> }> {
    const { line, end } = await this.start(process.execPath, [
      join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', 'holder.mjs'),
      kind,
      argument,
    ]);
    return { ...(JSON.parse(line) as Held), end };
  }

  /** Runs a shell script that ends in `echo` and `sleep`; returns what it echoed. */
  async shell(
    script: string,
  ): Promise<{ readonly pid: number; readonly line: string; readonly end: () => Promise<void> }> {
    return this.start('sh', ['-ec', script]);
  }
}

/** Runs a command to its end and returns what it printed. */
export function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** One namespace of a test. */
export interface Netns {
  readonly name: string;
  readonly ino: number;
  readonly path: string;
}

/** Inode of the namespace a file stands for. */
export function inodeAt(path: string): number {
  return statSync(path).ino;
}

/** Makes a namespace with a name, as an admin does; it is gone with the scene, whatever the test made of it. */
export function addNetns(scene: Scene, name = scene.name()): Netns {
  run('ip', 'netns', 'add', name);
  scene.defer(() => spawnSync('ip', ['netns', 'delete', name]));
  const path = `/run/netns/${name}`;
  return { name, ino: inodeAt(path), path };
}

/** A snapshot without the given sources. */
export function snapshotWithout(...without: readonly string[]): Promise<Snapshot> {
  return collect({ procRoot: '/proc', without });
}

/** What userland's own sources show, without the given ones. */
export function userlandWithout(...without: readonly string[]): Promise<Snapshot> {
  return snapshotWithout('kernel', ...without);
}

export function find(snapshot: Snapshot, ino: number): Namespace | undefined {
  return snapshot.namespaces.find((ns) => ns.ino === ino);
}

/** The holders of one kind, with the fields that a test names. */
export function holdersOf(ns: Namespace | undefined, kind: HolderKind): readonly Holder[] {
  return (ns?.holders ?? []).filter((holder) => holder.kind === kind);
}
