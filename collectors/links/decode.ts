import type { DeviceCounters, DeviceDetails, Settings } from '../../src/model/index.ts';
import { eachAttribute, hardwareAddress, ipv4, ipv6, text, u64, unsigned } from '../../src/os/netlink/attributes.ts';
import { flagNames, operstateName } from '../../src/os/netlink/device-names.ts';
import { named } from '../../src/os/netlink/names.ts';
import { sanitise } from '../../src/terminal/sanitise.ts';
import type { LinkRecord } from '../links.ts';
import { decodeSettings } from './fields.ts';
import { KINDS, PORT_KINDS } from './kinds.ts';
import { ADDRESS_GENERATIONS, LINK_MODES, linkTypeName, XDP_MODES } from './names.ts';

/** struct ifinfomsg: family, type, ifindex, flags, change (rtnetlink(7)). */
const HEADER = 16;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A device while its attributes are read. */
interface Draft {
  /** ARPHRD_… */
  readonly type: number;
  readonly link: Mutable<LinkRecord>;
  readonly details: Mutable<DeviceDetails>;
}

type Read = (draft: Draft, bytes: Buffer, at: number, end: number) => void;

const NO_SETTINGS: Settings = {};
const NO_NAMES: readonly string[] = [];

/** Kinds whose IFLA_LINK is always their own ifindex: they have no ndo_get_iflink (dev_get_iflink, net/core/dev.c). */
const WITHOUT_LINK: ReadonlySet<string> = new Set(['vxlan', 'geneve', 'bareudp', 'amt', 'gtp', 'ppp']);

/** ARPHRD_TUNNEL, SIT, IPGRE and ARPHRD_TUNNEL6, IP6GRE: their link layer is IP. */
const OVER_IPV4: ReadonlySet<number> = new Set([768, 776, 778]);
const OVER_IPV6: ReadonlySet<number> = new Set([769, 823]);

/** An address of the link layer (ll_addr_n2a, lib/ll_addr.c of iproute2); null where there is none. */
function linkAddress(type: number, bytes: Buffer, at: number, end: number): string | null {
  const size = end - at;
  if (size === 0) return null;
  if (size === 4 && OVER_IPV4.has(type)) return ipv4(bytes, at);
  return size === 16 && OVER_IPV6.has(type) ? ipv6(bytes, at) : hardwareAddress(bytes, at, end);
}

/** Bytes of struct rtnl_link_stats64 that are read; newer kernels send more. */
const COUNTERS = 144;

/** struct rtnl_link_stats64 (include/uapi/linux/if_link.h); null when it is too short for one. */
export function decodeCounters(bytes: Buffer, at: number, end: number): DeviceCounters | null {
  if (end - at < COUNTERS) return null;
  return {
    rxBytes: u64(bytes, at + 16),
    rxPackets: u64(bytes, at),
    rxErrors: u64(bytes, at + 32),
    rxDropped: u64(bytes, at + 48),
    rxMissed: u64(bytes, at + 120),
    multicast: u64(bytes, at + 64),
    txBytes: u64(bytes, at + 24),
    txPackets: u64(bytes, at + 8),
    txErrors: u64(bytes, at + 40),
    txDropped: u64(bytes, at + 56),
    txCarrierErrors: u64(bytes, at + 136),
    collisions: u64(bytes, at + 72),
  };
}

function safe(bytes: Buffer, at: number, end: number): string {
  return sanitise(text(bytes, at, end)).text;
}

/** IFLA_INFO_…: the kernel names a kind before it tells its settings (rtnl_link_info_fill). */
const INFO: Readonly<Record<number, Read>> = {
  1: ({ link }, bytes, at, end) => {
    link.kind = safe(bytes, at, end);
  },
  2: ({ link, details }, bytes, at, end) => {
    const kind = KINDS.get(link.kind ?? '');
    if (kind !== undefined) details.settings = decodeSettings(kind, bytes, at, end);
  },
  4: ({ details }, bytes, at, end) => {
    details.portKind = safe(bytes, at, end);
  },
  5: ({ details }, bytes, at, end) => {
    const kind = PORT_KINDS.get(details.portKind ?? '');
    if (kind !== undefined) details.portSettings = decodeSettings(kind, bytes, at, end);
  },
};

