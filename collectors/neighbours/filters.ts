import type { HardwareFilter } from '../../src/model/index.ts';
import { address, eachAttribute, hardwareAddress, unsigned } from '../../src/os/netlink/attributes.ts';
import { type FlagWords, flagNames } from '../../src/os/netlink/names.ts';
import {
  NDA_DST,
  NDA_FLAGS_EXT,
  NDA_LLADDR,
  NEIGHBOUR_HEADER,
  NTF_SELF,
  NUD_PERMANENT,
  neighbourFlags,
} from './neighbour.ts';

const NDA_CACHEINFO = 3;
const NDA_VLAN = 5;

/** NUD_… of a forwarding database in the words of bridge(8), which takes the first that fits. */
const STATES: FlagWords = [
  [NUD_PERMANENT, 'permanent'],
  [0x40, 'static'],
  [0x04, 'stale'],
  [0x02, 'reachable'],
];

function stateNames(state: number): readonly string[] {
  const [, word] = STATES.find(([mask]) => (state & mask) !== 0) ?? [];
  return word === undefined ? flagNames(STATES, state) : [word];
}

/** The first bit on the wire of an address that is meant for many. */
const GROUP = 0x01;

/**
 * One RTM_NEWNEIGH message of family AF_BRIDGE, from its struct ndmsg on; null where it has no hardware address.
 *
 * Two things come that way. `ndo_dflt_fdb_dump` tells the addresses a device itself was asked to listen to (dev->uc,
 * dev->mc): permanent, and never with a time of use. Bridges, tunnels and switch chips tell where they forward
 * (br_fdb_dump, vxlan_fdb_dump, dsa_user_fdb_dump).
 */
export function decodeFilter(bytes: Buffer, at: number, end: number): HardwareFilter | null {
  if (end - at < NEIGHBOUR_HEADER) return null;
  const state = bytes.readUInt16LE(at + 8);
  const flags = bytes[at + 10] ?? 0;
  let link: string | null = null;
  let group = false;
  let destination: string | null = null;
  let vlan: number | null = null;
  let extended = 0;
  let used = false;
  eachAttribute(bytes, at + NEIGHBOUR_HEADER, end, (type, from, to) => {
    if (type === NDA_LLADDR) {
      link = hardwareAddress(bytes, from, to);
      group = ((bytes[from] ?? 0) & GROUP) !== 0;
    } else if (type === NDA_DST) destination = address(bytes, from, to);
    else if (type === NDA_VLAN) vlan = unsigned(bytes, from, to) || null;
    else if (type === NDA_FLAGS_EXT) extended = unsigned(bytes, from, to);
    else if (type === NDA_CACHEINFO) used = true;
  });
  if (link === null) return null;
  const own = (flags & NTF_SELF) !== 0 && state === NUD_PERMANENT && !used && destination === null;
  return {
    ifindex: bytes.readUInt32LE(at + 4) || null,
    hardwareAddress: link,
    kind: own ? (group ? 'multicast' : 'unicast') : 'forwarding',
    vlan,
    destination,
    state: stateNames(state),
    flags: neighbourFlags(flags, extended),
    users: null,
  };
}

/** A line of `/proc/net/dev_mcast`: an address a device listens to, and how many asked for it. */
export interface MulticastAddress {
  readonly ifindex: number;
  readonly hardwareAddress: string;
  readonly users: number;
}

/** ifindex, name, users, whether somebody asked for it by hand, address (dev_mc_seq_show, net/core/dev_addr_lists.c). */
const LINE = /^(\d+) +[^ ]+ +(\d+) +\d+ +((?:[0-9a-f]{2})+)$/;

/** `/proc/net/dev_mcast`; lines that are none are passed over. */
export function parseDevMcast(text: string): MulticastAddress[] {
  const found: MulticastAddress[] = [];
  for (const line of text.split('\n')) {
    const [, ifindex, users, digits] = LINE.exec(line) ?? [];
    if (digits === undefined) continue;
    found.push({
      ifindex: Number(ifindex),
      hardwareAddress: digits.replace(/..(?=.)/g, '$&:'),
      users: Number(users),
    });
  }
  return found;
}

/** Both sources together: who is in both is listed once, with how many want it. */
export function mergeFilters(
  filters: readonly HardwareFilter[],
  multicast: readonly MulticastAddress[],
): readonly HardwareFilter[] {
  const key = (ifindex: number | null, hardwareAddress: string): string => `${ifindex} ${hardwareAddress}`;
  const left = new Map(multicast.map((entry) => [key(entry.ifindex, entry.hardwareAddress), entry]));
  const merged = filters.map((filter) => {
    if (filter.kind !== 'multicast') return filter;
    const name = key(filter.ifindex, filter.hardwareAddress);
    const users = left.get(name)?.users ?? null;
    left.delete(name);
    return { ...filter, users };
  });
  for (const { ifindex, hardwareAddress, users } of left.values()) {
    merged.push({
      ifindex,
      hardwareAddress,
      kind: 'multicast',
      vlan: null,
      destination: null,
      state: [],
      flags: [],
      users,
    });
  }
  return merged;
}
