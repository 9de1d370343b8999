/** Changing devices by rtnetlink(7). Names are bytes, one character each (latin1). */
import { SystemError } from '../errors.ts';
import { errno, ioctlPointer } from '../libc.ts';
import { type Attribute, encodeAttributes, text } from './attributes.ts';
import { acknowledgedRequest, getRequest, type NetlinkSocket } from './socket.ts';

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const IFLA_IFNAME = 3;
const IFLA_NET_NS_FD = 28;
const IFF_UP = 1;

// include/uapi/linux/sockios.h, include/uapi/linux/if.h
const SIOCGIFNAME = 0x8910;
const SIOCGIFFLAGS = 0x8913;
/** struct ifreq: a name of 16 bytes, and what is asked or answered. */
const IFREQ_VALUE = 16;

/** struct ifinfomsg: family, type, ifindex at 4, flags at 8, change at 12. */
const LINK_HEADER = 16;

function message(
  ifindex: number,
  { up, attributes = [] }: { up?: boolean; attributes?: readonly Attribute[] },
): Buffer {
  const header = Buffer.alloc(LINK_HEADER);
  header.writeInt32LE(ifindex, 4);
  if (up !== undefined) {
    header.writeUInt32LE(up ? IFF_UP : 0, 8);
    header.writeUInt32LE(IFF_UP, 12);
  }
  return Buffer.concat([header, encodeAttributes(attributes)]);
}

function nameBytes(name: string): Buffer {
  return Buffer.from(`${name}\0`, 'latin1');
}

/** What a device is called, and whether it is up. */
export interface LinkFacts {
  readonly name: string;
  readonly up: boolean;
}

/**
 * A device by its number, by netdevice(7) ioctls through the socket, which belongs to its namespace: RTM_GETLINK would
 * assign an id to the namespace its peer is in (rtnl_fill_link_netnsid).
 *
 * @throws SystemError ENODEV when there is none.
 */
export function linkFacts({ fd }: NetlinkSocket, ifindex: number): LinkFacts {
  const request = Buffer.alloc(40); // struct ifreq
  request.writeInt32LE(ifindex, IFREQ_VALUE);
  if (ioctlPointer(fd, SIOCGIFNAME, request) < 0) throw new SystemError('SIOCGIFNAME', `device ${ifindex}`, errno());
  const name = text(request, 0, IFREQ_VALUE);
  if (ioctlPointer(fd, SIOCGIFFLAGS, request) < 0) throw new SystemError('SIOCGIFFLAGS', `device ${ifindex}`, errno());
  return { name, up: (request.readUInt16LE(IFREQ_VALUE) & IFF_UP) !== 0 };
}

/** Sets a device up or down. @throws SystemError */
export function setLink(socket: NetlinkSocket, ifindex: number, up: boolean): void {
  socket.ask(acknowledgedRequest('RTM_NEWLINK', RTM_NEWLINK, 0, message(ifindex, { up })), () => null);
}

/**
 * Moves a device to another namespace and names it there, in one (do_setlink, __dev_change_net_namespace).
 *
 * @param netns an open descriptor of that namespace.
 * @throws SystemError EINVAL for a device that cannot leave its namespace, EEXIST where the name is taken.
 */
export function moveLink(socket: NetlinkSocket, ifindex: number, netns: number, name: string): void {
  const attributes: readonly Attribute[] = [
    [IFLA_NET_NS_FD, netns],
    [IFLA_IFNAME, nameBytes(name)],
  ];
  socket.ask(acknowledgedRequest('RTM_NEWLINK', RTM_NEWLINK, 0, message(ifindex, { attributes })), () => null);
}

/** Whether a device has this name. Asked by rtnetlink: an ioctl would look for a module of that name. @throws SystemError */
export function hasLinkNamed(socket: NetlinkSocket, name: string): boolean {
  const body = message(0, { attributes: [[IFLA_IFNAME, nameBytes(name)]] });
  try {
    socket.ask(getRequest('RTM_GETLINK', RTM_GETLINK, body), () => null);
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.code === 'ENODEV') return false;
    throw error;
  }
}
