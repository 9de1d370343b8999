/** Defined by scripts/build.mjs and vitest.config.ts from package.json; missing when a source file runs by itself. */
declare const __NSLEUTH_VERSION__: string | undefined;

export const VERSION: string = typeof __NSLEUTH_VERSION__ === 'string' ? __NSLEUTH_VERSION__ : '0.0.0-unbuilt';
