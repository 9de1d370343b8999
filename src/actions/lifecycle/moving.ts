import { isLoopback, isPhysical } from '../../correlate/device-kinds.ts';
import { CommandError } from '../../errors.ts';
import type { Device, Namespace } from '../../model/index.ts';
import type { Expectation } from '../../model/plan.ts';
import type { PlanFacts } from './lifecycle.ts';
import { count, labelOf, type Part, type StepDraft, targetOf } from './parts.ts';

/** IFNAMSIZ without its NUL. */
const LONGEST_NAME = 15;
/** Addresses and devices named in an effect before "and n more". */
const NAMED = 3;

/** Kinds the kernel keeps in the namespace they were made in (netns_immutable, NETIF_F_NETNS_LOCAL). */
const IMMOVABLE: ReadonlySet<string> = new Set(['bridge', 'bond', 'team', 'vrf', 'ovs', 'hsr', 'batadv', 'nlmon']);

/** The device's name as bytes, one character each. */
export function deviceBytes({ name, rawName }: Pick<Device, 'name' | 'rawName'>): string {
  if (rawName === undefined) return Buffer.from(name, 'utf8').toString('latin1');
  return rawName.replace(/\\(?:x([0-9a-f]{2})|\\)/g, (_, byte: string | undefined) =>
    byte === undefined ? '\\' : String.fromCharCode(Number.parseInt(byte, 16)),
  );
}

/** @throws CommandError where nobody could list the devices. */
export function devicesOf(ns: Namespace): readonly Device[] {
  if (ns.devices !== null) return ns.devices;
  throw new CommandError('ERR_NOT_READ', `the devices of ${labelOf(ns)} could not be read`);
}

/** A device of a namespace by its name. @throws CommandError when there is none. */
export function deviceNamed(ns: Namespace, name: string): Device & { readonly ifindex: number } {
  const devices = devicesOf(ns);
  const found = devices.find((each) => each.name === name || each.details?.alternativeNames.includes(name));
  if (found === undefined) {
    const known = devices.map((each) => each.name).slice(0, 10);
    const more = devices.length > 10 ? '…' : '';
    throw new CommandError(
      'ERR_NO_DEVICE',
      `no device ${name} in ${labelOf(ns)}; there are ${known.join(', ')}${more}`,
    );
  }
  if (found.ifindex === null) throw new CommandError('ERR_NOT_READ', `the number of ${name} could not be read`);
  return { ...found, ifindex: found.ifindex };
}

/** A name nobody has: the wanted one, or the first of `NAME-2`, `NAME-3`… */
export function freeName(wanted: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted;
  for (let number = 2; ; number++) {
    const suffix = `-${number}`;
    const candidate = `${wanted.slice(0, LONGEST_NAME - suffix.length)}${suffix}`;
    if (!taken.has(candidate)) return candidate;
  }
}

function some(list: readonly string[]): string {
  return list.length > NAMED ? `${list.slice(0, NAMED).join(', ')} and ${list.length - NAMED} more` : list.join(', ');
}

/** What a device loses by moving: its addresses, routes and neighbours, its state, and what is stacked on it. */
export function lossesOf(device: Device, ns: Namespace): string[] {
  const of = <T extends { readonly ifindex: number | null }>(rows: readonly T[] | null): readonly T[] =>
    (rows ?? []).filter(({ ifindex }) => ifindex === device.ifindex);
  // The kernel makes the addresses of the link itself anew.
  const addresses = of(ns.addresses).filter(({ protocol, scope }) => scope !== 'link' && protocol !== 'kernel_ll');
  const routes = (ns.routes ?? []).filter(
    ({ nextHops, protocol }) => protocol !== 'kernel' && nextHops.some(({ ifindex }) => ifindex === device.ifindex),
  );
  const uppers = device.upper.map(({ name, ifindex }) => name ?? `device ${ifindex}`);
  return [
    ...(addresses.length === 0
      ? []
      : [`its addresses ${some(addresses.map(({ address, prefixLength }) => `${address}/${prefixLength ?? '?'}`))}`]),
    ...(routes.length === 0 ? [] : [count(routes.length, 'route')]),
    ...(uppers.length === 0 ? [] : [`what is stacked on it: ${some(uppers)}`]),
  ];
}

/** What cannot be moved, and why; null for what can. */
function immovable(device: Device): string | null {
  if (isLoopback(device)) return 'every namespace keeps its own loopback';
  const { kind } = device;
  return kind !== null && IMMOVABLE.has(kind) ? `the kernel moves no ${kind}` : null;
}

/** What is to be moved, and under which name. */
export interface Wanted {
  readonly device: Device & { readonly ifindex: number };
  /** Null: the one it has, or one like it where that is taken. */
  readonly name: string | null;
}

/** Moves devices to another namespace. @throws CommandError for one that cannot be moved. */
export function moveDevices(ns: Namespace, to: Namespace, wanted: readonly Wanted[], why = ''): Part {
  if (ns === to) throw new CommandError('ERR_SAME_NAMESPACE', `${labelOf(ns)} is where they are already`);
  const taken = new Set(
    devicesOf(to).flatMap((each) =>
      [each.name, ...(each.details?.alternativeNames ?? [])].map((name) => name as string),
    ),
  );
  const steps: StepDraft[] = [];
  const expectations: Expectation[] = [];
  const there = targetOf(to);
  for (const { device, name } of wanted) {
    const refused = immovable(device);
    if (refused !== null) throw new CommandError('ERR_IMMOVABLE', `${device.name} cannot be moved: ${refused}`);
    const bytes = deviceBytes(device);
    if (name !== null && taken.has(name)) {
      throw new CommandError('ERR_NAME_TAKEN', `${labelOf(to)} has a device called ${name} already`);
    }
    const newName = name ?? freeName(bytes, taken);
    taken.add(newName);
    const called =
      newName === bytes ? '' : name === null ? ` as ${newName}, since ${device.name} is taken there` : ` as ${newName}`;
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
    expectations.push({ kind: 'device', namespace: there, name: newName });
  }
  return { steps, expectations };
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
export function movableOf(ns: Namespace): readonly Wanted[] {
  return devicesOf(ns).flatMap((device): Wanted[] =>
    device.ifindex !== null && immovable(device) === null
      ? [{ device: { ...device, ifindex: device.ifindex }, name: null }]
      : [],
  );
}
