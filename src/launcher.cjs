// What `nsleuth` starts: dist/cli.js. It runs dist/main.js with part of the work already done:
// V8's compiled bytecode from dist/main.cache, which the build made by running it once. That saves ~25 ms of the
// ~70 ms a command needs before it reads anything. Another version of Node refuses the cache and compiles anew.
'use strict';
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

const MAIN = join(__dirname, 'main.js');
const CACHE = join(__dirname, 'main.cache');

function readCache() {
  try {
    return readFileSync(CACHE);
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

/** Runs the program; returns its script, of which the build takes the cache, and what it exports. */
function launch(cachedData) {
  // The build has wrapped it into a function. All of it is ASCII.
  const script = new Script(readFileSync(MAIN, 'latin1'), { filename: MAIN, cachedData });
  if (cachedData !== undefined) setFlagsFromString(BUDGET);
  const module_ = { exports: {} };
  script.runInThisContext()(module_.exports, createRequire(MAIN), module_, MAIN, __dirname, (path) => import(path));
  return { script, exports: module_.exports };
}

module.exports = { launch };
if (require.main === module) launch(readCache());
