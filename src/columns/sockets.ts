import type { Socket } from '../model/index.ts';
import { deviceName } from './cells.ts';
import type { InNamespace, Registry } from './column.ts';

/** Processes named for one socket before "and n more". */
const NAMED = 3;

/** `tcp`, `raw icmp`, `unix stream`, `netlink route`, `packet all`: as few words as tell what it is. */
function protocolText({ family, type, protocol }: Socket): string {
  if (family === 'unix' || family === 'vsock') return `${family} ${type}`;
  if (family === 'netlink') return `netlink ${protocol}`;
  if (family === 'packet') return `packet ${protocol}`;
  return type === 'raw' ? `raw ${protocol}` : protocol;
}

/** `10.0.0.1:80`, `[::1]:80`; `*` for any port; a path as it is; empty for nothing. */
function endpoint({ family }: Socket, address: string | null, port: number | null): string {
  if (family === 'unix' || family === 'packet') return address ?? '';
  if (family === 'netlink') return port === null || port === 0 ? '' : String(port);
  if (address === null && (port === null || port === 0)) return '';
  const host = address === null ? '*' : address.includes(':') ? `[${address}]` : address;
  return `${host}:${port === null || port === 0 ? '*' : port}`;
}

/** The other end; of a unix socket its inode. */
function peerText(socket: Socket): string {
  const { family, remoteAddress, remotePort, peerInode } = socket;
  if (family === 'unix' && peerInode !== null) return `inode ${peerInode}`;
  return endpoint(socket, remoteAddress, remotePort);
}

/** `nginx 811`, each process once, however many descriptors it has of it. */
function processNames({ processes }: Socket): string[] | null {
  return processes === null ? null : [...new Set(processes.map(({ comm, pid }) => `${comm} ${pid}`))];
}

function processText(socket: Socket): string {
  const names = processNames(socket);
  if (names === null) return '?';
  if (names.length === 0) return '—';
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return `${names.slice(0, NAMED).join(', ')}${more}`;
}

/** Sockets of a namespace. */
export const SOCKETS: Registry<Socket, InNamespace> = {
  columns: [
    {
      id: 'protocol',
      header: 'PROTO',
      description: '`tcp`, `udp`, `raw icmp`, `unix stream`, `netlink route`, `packet all`…',
      width: 12,
      maxWidth: 20,
      align: 'left',
      value: protocolText,
    },
    {
      id: 'state',
      header: 'STATE',
      description: '`listen`, `established`, `time-wait`…; `close` for one that is not connected.',
      width: 11,
      align: 'left',
      value: ({ state }) => state,
    },
    {
      id: 'local',
      header: 'LOCAL',
      description: 'Its own address and port, path, or port id.',
      width: 21,
      maxWidth: 48,
      align: 'left',
      value: (socket) => endpoint(socket, socket.localAddress, socket.localPort),
    },
    {
      id: 'peer',
      header: 'PEER',
      description: 'Address and port of the other end; of a unix socket its inode.',
      width: 21,
      maxWidth: 48,
      align: 'left',
      value: peerText,
    },
    {
      id: 'receive-queue',
      header: 'RECV-Q',
      description: 'Bytes not read yet; of a listening socket connections not accepted yet.',
      width: 6,
      align: 'right',
      value: ({ receiveQueue }) => receiveQueue,
      descendingFirst: true,
      searched: false,
    },
    {
      id: 'send-queue',
      header: 'SEND-Q',
      description: 'Bytes not sent or not acknowledged yet; of a listening socket how many may wait.',
      width: 6,
      align: 'right',
      value: ({ sendQueue }) => sendQueue,
      descendingFirst: true,
      searched: false,
    },
    {
      id: 'process',
      header: 'PROCESS',
      description: 'Who has it open, in whatever namespace that is; none for one that nobody has open any more.',
      width: 16,
      maxWidth: 40,
      align: 'left',
      value: processNames,
      text: processText,
    },
    { id: 'uid', header: 'UID', description: 'uid that made it.', width: 6, align: 'right', value: ({ uid }) => uid },
    {
      id: 'inode',
      header: 'INODE',
      description: 'Its inode, what `socket:[…]` shows; 0 for one that nobody has open any more.',
      width: 8,
      align: 'right',
      value: ({ inode }) => inode,
    },
    {
      id: 'device',
      header: 'DEV',
      description: 'The device it is bound to, or receives from; none for any.',
      width: 10,
      maxWidth: 15,
      align: 'left',
      value: ({ ifindex }, context) => (ifindex === null ? '' : deviceName(ifindex, context)),
    },
    {
      id: 'notes',
      header: 'NOTES',
      description: 'Packet rings, fanout, multicast groups and the like.',
      width: 12,
      maxWidth: 40,
      align: 'left',
      value: ({ notes }) => notes,
    },
    {
      id: 'family',
      header: 'FAMILY',
      description: '`inet`, `inet6`, `unix`, `packet`, `netlink` or `vsock`.',
      width: 7,
      align: 'left',
      value: ({ family }) => family,
      searched: false,
    },
    {
      id: 'type',
      header: 'TYPE',
      description: '`stream`, `dgram`, `raw`, `seqpacket` or `rdm`.',
      width: 9,
      align: 'left',
      value: ({ type }) => type,
      searched: false,
    },
    {
      id: 'local-port',
      header: 'LPORT',
      description: 'Its own port; of netlink the port id.',
      width: 6,
      align: 'right',
      value: ({ localPort }) => localPort ?? '',
      sortKey: ({ localPort }) => localPort,
    },
    {
      id: 'peer-port',
      header: 'PPORT',
      description: 'Port of the other end.',
      width: 6,
      align: 'right',
      value: ({ remotePort }) => remotePort ?? '',
      sortKey: ({ remotePort }) => remotePort,
    },
    {
      id: 'cookie',
      header: 'COOKIE',
      description: "The kernel's own number of the socket, never reused.",
      width: 8,
      align: 'right',
      value: ({ cookie }) => cookie,
      sortKey: ({ cookie }) => (cookie === null ? null : Number(cookie)),
    },
  ],
  defaults: ['protocol', 'state', 'local', 'peer', 'receive-queue', 'send-queue', 'process'],
};
