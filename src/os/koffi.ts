import { createRequire } from 'node:module';
import type Koffi from 'koffi';

const require = createRequire(import.meta.url);

/**
 * koffi, by the shortest way. Its main module first works out which platform this is and wraps functions it once
 * renamed, which costs 8 of the 14 ms it takes to load; the native package it ends up with is its dependency and
 * can be asked for by name. Where that is not so (another layout of node_modules), the main module serves.
 */
function loadKoffi(): typeof Koffi {
  try {
    return require(`@koromix/koffi-linux-${process.arch}`) as typeof Koffi;
  } catch {
    return (require('koffi') as { default: typeof Koffi }).default;
  }
}

export const koffi = loadKoffi();
