import { describeHolders } from '../model/describe.ts';
import { isProvenByUserland, type Namespace, type Socket } from '../model/index.ts';
import { addressText } from './cells.ts';
import type { Column, Registry } from './column.ts';
import { uplinkText } from './uplink.ts';

/** Glyph per visibility: the colour is never the only sign. */
export const VISIBILITY_GLYPH = { plain: '○', obscure: '◐', hidden: '◆', dying: '†' } as const;

/** How far from ordinary: what sorts first when sorting by visibility. */
const VISIBILITY_RANK = { hidden: 3, dying: 2, obscure: 1, plain: 0 } as const;

function displayName(ns: Namespace): string {
  const name = ns.names[0];
  if (name !== undefined) return ns.names.length > 1 ? `${name} +${ns.names.length - 1}` : name;
  return ns.initial ? 'init' : '';
}

function containerText(ns: Namespace): string {
  if (ns.container === null) return '';
  const { engine, id, name } = ns.container;
  return `${name ?? (/^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id)} (${engine})`;
}

/** The process people would name when asked "what is this namespace?": the oldest one. */
function oldest(ns: Namespace): Namespace['processes'][number] | undefined {
  return ns.processes.reduce<Namespace['processes'][number] | undefined>(
    (first, process) => (first === undefined || process.startTicks < first.startTicks ? process : first),
    undefined,
  );
}

function distinctUsers(ns: Namespace): string[] {
  return [
    ...new Set(ns.processes.map((process) => process.user ?? (process.uid === null ? '?' : String(process.uid)))),
  ];
}

/** Sources that show it: those its holders come from, and those that only know of it. */
function sourcesOf({ holders, witnesses }: Namespace): string[] {
  const finders = holders.filter(isProvenByUserland).map(({ kind }) => {
    if (kind === 'task') return 'tasks';
    return kind === 'mount' ? 'mounts' : 'descriptors';
  });
  const found = ['tasks', 'mounts', 'descriptors'].filter((source) => finders.some((finder) => finder === source));
  return [...found, ...witnesses.map(({ source }) => source)];
}

/**
 * Whether a socket waits for whoever comes: a TCP socket that listens, a UDP one that takes from anybody (`ss` shows
 * those as UNCONN).
 */
export function isListener({ family, type, state, localPort, remotePort }: Socket): boolean {
  if (family !== 'inet' && family !== 'inet6') return false;
  if (state === 'listen') return true;
  return type === 'dgram' && state === 'close' && (localPort ?? 0) > 0 && (remotePort ?? 0) === 0;
}

/** Addresses that mean nothing outside: those are told by themselves where nobody says their scope. */
const LOCAL_ADDRESS = /^(127\.|169\.254\.|::1$|fe80:)/;

/** What an admin knows it by: its addresses, less those that every namespace has. */
function globalAddresses({ addresses }: Namespace): string[] | null {
  if (addresses === null) return null;
  return addresses
    .filter(({ scope, address }) => (scope === null ? !LOCAL_ADDRESS.test(address) : scope === 'global'))
    .map(addressText);
}

