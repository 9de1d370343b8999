import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string };

export default defineConfig({
  define: { __NSLEUTH_VERSION__: JSON.stringify(version) },
  test: {
    globalSetup: 'test/global-setup.ts',
    // One kind after the other (groupOrder): live tests make namespaces, which every process on the host sees.
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/unit/**/*.test.{ts,tsx}'], sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: 'live',
          include: ['test/live/**/*.test.{ts,tsx}'],
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'terminal',
          include: ['test/terminal/**/*.test.{ts,tsx}'],
          // Two screens at once on a small machine make each other miss their deadlines.
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          // Ink draws nothing when CI is set.
          env: { CI: 'false' },
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
