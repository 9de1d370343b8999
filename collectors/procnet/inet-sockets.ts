import type { SocketRecord } from '../sockets/question.ts';
import { NO_NOTES, orNull, protocolName, stateName } from '../sockets/words.ts';
import { addressOfWords } from './hexadecimal-addresses.ts';
import { eachLine, type Parsed } from './lines.ts';

/** Tables of IP sockets: they have their first ten columns in common. */
const TABLES = {
  tcp: { family: 'inet', type: 'stream', protocol: 'tcp' },
  tcp6: { family: 'inet6', type: 'stream', protocol: 'tcp' },
  udp: { family: 'inet', type: 'dgram', protocol: 'udp' },
  udp6: { family: 'inet6', type: 'dgram', protocol: 'udp' },
  udplite: { family: 'inet', type: 'dgram', protocol: 'udplite' },
  udplite6: { family: 'inet6', type: 'dgram', protocol: 'udplite' },
  icmp: { family: 'inet', type: 'dgram', protocol: 'icmp' },
  icmp6: { family: 'inet6', type: 'dgram', protocol: 'icmpv6' },
  // Where others have their port, a raw socket has its protocol.
  raw: { family: 'inet', type: 'raw', protocol: null },
  raw6: { family: 'inet6', type: 'raw', protocol: null },
} as const;

export type InetTable = keyof typeof TABLES;

/** Number, local and remote address, state, queues, timer, retransmissions, uid, timeout, inode. */
const LINE =
  /^ *\d{1,10}: ([0-9A-F]{8,32}):([0-9A-F]{4}) ([0-9A-F]{8,32}):([0-9A-F]{4}) ([0-9A-F]{2}) ([0-9A-F]{8}):([0-9A-F]{8}) [0-9A-F]{2}:[0-9A-F]{8,16} [0-9A-F]{8,16} +(\d{1,10}) +-?\d{1,10} (\d{1,20})(?: |$)/;

/** What an address is where a socket is bound to none, or connected to none. */
const ANY = { inet: '0.0.0.0', inet6: '::' } as const;

/**
 * `/proc/net/tcp` and its like (tcp4_seq_show, udp4_format_sock, raw_sock_seq_show, ping_v4_format_sock and their
 * siblings of IPv6). A listening socket shows how many wait to be accepted, not how many may wait.
 */
export function parseInetSockets(text: string, table: InetTable): Parsed<SocketRecord> {
  const { family, type, protocol } = TABLES[table];
  return eachLine(text, 1, (line) => {
    const found = LINE.exec(line);
    if (found === null) return null;
    const [, local = '', localDigits = '', remote = '', remoteDigits = '', stateDigits = '', send = '', receive = ''] =
      found;
    const [localAddress, remoteAddress] = [addressOfWords(local), addressOfWords(remote)];
    const length = family === 'inet' ? 8 : 32;
    if (localAddress === null || remoteAddress === null || local.length !== length || remote.length !== length) {
      return null;
    }
    const [port, remotePort] = [Number.parseInt(localDigits, 16), Number.parseInt(remoteDigits, 16)];
    const state = stateName(Number.parseInt(stateDigits, 16));
    const [uid, inode] = [Number(found[8]), Number(found[9])];
    return {
      family,
      type,
      protocol: protocol ?? protocolName(port),
      state,
      localAddress,
      localPort: protocol === null ? null : orNull(port),
      remoteAddress: remotePort !== 0 || remoteAddress !== ANY[family] ? remoteAddress : null,
      remotePort: orNull(remotePort),
      receiveQueue: Number.parseInt(receive, 16),
      sendQueue: state === 'listen' ? null : Number.parseInt(send, 16),
      // What is left of a socket that was closed has no owner: there the kernel writes 0 (get_timewait4_sock).
      uid: inode === 0 && uid === 0 ? null : uid,
      inode,
      cookie: null,
      ifindex: null,
      peerInode: null,
      notes: NO_NOTES,
    };
  });
}
