// Bundles src/ into dist/. Run by npm as "prepare", by hand as "npm run build", and by the tests before they start.
//
//   cli.js       the launcher (src/launcher.cjs): runs main.js with main.cache, or list.js with list.cache
//   main.js      the commands, CommonJS, as one function: that starts ~15 ms sooner than an ES module
//   list.js      the same with no other command than `list`, which starts another 5 ms sooner
//   main.cache   V8's bytecode for main.js (scripts/lib/code-cache.mjs); list.cache for list.js
//   worker.js    the collector thread, CommonJS, beside cli.js
//   screen.mjs   Ink, React and the components, an ES module because Ink's layout engine has a top-level await;
//                read only when the screen command reaches `await import('../../components/App.tsx')`
//   charts.js    blessed-contrib and what draws charts with it, read when the first chart is shown
//   probe.bpf.o  the BPF programs (collectors/kernel), as `npm run build:bpf` made them
//   PACKAGE.js   a large package that is read with `await import('PACKAGE')` where it is needed
//
// Everything but koffi is bundled, because importing Ink and React from node_modules takes 0.3 to 1 s. screen.mjs
// has its own copy of each module it shares with main.js: module state and `instanceof` do not cross that border.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { COMMONJS, ESM, loadEsbuild, ROOT, SLOPPY_COMMONJS } from './lib/bundle.mjs';

const DIST = join(ROOT, 'dist');

/** What the launcher runs. */
const LAUNCHED = ['main', 'list'];

/** What leads to Ink, and must be loaded with `await import()` only. */
const SCREEN = /\/components\/App\.tsx$/;

/** What leads to blessed, likewise. */
const CHARTS = /\/charts\/contrib\.ts$|^\.\/contrib\.ts$/;

/** The bundle contains these packages, and their licences ask that their text goes along. */
function licenceTexts(inputs) {
  const packages = new Set();
  for (const input of inputs) {
    const match = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input);
    if (match) packages.add(match[0]);
  }
  return [...packages]
    .sort()
    .map((directory) => {
      const { name, version, license } = JSON.parse(readFileSync(join(ROOT, directory, 'package.json'), 'utf8'));
      const file = readdirSync(join(ROOT, directory)).find((entry) => /^licen[cs]e/i.test(entry));
      const text = file ? readFileSync(join(ROOT, directory, file), 'utf8').trim() : `Licence: ${license}`;
      return `${name} ${version}\n\n${text}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

/**
 * Makes files of their own of what is loaded with `await import()`: the components, the charts, and packages. Adds to
 * `apart` what was so imported: the file in dist by its entry point.
 */
function apartFrom(apart) {
  return {
    name: 'apart',
    setup(build) {
      const setApart = (filter, fileFor) =>
        build.onResolve({ filter }, async ({ path, kind, importer, resolveDir, pluginData }) => {
          if (kind !== 'dynamic-import' || importer.includes('/node_modules/') || pluginData === apart)
            return undefined;
          const resolved = await build.resolve(path, { kind, importer, resolveDir, pluginData: apart });
          if (resolved.errors.length > 0 || resolved.external) return resolved;
          const file = fileFor(path);
          apart.set(file, resolved.path);
          return { path: `./${file}`, external: true };
        });
      setApart(SCREEN, () => 'screen.mjs');
      setApart(CHARTS, () => 'charts.js');
      setApart(/^[a-z@][^:]*$/, (name) => `${name.replaceAll('/', '-')}.js`);
    },
  };
}

/** Refuses packages that would cost every command ~100 ms, or the screen as much before its first frame. */
function without(...packages) {
  return {
    name: 'without',
    setup(build) {
      build.onResolve({ filter: new RegExp(`^(${packages.join('|')})(/|$)`) }, ({ path, importer }) => ({
        errors: [{ text: `"${path}" must be out of reach of ${relative(ROOT, importer)}: see scripts/build.mjs` }],
      }));
    },
  };
}

/** How each of the files set apart is built. */
function optionsFor(file, apart) {
  if (file === 'charts.js') return SLOPPY_COMMONJS;
  if (!file.endsWith('.mjs')) return COMMONJS;
  return { ...ESM, plugins: [...ESM.plugins, apartFrom(apart), without('blessed', 'blessed-contrib')] };
}

/**
 * A program as the launcher runs it. A script made from a cache may not say import() itself (Node 20 drops its host
 * options), so it is handed one.
 */
function wrapped(text) {
  const parameters = 'exports,require,module,__filename,__dirname,__import';
  return `(function(${parameters}){${text.replaceAll('import("./', '__import("./')}\n})\n`;
}

async function main() {
  const missing = ['src/cli.ts', 'src/cli-list.ts', 'src/worker.ts'].filter((entry) => !existsSync(join(ROOT, entry)));
  if (missing.length > 0) throw new Error(`nothing to build: ${missing.join(' and ')} missing`);

  const esbuild = await loadEsbuild();
  const output = {
    write: false,
    metafile: true,
    minifySyntax: true,
    minifyWhitespace: true,
    // Identifiers stay: a stack trace in a bug report then names functions, at no measurable cost.
    minifyIdentifiers: false,
    legalComments: 'none',
  };
  const apart = new Map();
  const entry = (source, file, banner = COMMONJS.banner) =>
    esbuild.build({
      ...COMMONJS,
      ...output,
      banner,
      entryPoints: [source],
      outfile: `dist/${file}`,
      plugins: [...COMMONJS.plugins, apartFrom(apart), without('ink', 'react', 'blessed', 'blessed-contrib')],
    });
  const results = await Promise.all([
    entry('src/cli.ts', 'main.js'),
    entry('src/cli-list.ts', 'list.js'),
    entry('src/worker.ts', 'worker.js'),
  ]);
  // Grows while it is gone through: what is set apart may set more apart.
  for (const [file, source] of apart) {
    const outfile = `dist/${file}`;
    results.push(await esbuild.build({ ...optionsFor(file, apart), ...output, entryPoints: [source], outfile }));
  }

  // Whole: V8 tells whether a cache belongs to a script by little more than the script's length.
  rmSync(DIST, { recursive: true, force: true });
  mkdirSync(DIST, { recursive: true });
  for (const { path, contents, text } of results.flatMap((result) => result.outputFiles)) {
    writeFileSync(path, LAUNCHED.some((name) => path === join(DIST, `${name}.js`)) ? wrapped(text) : contents);
  }
  writeFileSync(join(DIST, 'cli.js'), `#!/usr/bin/env node\n${readFileSync(join(ROOT, 'src/launcher.cjs'), 'utf8')}`);
  chmodSync(join(DIST, 'cli.js'), 0o755);
  copyFileSync(join(ROOT, 'collectors/kernel/probe.bpf.o'), join(DIST, 'probe.bpf.o'));
  // The package as a whole is "type": "module".
  writeFileSync(join(DIST, 'package.json'), '{"type":"commonjs"}\n');
  for (const name of LAUNCHED) {
    // What it prints is nobody's.
    execFileSync(process.execPath, [join(ROOT, 'scripts/lib/code-cache.mjs'), name], { stdio: 'pipe' });
  }
  writeFileSync(
    join(DIST, 'LICENSES.txt'),
    licenceTexts(results.flatMap((result) => Object.keys(result.metafile.inputs))),
  );
}

try {
  await main();
} catch (error) {
  // esbuild has printed its own diagnostics, with the source line.
  if (!Array.isArray(error.errors)) process.stderr.write(`build: ${error.message}\n`);
  process.exitCode = 1;
}
