import type { Device, Uplink, UplinkStep } from '../model/index.ts';
import type { DeviceNode, NamespaceNode } from './device-graph.ts';
import { hasCarrier, isBarelyKnown } from './device-kinds.ts';
import type { Hop } from './link-ways.ts';

/** Something to say of a way, by the namespace it is about. */
interface Remark {
  readonly at: NamespaceNode;
  readonly text: string;
}

export interface Way {
  readonly reaches: Uplink['reaches'];
  readonly hops: readonly Hop[];
  readonly remarks: readonly Remark[];
  /** How many namespaces route on it. */
  readonly routers: number;
}

export const RANK = { wire: 3, process: 2, unknown: 1, nowhere: 0 } as const;

/** More routers no packet outlives: its time to live is eight bits wide. */
export const MOST_ROUTERS = 255;
/** Hops that are listed of a way that does not arrive: it may be long, and many namespaces may share it. */
const LISTED = 32;

export function arrives({ reaches }: Way): boolean {
  return reaches === 'wire' || reaches === 'process';
}

export function end(reaches: Uplink['reaches'], hops: readonly Hop[], at: NamespaceNode, text: string): Way {
  return { reaches, hops, remarks: [{ at, text }], routers: 0 };
}

export function nameIn(at: NamespaceNode, { name, ifindex, namespace }: DeviceNode): string {
  const device = name ?? `ifindex ${ifindex}`;
  return namespace === at ? device : `${device} of ${namespace.label}`;
}

/** Not where a table tells no more than its name. */
export function isDown(device: Device): boolean {
  return !isBarelyKnown(device) && !device.flags.includes('up');
}

/** A way that goes on by another one, which starts in `router`. */
export function joined(hops: readonly Hop[], way: Way, router: NamespaceNode): Way {
  const routers = way.routers + 1;
  if (routers > MOST_ROUTERS) return end('nowhere', hops, router, `more than ${MOST_ROUTERS} routers on the way`);
  // A bridge that takes a packet may send it out again.
  const again = way.hops[0]?.node === hops.at(-1)?.node;
  const all = [...hops, ...way.hops.slice(again ? 1 : 0)];
  return { ...way, hops: arrives(way) ? all : all.slice(0, LISTED), routers };
}

/** Hops of a way that has begun. */
export type Hops = readonly [Hop, ...Hop[]];

export function lastOf(hops: Hops): DeviceNode {
  return (hops.at(-1) ?? hops[0]).node;
}

export function lostWay(hops: Hops, at: NamespaceNode): Way {
  const last = lastOf(hops);
  const name = nameIn(at, last);
  const text = last.device === null ? `${name} is not in the snapshot` : `what is behind ${name} is not known`;
  return end('unknown', hops, at, text);
}

export function deadEnd(hops: Hops, at: NamespaceNode): Way {
  const last = lastOf(hops);
  const name = nameIn(at, last);
  const text =
    last.device?.kind === 'tun' ? `no process is known to have ${name} open` : `nothing beyond ${name} leads outside`;
  return end('nowhere', hops, at, text);
}

/** The same way with something said of it first. */
export function remarked(way: Way, at: NamespaceNode, text: string): Way {
  return { ...way, remarks: [{ at, text }, ...way.remarks] };
}

/** What keeps a device from carrying anything. */
function ailment(at: NamespaceNode, node: DeviceNode): string[] {
  const { device } = node;
  if (device === null || isBarelyKnown(device)) return [];
  if (isDown(device)) return [`${nameIn(at, node)} is down`];
  return hasCarrier(device) === false ? [`${nameIn(at, node)} has no carrier`] : [];
}

/** As the model has it; what is said of other namespaces names them. */
export function toUplink({ reaches, hops, remarks }: Way, at: NamespaceNode): Uplink {
  const said = remarks.map((remark) => (remark.at === at ? remark.text : `${remark.at.label}: ${remark.text}`));
  const reason = [...new Set([...said, ...hops.flatMap(({ node }) => ailment(at, node))])].join('; ');
  return { reaches, steps: hops.map(stepOf), reason: reason === '' ? null : reason };
}

function stepOf({ node, by, certainty }: Hop): UplinkStep {
  const { ifindex, name, namespace } = node;
  const nsid = namespace.ino === null && namespace.nsid !== null ? { nsid: namespace.nsid } : null;
  return { device: { netns: namespace.ino, ifindex, name, certainty, ...nsid }, by };
}
