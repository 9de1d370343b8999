/** Starts the screen on the fixture worker: `node screen-entry.mjs SCENE [options as JSON]`. */
import { runScreen } from '../../src/commands/screen.ts';

const [, , scene = '', options = '{}'] = process.argv;

process.exitCode = await runScreen(
  { procRoot: scene, without: [], color: true, ...JSON.parse(options) },
  { workerScript: new URL('./fixture-worker.mjs', import.meta.url) },
);
