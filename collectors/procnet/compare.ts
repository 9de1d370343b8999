import type { Discrepancy } from '../../src/model/index.ts';
import type { LinkRecord } from '../links.ts';
import type { SocketRecord } from '../sockets/question.ts';
import type { TableDevice } from './devices.ts';
import type { SocketTable } from './tables.ts';

/** Something that one way of asking shows and the other does not, this time. */
export interface Difference {
  /** The same in every look at the same thing. */
  readonly key: string;
  readonly discrepancy: Discrepancy;
}

/** The sockets of tables that sock_diag(7) was asked for as well. */
export interface SecondOpinion {
  readonly tables: readonly SocketTable[];
  readonly sockets: readonly SocketRecord[];
}

/**
 * States a TCP socket stays in. What is left of a connection (TIME_WAIT) or is none yet (SYN_RECV) is no socket; one
 * that is only bound (`close`) is in no table of /proc.
 */
const LASTING: ReadonlySet<string> = new Set([
  'established',
  'syn-sent',
  'fin-wait-1',
  'fin-wait-2',
  'close-wait',
  'last-ack',
  'listen',
  'closing',
]);

/** The table a socket belongs in; null for what is in none that is compared. */
function tableOf({ family, type, protocol }: SocketRecord): SocketTable | null {
  if (family === 'unix' || family === 'packet' || family === 'netlink') return family;
  if (family !== 'inet' && family !== 'inet6') return null;
  const six = family === 'inet6';
  if (type === 'raw') return six ? 'raw6' : 'raw';
  if (type === 'stream' && protocol === 'tcp') return six ? 'tcp6' : 'tcp';
  if (type === 'dgram' && protocol === 'udp') return six ? 'udp6' : 'udp';
  return null;
}

/** A socket that both ways of asking have to show. */
interface Comparable {
  readonly socket: SocketRecord;
  readonly table: SocketTable;
  /** Of TCP: both ends, which no two sockets share, and which a socket keeps when it loses its inode. */
  readonly ends: string | null;
}

/**
 * Which sockets both have to show. Not compared is what has no inode, which only TCP lists (unix_diag leaves out
 * connections nobody accepted yet, sk_diag_dump in net/unix/diag.c), and netlink sockets without a port id: those that
 * only joined a group are in netlink_diag but not in /proc/net/netlink, and the kernel's own are nobody's.
 */
function comparable(sockets: readonly SocketRecord[], tables: ReadonlySet<SocketTable>): Comparable[] {
  const found: Comparable[] = [];
  for (const socket of sockets) {
    const table = tableOf(socket);
    if (table === null || !tables.has(table)) continue;
    const isTcp = table === 'tcp' || table === 'tcp6';
    if (isTcp ? !LASTING.has(socket.state) : socket.inode === 0) continue;
    if (table === 'netlink' && socket.localPort === null) continue;
    const { localAddress, localPort, remoteAddress, remotePort } = socket;
    const ends = isTcp ? `${table} ${localAddress} ${localPort} ${remoteAddress} ${remotePort}` : null;
    found.push({ socket, table, ends });
  }
  return found;
}

/** Where to find a socket of the other side. */
class Index {
  readonly #inodes = new Set<string>();
  /** Both ends of TCP sockets, of all of them and of those without an inode. */
  readonly #ends = new Set<string>();
  readonly #orphans = new Set<string>();

  constructor(sockets: readonly Comparable[]) {
    for (const { socket, table, ends } of sockets) {
      if (socket.inode !== 0) this.#inodes.add(`${table} ${socket.inode}`);
      if (ends === null) continue;
      this.#ends.add(ends);
      if (socket.inode === 0) this.#orphans.add(ends);
    }
  }

