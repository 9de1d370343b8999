import type { Firewall, FirewallChain } from '../model/index.ts';
import type { CellValue, Column, InNamespace, Registry } from './column.ts';

/** One chain; or a table of which there are none, or of which they are not known. */
export interface FirewallRow {
  readonly backend: 'nftables' | 'iptables';
  readonly family: string;
  readonly table: string;
  readonly tableFlags: readonly string[];
  /** Null of the older iptables, which only names its tables. */
  readonly sets: number | null;
  /** `none`: the table has none; `unknown`: nobody told. */
  readonly chain: FirewallChain | 'none' | 'unknown';
}

/** The chains of a firewall, tables without any included. Null where nothing of it could be read. */
export function firewallRows({ tables, legacy }: Firewall): readonly FirewallRow[] | null {
  if (tables === null && legacy === null) return null;
  const chains = (tables ?? []).flatMap(({ family, name: table, flags: tableFlags, sets, chains: all }) =>
    (all.length === 0 ? ['none' as const] : all).map(
      (chain): FirewallRow => ({ backend: 'nftables', family, table, tableFlags, sets, chain }),
    ),
  );
  const older = (legacy ?? []).flatMap(({ family, tables: names }) =>
    names.map(
      (table): FirewallRow => ({ backend: 'iptables', family, table, tableFlags: [], sets: null, chain: 'unknown' }),
    ),
  );
  return [...chains, ...older];
}

type FirewallColumn = Column<FirewallRow, InNamespace>;

/** What a chain says; nothing where there is none. */
function ofChain({ chain }: FirewallRow, value: (chain: FirewallChain) => CellValue): CellValue {
  if (chain === 'unknown') return null;
  return chain === 'none' ? '' : value(chain);
}

function word(
  id: string,
  header: string,
  description: string,
  width: number,
  value: (chain: FirewallChain) => CellValue,
): FirewallColumn {
  return { id, header, description, width, maxWidth: 32, align: 'left', value: (row) => ofChain(row, value) };
}

function number(
  id: string,
  header: string,
  description: string,
  value: (chain: FirewallChain) => number | null,
): FirewallColumn {
  return {
    id,
    header,
    description,
    width: 5,
    align: 'right',
    value: (row) => ofChain(row, (chain) => value(chain) ?? ''),
    searched: false,
  };
}

/** What filters packets in a namespace: a row for each chain. */
export const FIREWALL: Registry<FirewallRow, InNamespace> = {
  columns: [
    {
      id: 'family',
      header: 'FAMILY',
      description: '`ip`, `ip6`, `inet`, `arp`, `bridge` or `netdev`.',
      width: 6,
      align: 'left',
      value: ({ family }) => family,
    },
    {
      id: 'table',
      header: 'TABLE',
      description: 'Name of the table.',
      width: 10,
      maxWidth: 24,
      align: 'left',
      value: ({ table }) => table,
    },
    word('chain', 'CHAIN', 'Name of the chain.', 12, ({ name }) => name),
    word('type', 'TYPE', '`filter`, `nat` or `route`; none for a chain others jump to.', 6, ({ type }) => type ?? ''),
    word('hook', 'HOOK', 'Where packets enter it.', 11, ({ hook }) => hook ?? ''),
    number('priority', 'PRIO', 'Lower comes first at the same hook.', ({ priority }) => priority),
    word('policy', 'POLICY', 'What becomes of what no rule decides.', 6, ({ policy }) => policy ?? ''),
    number('rules', 'RULES', 'How many rules it has.', ({ rules }) => rules),
    {
      id: 'backend',
      header: 'BACKEND',
      description: '`nftables`, or the older `iptables`, of which only the tables are known.',
      width: 8,
      align: 'left',
      value: ({ backend }) => backend,
    },
    word('devices', 'DEVICES', 'Devices an ingress or egress chain is bound to.', 10, ({ devices }) => devices),
    {
      id: 'table-flags',
      header: 'FLAGS',
      description: 'Of the table: `dormant`, nothing in it is in force; `owner`, gone with the process that made it.',
      width: 8,
      align: 'left',
      value: ({ tableFlags }) => tableFlags,
    },
    {
      id: 'sets',
      header: 'SETS',
      description: 'Sets and maps of the table.',
      width: 4,
      align: 'right',
      value: ({ sets }) => sets,
      searched: false,
    },
  ],
  defaults: [
    'family',
    'table',
    'chain',
    'type',
    'hook',
    'priority',
    'policy',
    'rules',
    'table-flags',
    'devices',
    'backend',
  ],
};
