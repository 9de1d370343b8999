/**
 * Opens sockets in a network namespace and keeps them open from its own: `node sockets.mjs NETNS DIRECTORY [SORT…]`,
 * those of every sort but `crowded` when none is named.
 *
 * Prints one line of JSON, the descriptor of each by a name of ours, and waits until its standard input closes. The
 * loopback there has to be up.
 */
import { AT_FDCWD, close, O_CLOEXEC, O_RDONLY, openat, send, setns, setsockopt, socket } from '../../../src/os/libc.ts';
import { CLONE_NEWNET } from '../../../src/os/nsfs.ts';
import { AF, accept, bind, connect, listen, must, openOwn, SOCK, socketPair } from './lib/hold.ts';

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_BINDTODEVICE = 25;
const SO_MARK = 36;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPPROTO_ICMP = 1;
const IPPROTO_UDPLITE = 136;
const IPPROTO_MPTCP = 262;
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_RX_RING = 5;
const PACKET_FANOUT = 18;
const PACKET_MR_PROMISC = 1;
const ETH_P_ALL = 3;
const ETH_P_IP = 0x0800;
const ETH_P_LLDP = 0x88cc;
const NETLINK_ROUTE = 0;
const NETLINK_KOBJECT_UEVENT = 15;
const MSG_DONTWAIT = 0x40;
const LOOPBACK = 1;

const [path = '', directory = '', ...wanted] = process.argv.slice(2);
const made: Record<string, number> = {};

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function inet(address: string, port: number): Buffer {
  const six = address.includes(':');
  const bytes = Buffer.alloc(six ? 28 : 16);
  bytes.writeUInt16LE(six ? AF.inet6 : AF.inet);
  bytes.writeUInt16BE(port, 2);
  if (!six) Buffer.from(address.split('.').map(Number)).copy(bytes, 4);
  else if (address === '::1') bytes[23] = 1;
  return bytes;
}

function open(family: keyof typeof AF, type: keyof typeof SOCK, protocol = 0): number {
  return must(socket(AF[family], SOCK[type], protocol), `socket ${family}`);
}

function option(fd: number, level: number, name: number, value: Uint8Array): void {
  must(setsockopt(fd, level, name, value, value.length), `setsockopt ${level} ${name}`);
}

function bound(fd: number, address: Buffer): number {
  must(bind(fd, address, address.length), 'bind');
  return fd;
}

function connected(fd: number, address: Buffer): number {
  must(connect(fd, address, address.length), 'connect');
  return fd;
}

function listening(fd: number, backlog: number): number {
  must(listen(fd, backlog), 'listen');
  return fd;
}

/** A server and its client. */
function pair(
  family: 'inet' | 'inet6',
  address: string,
  port: number,
  protocol = 0,
): readonly [number, number, number] {
  const server = open(family, 'stream', protocol);
  option(server, SOL_SOCKET, SO_RCVBUF, number(8192));
  listening(bound(server, inet(address, port)), 7);
  const client = connected(open(family, 'stream', protocol), inet(address, port));
  return [server, client, must(accept(server, null, null), 'accept')];
}

function tcp(): void {
  const [server, client, accepted] = pair('inet', '127.0.0.1', 4001);
  Object.assign(made, {
    server,
    client,
    accepted,
    waiting: connected(open('inet', 'stream'), inet('127.0.0.1', 4001)),
  });
  must(send(client, Buffer.from('unread'), 6, 0), 'send');
  option(client, SOL_SOCKET, SO_MARK, number(0x2a));

  const six = open('inet6', 'stream');
  made.six = listening(bound(six, inet('::', 4002)), 5);
  const sixOnly = open('inet6', 'stream');
  option(sixOnly, IPPROTO_IPV6, IPV6_V6ONLY, number(1));
  made.sixOnly = listening(bound(sixOnly, inet('::', 4003)), 5);
  [, made.sixClient = -1, made.sixAccepted = -1] = pair('inet6', '::1', 4004);
  // Over IPv4 to a socket of IPv6.
  made.mappedClient = connected(open('inet', 'stream'), inet('127.0.0.1', 4002));
  made.mapped = must(accept(six, null, null), 'accept');

  const onDevice = open('inet', 'stream');
  option(onDevice, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from('lo\0'));
  made.onDevice = listening(bound(onDevice, inet('0.0.0.0', 4005)), 5);

  // The side that closes first is left in TIME_WAIT, once the other has closed as well.
  const [, first, second] = pair('inet', '127.0.0.1', 4007);
  close(first);
  close(second);
  // More than the other side takes: the end of the connection waits behind what cannot be sent, with no process.
  const [, orphan, full] = pair('inet', '127.0.0.1', 4008);
  while (send(orphan, Buffer.alloc(65536), 65536, MSG_DONTWAIT) >= 0);
  close(orphan);
  made.full = full;
}

function udp(): void {
  made.udp = bound(open('inet', 'dgram'), inet('0.0.0.0', 5001));
  made.udpSix = bound(open('inet6', 'dgram'), inet('::', 5002));
  made.udpClient = connected(bound(open('inet', 'dgram'), inet('127.0.0.1', 5003)), inet('127.0.0.1', 5001));
  must(send(made.udpClient, Buffer.from('unread'), 6, 0), 'send');
  made.udplite = bound(open('inet', 'dgram', IPPROTO_UDPLITE), inet('127.0.0.1', 5004));
}

