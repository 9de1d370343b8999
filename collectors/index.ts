import type { Discrepancy } from '../src/model/index.ts';
import { addresses } from './addresses.ts';
import { type ContainersData, containers } from './containers.ts';
import type { Collector } from './contract.ts';
import { type DescriptorsData, descriptors } from './descriptors.ts';
import { firewall } from './firewall.ts';
import type { Guide } from './guide.ts';
import { type HandlesData, handles } from './handles.ts';
import { type HostData, host } from './host.ts';
import { type IdentityData, identity } from './identity.ts';
import type { InsideCollector } from './inside/contract.ts';
import { type KernelData, kernel } from './kernel.ts';
import { links } from './links.ts';
import { type ListnsData, listns } from './listns.ts';
import { type MountsData, mounts } from './mounts.ts';
import { neighbours } from './neighbours.ts';
import type { NsidResolution } from './nsids/follow.ts';
import { nsids } from './nsids.ts';
import { type PinnedMountsData, pinnedMounts } from './pinned-mounts.ts';
import { procnet } from './procnet.ts';
import { routes } from './routes.ts';
import { sockets } from './sockets.ts';
import { type TasksData, tasks } from './tasks.ts';

/** What each stage leaves for those after it; absent when it was switched off or failed. */
export interface Gathered {
  /** Where userland is to look, by the kernel's word; absent: everywhere. */
  guide?: Guide;
  host?: HostData;
  tasks?: TasksData;
  mounts?: MountsData;
  descriptors?: DescriptorsData;
  'pinned-mounts'?: PinnedMountsData;
  kernel?: KernelData;
  handles?: HandlesData;
  listns?: ListnsData;
  identity?: IdentityData;
  containers?: ContainersData;
  /** Which namespaces the ids stand for that others have for them. */
  nsids?: NsidResolution;
  /** What two ways of asking for the inside of a namespace did not agree on, by its number. */
  discrepancies?: ReadonlyMap<number, readonly Discrepancy[]>;
  /** What is inside the namespaces that were looked into, by their number. */
  inside?: ReadonlyMap<number, InsideData>;
}

/** Every source, in the order they run: a later one may read what an earlier one gathered. */
export const COLLECTORS = [
  host,
  tasks,
  mounts,
  descriptors,
  pinnedMounts,
  kernel,
  handles,
  listns,
  identity,
  containers,
] as const satisfies readonly Collector<Exclude<keyof Gathered, 'guide' | 'inside' | 'nsids' | 'discrepancies'>>[];

/** Every source of what is inside a namespace, asked in this order of each namespace that is looked into. */
export const INSIDE = [nsids, links, addresses, routes, neighbours, sockets, procnet, firewall] as const;

type InsideDataOf<Row> =
  Row extends InsideCollector<infer Name, infer Data> ? { readonly [Key in Name]?: Data } : never;
type Intersection<Union> = (Union extends unknown ? (each: Union) => void : never) extends (all: infer All) => void
  ? All
  : never;

/** What each of them left of one namespace; absent where it was not asked or could not tell. */
export type InsideData = Intersection<InsideDataOf<(typeof INSIDE)[number]>> & {
  /** `monotonic()` of the collecting thread when it was entered. */
  readonly at: number;
};

export type InsideSource = (typeof INSIDE)[number]['name'];
