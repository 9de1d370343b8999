import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/lib/bundle.mjs';
import { run, type Scene } from './scene.ts';

/** Runs test/live/programs/<name>.ts as a user who owns nothing, and returns what it printed. */
export function asNobody(scene: Scene, name: string, ...args: readonly string[]): string {
  // A copy that an ordinary user may read, wherever this checkout is.
  const directory = scene.directory();
  chmodSync(directory, 0o755);
  const program = join(directory, `${name}.mjs`);
  cpSync(join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', `${name}.mjs`), program);
  for (const module of ['koffi', '@koromix']) {
    const installed = join(ROOT, 'node_modules', module);
    if (existsSync(installed)) cpSync(installed, join(directory, 'node_modules', module), { recursive: true });
  }
  run('chmod', '-R', 'a+rX', directory);
  const { status, stdout, stderr } = spawnSync(
    'setpriv',
    ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, program, ...args],
    { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 },
  );
  if (status !== 0) throw new Error(`${name} as nobody ended with ${status}: ${stderr}`);
  return stdout;
}