const AF_INET6 = 10;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IFLA_ALT_IFNAME = 53;

function readXdp(bytes: Buffer, start: number, stop: number): DeviceDetails['xdp'] {
  let mode = 0;
  // IFLA_XDP_PROG_ID, or, where several are attached, those of the driver, the generic one, the hardware.
  const programs = [0, 0, 0, 0];
  eachAttribute(bytes, start, stop, (type, at, end) => {
    if (type === 2) mode = unsigned(bytes, at, end);
    else if (type >= 4 && type <= 7) programs[type - 4] = unsigned(bytes, at, end);
  });
  if (mode === 0) return null;
  return { mode: named(XDP_MODES, mode), program: programs.find((program) => program !== 0) ?? null };
}

/** IFLA_…, include/uapi/linux/if_link.h. */
const ATTRIBUTES: Readonly<Record<number, Read>> = {
  1: ({ link, type }, bytes, at, end) => {
    link.address = linkAddress(type, bytes, at, end);
  },
  2: ({ details, type }, bytes, at, end) => {
    details.broadcast = linkAddress(type, bytes, at, end);
  },
  3: ({ link }, bytes, at, end) => {
    const { text: name, raw } = sanitise(text(bytes, at, end));
    link.name = name;
    if (raw !== undefined) link.rawName = raw;
  },
  4: ({ link }, bytes, at, end) => {
    link.mtu = unsigned(bytes, at, end);
  },
  5: ({ details }, bytes, at, end) => {
    details.link = unsigned(bytes, at, end);
  },
  6: ({ details }, bytes, at, end) => {
    details.queueingDiscipline = safe(bytes, at, end);
  },
  10: ({ details }, bytes, at, end) => {
    details.master = unsigned(bytes, at, end);
  },
  13: ({ details }, bytes, at, end) => {
    details.txQueueLength = unsigned(bytes, at, end);
  },
  16: ({ link }, bytes, at, end) => {
    link.operstate = operstateName(unsigned(bytes, at, end));
  },
  17: ({ details }, bytes, at, end) => {
    details.linkMode = named(LINK_MODES, unsigned(bytes, at, end));
  },
  18: (draft, bytes, start, stop) => {
    eachAttribute(bytes, start, stop, (type, at, end) => INFO[type]?.(draft, bytes, at, end));
  },
  20: ({ details }, bytes, at, end) => {
    details.alias = safe(bytes, at, end);
  },
  23: ({ link }, bytes, at, end) => {
    link.counters = decodeCounters(bytes, at, end);
  },
  26: ({ details }, bytes, start, stop) => {
    eachAttribute(bytes, start, stop, (family, from, to) => {
      if (family !== AF_INET6) return;
      eachAttribute(bytes, from, to, (type, at, end) => {
        if (type === IFLA_INET6_ADDR_GEN_MODE)
          details.addressGeneration = named(ADDRESS_GENERATIONS, unsigned(bytes, at, end));
      });
    });
  },
  27: ({ details }, bytes, at, end) => {
    details.group = unsigned(bytes, at, end);
  },
  30: ({ details }, bytes, at, end) => {
    details.promiscuity = unsigned(bytes, at, end);
  },
  31: ({ details }, bytes, at, end) => {
    details.txQueues = unsigned(bytes, at, end);
  },
  32: ({ details }, bytes, at, end) => {
    details.rxQueues = unsigned(bytes, at, end);
  },
  33: ({ details }, bytes, at, end) => {
    details.carrier = unsigned(bytes, at, end) !== 0;
  },
  35: ({ details }, bytes, at, end) => {
    details.carrierChanges = unsigned(bytes, at, end);
  },
  37: ({ details }, bytes, at, end) => {
    if (end - at >= 4) details.linkNsid = bytes.readInt32LE(at);
  },
  40: ({ details }, bytes, at, end) => {
    details.gsoMaxSegments = unsigned(bytes, at, end);
  },
  41: ({ details }, bytes, at, end) => {
    details.gsoMaxSize = unsigned(bytes, at, end);
  },
  43: ({ details }, bytes, at, end) => {
    details.xdp = readXdp(bytes, at, end);
  },
  50: ({ details }, bytes, at, end) => {
    details.minMtu = unsigned(bytes, at, end);
  },
  51: ({ details }, bytes, at, end) => {
    details.maxMtu = unsigned(bytes, at, end);
  },
  52: ({ details }, bytes, start, stop) => {
    const names: string[] = [];
    eachAttribute(bytes, start, stop, (type, at, end) => {
      if (type === IFLA_ALT_IFNAME) names.push(safe(bytes, at, end));
    });
    details.alternativeNames = names;
  },
  54: ({ details, type }, bytes, at, end) => {
    details.permanentAddress = linkAddress(type, bytes, at, end);
  },
  56: ({ details }, bytes, at, end) => {
    details.busDevice = safe(bytes, at, end);
  },
  57: ({ details }, bytes, at, end) => {
    details.bus = safe(bytes, at, end);
  },
  61: ({ details }, bytes, at, end) => {
    details.allmulti = unsigned(bytes, at, end);
  },
};

