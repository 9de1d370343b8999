import { namespaceNumbered } from '../columns/cells.ts';
import type { InNamespace } from '../columns/column.ts';
import { describeHolder, holderPid } from '../model/describe.ts';
import type {
  Address,
  Device,
  DeviceReference,
  HardwareFilter,
  Holder,
  Namespace,
  NamespaceIdEntry,
  Neighbour,
  Route,
  Rule,
  Snapshot,
  Socket,
} from '../model/index.ts';
import type { TabId, TableTab } from './tabs.ts';

/** Where a row leads. */
export interface Target {
  readonly ns: Namespace;
  readonly tab: TabId;
  /** Key of the row there; null for no row in particular. */
  readonly item: string | null;
}

/** Where a row leads, or why it leads nowhere. */
export type Jump = Target | { readonly why: string };

/** The namespace a process lives in: that of its first thread, others of its threads may be elsewhere. */
export function homeOf(pid: number, { namespaces }: Pick<Snapshot, 'namespaces'>): Namespace | undefined {
  const with_ = namespaces.filter(({ processes }) => processes.some((process) => process.pid === pid));
  const leads = ({ holders }: Namespace): boolean =>
    holders.some((holder) => holder.kind === 'task' && holder.pid === pid && holder.tid === pid);
  return with_.find(leads) ?? with_[0];
}

function toProcess(pid: number, { snapshot }: InNamespace): Jump {
  const ns = homeOf(pid, snapshot);
  return ns === undefined
    ? { why: `in which namespace pid ${pid} lives is not known` }
    : { ns, tab: 'processes', item: String(pid) };
}

/** To a device of the namespace at hand. */
function toDevice(ifindex: number | null | undefined, { ns }: InNamespace, none: string): Jump {
  return ifindex === null || ifindex === undefined ? { why: none } : { ns, tab: 'devices', item: String(ifindex) };
}

function toReference({ netns, ifindex, name, nsid }: DeviceReference, context: InNamespace): Jump {
  const device = name ?? `ifindex ${ifindex}`;
  if (netns === null) {
    const known = nsid === undefined ? 'whose number is not known' : `that is known here by its id ${nsid} only`;
    return { why: `${device} is in a namespace ${known}` };
  }
  const ns = netns === context.ns.ino ? context.ns : namespaceNumbered(netns, context);
  if (ns === undefined) return { why: `${device} is in ${netns}, which no source shows` };
  return { ns, tab: 'devices', item: String(ifindex) };
}

/** From a device to the first one it is connected with that lies in another namespace, else in this one. */
function fromDevice({ name, peer, lower, upper }: Device, context: InNamespace): Jump {
  const all = [...(peer === null ? [] : [peer]), ...lower, ...upper];
  const reference = all.find(({ netns }) => netns !== context.ns.ino) ?? all[0];
  return reference === undefined
    ? { why: `${name} is connected with no other device` }
    : toReference(reference, context);
}

function fromSocket({ processes }: Socket, context: InNamespace): Jump {
  if (processes === null) return { why: 'who has it open could not be read' };
  const [first] = processes;
  return first === undefined ? { why: 'no process has it open' } : toProcess(first.pid, context);
}

function fromHolder(holder: Holder, context: InNamespace): Jump {
  const pid = holderPid(holder);
  return pid === null ? { why: `${describeHolder(holder)}: no process is needed for it` } : toProcess(pid, context);
}

function fromId({ nsid, netns }: NamespaceIdEntry, context: InNamespace): Jump {
  if (netns === null) return { why: `which namespace the id ${nsid} stands for is not known` };
  const ns = namespaceNumbered(netns, context);
  return ns === undefined ? { why: `${netns} is shown by no source` } : { ns, tab: 'overview', item: null };
}

function fromRoute({ nextHops, incoming }: Route, context: InNamespace): Jump {
  const hop = nextHops.find(({ ifindex }) => ifindex !== null);
  return toDevice(hop?.ifindex ?? incoming, context, 'it leaves by no device');
}

function fromRule({ incoming, outgoing }: Rule, context: InNamespace): Jump {
  const names = [incoming, outgoing];
  const device = context.ns.devices?.find(({ name }) => names.includes(name));
  return toDevice(device?.ifindex, context, 'it is about no device');
}

function ofDevice({ ifindex }: Address | Neighbour | HardwareFilter, context: InNamespace): Jump {
  return toDevice(ifindex, context, 'by which device is not known');
}

/** Where the rows of each tab lead, and what that is called. Those of other tabs lead nowhere. */
const JUMPS: Partial<
  Readonly<Record<TableTab, { readonly to: string; readonly from: (row: never, context: InNamespace) => Jump }>>
> = {
  devices: { to: 'its peer', from: fromDevice },
  addresses: { to: 'its device', from: ofDevice },
  sockets: { to: 'its process', from: fromSocket },
  routes: { to: 'its device', from: fromRoute },
  rules: { to: 'its device', from: fromRule },
  neighbours: { to: 'its device', from: ofDevice },
  holders: { to: 'the process', from: fromHolder },
  nsids: { to: 'the namespace', from: fromId },
  filters: { to: 'its device', from: ofDevice },
};

/** Whether the rows of a tab lead anywhere. */
export function leadsAnywhere(tab: TabId): boolean {
  return tab in JUMPS;
}

/** Where a row of a tab leads. */
export function jumpFrom(tab: TabId, row: unknown, context: InNamespace): Jump {
  const jump = tab === 'overview' ? undefined : JUMPS[tab];
  return jump === undefined ? { why: 'it leads nowhere' } : jump.from(row as never, context);
}
