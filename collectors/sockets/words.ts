import type { Socket } from '../../src/model/index.ts';

/** TCP_… by number (include/net/tcp_states.h), which unix and vsock sockets use as well. */
const STATES = [
  '',
  'established',
  'syn-sent',
  'syn-recv',
  'fin-wait-1',
  'fin-wait-2',
  'time-wait',
  'close',
  'close-wait',
  'last-ack',
  'listen',
  'closing',
  // TCP_NEW_SYN_RECV: a connection that is no socket yet. To the world outside it is the same.
  'syn-recv',
];

/** SOCK_… by number (include/linux/net.h). */
const TYPES: Readonly<Record<number, Socket['type']>> = {
  1: 'stream',
  2: 'dgram',
  3: 'raw',
  4: 'rdm',
  5: 'seqpacket',
  // SOCK_PACKET: what packet(7) had before AF_PACKET; it gets whole frames, as raw ones do.
  10: 'raw',
};

/** IPPROTO_… by number (include/uapi/linux/in.h): those that raw sockets are opened for. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  0: 'ip',
  1: 'icmp',
  2: 'igmp',
  4: 'ipip',
  6: 'tcp',
  17: 'udp',
  41: 'ipv6',
  46: 'rsvp',
  47: 'gre',
  50: 'esp',
  51: 'ah',
  58: 'icmpv6',
  89: 'ospf',
  103: 'pim',
  112: 'vrrp',
  115: 'l2tp',
  132: 'sctp',
  136: 'udplite',
  255: 'raw',
};

/** `established` for 1. */
export function stateName(state: number): string {
  return STATES[state] || `state ${state}`;
}

/** `stream` for 1. The families that are asked about have no others. */
export function typeName(type: number): Socket['type'] {
  return TYPES[type] ?? 'raw';
}

/** `icmp` for 1. */
export function protocolName(protocol: number): string {
  return PROTOCOLS[protocol] ?? `protocol ${protocol}`;
}

/** Most sockets have nothing to tell: they share this. */
export const NO_NOTES: readonly string[] = [];

/** A number that is 0 where there is none. */
export function orNull(number: number): number | null {
  return number === 0 ? null : number;
}

const HIGH = 2 ** 32;
/** What is below is exact as a number, whatever the lower half is. */
const EXACT = 2 ** 21;

/** A socket's own number (sock_diag_save_cookie), decimal. Null where the kernel gave none. */
export function cookie(bytes: Buffer, at: number): string | null {
  const low = bytes.readUInt32LE(at);
  const high = bytes.readUInt32LE(at + 4);
  if (high === 0) return low === 0 ? null : String(low);
  return high < EXACT ? String(high * HIGH + low) : String(bytes.readBigUInt64LE(at));
}
