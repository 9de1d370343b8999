import type { FirewallChain, FirewallTable } from '../../src/model/index.ts';
import { eachAttribute, text } from '../../src/os/netlink/attributes.ts';
import { named } from '../../src/os/netlink/names.ts';
import { sanitise } from '../../src/terminal/sanitise.ts';

/** Messages of nf_tables (include/uapi/linux/netfilter/nf_tables.h). Their numbers are big-endian. */

// enum nft_table_attributes
const NFTA_TABLE_NAME = 1;
const NFTA_TABLE_FLAGS = 2;
// enum nft_chain_attributes
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_POLICY = 5;
const NFTA_CHAIN_TYPE = 7;
// enum nft_hook_attributes
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_PRIORITY = 2;
const NFTA_HOOK_DEV = 3;
const NFTA_HOOK_DEVS = 4;
// enum nft_devices_attributes; the prefix stands for every device whose name begins so (Linux 6.17)
const NFTA_DEVICE_NAME = 1;
const NFTA_DEVICE_PREFIX = 2;
// enum nft_rule_attributes
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
// enum nft_set_attributes
const NFTA_SET_TABLE = 1;
const NFTA_SET_FLAGS = 3;
const NFT_SET_ANONYMOUS = 1;
/** struct nfgenmsg: family, version, resource id */
const HEADER = 4;

/** NFPROTO_…, include/uapi/linux/netfilter.h, as nft(8) names them. */
const FAMILIES: Readonly<Record<number, string>> = {
  1: 'inet',
  2: 'ip',
  3: 'arp',
  5: 'netdev',
  7: 'bridge',
  10: 'ip6',
};
/** NFT_TABLE_F_…, by bit; `owner` from Linux 5.12, `persist` from 6.9. */
const FLAGS = ['dormant', 'owner', 'persist'];
/** NF_DROP and NF_ACCEPT */
const POLICIES: Readonly<Record<number, string>> = { 0: 'drop', 1: 'accept' };
/** NF_INET_… and NF_BR_…, which agree; the last in family inet only (Linux 5.10). */
const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress'];
/** Families that number their hooks otherwise: NF_ARP_…; NF_NETDEV_…, egress from Linux 5.16. */
const OTHER_HOOKS: Readonly<Record<string, readonly string[]>> = {
  arp: ['input', 'output', 'forward'],
  netdev: ['ingress', 'egress'],
};

function familyOf(bytes: Buffer, at: number): string {
  return named(FAMILIES, bytes[at] ?? 0);
}

/** A number of four bytes; null where its attribute is too short for one. */
function number32(bytes: Buffer, at: number, end: number): number | null {
  return end - at < 4 ? null : bytes.readUInt32BE(at);
}

/** What tells a table, or a chain of it, from all others of a namespace: names hold any byte but NUL. */
function keyOf(...parts: readonly string[]): string {
  return parts.join('\0');
}

/** The lower half of the number of the ruleset's generation: every change of it counts that up by one. */
export function generationOf(bytes: Buffer, at: number): number {
  return bytes.readUInt16BE(at + 2);
}

export type TableMessage = Omit<FirewallTable, 'chains' | 'sets'> & { readonly key: string };

/** One NFT_MSG_NEWTABLE message, from its struct nfgenmsg on. */
export function decodeTable(bytes: Buffer, at: number, end: number): TableMessage {
  const family = familyOf(bytes, at);
  let name = '';
  let flags = 0;
  eachAttribute(bytes, at + HEADER, end, (type, from, to) => {
    if (type === NFTA_TABLE_NAME) name = text(bytes, from, to);
    else if (type === NFTA_TABLE_FLAGS) flags = number32(bytes, from, to) ?? 0;
  });
  const { text: safe, raw } = sanitise(name);
  return {
    key: keyOf(family, name),
    family,
    name: safe,
    ...(raw === undefined ? {} : { rawName: raw }),
    flags: FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0),
  };
}

type Hook = Pick<FirewallChain, 'hook' | 'priority' | 'devices'>;

