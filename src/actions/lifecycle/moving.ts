import { isLoopback, isMaster, isPhysical } from '../../correlate/device-kinds.ts';
import { CommandError } from '../../errors.ts';
import type { Device, DeviceReference, Namespace } from '../../model/index.ts';
import type { Expectation } from '../../model/plan.ts';
import { safeText, sanitise } from '../../terminal/sanitise.ts';
import type { PlanFacts } from './lifecycle.ts';
import { count, labelOf, notRead, type Part, type StepDraft, targetOf } from './parts.ts';

/** IFNAMSIZ without its NUL. */
const LONGEST_NAME = 15;
/** Addresses and devices named in an effect before "and n more". */
const NAMED = 3;

/** Kinds the kernel keeps in the namespace they were made in (netns_immutable, NETIF_F_NETNS_LOCAL). */
const IMMOVABLE: ReadonlySet<string> = new Set(['amt', 'batadv', 'bond', 'bridge', 'hsr', 'lowpan', 'team', 'vrf']);
/** What a module of tunnels makes in every namespace, and keeps there (fb_tunnel_dev). */
const FALLBACK: ReadonlySet<string> = new Set([
  'tunl0',
  'gre0',
  'gretap0',
  'erspan0',
  'ip_vti0',
  'ip6_vti0',
  'ip6gre0',
  'ip6tnl0',
  'sit0',
]);

/** Text as bytes, one character each. */
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The device's name as bytes, one character each. */
export function deviceBytes({ name, rawName }: Pick<Device, 'name' | 'rawName'>): string {
  if (rawName === undefined) return bytesOf(name);
  return rawName.replace(/\\(?:x([0-9a-f]{2})|\\)/g, (_, byte: string | undefined) =>
    byte === undefined ? '\\' : String.fromCharCode(Number.parseInt(byte, 16)),
  );
}

/** @throws CommandError where nobody could list the devices. */
export function devicesOf(ns: Namespace, facts: PlanFacts): readonly Device[] {
  return ns.devices ?? notRead(`the devices of ${labelOf(ns)}`, facts);
}

/** A device of a namespace by its name. @throws CommandError when there is none. */
export function deviceNamed(ns: Namespace, name: string, facts: PlanFacts): Device & { readonly ifindex: number } {
  const devices = devicesOf(ns, facts);
  const found =
    devices.find((each) => each.name === name) ?? devices.find((each) => each.details?.alternativeNames.includes(name));
  if (found === undefined) {
    const known = devices.map((each) => each.name).slice(0, 10);
    const more = devices.length > 10 ? '…' : '';
    const there = known.length === 0 ? 'it has none' : `there are ${known.join(', ')}${more}`;
    throw new CommandError('ERR_NO_DEVICE', `no device ${safeText(name)} in ${labelOf(ns)}; ${there}`);
  }
  if (found.ifindex === null) return notRead(`the number of ${found.name}`, facts);
  return { ...found, ifindex: found.ifindex };
}

/** The first bytes of a name, no character cut in two. */
function shortened(bytes: string, length: number): string {
  let end = Math.min(length, bytes.length);
  if (end === bytes.length) return bytes;
  while (end > 0 && (bytes.charCodeAt(end) & 0xc0) === 0x80) end--;
  return bytes.slice(0, end);
}

