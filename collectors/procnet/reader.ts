import type { Issue } from '../../src/model/index.ts';
import type { Inside } from '../inside/contract.ts';
import type { Parsed } from './lines.ts';
import type { Table } from './tables.ts';

/** Reads the tables that were asked for, and keeps what was wrong with them. */
export class Reader {
  readonly #inside: Inside;
  readonly #wanted: ReadonlySet<Table>;
  readonly #read = new Set<Table>();
  readonly missed: Issue[] = [];

  constructor(inside: Inside, wanted: readonly Table[]) {
    this.#inside = inside;
    this.#wanted = new Set(wanted);
    const refused = new Map<string, Table[]>();
    for (const table of wanted) {
      const reason = inside.refusal(table);
      if (reason !== null) refused.set(reason, [...(refused.get(reason) ?? []), table]);
    }
    for (const [reason, tables] of refused) {
      this.#miss(`/proc/net/${tables.length === 1 ? tables[0] : `{${tables.join(',')}}`}`, reason);
    }
  }

  #miss(what: string, reason: string): void {
    this.missed.push({ subject: `${this.#inside.subject} ${what}`, reason });
  }

  /** How many tables were read. */
  get seen(): number {
    return this.#read.size;
  }

  /** The records of a table; null where it was not wanted, is not there or could not be read. */
  read<T>(table: Table, parse: (text: string) => Parsed<T>): readonly T[] | null {
    const text = this.#wanted.has(table) ? this.#inside.file(table) : null;
    if (text === null) return null;
    const { records, malformed } = parse(text);
    this.#read.add(table);
    if (malformed > 0)
      this.#miss(`/proc/net/${table}`, malformed === 1 ? '1 malformed line' : `${malformed} malformed lines`);
    return records;
  }
}

/** All lists that are there, as one; null where none is. */
export function together<T>(...lists: readonly (readonly T[] | null)[]): T[] | null {
  const there = lists.filter((list) => list !== null);
  return there.length === 0 ? null : there.flat();
}
