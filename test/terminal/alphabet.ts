/** Namespaces with names, and where they are on the screen. */
import type { Namespace, Snapshot } from '../../src/model/index.ts';
import { aNamespace, aProcess, aSnapshot } from '../fixtures/snapshot.ts';
import type { PtyScreen } from './harness.ts';

/** One plain namespace named `name`. */
export function named(number: number, name: string, over: Partial<Namespace> = {}): Namespace {
  return aNamespace({
    ino: number,
    cookie: String(number),
    names: [name],
    processes: [aProcess({ pid: number, cmdline: `serve ${name}` })],
    ...over,
  });
}

export function snapshotOf(namespaces: readonly Namespace[]): Snapshot {
  return aSnapshot(0, { namespaces });
}

/** Five of them, in the order of their numbers. */
export const alphabet = ['alpha', 'bravo', 'charlie', 'delta', 'echo'].map((name, index) =>
  named(100 + index * 10, name),
);

/** Rows of the table: what is between its header and the title of the detail. */
export function table(screen: PtyScreen): string[] {
  const lines = screen.lines();
  const from = lines.findIndex((line) => /NAMESPACE.* NAME /.test(line)) + 1;
  const to = lines.findIndex((line) => line.startsWith('── '));
  return lines.slice(from, to).filter((line) => line !== '');
}

/** Names in the rows of the table. */
export const names = (screen: PtyScreen): string[] =>
  table(screen).map((line) => /\d{3}\s+(\S+)/.exec(line)?.[1] ?? line);
