import type { Device, DeviceCounters, Issue, Settings } from '../src/model/index.ts';
import { SystemError } from '../src/os/errors.ts';
import { eachAttribute } from '../src/os/netlink/attributes.ts';
import { flagNames, operstateOf } from '../src/os/netlink/device-names.ts';
import { dumpRequest, getRequest, NETLINK_ROUTE, type NetlinkSocket } from '../src/os/netlink/socket.ts';
import type { Inside, InsideCollector, Inspected } from './inside/contract.ts';
import type { KernelDevice } from './kernel.ts';
import { decodeCounters, decodeLink } from './links/decode.ts';
import { unnamedDevice } from './links/fields.ts';
import { sysfsSpeaksFor, withHardware } from './links/hardware.ts';
import { type Connections, connectionsOf, type Reason, sparedDevices } from './links/ids.ts';
import { KINDS, PORT_KINDS } from './links/kinds.ts';
import { askIds } from './nsids/ask.ts';

// include/uapi/linux/rtnetlink.h
const RTM_GETLINK = 18;
const RTM_GETSTATS = 94;
/** struct ifinfomsg */
const LINK_HEADER = 16;
/** struct if_stats_msg */
const STATS_HEADER = 12;
const IFLA_STATS_LINK_64 = 1;

/** Without IFLA_EXT_MASK virtual functions, of which a card may have hundreds, are left out. */
const ALL = dumpRequest('RTM_GETLINK', RTM_GETLINK, Buffer.alloc(LINK_HEADER));
const ONE = getRequest('RTM_GETLINK', RTM_GETLINK, Buffer.alloc(LINK_HEADER));
const COUNTERS = getRequest('RTM_GETSTATS', RTM_GETSTATS, Buffer.alloc(STATS_HEADER));
COUNTERS.bytes.writeUInt32LE(1 << (IFLA_STATS_LINK_64 - 1), COUNTERS.bytes.length - 4);
/** Where both have the ifindex, netlink's own header counted. */
const IFINDEX = 20;

/** A device as rtnetlink has it: what it is connected to is still to be found out. */
export type LinkRecord = Omit<Device, 'references' | 'physical' | 'peer' | 'lower' | 'upper'> & {
  readonly ifindex: number;
  /** Sysfs has it on a bus; told also of a device that rtnetlink was not asked about. */
  readonly plugged?: true;
};

export interface LinksData {
  readonly links: readonly LinkRecord[];
}

/** What a single request brings; null when the device is gone. */
function one<T>(ask: () => readonly T[]): T | null {
  try {
    return ask()[0] ?? null;
  } catch (error) {
    if (error instanceof SystemError && error.code === 'ENODEV') return null;
    throw error;
  }
}

function linkOf(route: NetlinkSocket, ifindex: number): LinkRecord | null {
  ONE.bytes.writeInt32LE(ifindex, IFINDEX);
  return one(() => route.ask(ONE, (_, bytes, at, end) => decodeLink(bytes, at, end)).records);
}

/** Counters of one device (RTM_GETSTATS, Linux 4.7): the answer says nothing of other namespaces, so assigns no id. */
function countersOf(route: NetlinkSocket, ifindex: number): DeviceCounters | null {
  COUNTERS.bytes.writeInt32LE(ifindex, IFINDEX);
  let counters: DeviceCounters | null = null;
  route.ask(COUNTERS, (_, bytes, start, stop) => {
    eachAttribute(bytes, start + STATS_HEADER, stop, (type, at, end) => {
      if (type === IFLA_STATS_LINK_64) counters = decodeCounters(bytes, at, end);
    });
    return null;
  });
  return counters;
}

/** What can be said of a device that is not asked about. */
function fromKernel(route: NetlinkSocket, device: KernelDevice): LinkRecord | null {
  const { ifindex, name, rawName, kind, address, mtu } = device;
  let counters: DeviceCounters | null = null;
  try {
    counters = countersOf(route, ifindex);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.code === 'ENODEV') return null;
  }
  return {
    ifindex,
    name,
    ...(rawName === undefined ? null : { rawName }),
    kind: kind === '' ? null : kind,
    flags: flagNames(device.flags),
    operstate: operstateOf(device),
    address: address === '' ? null : address,
    mtu,
    counters,
    details: null,
  };
}

const WHY: Readonly<Record<Reason, string>> = {
  unassigned: "not asked by rtnetlink: that would assign an id to its peer's namespace",
  unknown: "not asked by rtnetlink: its peer's namespace cannot be opened, and may have no id yet",
};

