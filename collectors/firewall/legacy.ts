import type { Firewall } from '../../src/model/index.ts';
import { sanitise } from '../../src/terminal/sanitise.ts';
import type { HasPart, Inside } from '../inside/contract.ts';

/** Lists of the tables that iptables made in a namespace (net/netfilter/x_tables.c), by the module that has them. */
const LISTS = [
  { family: 'ip', part: 'ip_tables', file: 'ip_tables_names' },
  { family: 'ip6', part: 'ip6_tables', file: 'ip6_tables_names' },
  { family: 'arp', part: 'arp_tables', file: 'arp_tables_names' },
] as const;

export const LEGACY_FILES: readonly string[] = LISTS.map(({ file }) => file);

/** The names in `/proc/net/ip_tables_names`, one a line. A table is made when somebody first looks at it. */
export function parseTableNames(text: string): string[] {
  return text
    .split('\n')
    .filter((name) => name !== '')
    .map((name) => sanitise(name).text);
}

/** Tables of the older iptables; null where a list is not for us to read. */
export function readLegacyTables({ file, context }: Inside, has: HasPart): Firewall['legacy'] {
  const lists = LISTS.map(({ family, part, file: name }) => {
    const text = file(name);
    if (text !== null) return { family, tables: parseTableNames(text) };
    // The module makes the list for every namespace; without the module there are no tables.
    return context.procfs.ofThisKernel && !has(part) ? { family, tables: [] } : null;
  });
  return lists.every((list) => list !== null) ? lists : null;
}
