/**
 * Which devices a question by rtnetlink would change something about: when a device is connected to another namespace,
 * rtnl_fill_link_netnsid (net/core/rtnetlink.c, Linux 4.0) gives that namespace an id here if it has none
 * (docs/decisions/0010-no-nsid-assigned.md).
 */
import { SystemError } from '../../src/os/errors.ts';
import { close } from '../../src/os/libc.ts';
import type { NetlinkSocket } from '../../src/os/netlink/socket.ts';
import { namespaceLink, nsfsDevice } from '../../src/os/nsfs.ts';
import { openNamespace, type Way } from '../../src/os/open-namespace.ts';
import type { Gathered } from '../index.ts';
import type { Inside } from '../inside/contract.ts';
import type { KernelData, KernelDevice } from '../kernel.ts';
import { askIdOf } from '../nsids/ask.ts';
import { waysIn } from '../ways.ts';

/** Kinds that come in pairs: the probe knows the other end of the first two, unless it cannot read their driver. */
const PAIRS: ReadonlySet<string> = new Set(['veth', 'netkit', 'vxcan']);

/** The devices of a namespace as the kernel has them, and which of them are connected to others. */
export interface Connections {
  readonly devices: KernelDevice[];
  /** By ifindex: the namespaces a device is connected to, other than its own. */
  readonly abroad: Map<number, number[]>;
  /** There is a device of which nobody can tell where its other end is. */
  uncertain: boolean;
}

const connections = new WeakMap<KernelData, ReadonlyMap<number, Connections>>();

function connect(kernel: KernelData): Map<number, Connections> {
  const found = new Map<number, Connections>();
  const add = (netns: number, ifindex: number, other: number) => {
    const abroad = found.get(netns)?.abroad;
    const known = abroad?.get(ifindex);
    if (known === undefined) abroad?.set(ifindex, [other]);
    else known.push(other);
  };
  for (const device of kernel.devices) {
    const { netns, ifindex, kind, peer } = device;
    const here = found.get(netns);
    const uncertain = peer === null && PAIRS.has(kind);
    if (here === undefined) found.set(netns, { devices: [device], abroad: new Map(), uncertain });
    else {
      here.devices.push(device);
      here.uncertain ||= uncertain;
    }
    if (peer !== null && peer.netns !== netns) add(netns, ifindex, peer.netns);
  }
  for (const { netns, ifindex, lowerNetns } of kernel.stack) {
    if (lowerNetns !== netns) add(netns, ifindex, lowerNetns);
  }
  return found;
}

/** What the kernel's own view has of a namespace; null where there is no such view, or it is older than the namespace. */
export function connectionsOf({ ino, gathered: { kernel } }: Inside): Connections | null {
  if (kernel === undefined) return null;
  let found = connections.get(kernel);
  if (found === undefined) {
    found = connect(kernel);
    connections.set(kernel, found);
  }
  return found.get(ino) ?? null;
}

interface Roads {
  readonly ways: ReadonlyMap<number, readonly Way[]>;
  readonly device: number;
}

/** Ways into all namespaces, found once for each scan. */
const roads = new WeakMap<Gathered, Roads>();

function roadsOf({ context, gathered }: Inside): Roads {
  const known = roads.get(gathered);
  if (known !== undefined) return known;
  const { procfs } = context;
  const ways = waysIn(gathered);
  const own = procfs.live ? namespaceLink(procfs.fd, 'thread-self/ns/net') : 0;
  // Most are connected to this one, which has the most ways in: we are one ourselves.
  if (own > 0) ways.set(own, [{ holder: { kind: 'task', pid: process.pid, tid: process.pid, threads: 1 } }]);
  const found = { ways, device: nsfsDevice(procfs.fd) ?? -1 };
  roads.set(gathered, found);
  return found;
}

/** Why a device must not be asked about. */
export type Reason = 'unassigned' | 'unknown';

/** Whether another namespace has an id here; null for one that does. */
function whyNot(inside: Inside, route: NetlinkSocket, other: number): Reason | null {
  const { ways, device } = roadsOf(inside);
  const opened = openNamespace(inside.context.procfs, other, device, ways.get(other) ?? []);
  if (opened.fd === null) return 'unknown';
  try {
    return askIdOf(route, opened.fd) === null ? 'unassigned' : null;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return 'unknown';
  } finally {
    close(opened.fd);
  }
}

/** Devices that must not be asked about, by their ifindex. */
export function sparedDevices(inside: Inside, route: NetlinkSocket, { abroad }: Connections): Map<number, Reason> {
  const spared = new Map<number, Reason>();
  const answers = new Map<number, Reason | null>();
  for (const [ifindex, others] of abroad) {
    for (const other of others) {
      let why = answers.get(other);
      if (why === undefined) {
        why = whyNot(inside, route, other);
        answers.set(other, why);
      }
      if (why !== null) spared.set(ifindex, why);
    }
  }
  return spared;
}
