// What every bundle of this project has in common: the program itself, the docs generator's registries, the
// programs that live tests start.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const VERSION = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;

/** Those of blessed's widgets that blessed-contrib's charts are made of. */
const BLESSED_WIDGETS = ['Node', 'Screen', 'Element', 'Box'];

/**
 * Modules that are replaced.
 * - commander requires child_process for subcommands that are separate executables, which nsleuth has none of.
 *   Loading that module takes ~5 ms of the ~30 ms node needs to start.
 * - Ink looks for its devtools, which are not installed, when DEV=true is in the environment, and crashes.
 * - blessed requires its widgets by names it puts together, and only a few are needed to draw off screen; its driver of
 *   the terminal (tput reads terminfo files beside it) is not. blessed-contrib wants one function of lodash.
 * - `new Buffer()` prints a deprecation warning, over the screen, where it is called outside node_modules.
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
    build.onResolve({ filter: /^\.\.?\/(program|tput)$/ }, ({ importer }) =>
      importer.includes('/node_modules/blessed/') ? absent : undefined,
    );
    build.onLoad({ filter: /\/node_modules\/blessed\/lib\/widget\.js$/ }, () => ({
      contents: BLESSED_WIDGETS.map((name) => `exports.${name} = require('./widgets/${name.toLowerCase()}');`).join(''),
    }));
    build.onLoad({ filter: /\/node_modules\/lodash\/lodash\.js$/ }, () => ({
      contents: "exports.max = require('./max');",
    }));
    build.onLoad({ filter: /\/node_modules\/drawille-blessed-contrib\/index\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      if (!source.includes('new Buffer(')) return { errors: [{ text: 'it makes no Buffer any more' }] };
      return { contents: source.replaceAll('new Buffer(', 'Buffer.alloc(') };
    });
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

const BUNDLE_URL = 'const __bundleUrl=require("node:url").pathToFileURL(__filename).href;';

/**
 * A CommonJS module: it starts ~15 ms sooner than the same source as an ES module, but
 * cannot hold a top-level await. `import.meta` gets a stand-in.
 */
export const COMMONJS = {
  ...COMMON,
  format: 'cjs',
  define: { ...COMMON.define, 'import.meta.url': '__bundleUrl', 'import.meta.dirname': '__dirname' },
  banner: { js: `'use strict';${BUNDLE_URL}` },
};

/** The same for packages that were not written for strict mode. */
export const SLOPPY_COMMONJS = { ...COMMONJS, banner: { js: BUNDLE_URL } };

/** esbuild is a devDependency; says so instead of ERR_MODULE_NOT_FOUND. */
export async function loadEsbuild() {
  try {
    return await import('esbuild');
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error('esbuild is missing; building needs the devDependencies: run "npm ci" without --omit=dev');
  }
}
