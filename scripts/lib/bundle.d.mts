import type { BuildOptions } from 'esbuild';

export const ROOT: string;
export const ESM: BuildOptions;
export const COMMONJS: BuildOptions;
export const SLOPPY_COMMONJS: BuildOptions;
export function loadEsbuild(): Promise<typeof import('esbuild')>;