function decodeHook(family: string, bytes: Buffer, start: number, end: number): Hook {
  let hook: string | null = null;
  let priority: number | null = null;
  let devices: string[] = [];
  eachAttribute(bytes, start, end, (type, from, to) => {
    if (type === NFTA_HOOK_HOOKNUM) {
      const hooknum = number32(bytes, from, to);
      if (hooknum !== null) hook = (OTHER_HOOKS[family] ?? HOOKS)[hooknum] ?? String(hooknum);
    } else if (type === NFTA_HOOK_PRIORITY) {
      const unsigned = number32(bytes, from, to);
      if (unsigned !== null) priority = unsigned | 0;
    } else if (type === NFTA_HOOK_DEVS) {
      devices = [];
      eachAttribute(bytes, from, to, (kind, first, last) => {
        const device = sanitise(text(bytes, first, last)).text;
        if (kind === NFTA_DEVICE_NAME) devices.push(device);
        else if (kind === NFTA_DEVICE_PREFIX) devices.push(`${device}*`);
      });
    } else if (type === NFTA_HOOK_DEV && devices.length === 0) {
      // Before Linux 5.5 there was but one; since, a single one is told again after the list.
      devices = [sanitise(text(bytes, from, to)).text];
    }
  });
  return { hook, priority, devices };
}

export type ChainMessage = Omit<FirewallChain, 'rules'> & { readonly key: string; readonly table: string };

/** One NFT_MSG_NEWCHAIN message, from its struct nfgenmsg on. */
export function decodeChain(bytes: Buffer, at: number, end: number): ChainMessage {
  const family = familyOf(bytes, at);
  let table = '';
  let name = '';
  let type: string | null = null;
  let policy: string | null = null;
  let hook: Hook = { hook: null, priority: null, devices: [] };
  eachAttribute(bytes, at + HEADER, end, (kind, from, to) => {
    if (kind === NFTA_CHAIN_TABLE) table = text(bytes, from, to);
    else if (kind === NFTA_CHAIN_NAME) name = text(bytes, from, to);
    else if (kind === NFTA_CHAIN_HOOK) hook = decodeHook(family, bytes, from, to);
    else if (kind === NFTA_CHAIN_TYPE) type = sanitise(text(bytes, from, to)).text;
    else if (kind === NFTA_CHAIN_POLICY) {
      const verdict = number32(bytes, from, to);
      if (verdict !== null) policy = named(POLICIES, verdict);
    }
  });
  return {
    key: keyOf(family, table, name),
    table: keyOf(family, table),
    name: sanitise(name).text,
    type,
    ...hook,
    policy,
  };
}

/** The key of the chain that one NFT_MSG_NEWRULE message is of: what the rule does is not looked at. */
export function decodeRule(bytes: Buffer, at: number, end: number): string {
  let table = '';
  let chain = '';
  eachAttribute(bytes, at + HEADER, end, (type, from, to) => {
    if (type === NFTA_RULE_TABLE) table = text(bytes, from, to);
    else if (type === NFTA_RULE_CHAIN) chain = text(bytes, from, to);
  });
  return keyOf(familyOf(bytes, at), table, chain);
}

/** The key of the table that one NFT_MSG_NEWSET message is of; null for a set without a name, which is part of a rule. */
export function decodeSet(bytes: Buffer, at: number, end: number): string | null {
  let table = '';
  let flags = 0;
  eachAttribute(bytes, at + HEADER, end, (type, from, to) => {
    if (type === NFTA_SET_TABLE) table = text(bytes, from, to);
    else if (type === NFTA_SET_FLAGS) flags = number32(bytes, from, to) ?? 0;
  });
  return (flags & NFT_SET_ANONYMOUS) !== 0 ? null : keyOf(familyOf(bytes, at), table);
}

function countEach(keys: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

/**
 * While a change is under way, the kernel may tell of a table or chain twice in one dump: an inactive one before it
 * counts in the second piece of the dump, and did not in the first (nf_tables_dump_tables, nf_tables_dump_chains, Linux
 * 6.18).
 */
function once<T extends { readonly key: string }>(messages: readonly T[]): T[] {
  return [...new Map(messages.map((message) => [message.key, message])).values()];
}

/**
 * Tables with what is in them, from the messages of one generation of the ruleset.
 *
 * @param rules for each rule the key of its chain.
 * @param sets for each named set the key of its table.
 */
export function assemble(
  tables: readonly TableMessage[],
  chains: readonly ChainMessage[],
  rules: readonly string[],
  sets: readonly string[],
): FirewallTable[] {
  const rulesOf = countEach(rules);
  const setsOf = countEach(sets);
  const chainsOf = new Map(tables.map(({ key }) => [key, [] as FirewallChain[]]));
  for (const { key, table, ...chain } of once(chains)) {
    chainsOf.get(table)?.push({ ...chain, rules: rulesOf.get(key) ?? 0 });
  }
  return once(tables).map(({ key, ...table }) => ({
    ...table,
    chains: chainsOf.get(key) ?? [],
    sets: setsOf.get(key) ?? 0,
  }));
}
