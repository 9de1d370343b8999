import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type Koffi from 'koffi';

const require = createRequire(import.meta.url);

/** Where musl, the other libc, has its program loader, by architecture. */
const MUSL: Partial<Record<NodeJS.Architecture, string>> = {
  x64: '/lib/ld-musl-x86_64.so.1',
  arm64: '/lib/ld-musl-aarch64.so.1',
};

/**
 * koffi, by the shortest way. Its main module first works out which platform this is and wraps functions it once
 * renamed, which costs 8 of the 14 ms it takes to load; the native package it ends up with is its dependency and
 * can be asked for by name. That in turn reads node's own program header to tell one libc from another, which costs
 * another 1.5 ms, and so its addon is asked for by name where there is no musl. Where any of this is not so (another
 * layout of node_modules), the main module serves.
 */
function loadKoffi(): typeof Koffi {
  const { arch } = process;
  const musl = MUSL[arch];
  const direct = musl === undefined || existsSync(musl) ? [] : [`/linux_${arch}/koffi.node`];
  for (const path of [...direct, '']) {
    try {
      return require(`@koromix/koffi-linux-${arch}${path}`) as typeof Koffi;
    } catch {
      // The next one.
    }
  }
  return (require('koffi') as { default: typeof Koffi }).default;
}

export const koffi = loadKoffi();
