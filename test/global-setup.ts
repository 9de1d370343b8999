import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ESM, loadEsbuild, ROOT } from '../scripts/lib/bundle.mjs';

const PROGRAMS = join(ROOT, 'test/live/programs');

/** Below node_modules, so that the programs find koffi, and git does not find them. */
const CACHE = join(ROOT, 'node_modules/.cache');

/**
 * Builds what tests start as separate processes: dist/, and every file in test/live/programs as one module that
 * node 20 can run, `$NSLEUTH_TEST_PROGRAMS/<name>.mjs`. They get a state directory of their own. Returns the teardown.
 */
export default async function setup(): Promise<() => void> {
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs')], { stdio: ['ignore', 'inherit', 'inherit'] });

  mkdirSync(CACHE, { recursive: true });
  const directory = mkdtempSync(join(CACHE, 'test-programs-'));
  process.env.NSLEUTH_TEST_PROGRAMS = directory;
  // What tests do is no part of the host's own audit trail.
  process.env.XDG_STATE_HOME = join(directory, 'state');
  const programs = existsSync(PROGRAMS) ? readdirSync(PROGRAMS).filter((file) => file.endsWith('.ts')) : [];
  const esbuild = await loadEsbuild();
  await esbuild.build({
    ...ESM,
    entryPoints: Object.fromEntries(programs.map((file) => [basename(file, '.ts'), join(PROGRAMS, file)])),
    outdir: directory,
    outExtension: { '.js': '.mjs' },
  });
  return () => rmSync(directory, { recursive: true, force: true });
}
