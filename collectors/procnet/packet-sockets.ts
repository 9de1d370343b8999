import { packetProtocol } from '../sockets/packet.ts';
import type { SocketRecord } from '../sockets/question.ts';
import { orNull, typeName } from '../sockets/words.ts';
import { decimal, eachLine, hexadecimal, type Parsed, words } from './lines.ts';

const COLUMNS = 9;

/** `/proc/net/packet` (packet_seq_show, net/packet/af_packet.c). */
export function parsePacketSockets(text: string): Parsed<SocketRecord> {
  return eachLine(text, 1, (line) => {
    const fields = words(line);
    const protocol = hexadecimal(fields[3]);
    const [type, ifindex, running, received, uid, inode] = [2, 4, 5, 6, 7, 8].map((at) => decimal(fields[at]));
    if (fields.length !== COLUMNS || protocol === null || type == null || ifindex == null || running == null)
      return null;
    if (received == null || uid == null || inode == null) return null;
    return {
      family: 'packet',
      type: typeName(type),
      protocol: packetProtocol(protocol),
      state: 'close',
      localAddress: null,
      localPort: null,
      remoteAddress: null,
      remotePort: null,
      receiveQueue: received,
      sendQueue: null,
      uid,
      inode,
      cookie: null,
      ifindex: orNull(ifindex),
      peerInode: null,
      notes: running === 0 ? ['receives nothing'] : [],
    };
  });
}
