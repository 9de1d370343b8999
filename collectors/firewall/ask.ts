import { isDeepStrictEqual } from 'node:util';
import type { FirewallTable } from '../../src/model/index.ts';
import { dumpRequest, getRequest, type NetlinkSocket, type Request } from '../../src/os/netlink/socket.ts';
import { assemble, decodeChain, decodeRule, decodeSet, decodeTable, generationOf } from './nftables.ts';

// include/uapi/linux/netfilter/nfnetlink.h, include/uapi/linux/netfilter/nf_tables.h
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_GETTABLE = 1;
const NFT_MSG_GETCHAIN = 4;
const NFT_MSG_GETRULE = 7;
const NFT_MSG_GETSET = 10;
const NFT_MSG_GETGEN = 16;

/** How often a ruleset is read that is replaced meanwhile. */
const TRIES = 5;

/** In every family: a struct nfgenmsg of zeros. */
function request(make: typeof dumpRequest, name: string, message: number): Request {
  return make(name, (NFNL_SUBSYS_NFTABLES << 8) | message, Buffer.alloc(4));
}

const TABLES = request(dumpRequest, 'NFT_MSG_GETTABLE', NFT_MSG_GETTABLE);
const CHAINS = request(dumpRequest, 'NFT_MSG_GETCHAIN', NFT_MSG_GETCHAIN);
const RULES = request(dumpRequest, 'NFT_MSG_GETRULE', NFT_MSG_GETRULE);
const SETS = request(dumpRequest, 'NFT_MSG_GETSET', NFT_MSG_GETSET);
const GENERATION = request(getRequest, 'NFT_MSG_GETGEN', NFT_MSG_GETGEN);

/** The tables of nftables. */
export interface Ruleset {
  readonly tables: FirewallTable[];
  /** It changed while it was read, every time: something may be missing or twice. */
  readonly interrupted: boolean;
}

/** Reads tables, chains, rules and sets, each of which may be of another generation of the ruleset. */
function readOnce(socket: Pick<NetlinkSocket, 'ask'>): Ruleset {
  const generations = new Set<number>();
  let interrupted = false;
  const ask = <T>(request: Request, decode: (bytes: Buffer, at: number, end: number) => T | null): readonly T[] => {
    const dump = socket.ask(request, (_, bytes, at, end) => {
      generations.add(generationOf(bytes, at));
      return decode(bytes, at, end);
    });
    interrupted ||= dump.interrupted;
    return dump.records;
  };
  const tables = ask(TABLES, decodeTable);
  if (tables.length === 0) return { tables: [], interrupted };
  const chains = ask(CHAINS, decodeChain);
  // 4 µs a rule, which the kernel hands out with all it does. NFTA_CHAIN_USE is no substitute: it counts jumps to the
  // chain as well, and rules that are not in force yet.
  const rules = chains.length === 0 ? [] : ask(RULES, decodeRule);
  const sets = ask(SETS, decodeSet);
  // What has nothing to tell does not tell of which generation it is.
  ask(GENERATION, () => null);
  return { tables: assemble(tables, chains, rules, sets), interrupted: interrupted || generations.size > 1 };
}

/**
 * What nftables filters in the namespace a NETLINK_NETFILTER socket belongs to. Where there is nothing, that takes one
 * question. Needs CAP_NET_ADMIN over it.
 *
 * What there is counts once it was read twice alike: nf_tables_commit() (net/netfilter/nf_tables_api.c, 6.18) counts the
 * generation up first and puts it in force after that, and what is asked in between has the new number and may be of
 * both. The second time all of it is new.
 *
 * @throws SystemError with the kernel's errno; DeadlineError.
 */
export function readRuleset(socket: Pick<NetlinkSocket, 'ask'>): Ruleset {
  let ruleset = readOnce(socket);
  for (let tries = 1; tries < TRIES; tries++) {
    if (ruleset.tables.length === 0 && !ruleset.interrupted) return ruleset;
    const before = ruleset;
    ruleset = readOnce(socket);
    if (!ruleset.interrupted && isDeepStrictEqual(ruleset, before)) return ruleset;
  }
  return { ...ruleset, interrupted: true };
}
