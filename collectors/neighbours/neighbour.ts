import type { Neighbour } from '../../src/model/index.ts';
import { address, eachAttribute, hardwareAddress, unsigned } from '../../src/os/netlink/attributes.ts';
import { type FlagWords, familyName, flagNames } from '../../src/os/netlink/names.ts';

// include/uapi/linux/neighbour.h
export const NDA_DST = 1;
export const NDA_LLADDR = 2;
export const NDA_FLAGS_EXT = 15;
/** struct ndmsg */
export const NEIGHBOUR_HEADER = 12;
export const NUD_PERMANENT = 0x80;
export const NTF_SELF = 0x02;
export const NTF_PROXY = 0x08;
/** Extended flags, NDA_FLAGS_EXT, are shown after the eight plain ones. */
const EXTENDED = 0x100;

/** NUD_…, as ip-neighbour(8) names them. */
const STATES: FlagWords = [
  [0x01, 'incomplete'],
  [0x02, 'reachable'],
  [0x04, 'stale'],
  [0x08, 'delay'],
  [0x10, 'probe'],
  [0x20, 'failed'],
  [0x40, 'noarp'],
  [NUD_PERMANENT, 'permanent'],
];
/** NTF_… and NTF_EXT_…, as ip-neighbour(8) and bridge(8) name them. */
const FLAGS: FlagWords = [
  [0x01, 'use'],
  [NTF_SELF, 'self'],
  [0x04, 'master'],
  [NTF_PROXY, 'proxy'],
  [0x10, 'extern_learn'],
  [0x20, 'offload'],
  [0x40, 'sticky'],
  [0x80, 'router'],
  [EXTENDED, 'managed'],
  [EXTENDED << 1, 'locked'],
  [EXTENDED << 2, 'extern_valid'],
];

/** Words for NTF_… and NTF_EXT_… together. */
export function neighbourFlags(flags: number, extended: number): readonly string[] {
  return flagNames(FLAGS, flags + extended * EXTENDED);
}

/** One RTM_NEWNEIGH message, from its struct ndmsg on; null where it ends before that does. */
export function decodeNeighbour(bytes: Buffer, at: number, end: number): Neighbour | null {
  if (end - at < NEIGHBOUR_HEADER) return null;
  let destination = '';
  let link: string | null = null;
  let extended = 0;
  eachAttribute(bytes, at + NEIGHBOUR_HEADER, end, (type, from, to) => {
    if (type === NDA_DST) destination = address(bytes, from, to);
    else if (type === NDA_LLADDR) {
      // To a tunnel for many ends the address of the link is an IP address.
      const size = to - from;
      link = size === 4 || size === 16 ? address(bytes, from, to) : hardwareAddress(bytes, from, to);
    } else if (type === NDA_FLAGS_EXT) extended = unsigned(bytes, from, to);
  });
  return {
    family: familyName(bytes[at] ?? 0),
    // A proxy entry may be for every device.
    ifindex: bytes.readUInt32LE(at + 4) || null,
    address: destination,
    hardwareAddress: link,
    state: flagNames(STATES, bytes.readUInt16LE(at + 8)),
    flags: neighbourFlags(bytes[at + 10] ?? 0, extended),
  };
}