  /** A connection may have been closed, or accepted, between the two: then only one side has its inode. */
  has({ socket, table, ends }: Comparable): boolean {
    if (socket.inode !== 0 && this.#inodes.has(`${table} ${socket.inode}`)) return true;
    return ends !== null && (socket.inode === 0 ? this.#ends : this.#orphans).has(ends);
  }
}

function endText(address: string | null, port: number | null): string {
  const host = address?.includes(':') ? `[${address}]` : (address ?? '*');
  return port === null ? host : `${host}:${port}`;
}

function describe({ socket, table }: Comparable): string {
  const { family, protocol, state, localAddress, localPort, remoteAddress, remotePort, ifindex, inode } = socket;
  const number = `(inode ${inode})`;
  if (family === 'unix')
    return localAddress === null ? `unix socket ${number}` : `unix socket ${localAddress} ${number}`;
  if (family === 'packet') {
    const where = ifindex === null ? '' : ` on ifindex ${ifindex}`;
    return `packet socket for ${protocol}${where} ${number}`;
  }
  if (family === 'netlink') return `netlink socket ${protocol}, port id ${localPort} ${number}`;
  const local = endText(localAddress, localPort);
  const ends = remoteAddress === null ? local : `${local} to ${endText(remoteAddress, remotePort)}`;
  return socket.type === 'raw' ? `${table} socket ${protocol} ${ends} ${number}` : `${table} socket ${ends} (${state})`;
}

function difference(socket: Comparable, shownBy: string, missingFrom: string): Difference {
  const { inode } = socket.socket;
  const identity = inode === 0 ? socket.ends : `${socket.table} inode ${inode}`;
  return {
    key: `${identity} ${shownBy}`,
    discrepancy: { subject: describe(socket), shownBy, missingFrom },
  };
}

/**
 * Which sockets only one of sock_diag(7) and the tables of `/proc/net` shows. Something may come and go between the
 * two: `settled` says what to make of it.
 *
 * @param compared the tables that were read, of kinds sock_diag was asked for.
 */
export function compareSockets(
  diag: readonly SocketRecord[],
  tables: readonly SocketRecord[],
  compared: readonly SocketTable[],
): Difference[] {
  const wanted = new Set(compared);
  const [asked, read] = [comparable(diag, wanted), comparable(tables, wanted)];
  const [inDiag, inTables] = [new Index(asked), new Index(read)];
  return [
    ...asked
      .filter((socket) => !inTables.has(socket))
      .map((socket) => difference(socket, 'sock_diag', `/proc/net/${socket.table}`)),
    ...read
      .filter((socket) => !inDiag.has(socket))
      .map((socket) => difference(socket, `/proc/net/${socket.table}`, 'sock_diag')),
  ];
}

type Named = Pick<TableDevice, 'name' | 'rawName'>;

function identity({ name, rawName }: Named): string {
  return rawName ?? name;
}

function onlyIn(these: readonly Named[], those: readonly Named[], shownBy: string, missingFrom: string): Difference[] {
  const others = new Set(those.map(identity));
  return these
    .filter((device) => !others.has(identity(device)))
    .map((device) => ({
      key: `device ${identity(device)} ${shownBy}`,
      discrepancy: { subject: `device ${device.name}`, shownBy, missingFrom },
    }));
}

/** Which devices only one of rtnetlink(7) and `/proc/net/dev` shows. */
export function compareDevices(links: readonly LinkRecord[], devices: readonly TableDevice[]): Difference[] {
  return [
    ...onlyIn(links, devices, 'rtnetlink', '/proc/net/dev'),
    ...onlyIn(devices, links, '/proc/net/dev', 'rtnetlink'),
  ];
}

/** What stays different in every one of several looks, one after the other: what came or went meanwhile does not. */
export function settled(rounds: readonly (readonly Difference[])[]): Discrepancy[] {
  const [first = [], ...others] = rounds.map((round) => new Map(round.map((found) => [found.key, found])));
  return [...first.values()]
    .filter(({ key }) => others.every((round) => round.has(key)))
    .map(({ discrepancy }) => discrepancy);
}
