import { type ContainersData, containers } from './containers.ts';
import type { Collector } from './contract.ts';
import { type DescriptorsData, descriptors } from './descriptors.ts';
import { type HandlesData, handles } from './handles.ts';
import { type HostData, host } from './host.ts';
import { type IdentityData, identity } from './identity.ts';
import { type KernelData, kernel } from './kernel.ts';
import { type ListnsData, listns } from './listns.ts';
import { type MountsData, mounts } from './mounts.ts';
import { type PinnedMountsData, pinnedMounts } from './pinned-mounts.ts';
import { type TasksData, tasks } from './tasks.ts';

/** What each stage leaves for those after it; absent when it was switched off or failed. */
export interface Gathered {
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
] as const satisfies readonly Collector<keyof Gathered>[];
