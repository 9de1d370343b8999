/**
 * What the kernel's own view answers that userland could only ask: which namespace a file under a dead process's
 * `/proc/<pid>/net` belongs to, what is in flight inside a unix socket, what a mapping or a BPF link pins.
 */

import { familyName, typeName } from '../../collectors/descriptors/sockets.ts';
import type { DescriptorSighting } from '../../collectors/descriptors.ts';
import type { Gathered } from '../../collectors/index.ts';
import type { KernelData, KernelPin } from '../../collectors/kernel.ts';
import type { Holder, OrphanHolder } from '../model/index.ts';

const AF_INET6 = 10;
const TCP_LISTEN = 10;
/** include/net/tcp_states.h */
const TCP_STATES = [
  'UNKNOWN',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
  'NEW_SYN_RECV',
];

/** `10.0.0.1:80`, `[fe80::1]:80`, from 16 bytes in hexadecimal. */
export function formatEndpoint(family: number, address: string, port: number): string {
  if (family !== AF_INET6) {
    const bytes = [0, 2, 4, 6].map((at) => Number.parseInt(address.slice(at, at + 2), 16));
    return `${bytes.join('.')}:${port}`;
  }
  // URL writes IPv6 addresses the way RFC 5952 wants them.
  const groups = address.match(/.{4}/g) ?? [];
  return `${new URL(`http://[${groups.join(':')}]`).hostname}:${port}`;
}

function orphan(pin: KernelPin): OrphanHolder {
  return {
    kind: 'orphan',
    view: 'kernel',
    family: pin.family === AF_INET6 ? 'inet6' : 'inet',
    state: TCP_STATES[pin.state] ?? `state ${pin.state}`,
    local: formatEndpoint(pin.family, pin.local, pin.localPort),
    remote: formatEndpoint(pin.family, pin.remote, pin.remotePort),
    sendQueue: pin.sendQueue,
    receiveQueue: pin.receiveQueue,
  };
}

/** An open descriptor as userland's own source would have described it, as far as the kernel's record tells. */
function descriptor(pin: KernelPin, devices: ReadonlyMap<string, string>): Holder | null {
  const place = { pid: pin.pid, fd: pin.fd, ...(pin.tid === pin.pid ? {} : { tid: pin.tid }), view: 'kernel' } as const;
  switch (pin.kind) {
    case 'nsfs':
      return { kind: 'descriptor', ...place, form: 'nsfs' };
    case 'socket':
      return {
        kind: 'socket',
        ...place,
        inode: pin.inode,
        family: familyName(pin.family),
        type: typeName(pin.type),
        protocol: pin.protocol,
        listening: pin.state === TCP_LISTEN,
      };
    case 'tun':
    case 'tap': {
      const device = devices.get(`${pin.deviceNetns} ${pin.ifindex}`);
      return {
        kind: 'tun',
        ...place,
        device: device ?? null,
        deviceNamespace: pin.deviceNetns === 0 ? null : pin.deviceNetns,
      };
    }
    case 'procfile':
      return { kind: 'procfile', ...place, path: '/proc/…/net/…' };
    case 'nothing':
      return null;
  }
}

/** One thing the kernel says pins a namespace, as a holder that userland does not show. */
export function pinHolder(pin: KernelPin, devices: ReadonlyMap<string, string>): Holder | null {
  const place = { pid: pin.pid, fd: pin.fd, ...(pin.tid === pin.pid ? {} : { tid: pin.tid }), view: 'kernel' } as const;
  switch (pin.place) {
    case 'descriptor':
      return descriptor(pin, devices);
    case 'inflight':
      return pin.kind === 'nothing'
        ? null
        : { kind: 'inflight', ...place, inode: pin.inode, count: 1, content: pin.kind };
    case 'unaccepted':
      return { kind: 'inflight', ...place, inode: pin.inode, count: 1, content: 'connection' };
    case 'registered':
      return pin.fd < 0
        ? { kind: 'mapping', pid: pin.pid, target: 'anon_inode:[io_uring]', view: 'kernel' }
        : { kind: 'iouring', ...place, slot: pin.slot, target: pin.kind };
    case 'mapped':
      return { kind: 'mapping', pid: pin.pid, target: `socket:[${pin.inode}]`, view: 'kernel' };
    case 'link':
      return { kind: 'bpflink', id: pin.slot, view: 'kernel' };
    case 'orphan':
      return orphan(pin);
    case 'nowhere':
      return null;
  }
}

/** What tells one holder of a process from another, so that the same is not listed twice. */
function holderKey(holder: Holder): string {
  switch (holder.kind) {
    case 'mapping':
      return `mapping ${holder.pid} ${holder.target}`;
    case 'iouring':
      return `iouring ${holder.pid} ${holder.fd} ${holder.slot}`;
    case 'mount':
      return `mount ${holder.mountId}`;
    case 'task':
      return `task ${holder.tid}`;
    case 'orphan':
      return `orphan ${holder.local} ${holder.remote}`;
    case 'bpflink':
      return holder.id === undefined ? `bpflink ${holder.pid} ${holder.fd}` : `bpflink ${holder.id}`;
    case 'watch':
      return `watch ${holder.tid ?? holder.pid} ${holder.fd} ${holder.ino}`;
    case 'inflight':
      return `inflight ${holder.tid ?? holder.pid} ${holder.fd}`;
    default:
      return `fd ${holder.tid ?? holder.pid} ${holder.fd}`;
  }
}