interface Asked {
  readonly links: readonly LinkRecord[];
  readonly interrupted: boolean;
  readonly notes: readonly Issue[];
}

/** Asks about each device by itself, and leaves out those that must not be asked about. */
function askOneByOne(
  { subject }: Inside,
  route: NetlinkSocket,
  { devices }: Connections,
  spared: ReadonlyMap<number, Reason>,
): Asked {
  const links: LinkRecord[] = [];
  const notes: Issue[] = [];
  for (const device of devices) {
    const why = spared.get(device.ifindex);
    const link = why === undefined ? linkOf(route, device.ifindex) : fromKernel(route, device);
    if (link === null) continue;
    links.push(link);
    if (why !== undefined) notes.push({ subject: `${subject} ${link.name}`, reason: WHY[why] });
  }
  return { links, interrupted: false, notes };
}

function askAll(route: NetlinkSocket): Asked {
  const { records: links, interrupted } = route.ask(ALL, (_, bytes, at, end) => decodeLink(bytes, at, end));
  return { links, interrupted, notes: [] };
}

/** Asks about all devices, and says of which the answer had the kernel assign an id to another namespace. */
function askAndCompare({ subject }: Inside, route: NetlinkSocket, ask: () => Asked): Asked {
  const before = new Set(askIds(route).ids);
  const asked = ask();
  const notes = [...asked.notes];
  for (const { name, details } of asked.links) {
    const nsid = details?.linkNsid ?? -1;
    if (nsid < 0 || before.has(nsid)) continue;
    before.add(nsid);
    notes.push({ subject: `${subject} ${name}`, reason: `the kernel assigned id ${nsid} to its peer's namespace` });
  }
  return { ...asked, notes };
}

/** Settings with names where they have devices. */
function nameDevices(settings: Settings, keys: readonly string[] = [], nameOf: (device: string) => string): Settings {
  const present = keys.filter((key) => key in settings);
  if (present.length === 0) return settings;
  return { ...settings, ...Object.fromEntries(present.map((key) => [key, nameOf(String(settings[key]))])) };
}

/** Names the devices that others have in their settings, unless those are in another namespace. */
function withNames(links: readonly LinkRecord[]): readonly LinkRecord[] {
  let names: ReadonlyMap<string, string> | undefined;
  const nameOf = (device: string): string => {
    names ??= new Map(links.map(({ ifindex, name }) => [unnamedDevice(ifindex), name]));
    return names.get(device) ?? device;
  };
  return links.map((link) => {
    const { kind, details } = link;
    if (details === null || (kind === null && details.portKind === null)) return link;
    const here = details.linkNsid === null;
    const settings = here ? nameDevices(details.settings, KINDS.get(kind ?? '')?.devices, nameOf) : details.settings;
    const portSettings = nameDevices(details.portSettings, PORT_KINDS.get(details.portKind ?? '')?.devices, nameOf);
    if (settings === details.settings && portSettings === details.portSettings) return link;
    return { ...link, details: { ...details, settings, portSettings } };
  });
}

function inspectLinks(inside: Inside): Inspected<LinksData> {
  const { subject, own, netlink, context } = inside;
  const route = netlink(NETLINK_ROUTE);
  const known = connectionsOf(inside);
  const spared = known === null || known.abroad.size === 0 ? null : sparedDevices(inside, route, known);
  const ask = () =>
    known === null || spared === null || spared.size === 0 ? askAll(route) : askOneByOne(inside, route, known, spared);
  const asked = known === null || known.uncertain ? askAndCompare(inside, route, ask) : ask();
  const speaksFor = sysfsSpeaksFor(context.sysRoot, own);
  const links = withNames(asked.links).map((link) => withHardware(context.sysRoot, speaksFor, link));
  const missed = asked.interrupted ? [{ subject, reason: 'devices changed while they were read' }] : [];
  return { data: { links }, seen: links.length, missed, notes: asked.notes };
}

/** Network devices with everything `ip -details -statistics link` knows of them. */
export const links = {
  name: 'links',
  view: 'userland',
  reads: 'RTM_GETLINK of rtnetlink(7) in every namespace: devices, their settings and counters; drivers from sysfs',
  needs: 'CAP_SYS_ADMIN over the namespaces that are to be entered; the kernel source, to ask without assigning ids',
  netlink: [NETLINK_ROUTE],
  files: [],
  inspect: inspectLinks,
} as const satisfies InsideCollector<'links', LinksData>;