/** Whether IFLA_LINK says nothing: 0 is no device, and the own ifindex stands for none but where it counts elsewhere. */
function leadsNowhere({ ifindex, kind }: LinkRecord, { link, linkNsid }: DeviceDetails): boolean {
  return link === 0 || (link === ifindex && (linkNsid === null || WITHOUT_LINK.has(kind ?? '')));
}

/** What a tunnel leaves by where its settings alone say so (IFLA_VXLAN_LINK); null for any device. */
function underlayOf({ settings: { link } }: DeviceDetails): number | null {
  const [, ifindex] = (typeof link === 'string' && /^if([1-9]\d*)$/.exec(link)) || [];
  return ifindex === undefined ? null : Number(ifindex);
}

/** One RTM_NEWLINK message, from its struct ifinfomsg on. What sysfs alone knows, the driver, is not in it. */
export function decodeLink(bytes: Buffer, at: number, end: number): LinkRecord | null {
  if (end - at < HEADER) return null;
  const type = bytes.readUInt16LE(at + 2);
  const details: Mutable<DeviceDetails> = {
    linkType: linkTypeName(type),
    permanentAddress: null,
    broadcast: null,
    alternativeNames: NO_NAMES,
    alias: null,
    carrier: null,
    carrierChanges: null,
    promiscuity: null,
    allmulti: null,
    minMtu: null,
    maxMtu: null,
    queueingDiscipline: null,
    txQueueLength: null,
    txQueues: null,
    rxQueues: null,
    gsoMaxSize: null,
    gsoMaxSegments: null,
    group: 0,
    linkMode: 'default',
    addressGeneration: null,
    master: null,
    link: null,
    linkNsid: null,
    settings: NO_SETTINGS,
    portKind: null,
    portSettings: NO_SETTINGS,
    xdp: null,
    bus: null,
    busDevice: null,
    driver: null,
  };
  const link: Mutable<LinkRecord> = {
    ifindex: bytes.readInt32LE(at + 4),
    name: '',
    kind: null,
    flags: flagNames(bytes.readUInt32LE(at + 8)),
    operstate: 'unknown',
    address: null,
    mtu: null,
    counters: null,
    details,
  };
  const draft: Draft = { type, link, details };
  eachAttribute(bytes, at + HEADER, end, (attribute, from, to) => {
    if (to > from) ATTRIBUTES[attribute]?.(draft, bytes, from, to);
  });
  if (leadsNowhere(link, details)) details.link = underlayOf(details);
  return link;
}