const COLUMNS: readonly Column<Namespace>[] = [
  {
    id: 'namespace',
    header: 'NAMESPACE',
    description: 'nsfs inode number, what net:[…] shows.',
    width: 10,
    align: 'left',
    value: (ns) => ns.ino,
  },
  {
    id: 'name',
    header: 'NAME',
    description: 'Name in /run/netns; `init` for the initial namespace.',
    width: 10,
    maxWidth: 32,
    align: 'left',
    value: (ns) => displayName(ns),
  },
  {
    id: 'visibility',
    header: 'VISIBLE',
    description: 'How much it takes to see it: plain, obscure, hidden or dying.',
    width: 9,
    align: 'left',
    value: (ns) => ns.visibility,
    text: (ns) => `${VISIBILITY_GLYPH[ns.visibility]} ${ns.visibility}`,
    sortKey: (ns) => VISIBILITY_RANK[ns.visibility],
    descendingFirst: true,
  },
  {
    id: 'held-by',
    header: 'HELD BY',
    description: 'What keeps it alive, in short.',
    width: 16,
    maxWidth: 48,
    align: 'left',
    value: (ns) => describeHolders(ns.holders),
  },
  {
    id: 'processes',
    header: 'PROC',
    description: 'Processes with at least one thread in it.',
    width: 5,
    align: 'right',
    value: (ns) => ns.processes.length,
    descendingFirst: true,
  },
  {
    id: 'holders',
    header: 'HOLD',
    description: 'Holders: references that userspace could drop.',
    width: 5,
    align: 'right',
    value: (ns) => ns.holders.length,
    descendingFirst: true,
  },
  {
    id: 'command',
    header: 'COMMAND',
    description: 'Command line of its oldest process.',
    width: 12,
    maxWidth: 60,
    align: 'left',
    value: (ns) => {
      const process = oldest(ns);
      return process === undefined ? '' : process.cmdline || `[${process.comm}]`;
    },
  },
  {
    id: 'pid',
    header: 'PID',
    description: 'Its oldest process.',
    width: 7,
    align: 'right',
    value: (ns) => oldest(ns)?.pid ?? '',
  },
  {
    id: 'user',
    header: 'USER',
    description: 'Users its processes run as.',
    width: 8,
    maxWidth: 20,
    align: 'left',
    value: (ns) => distinctUsers(ns),
  },
  {
    id: 'container',
    sources: ['containers'],
    header: 'CONTAINER',
    description: 'Container, pod or systemd unit, from the cgroup.',
    width: 12,
    maxWidth: 36,
    align: 'left',
    value: (ns) => containerText(ns),
  },
  {
    id: 'owner',
    sources: ['identity'],
    header: 'OWNER',
    description: 'uid that created the user namespace owning it.',
    width: 6,
    align: 'right',
    value: (ns) => ns.owner?.uid ?? null,
  },
  {
    id: 'user-namespace',
    sources: ['identity'],
    header: 'USERNS',
    description: 'Inode of the user namespace owning it.',
    width: 10,
    align: 'left',
    value: (ns) => ns.owner?.userNamespace ?? null,
  },
  {
    id: 'cookie',
    sources: ['identity'],
    header: 'COOKIE',
    description: 'net_cookie: identifies it until reboot, never reused.',
    width: 8,
    maxWidth: 20,
    align: 'right',
    value: (ns) => ns.cookie,
    sortKey: (ns) => (ns.cookie === null ? null : Number(ns.cookie)),
  },
  {
    id: 'paths',
    header: 'PATHS',
    description: 'Every bind mount of it, in any mount namespace.',
    width: 16,
    maxWidth: 60,
    align: 'left',
    value: (ns) => ns.paths,
  },
  {
    id: 'seen-by',
    header: 'SEEN BY',
    description: 'Sources that show it; `mounts` stands for `pinned-mounts` too.',
    width: 16,
    maxWidth: 48,
    align: 'left',
    value: (ns) => sourcesOf(ns),
    searched: false,
    sources: ['handles', 'listns'],
  },
  {
    id: 'references',
    header: 'REFS',
    description: 'What the kernel counts to keep it alive.',
    width: 5,
    align: 'right',
    value: (ns) => ns.references?.count ?? null,
    descendingFirst: true,
    searched: false,
  },
  {
    id: 'devices',
    header: 'DEV',
    description: 'Network devices in it.',
    width: 5,
    align: 'right',
    value: (ns) => ns.devices?.length ?? null,
    descendingFirst: true,
    searched: false,
    sources: ['links'],
  },
  {
    id: 'addresses',
    header: 'ADDRESSES',
    description: 'Its global IP addresses.',
    width: 15,
    maxWidth: 48,
    align: 'left',
    value: (ns) => globalAddresses(ns),
    sources: ['addresses'],
  },
  {
    id: 'sockets',
    header: 'SOCK',
    description: 'Sockets that belong to it, whoever has them open.',
    width: 5,
    align: 'right',
    value: (ns) => ns.sockets?.length ?? null,
    descendingFirst: true,
    searched: false,
    sources: ['sockets'],
  },
  {
    id: 'listeners',
    header: 'LISTEN',
    description: 'Listening TCP sockets, and UDP sockets that take from anybody.',
    width: 6,
    align: 'right',
    value: (ns) => ns.sockets?.filter(isListener).length ?? null,
    descendingFirst: true,
    searched: false,
    sources: ['sockets'],
  },
  {
    id: 'uplink',
    header: 'UPLINK',
    description: 'The devices by which it reaches the outside, from its default route on; or `nowhere`.',
    width: 14,
    maxWidth: 40,
    align: 'left',
    value: (ns) => (ns.uplink === null ? null : uplinkText(ns.uplink)),
    sources: ['nsids', 'routes', 'links', 'addresses'],
  },
  {
    id: 'initial',
    header: 'INITIAL',
    description: 'Whether it is the namespace the host booted with.',
    width: 7,
    align: 'left',
    value: (ns) => ns.initial,
    searched: false,
  },
];

/** Free text also looks at every process and device, not only at what fits on a row. */
function alsoMatches(ns: Namespace, wanted: string): boolean {
  return (
    ns.processes.some(
      (process) =>
        process.comm.toLowerCase().includes(wanted) ||
        process.cmdline.toLowerCase().includes(wanted) ||
        process.cgroup.toLowerCase().includes(wanted) ||
        String(process.pid) === wanted,
    ) ||
    (ns.devices ?? []).some(
      ({ name, address }) => name.toLowerCase().includes(wanted) || (address?.includes(wanted) ?? false),
    )
  );
}

/** The table of namespaces: what `list` and the screen show. */
export const NAMESPACES: Registry<Namespace> = {
  columns: COLUMNS,
  defaults: ['namespace', 'name', 'visibility', 'held-by', 'processes', 'user', 'container', 'command'],
  alsoMatches,
  tieBreaker: ({ ino }) => ino ?? 0,
};
