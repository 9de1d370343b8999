import { netlinkProtocol } from '../sockets/netlink.ts';
import type { SocketRecord } from '../sockets/question.ts';
import { eachLine, type Parsed } from './lines.ts';

/** Address in the kernel, protocol, port id, groups, memory received and sent, dump, references, drops, inode. */
const LINE =
  /^[^ ]{1,20} +(\d{1,3}) +(\d{1,10}) +([0-9a-f]{8}) (-?\d{1,10}) +(-?\d{1,10}) +\d{1,10} +\d{1,10} +\d{1,10} +(\d{1,20}) *$/;

/** Numbers of the groups in the mask of the first 32; the first is 1. */
function groups(mask: number): number[] {
  return Array.from({ length: 32 }, (_, bit) => bit + 1).filter((group) => ((mask >>> (group - 1)) & 1) !== 0);
}

/**
 * `/proc/net/netlink` (netlink_seq_show, net/netlink/af_netlink.c), without the kernel's own, which have port id 0.
 * Whether it is connected is not told, nor whether it is raw or dgram, which to netlink(7) are the same.
 */
export function parseNetlinkSockets(text: string): Parsed<SocketRecord> {
  const { records, malformed } = eachLine(text, 1, (line): SocketRecord | 'kernel' | null => {
    const [, protocol = '', port = '', mask = '', received, sent, inode] = LINE.exec(line) ?? [];
    if (inode === undefined) return null;
    const portId = Number(port);
    if (portId === 0) return 'kernel';
    const numbers = groups(Number.parseInt(mask, 16));
    return {
      family: 'netlink',
      type: 'raw',
      protocol: netlinkProtocol(Number(protocol)),
      state: 'close',
      localAddress: null,
      localPort: portId,
      remoteAddress: null,
      remotePort: null,
      receiveQueue: Number(received),
      sendQueue: Number(sent),
      uid: null,
      inode: Number(inode),
      cookie: null,
      ifindex: null,
      peerInode: null,
      notes: numbers.length === 0 ? [] : [`groups ${numbers.join(', ')}`],
    };
  });
  return { records: records.filter((record) => record !== 'kernel'), malformed };
}
