import type { Namespace } from '../model/index.ts';
import { nearestWords } from './nearest-words.ts';

/** What only the host can answer about a selector; injected, so that selecting stays pure. */
export interface SelectorFacts {
  /** Inode of the network namespace nsleuth itself is in; null where unknown. */
  readonly self: number | null;
  /** Inode of the namespace file at a path; null when there is none. */
  readonly inodeAt: (path: string) => number | null;
}

export type Selection =
  | { readonly found: Namespace }
  | { readonly found: null; readonly ambiguous: readonly Namespace[]; readonly near: readonly string[] };

/** How an admin can name this namespace without ambiguity. */
export function unambiguousName(ns: Namespace): string {
  if (ns.ino !== null) return `net:[${ns.ino}]`;
  return ns.cookie === null ? `pid:${ns.processes[0]?.pid ?? '?'}` : `cookie:${ns.cookie}`;
}

function byInode(namespaces: readonly Namespace[], ino: number | null): Namespace[] {
  return ino === null ? [] : namespaces.filter((ns) => ns.ino === ino);
}

/** Everything a selector may mean. A bare number may be an inode and a name at once. */
function candidates(namespaces: readonly Namespace[], selector: string, facts: SelectorFacts): Namespace[] {
  if (selector === 'self') return byInode(namespaces, facts.self);
  const tagged = /^(pid|cookie):(\d+)$/.exec(selector);
  if (tagged?.[1] === 'cookie') return namespaces.filter((ns) => ns.cookie === tagged[2]);
  if (tagged?.[1] === 'pid') {
    const pid = Number(tagged[2]);
    // A process's namespace is its leader's; only where none has the leader, that of its threads.
    const leaders = namespaces.filter((ns) =>
      ns.holders.some((holder) => holder.kind === 'task' && holder.pid === pid && holder.tid === pid),
    );
    if (leaders.length > 0) return leaders;
    return namespaces.filter((ns) =>
      ns.holders.some((holder) => holder.kind === 'task' && (holder.pid === pid || holder.tid === pid)),
    );
  }
  const bracketed = /^net:\[(\d+)\]$/.exec(selector)?.[1];
  if (bracketed !== undefined) return byInode(namespaces, Number(bracketed));
  if (selector.startsWith('/')) {
    // A path means what it means here; only where there is no such file may it be a mount somewhere else.
    const here = byInode(namespaces, facts.inodeAt(selector));
    return here.length > 0 ? here : namespaces.filter((ns) => ns.paths.includes(selector));
  }
  const named = namespaces.filter((ns) => ns.names.includes(selector));
  const initial = selector === 'init' ? namespaces.filter((ns) => ns.initial) : [];
  const numbered = /^\d+$/.test(selector) ? byInode(namespaces, Number(selector)) : [];
  return [...new Set([...named, ...initial, ...numbered])];
}

function nearMatches(namespaces: readonly Namespace[], selector: string): string[] {
  return nearestWords(selector, [
    'init',
    'self',
    ...namespaces.flatMap((ns) => [...ns.names, ...ns.paths, ...(ns.ino === null ? [] : [String(ns.ino)])]),
  ]);
}

/** Finds the namespace a selector means: inode, `net:[…]`, name, path, `pid:N`, `cookie:N`, `init` or `self`. */
export function selectNamespace(namespaces: readonly Namespace[], selector: string, facts: SelectorFacts): Selection {
  const found = candidates(namespaces, selector, facts);
  const [only] = found;
  if (only !== undefined && found.length === 1) return { found: only };
  return { found: null, ambiguous: found, near: found.length > 0 ? [] : nearMatches(namespaces, selector) };
}
