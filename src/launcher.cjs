// What `nsleuth` starts: dist/cli.js. It runs dist/main.js, or for `nsleuth list` alone the smaller dist/list.js, with
// part of the work already done: V8's compiled bytecode from dist/main.cache and dist/list.cache, which the build made by
// running each once. That saves ~25 ms of the ~70 ms a command needs before it reads anything. Another version of Node
// refuses the cache and compiles anew.
'use strict';
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

function readCache(name) {
  try {
    return readFileSync(join(__dirname, `${name}.cache`));
  } catch {
    return undefined;
  }
}

/**
 * How much a function has to run before V8 compiles it anew, optimised, on threads of its own: ten times as much as of
 * itself. Those threads took 80 of the 215 ms of CPU that a table of a thousand namespaces took, and it was there before
 * they had finished. Set once the bytecode is read, and not where it is made, since that is refused where flags differ; and
 * before anything runs. The screen, which runs for long, sets it back (src/commands/screen.ts).
 */
const BUDGET = '--interrupt-budget=1350000';

/** Runs a program; returns its script, of which the build takes the cache, and what it exports. */
function launch(name, cachedData) {
  const filename = join(__dirname, `${name}.js`);
  // The build has wrapped it into a function. All of it is ASCII.
  const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData });
  if (cachedData !== undefined) setFlagsFromString(BUDGET);
  const module_ = { exports: {} };
  const require_ = createRequire(filename);
  script.runInThisContext()(module_.exports, require_, module_, filename, __dirname, (path) => import(path));
  return { script, exports: module_.exports };
}

module.exports = { launch };
if (require.main === module) {
  const name = process.argv[2] === 'list' ? 'list' : 'main';
  launch(name, readCache(name));
}