/** A name nobody has: the wanted one, or the first of `NAME-2`, `NAME-3`… */
export function freeName(wanted: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted;
  for (let number = 2; ; number++) {
    const suffix = `-${number}`;
    const candidate = `${shortened(wanted, LONGEST_NAME - suffix.length)}${suffix}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** Where devices are moved to, and the names that are taken there, also by those the same plan has moved there before. */
export class Destination {
  readonly ns: Namespace;
  /** Bytes, one character each. Names and alternative names share one space (netdev_name_in_use). */
  readonly #taken: Set<string>;

  /** @throws CommandError where nobody could list its devices. */
  constructor(ns: Namespace, facts: PlanFacts) {
    this.ns = ns;
    const alternatives = (device: Device) => (device.details?.alternativeNames ?? []).map(bytesOf);
    this.#taken = new Set(devicesOf(ns, facts).flatMap((each) => [deviceBytes(each), ...alternatives(each)]));
  }

  /** Finds a name for a device, and takes it. @throws CommandError when the wanted one is taken. */
  take(device: Device, wanted: string | null): string {
    const alternatives = (device.details?.alternativeNames ?? []).map((name) => ({ name, bytes: bytesOf(name) }));
    const clash = alternatives.find(({ bytes }) => this.#taken.has(bytes));
    if (clash !== undefined) {
      throw new CommandError(
        'ERR_NAME_TAKEN',
        `${device.name} is also called ${clash.name}, and ${labelOf(this.ns)} has a device of that name: the kernel refuses that; ip link property del dev ${device.name} altname ${clash.name} gives it up`,
      );
    }
    for (const { bytes } of alternatives) this.#taken.add(bytes);
    const bytes = wanted === null ? freeName(deviceBytes(device), this.#taken) : bytesOf(wanted);
    if (this.#taken.has(bytes)) {
      throw new CommandError(
        'ERR_NAME_TAKEN',
        `${labelOf(this.ns)} has a device called ${safeText(wanted ?? '')} already`,
      );
    }
    this.#taken.add(bytes);
    return bytes;
  }
}

function some(list: readonly string[]): string {
  return list.length > NAMED ? `${list.slice(0, NAMED).join(', ')} and ${list.length - NAMED} more` : list.join(', ');
}

function nameOf({ name, ifindex }: DeviceReference): string {
  return name ?? `device ${ifindex}`;
}

/** What a device is a port of, which it leaves, and what is stacked on it, which stays where it is and sends by it from there. */
function uppersOf(device: Device, { ino, devices }: Namespace) {
  const isPortOf = ({ netns, ifindex }: DeviceReference): boolean =>
    netns === ino &&
    (device.details?.master === ifindex || isMaster(devices?.find((each) => each.ifindex === ifindex) ?? null));
  return { masters: device.upper.filter(isPortOf), stacked: device.upper.filter((each) => !isPortOf(each)) };
}

/** Queueing disciplines a device gets by itself. */
const USUAL_DISCIPLINES: ReadonlySet<string> = new Set(['noop', 'noqueue', 'mq', 'pfifo_fast', 'fq_codel', 'fq']);

/** What a device loses by moving: its addresses, routes, neighbours and queueing discipline, and what it is a port of. */
export function lossesOf(device: Device, ns: Namespace): string[] {
  const of = <T extends { readonly ifindex: number | null }>(rows: readonly T[] | null): readonly T[] =>
    (rows ?? []).filter(({ ifindex }) => ifindex === device.ifindex);
  // The kernel makes the addresses of the link itself anew.
  const addresses = of(ns.addresses).filter(({ protocol, scope }) => scope !== 'link' && protocol !== 'kernel_ll');
  const routes = (ns.routes ?? []).filter(
    ({ nextHops, protocol }) => protocol !== 'kernel' && nextHops.some(({ ifindex }) => ifindex === device.ifindex),
  );
  const neighbours = of(ns.neighbours).filter(({ state }) => state.includes('permanent'));
  const discipline = device.details?.queueingDiscipline ?? 'noop';
  const { masters } = uppersOf(device, ns);
  return [
    ...(addresses.length === 0
      ? []
      : [`its addresses ${some(addresses.map(({ address, prefixLength }) => `${address}/${prefixLength ?? '?'}`))}`]),
    ...(routes.length === 0 ? [] : [count(routes.length, 'route')]),
    ...(neighbours.length === 0 ? [] : [count(neighbours.length, 'permanent neighbour')]),
    ...(USUAL_DISCIPLINES.has(discipline) ? [] : [`its queueing discipline ${discipline}`]),
    ...(masters.length === 0 ? [] : [`its place in ${some(masters.map(nameOf))}`]),
  ];
}

/** What cannot be moved, and why; null for what can. */
function immovable(device: Device): string | null {
  if (isLoopback(device)) return 'every namespace keeps its own loopback';
  const { kind, name } = device;
  if (kind !== null && IMMOVABLE.has(kind)) return `the kernel moves no ${kind}`;
  return kind !== null && FALLBACK.has(name) ? `every namespace keeps its own ${name}` : null;
}

/** What is to be moved, and under which name. */
export interface Wanted {
  readonly device: Device & { readonly ifindex: number };
  /** Null: the one it has, or one like it where that is taken. */
  readonly name: string | null;
}

/** Moves devices to another namespace. @throws CommandError for one that cannot be moved. */
export function moveDevices(ns: Namespace, to: Destination, wanted: readonly Wanted[], why = ''): Part {
  if (ns === to.ns) throw new CommandError('ERR_SAME_NAMESPACE', `${labelOf(ns)} is where they are already`);
  const steps: StepDraft[] = [];
  const warnings: string[] = [];
  const expectations: Expectation[] = [];
  const there = targetOf(to.ns);
  for (const { device, name } of wanted) {
    const refused = immovable(device);
    if (refused !== null) throw new CommandError('ERR_IMMOVABLE', `${device.name} cannot be moved: ${refused}`);
    const bytes = deviceBytes(device);
    const newName = to.take(device, name);
    const { text } = sanitise(newName);
    const called =
      newName === bytes ? '' : name === null ? ` as ${text}, since ${device.name} is taken there` : ` as ${text}`;
    const losses = lossesOf(device, ns);
    const down = device.flags.includes('up') ? 'goes down' : '';
    const lost = losses.length === 0 ? '' : `loses ${losses.join('; ')}`;
    steps.push({
      kind: 'move-device',
      namespace: targetOf(ns),
      to: there,
      ifindex: device.ifindex,
      name: bytes,
      newName,
      subject: `${device.name} to ${there.label}${called}`,
      effect: [down, lost].filter(Boolean).join(', '),
      risk: losses.length === 0 ? 'reversible' : 'destructive',
      why,
      needs: ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN'],
    });
    const { stacked } = uppersOf(device, ns);
    if (stacked.length > 0) {
      const stay = stacked.length === 1 ? 'stays where it is, and sends' : 'stay where they are, and send';
      warnings.push(`${some(stacked.map(nameOf))} on ${device.name} ${stay} by it from there`);
    }
    expectations.push({ kind: 'device', namespace: there, name: text });
  }
  return { steps, warnings, expectations };
}

/** The initial namespace. @throws CommandError where it is not known which that is. */
export function homeNamespace({ snapshot }: PlanFacts): Namespace {
  const home = snapshot.namespaces.find(({ initial }) => initial);
  if (home === undefined)
    throw new CommandError('ERR_NO_HOME', 'it is not known which is the initial namespace; name one with --to');
  return home;
}

/** Devices of hardware. */
export function hardwareOf(ns: Namespace): readonly Wanted[] {
  return (ns.devices ?? []).flatMap((device): Wanted[] =>
    device.ifindex !== null && isPhysical(device)
      ? [{ device: { ...device, ifindex: device.ifindex }, name: null }]
      : [],
  );
}

/** All devices that can be moved. */
export function movableOf(ns: Namespace, facts: PlanFacts): readonly Wanted[] {
  return devicesOf(ns, facts).flatMap((device): Wanted[] =>
    device.ifindex !== null && immovable(device) === null
      ? [{ device: { ...device, ifindex: device.ifindex }, name: null }]
      : [],
  );
}