function unixBound(type: 'stream' | 'dgram' | 'seqpacket', name: Uint8Array): number {
  return bound(open('unix', type), Buffer.concat([number(AF.unix).subarray(0, 2), name]));
}

function unix(): void {
  const name = Buffer.from(`${directory}/esc\x1b[31m\n`, 'latin1');
  made.path = listening(unixBound('stream', Buffer.concat([name, Buffer.from([0])])), 9);
  const address = Buffer.concat([number(AF.unix).subarray(0, 2), name, Buffer.from([0])]);
  made.pathClient = connected(open('unix', 'stream'), address);
  made.pathAccepted = must(accept(made.path, null, null), 'accept');
  made.pathWaiting = connected(open('unix', 'stream'), address);
  made.abstract = unixBound('dgram', Buffer.from('\0nsleuth-abstract'));
  made.abstractHostile = unixBound('seqpacket', Buffer.from('\0a\0b\x1b]0;x\x07', 'latin1'));
  made.abstractPadded = unixBound('dgram', Buffer.concat([Buffer.from('\0padded'), Buffer.alloc(20)]));
  const [left, right] = socketPair();
  Object.assign(made, { left, right });
}

/** struct sockaddr_ll */
function packetBound(fd: number, protocol: number, ifindex: number): number {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt16LE(AF.packet);
  bytes.writeUInt16BE(protocol, 2);
  bytes.writeUInt32LE(ifindex, 4);
  return bound(fd, bytes);
}

function packet(): void {
  const sniffer = packetBound(open('packet', 'raw'), ETH_P_ALL, LOOPBACK);
  const membership = Buffer.alloc(16); // struct packet_mreq: ifindex, type, length, address
  membership.writeUInt32LE(LOOPBACK);
  membership.writeUInt16LE(PACKET_MR_PROMISC, 4);
  option(sniffer, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership);
  made.sniffer = sniffer;
  const ring = open('packet', 'dgram');
  option(ring, SOL_PACKET, PACKET_RX_RING, Buffer.concat([4096, 2, 2048, 4].map(number)));
  made.ring = packetBound(ring, ETH_P_IP, 0);
  const fanout = packetBound(open('packet', 'raw'), ETH_P_LLDP, LOOPBACK);
  option(fanout, SOL_PACKET, PACKET_FANOUT, number(77 | (2 << 16))); // PACKET_FANOUT_CPU
  made.fanout = fanout;
  made.idle = open('packet', 'raw');
}

/** struct sockaddr_nl */
function netlinkBound(protocol: number, groups: number): number {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16LE(AF.netlink);
  bytes.writeUInt32LE(groups, 8);
  return bound(open('netlink', 'raw', protocol), bytes);
}

function mptcp(): void {
  const server = socket(AF.inet, SOCK.stream, IPPROTO_MPTCP);
  if (server < 0) return; // net.mptcp.enabled is 0, or the kernel has none
  close(server);
  const [listener, client, accepted] = pair('inet', '127.0.0.1', 4010, IPPROTO_MPTCP);
  Object.assign(made, { mptcp: listener, mptcpClient: client, mptcpAccepted: accepted });
}

/** A packet socket whose memberships do not fit into one message of the kernel's, between two others. */
function crowded(): void {
  made.before = packetBound(open('packet', 'raw'), ETH_P_ALL, LOOPBACK);
  const fd = packetBound(open('packet', 'raw'), ETH_P_ALL, LOOPBACK);
  for (let count = 0; count < 1000; count++) {
    const membership = Buffer.from([LOOPBACK, 0, 0, 0, 0, 0, 6, 0, 1, 0, 0x5e, 0, count >> 8, count & 0xff, 0, 0]);
    option(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership);
  }
  made.crowded = fd;
  made.after = packetBound(open('packet', 'raw'), ETH_P_ALL, LOOPBACK);
}

const SORTS: Readonly<Record<string, () => void>> = {
  tcp,
  /** Bound, and neither listening nor connected. */
  bound: () => {
    made.boundOnly = bound(open('inet', 'stream'), inet('127.0.0.1', 4006));
  },
  udp,
  unix,
  packet,
  netlink: () => {
    made.route = netlinkBound(NETLINK_ROUTE, 0b10001);
    made.uevent = netlinkBound(NETLINK_KOBJECT_UEVENT, 1);
  },
  raw: () => {
    made.raw = open('inet', 'raw', IPPROTO_ICMP);
  },
  unbound: () => {
    made.unbound = open('inet', 'dgram');
  },
  mptcp,
  crowded,
};

const home = openOwn();
const there = must(openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC), 'open netns');
must(setns(there, CLONE_NEWNET), 'setns');
const sorts = wanted.length > 0 ? wanted : Object.keys(SORTS).filter((sort) => sort !== 'crowded');
for (const sort of sorts) SORTS[sort]?.();
must(setns(home, CLONE_NEWNET), 'setns home');
for (const fd of [home, there]) close(fd);
process.stdin.on('end', () => process.exit(0)).resume();
process.stdout.write(`${JSON.stringify(made)}\n`);
