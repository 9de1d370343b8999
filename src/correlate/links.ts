import type { Gathered } from '../../collectors/index.ts';
import type { LinkRecord } from '../../collectors/links.ts';
import type { TableDevice } from '../../collectors/procnet/devices.ts';
import type { Device, DeviceReference } from '../model/index.ts';
import { devicesByNamespace } from './devices.ts';

/** Kinds whose IFLA_LINK is the other end of a cable; that of all others is what they sit on. */
const PAIRED: ReadonlySet<string> = new Set(['veth', 'netkit']);

/** Kinds that never say in which namespace their IFLA_LINK counts: they have no get_link_net (drivers/net/ipvlan/ipvtap.c). */
const SILENT: ReadonlySet<string> = new Set(['ipvtap']);

function key(netns: number, ifindex: number): string {
  return `${netns} ${ifindex}`;
}

/**
 * Whether it is a piece of hardware: it sits on a bus (IFLA_PARENT_DEV_BUS_NAME, Linux 5.14, or sysfs), whatever its
 * kind: CAN and WWAN devices have one. Null where that is not told and nothing says that it is made of software.
 */
function isPhysical({ kind, flags, details, plugged }: LinkRecord): boolean | null {
  if (plugged || details?.bus != null) return true;
  return kind !== null || flags.includes('loopback') ? false : null;
}

/** A device as rtnetlink alone has it, before it is known what it is connected to. */
function fromLink(link: LinkRecord): Device {
  const { plugged: _, ...shown } = link;
  return { ...shown, references: null, physical: isPhysical(link), peer: null, lower: [], upper: [] };
}

/** A device that only `/proc/net/dev` shows: its name and its counters are all there is. */
function fromTable(device: TableDevice): Device {
  const loopback = device.ifindex === 1;
  return {
    ...device,
    kind: null,
    flags: loopback ? ['loopback'] : [],
    operstate: 'unknown',
    address: null,
    mtu: null,
    references: null,
    physical: loopback ? false : null,
    peer: null,
    lower: [],
    upper: [],
    details: null,
  };
}

/**
 * What both have of a device; the kernel's own view knows what it is connected to.
 *
 * @param newer rtnetlink was asked after the kernel's view was taken: what both tell is what it says.
 */
function both(device: Device, link: LinkRecord, newer: boolean): Device {
  const { references, peer, lower, upper, flags, operstate, address, mtu } = device;
  const since = newer ? null : { flags, operstate, address, mtu };
  const { plugged: _, ...shown } = link;
  return { ...shown, ...since, references, physical: isPhysical(link), peer, lower, upper };
}

/** It is the same device, not another that has its number by now. */
function isSame(device: Device, link: LinkRecord): boolean {
  return device.name === link.name || (device.kind === link.kind && device.address === link.address);
}

/** What the devices of all namespaces say of each other. */
class Cabling {
  readonly #devices = new Map<string, Device>();
  readonly #resolved: NonNullable<Gathered['nsids']>['resolved'];
  readonly lower = new Map<string, DeviceReference[]>();
  readonly upper = new Map<string, DeviceReference[]>();
  readonly peer = new Map<string, DeviceReference>();

  constructor(byNamespace: ReadonlyMap<number, readonly Device[]>, { nsids }: Gathered) {
    this.#resolved = nsids?.resolved ?? new Map();
    for (const [netns, devices] of byNamespace) {
      for (const device of devices) if (device.ifindex !== null) this.#devices.set(key(netns, device.ifindex), device);
    }
    for (const [netns, devices] of byNamespace) for (const device of devices) this.#connect(netns, device);
  }

