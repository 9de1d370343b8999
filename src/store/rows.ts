import { type Namespace, namespaceKey, type Visibility } from '../model/index.ts';
import type { Item } from './list.ts';

/** How many refreshes a row that appeared or vanished stays marked. */
const MARKED_REFRESHES = 3;

/** Why a row is marked, and for how many more refreshes. */
export interface Mark {
  readonly kind: NonNullable<Item<Namespace>['mark']>;
  readonly left: number;
}

/** Everything the table could show: what exists, and what has just ceased to. */
export interface Population {
  /** Namespaces by key, gone ones included. */
  readonly byKey: ReadonlyMap<string, Namespace>;
  readonly marks: ReadonlyMap<string, Mark>;
}

export const NOBODY: Population = { byKey: new Map(), marks: new Map() };

/** What one refresh changed. */
export interface Changes {
  readonly appeared: readonly Namespace[];
  readonly vanished: readonly Namespace[];
}

function keyed(namespaces: readonly Namespace[]): Map<string, Namespace> {
  const byKey = new Map<string, Namespace>();
  for (const ns of namespaces) {
    let key = namespaceKey(ns);
    // Two namespaces of which nothing is known but that they exist must still be two rows.
    for (let copy = 2; byKey.has(key); copy++) key = `${namespaceKey(ns)}#${copy}`;
    byKey.set(key, ns);
  }
  return byKey;
}

/**
 * The population after a refresh. What appeared is marked, what vanished stays, marked, and both for
 * `MARKED_REFRESHES` refreshes. The first refresh marks nothing: everything is new then.
 */
export function refreshPopulation(
  before: Population,
  namespaces: readonly Namespace[],
  first: boolean,
): { readonly population: Population; readonly changes: Changes } {
  const byKey = keyed(namespaces);
  const marks = new Map<string, Mark>();
  const appeared: Namespace[] = [];
  const vanished: Namespace[] = [];
  for (const [key, ns] of byKey) {
    const mark = before.marks.get(key);
    const known = before.byKey.has(key) && mark?.kind !== 'gone';
    if (known) {
      if (mark !== undefined && mark.left > 1) marks.set(key, { kind: 'new', left: mark.left - 1 });
    } else if (!first) {
      appeared.push(ns);
      marks.set(key, { kind: 'new', left: MARKED_REFRESHES });
    }
  }
  for (const [key, ns] of before.byKey) {
    if (byKey.has(key)) continue;
    const mark = before.marks.get(key);
    if (mark?.kind !== 'gone') {
      vanished.push(ns);
      marks.set(key, { kind: 'gone', left: MARKED_REFRESHES });
      byKey.set(key, ns);
    } else if (mark.left > 1) {
      marks.set(key, { kind: 'gone', left: mark.left - 1 });
      byKey.set(key, ns);
    }
  }
  return { population: { byKey, marks }, changes: { appeared, vanished } };
}

/** The population after one look at some of it: marks are counted in refreshes, of which this is none. */
export function updatePopulation({ byKey, marks }: Population, namespaces: readonly Namespace[]): Population {
  return { byKey: new Map([...byKey, ...keyed(namespaces)]), marks };
}

/** Everything the table could show, as its rows. */
export function itemsOf({ byKey, marks }: Population): readonly Item<Namespace>[] {
  return [...byKey].map(([key, row]) => ({ key, row, mark: marks.get(key)?.kind ?? null }));
}

/** How many namespaces there are of each visibility; those already gone do not count. */
export function countVisibility(namespaces: readonly Namespace[]): Readonly<Record<Visibility, number>> {
  const counts = { plain: 0, obscure: 0, hidden: 0, dying: 0 };
  for (const { visibility } of namespaces) counts[visibility] += 1;
  return counts;
}
