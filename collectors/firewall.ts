import type { Firewall } from '../src/model/index.ts';
import { describeFailure, NETLINK_NETFILTER } from '../src/os/netlink/socket.ts';
import { readRuleset } from './firewall/ask.ts';
import { LEGACY_FILES, readLegacyTables } from './firewall/legacy.ts';
import type { HasPart, Inside, InsideCollector, Inspected } from './inside/contract.ts';

/** What its sockets would load. Without nf_tables there are no tables of nftables. */
const PARTS = ['nfnetlink', 'nf_tables'] as const;

type Tables = Pick<Firewall, 'tables'> & { readonly failure?: unknown; readonly gap?: string };

function readTables({ netlink, context }: Inside, has: HasPart): Tables {
  if (context.procfs.ofThisKernel && !PARTS.every(has)) return { tables: [] };
  try {
    const { tables, interrupted } = readRuleset(netlink(NETLINK_NETFILTER));
    return interrupted ? { tables, gap: 'the ruleset changed while it was read' } : { tables };
  } catch (failure) {
    const gap = describeFailure(failure);
    if (gap === null) throw failure;
    return { tables: null, failure, gap };
  }
}

function inspectFirewall(inside: Inside, has: HasPart): Inspected<Firewall> {
  const { subject } = inside;
  const { tables, failure, gap } = readTables(inside, has);
  const legacy = readLegacyTables(inside, has);
  if (tables === null && legacy === null) throw failure;
  const missed = gap === undefined ? [] : [{ subject, reason: gap }];
  if (legacy === null) missed.push({ subject, reason: 'the tables of iptables are for root to read' });
  const older = legacy?.flatMap((list) => list.tables) ?? [];
  return { data: { tables, legacy }, seen: (tables?.length ?? 0) + older.length, missed };
}

/** What filters packets: tables of nftables with their chains, and which tables the older iptables has. */
export const firewall = {
  name: 'firewall',
  view: 'userland',
  reads:
    'nf_tables of netlink(7) in every namespace: tables, chains, how many rules; /proc/net/ip_tables_names and its like',
  needs: 'CAP_SYS_ADMIN and CAP_NET_ADMIN over the namespaces that are to be entered',
  netlink: [NETLINK_NETFILTER],
  parts: PARTS,
  files: LEGACY_FILES,
  inspect: inspectFirewall,
} as const satisfies InsideCollector<'firewall', Firewall>;
