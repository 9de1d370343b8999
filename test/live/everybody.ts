import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/lib/bundle.mjs';
import { run, type Scene } from './scene.ts';

/** A directory an ordinary user may read, wherever this checkout is, with the packages that run from node_modules. */
function directoryForEverybody(scene: Scene): string {
  const directory = scene.directory();
  chmodSync(directory, 0o755);
  for (const module of ['koffi', '@koromix']) {
    const installed = join(ROOT, 'node_modules', module);
    if (existsSync(installed)) cpSync(installed, join(directory, 'node_modules', module), { recursive: true });
  }
  return directory;
}

/** Makes a command one of a user who owns nothing. */
export const NOBODY: readonly string[] = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

/** A copy of the program that an ordinary user may read. */
export function cliForEverybody(scene: Scene): string {
  const directory = directoryForEverybody(scene);
  cpSync(join(ROOT, 'dist'), join(directory, 'dist'), { recursive: true });
  run('chmod', '-R', 'a+rX', directory);
  return join(directory, 'dist/cli.js');
}

/** Runs test/live/programs/<name>.ts as a user who owns nothing, and returns what it printed. */
export function asNobody(scene: Scene, name: string, ...args: readonly string[]): string {
  const directory = directoryForEverybody(scene);
  const program = join(directory, `${name}.mjs`);
  cpSync(join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', `${name}.mjs`), program);
  run('chmod', '-R', 'a+rX', directory);
  const [setpriv = '', ...as] = NOBODY;
  const { status, stdout, stderr } = spawnSync(setpriv, [...as, process.execPath, program, ...args], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`${name} as nobody ended with ${status}: ${stderr}`);
  return stdout;
}
