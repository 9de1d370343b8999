import type { Namespace, SafeText, TunHolder } from '../model/index.ts';
import type { DeviceNode, NamespaceNode, UnnumberedDevice } from './device-graph.ts';

/** A tun or tap, and a process that has it open. */
export interface TunEdge {
  readonly device: DeviceNode | UnnumberedDevice;
  readonly pid: number;
  /** Null where no namespace shows the process. */
  readonly comm: SafeText | null;
  readonly certainty: 'certain' | 'probable';
  readonly evidence: SafeText;
}

/** What is added to. */
interface Graph {
  readonly namespaces: readonly NamespaceNode[];
  readonly devices: readonly DeviceNode[];
  readonly numbered: (ino: number) => NamespaceNode;
  readonly unknown: (id: string, label: SafeText) => NamespaceNode;
  readonly unnumbered: (namespace: NamespaceNode, name: SafeText) => UnnumberedDevice;
}

/** A descriptor of a device, and the namespace it was opened in. */
interface Opened {
  readonly holder: TunHolder & { readonly device: SafeText };
  readonly opener: number | null;
}

function openedTuns(namespaces: readonly Namespace[]): Opened[] {
  return namespaces.flatMap(({ ino, holders }) =>
    holders.flatMap((holder) => {
      if (holder.kind !== 'tun' || holder.device === null) return [];
      return [{ holder: { ...holder, device: holder.device }, opener: ino }];
    }),
  );
}

/** Tun devices by their name, which is their own in each namespace. */
function tunsByName(devices: readonly DeviceNode[]): Map<SafeText, DeviceNode[]> {
  const byName = new Map<SafeText, DeviceNode[]>();
  for (const node of devices) {
    if (node.name === null || (node.device?.kind ?? 'tun') !== 'tun') continue;
    const known = byName.get(node.name);
    if (known === undefined) byName.set(node.name, [node]);
    else known.push(node);
  }
  return byName;
}

/**
 * Connects tuns and taps with the processes that have them open. Descriptors tell the name of the device and its
 * namespace; where the latter is missing, a device of that name in the opener's namespace or the only one there is fits.
 */
export function addTuns(namespaces: readonly Namespace[], graph: Graph): TunEdge[] {
  const opened = openedTuns(namespaces);
  if (opened.length === 0) return [];
  const byName = tunsByName(graph.devices);
  const comms = new Map(namespaces.flatMap((ns) => ns.processes.map(({ pid, comm }) => [pid, comm] as const)));
  const edges = new Map<string, TunEdge>();
  const more = new Map<string, number>();
  for (const { holder, opener } of opened) {
    const { device: name, deviceNamespace, pid, fd } = holder;
    const named = byName.get(name) ?? [];
    const here = named.find((node) => node.namespace.ino === (deviceNamespace ?? opener));
    const only = deviceNamespace === null && named.length === 1 ? named[0] : undefined;
    const device = here ?? only ?? unlisted(holder, graph);
    const key = `${device.id} ${pid}`;
    more.set(key, (more.get(key) ?? -1) + 1);
    if (device.ifindex !== null) device.open = true;
    edges.set(key, {
      device,
      pid,
      comm: comms.get(pid) ?? null,
      certainty: deviceNamespace === null && device.device !== null ? 'probable' : 'certain',
      evidence: edges.get(key)?.evidence ?? `fd ${fd} of pid ${pid}`,
    });
  }
  return [...edges].map(([key, edge]) => {
    const others = more.get(key) ?? 0;
    return others === 0 ? edge : { ...edge, evidence: `${edge.evidence} and ${others} more` };
  });
}

/** A device that no source lists. */
function unlisted({ device: name, deviceNamespace, pid }: Opened['holder'], graph: Graph): UnnumberedDevice {
  const namespace =
    deviceNamespace === null
      ? graph.unknown(`tuns of pid ${pid}`, `a namespace with a tun of pid ${pid}`)
      : graph.numbered(deviceNamespace);
  return graph.unnumbered(namespace, name);
}