  #reference(netns: number, ifindex: number): DeviceReference {
    const name = this.#devices.get(key(netns, ifindex))?.name ?? null;
    return { netns, ifindex, name, certainty: 'certain' };
  }

  /**
   * The other end of a cable into a namespace whose id nobody could tell: the only device that says of this one what this
   * one says of it, and is not known to belong to another.
   */
  #guess(netns: number, { ifindex, kind, details }: Device): DeviceReference | null {
    if (details?.link == null || kind === null || !PAIRED.has(kind)) return null;
    const fitting = [...this.#devices.entries()].flatMap(([at, other]) => {
      const there = Number(at.split(' ', 1)[0]);
      const { details: theirs, name } = other;
      if (there === netns || other.ifindex !== details.link || other.kind !== kind) return [];
      if (theirs === null || theirs.link !== ifindex || theirs.linkNsid === null) return [];
      const standsFor = this.#resolved.get(there)?.get(theirs.linkNsid);
      return standsFor === undefined || standsFor === netns ? [{ there, name, certain: standsFor === netns }] : [];
    });
    const sure = fitting.filter(({ certain }) => certain);
    const [only, ...rest] = sure.length > 0 ? sure : fitting;
    if (only === undefined || rest.length > 0) return null;
    const { there, name, certain } = only;
    return { netns: there, ifindex: details.link, name, certainty: certain ? 'certain' : 'probable' };
  }

  /** Where a device without an id for the namespace of its link has that: here, if there is such a device here. */
  #hereOrNowhere(netns: number, link: number): number | undefined {
    return this.#devices.has(key(netns, link)) ? netns : undefined;
  }

  #connect(netns: number, device: Device): void {
    const { ifindex, kind, details } = device;
    if (ifindex === null || details === null) return;
    const here = this.#reference(netns, ifindex);
    if (details.master !== null) {
      add(this.upper, key(netns, ifindex), this.#reference(netns, details.master));
      add(this.lower, key(netns, details.master), here);
    }
    if (details.link === null) return;
    const { link, linkNsid } = details;
    const there = linkNsid === null ? this.#hereOrNowhere(netns, link) : this.#resolved.get(netns)?.get(linkNsid);
    const reference: DeviceReference =
      there !== undefined
        ? { ...this.#reference(there, link), certainty: SILENT.has(kind ?? '') ? 'probable' : 'certain' }
        : (this.#guess(netns, device) ?? {
            netns: null,
            ifindex: link,
            name: null,
            certainty: 'certain',
            // -1: it has none.
            ...(linkNsid === null || linkNsid < 0 ? null : { nsid: linkNsid }),
          });
    if (kind !== null && PAIRED.has(kind)) {
      this.peer.set(key(netns, ifindex), reference);
      return;
    }
    add(this.lower, key(netns, ifindex), reference);
    if (reference.netns !== null)
      add(this.upper, key(reference.netns, link), { ...here, certainty: reference.certainty });
  }
}

/** All of the one, and those of the other that are not among them. */
function together(some: readonly DeviceReference[], others: readonly DeviceReference[]): readonly DeviceReference[] {
  const known = new Set(some.map(({ netns, ifindex }) => `${netns} ${ifindex}`));
  const more = others.filter(({ netns, ifindex }) => !known.has(`${netns} ${ifindex}`));
  return more.length === 0 ? some : [...some, ...more];
}

function add(to: Map<string, DeviceReference[]>, at: string, reference: DeviceReference): void {
  const known = to.get(at);
  if (known === undefined) to.set(at, [reference]);
  else known.push(reference);
}

/**
 * Devices of one namespace with what was just read of them; null when there are others by now, or other names, so that
 * what is connected to what has to be worked out anew.
 */
export function refreshDevices(devices: readonly Device[], links: readonly LinkRecord[]): Device[] | null {
  if (devices.length !== links.length) return null;
  const byIndex = new Map(links.map((link) => [link.ifindex, link]));
  const refreshed: Device[] = [];
  for (const device of devices) {
    const link = device.ifindex === null ? undefined : byIndex.get(device.ifindex);
    if (link === undefined || link.name !== device.name || link.details?.master !== device.details?.master) return null;
    refreshed.push(both(device, link, true));
  }
  return refreshed;
}

/**
 * Devices by the namespace they are in: what the kernel's own view and rtnetlink have of each, and what it is connected
 * to, in whatever namespace that is. Null where neither was asked.
 */
export function joinDevices(gathered: Gathered): Map<number, readonly Device[]> | null {
  const { kernel, inside } = gathered;
  const listed = kernel === undefined || kernel.devices.length === 0 ? null : devicesByNamespace(kernel);
  const joined = new Map<number, Device[]>(listed ?? []);
  let asked = listed !== null;
  for (const [netns, { at, links, procnet }] of inside ?? []) {
    const known = listed?.get(netns);
    if (links === undefined) {
      if (known !== undefined || procnet?.devices == null) continue;
      asked = true;
      joined.set(netns, procnet.devices.map(fromTable));
      continue;
    }
    asked = true;
    const newer = kernel === undefined || listed === null || at >= kernel.at;
    const byIndex = new Map(links.links.map((link) => [link.ifindex, link]));
    const devices = (known ?? []).map((device) => {
      const link = device.ifindex === null ? undefined : byIndex.get(device.ifindex);
      if (link === undefined || !isSame(device, link)) return device;
      byIndex.delete(link.ifindex);
      return both(device, link, newer);
    });
    // What the kernel's list, taken after it, does not have any more is gone.
    if (newer) for (const link of byIndex.values()) devices.push(fromLink(link));
    joined.set(netns, devices);
  }
  if (!asked) return null;
  const cabling = new Cabling(joined, gathered);
  const result = new Map<number, readonly Device[]>();
  for (const [netns, devices] of joined) {
    result.set(
      netns,
      devices.map((device) => {
        if (device.ifindex === null) return device;
        const at = key(netns, device.ifindex);
        const peer = device.peer ?? cabling.peer.get(at) ?? null;
        // The kernel's lists of what is stacked on what lack tunnels and what they leave by.
        const lower = device.lower.length > 0 ? device.lower : (cabling.lower.get(at) ?? []);
        const upper = together(device.upper, cabling.upper.get(at) ?? []);
        return { ...device, peer, lower, upper };
      }),
    );
  }
  return result;
}
