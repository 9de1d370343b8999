import type { Route } from '../model/index.ts';
import type { DeviceNode, NamespaceNode } from './device-graph.ts';

/** By what a namespace sends something. */
export interface Exit {
  /** Undefined where the route does not tell, or no such device is known. */
  readonly node: DeviceNode | undefined;
  readonly ifindex: number | null;
  readonly gateway: string | null;
}

function isUsable({ type, flags }: Route): boolean {
  return (type === null ? !flags.includes('reject') : type === 'unicast') && !flags.includes('dead');
}

function exitsBy({ nextHops }: Route, { devices }: NamespaceNode): Exit[] {
  if (nextHops.length === 0) return [{ node: undefined, ifindex: null, gateway: null }];
  return nextHops
    .filter(({ flags }) => !flags.includes('dead'))
    .map(({ ifindex, gateway }) => ({
      node: ifindex === null ? undefined : devices.get(ifindex),
      ifindex,
      gateway,
    }));
}

/** Where its default routes lead, the preferred ones first: of the main table, of the lowest metric. */
export function defaultExits(at: NamespaceNode): Exit[] {
  const other = ({ table }: Route): number => (table === null || table === 'main' ? 0 : 1);
  return (at.ns?.routes ?? [])
    .filter((route) => route.default && isUsable(route))
    .sort((a, b) => other(a) - other(b) || (a.metric ?? 0) - (b.metric ?? 0) || (a.family < b.family ? -1 : 1))
    .flatMap((route) => exitsBy(route, at));
}

/** Every other gateway: two routes of half of all addresses each do what a default route does. */
export function otherExits(at: NamespaceNode): Exit[] {
  const exits = new Map<string, Exit>();
  for (const route of at.ns?.routes ?? []) {
    if (route.default || !isUsable(route)) continue;
    for (const exit of exitsBy(route, at)) {
      if (exit.gateway !== null && exit.node !== undefined) exits.set(`${exit.ifindex} ${exit.gateway}`, exit);
    }
  }
  return [...exits.values()];
}
