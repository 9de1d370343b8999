// What every bundle of this project has in common: the program itself, the docs generator's registries, the
// programs that live tests start.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const VERSION = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;

/**
 * Modules that are replaced.
 * - commander requires child_process for subcommands that are separate executables, which nsleuth has none of.
 *   Loading that module takes ~5 ms of the ~30 ms node needs to start.
 * - Ink looks for its devtools, which are not installed, when DEV=true is in the environment, and crashes.
 */
const replacedModules = {
  name: 'replaced-modules',
  setup(build) {
    const absent = { path: 'absent', namespace: 'absent' };
    build.onResolve({ filter: /^(node:)?child_process$/ }, ({ importer }) =>
      importer.includes('/node_modules/commander/') ? absent : undefined,
    );
    build.onResolve({ filter: /^\.\/devtools\.js$/ }, ({ importer }) =>
      importer.includes('/node_modules/ink/') ? absent : undefined,
    );
    build.onLoad({ filter: /\/node_modules\/ink\/build\/utils\.js$/ }, () => ({
      contents: 'export const isDev = () => false;',
    }));
    build.onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ contents: 'module.exports = {};', loader: 'js' }));
  },
};

/** @type {import('esbuild').BuildOptions} */
const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node20',
  jsx: 'automatic',
  // Plain ASCII is one byte a character in V8 as well.
  charset: 'ascii',
  // A native addon finds its binary relative to its own files.
  external: ['koffi'],
  define: {
    // Also makes React's reconciler ~1.7 times as fast as its development build.
    'process.env.NODE_ENV': '"production"',
    __NSLEUTH_VERSION__: JSON.stringify(VERSION),
  },
  plugins: [replacedModules],
  logLevel: 'warning',
};

/** An ES module. Bundled CommonJS packages call require(), which it does not have of itself. */
export const ESM = {
  ...COMMON,
  format: 'esm',
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
};

/**
 * A CommonJS module: it starts ~15 ms sooner than the same source as an ES module, but
 * cannot hold a top-level await. `import.meta` gets a stand-in.
 */
export const COMMONJS = {
  ...COMMON,
  format: 'cjs',
  define: { ...COMMON.define, 'import.meta.url': '__bundleUrl', 'import.meta.dirname': '__dirname' },
  banner: { js: "'use strict';const __bundleUrl=require('node:url').pathToFileURL(__filename).href;" },
};

/** esbuild is a devDependency; says so instead of ERR_MODULE_NOT_FOUND. */
export async function loadEsbuild() {
  try {
    return await import('esbuild');
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error('esbuild is missing; building needs the devDependencies: run "npm ci" without --omit=dev');
  }
}
