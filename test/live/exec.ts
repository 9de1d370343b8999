import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { CLI, run, type Scene } from './scene.ts';

/** How a command is run in a namespace by ip, which is what nsleuth is compared with, and by nsleuth. */
export const byIp = (ns: string): readonly string[] => ['ip', 'netns', 'exec', ns];
export const byNsleuth = (ns: string): readonly string[] => [process.execPath, CLI, 'exec', ns, '--'];

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs something to its end; a byte is a character in what it says of its output. */
export function ended(argv: readonly string[], options: SpawnSyncOptions = {}): Ended {
  const [command = '', ...args] = argv;
  const { status, signal, stdout, stderr } = spawnSync(command, args, { maxBuffer: 64 * 1024 * 1024, ...options });
  return { status, signal, stdout: stdout?.toString('latin1') ?? '', stderr: stderr?.toString('latin1') ?? '' };
}

/** A shell script that runs a command, as `"$@"`. It does not become that command: it stays its parent. */
export function under(script: string, argv: readonly string[]): readonly string[] {
  return ['sh', '-c', `${script}\nexit $?`, 'sh', ...argv];
}

/** Another name for a namespace that has one. */
export function renamed(scene: Scene, name: string): string {
  const other = scene.name();
  writeFileSync(`/run/netns/${other}`, '');
  scene.defer(() => rmSync(`/run/netns/${other}`));
  run('mount', '--bind', `/run/netns/${name}`, `/run/netns/${other}`);
  scene.defer(() => run('umount', `/run/netns/${other}`));
  return other;
}

/** Files for a name in /etc/netns, and the directory itself where there is none. */
export function etcFiles(scene: Scene, name: string, files: Readonly<Record<string, string>>): void {
  if (mkdirSync(`/etc/netns/${name}`, { recursive: true }) === '/etc/netns') scene.defer(() => rmdirSync('/etc/netns'));
  scene.defer(() => rmSync(`/etc/netns/${name}`, { recursive: true }));
  for (const [file, text] of Object.entries(files)) writeFileSync(`/etc/netns/${name}/${file}`, text);
}
