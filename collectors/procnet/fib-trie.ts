import { eachLine, type Parsed } from './lines.ts';

/** An entry of an IPv4 routing table, as far as the trie it is kept in shows it. */
export interface TrieEntry {
  /** `main`, `local` or a number; where there are no rules, both are one trie, shown twice. */
  readonly table: string;
  readonly prefix: string;
  readonly length: number;
  /** In the words of ip-route(8). */
  readonly type: string;
  readonly scope: string;
  readonly tos: number;
}

const TABLE = /^(?:(Main|Local)|Id (\d{1,10})):$/;
const INNER_NODE = /^ *\+-- /;
const LEAF = /^ *\|-- (\d{1,3}(?:\.\d{1,3}){3})$/;
// rtn_scope and rtn_type fall back on `scope=7` and `type 12`.
const ENTRY = /^ *\/(\d{1,2}) (\S+) (type \d+|[A-Z]+)(?: tos=(\d{1,3}))?$/;

/** `/proc/net/fib_trie`: a leaf has a line with its prefix, below it one for every entry (fib_trie_seq_show). */
export function parseFibTrie(text: string): Parsed<TrieEntry> {
  let table: string | null = null;
  let prefix: string | null = null;
  const { records, malformed } = eachLine(text, 0, (line): TrieEntry | 'structure' | null => {
    const [, length, scope = '', type = '', tos = '0'] = ENTRY.exec(line) ?? [];
    if (length !== undefined) {
      if (table === null || prefix === null) return null;
      const words = { type: type.toLowerCase(), scope: scope === 'universe' ? 'global' : scope };
      return { table, prefix, length: Number(length), ...words, tos: Number(tos) };
    }
    const leaf = LEAF.exec(line)?.[1];
    const heading = TABLE.exec(line);
    if (leaf !== undefined) prefix = leaf;
    else if (heading !== null) {
      table = heading[1]?.toLowerCase() ?? heading[2] ?? null;
      prefix = null;
    } else if (!INNER_NODE.test(line)) {
      // What follows belongs to something unknown.
      prefix = null;
      return null;
    }
    return 'structure';
  });
  return { records: records.filter((record) => record !== 'structure'), malformed };
}