/** Things of one kind in one socket or ring are one holder with a count: a server may register thousands. */
function counted(sightings: readonly DescriptorSighting[]): DescriptorSighting[] {
  const merged = new Map<string, DescriptorSighting>();
  for (const { ino, holder } of sightings) {
    const kind = holder.kind === 'inflight' ? holder.content : holder.kind === 'iouring' ? holder.target : '';
    const place = holder.kind === 'iouring' ? `iouring ${holder.tid ?? holder.pid} ${holder.fd}` : holderKey(holder);
    const key = `${ino} ${place} ${kind}`;
    const known = merged.get(key)?.holder;
    const count = known !== undefined && 'count' in known ? (known.count ?? 1) : 1;
    merged.set(key, known === undefined ? { ino, holder } : { ino, holder: { ...known, count: count + 1 } as Holder });
  }
  return [...merged.values()];
}

/**
 * Descriptor sightings, with the number of those namespaces filled in that userland can prove and not name: of files
 * under a dead process's `/proc/<pid>/net`, of sockets known by their cookie, of tun and tap descriptors, and of what is
 * watched where the watch does not tell the type (before Linux 6.18).
 */
export function answeredSightings({ descriptors, kernel }: Gathered): readonly DescriptorSighting[] {
  const sightings = descriptors?.sightings ?? [];
  const leads = (descriptors?.leads ?? []).filter(({ kind }) => kind === 'tun' || kind === 'watch');
  if (kernel === undefined || (leads.length === 0 && sightings.every(({ ino }) => ino !== null))) return sightings;
  const byCookie = new Map(kernel.namespaces.map(({ cookie, ino }) => [cookie, ino]));
  const byDescriptor = new Map<string, KernelPin>();
  for (const pin of kernel.pins) {
    if (pin.place === 'descriptor') byDescriptor.set(`fd ${pin.tid} ${pin.fd}`, pin);
  }
  const answered = sightings.map((sighting): DescriptorSighting => {
    if (sighting.ino !== null) return sighting;
    const ino =
      sighting.cookie === undefined
        ? byDescriptor.get(holderKey(sighting.holder))?.netns
        : byCookie.get(sighting.cookie);
    return ino === undefined ? sighting : { ino, holder: sighting.holder };
  });
  const names = deviceNames(kernel);
  const listed = new Set(kernel.namespaces.map(({ ino }) => ino));
  for (const lead of leads) {
    if (lead.kind === 'watch') {
      // No two namespaces have the same number, whatever their types.
      const { suspected: _, ...watch } = lead;
      if (lead.ino !== undefined && listed.has(lead.ino)) answered.push({ ino: lead.ino, holder: watch });
      continue;
    }
    const pin = byDescriptor.get(holderKey(lead));
    const holder = pin === undefined ? null : descriptor(pin, names);
    if (pin === undefined || holder === null) continue;
    // Userland shows the descriptor; the kernel only says which namespace it is.
    const { view: _, ...shown } = holder;
    answered.push({ ino: pin.netns, holder: shown as Holder });
  }
  return answered;
}

/** Device names by namespace and ifindex. */
function deviceNames({ devices }: Pick<KernelData, 'devices'>): Map<string, string> {
  return new Map(devices.map(({ netns, ifindex, name }) => [`${netns} ${ifindex}`, name]));
}

/**
 * Descriptor sightings and leads with the kernel's answers filled in. Ordinary descriptors are taken from the kernel
 * only for namespaces that userland has nothing for; what waits behind a descriptor always, since nobody else can tell.
 *
 * @param proven inodes of the namespaces userland has a holder for.
 */
export function withKernelAnswers(
  gathered: Gathered,
  proven: ReadonlySet<number>,
): { readonly sightings: readonly DescriptorSighting[]; readonly leads: readonly Holder[] } {
  const leads = gathered.descriptors?.leads ?? [];
  const { kernel } = gathered;
  if (kernel === undefined) return { sightings: gathered.descriptors?.sightings ?? [], leads };

  const answered = answeredSightings(gathered);
  const devices = deviceNames(kernel);
  const known = new Set(answered.map(({ ino, holder }) => `${ino} ${holderKey(holder)}`));
  const added: DescriptorSighting[] = [];
  const resolved = new Set(answered.map(({ holder }) => holderKey(holder)));
  for (const pin of kernel.pins) {
    // Without a number it only says that there is more: see coverage.
    if (pin.netns === 0 || (pin.place === 'descriptor' && proven.has(pin.netns))) continue;
    const holder = pinHolder(pin, devices);
    if (holder === null) continue;
    resolved.add(holderKey(holder));
    if (!known.has(`${pin.netns} ${holderKey(holder)}`)) added.push({ ino: pin.netns, holder });
  }
  return {
    sightings: [...answered, ...counted(added)],
    leads: leads.filter((lead) => !resolved.has(holderKey(lead))),
  };
}
