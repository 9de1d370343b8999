import { nameNamespace } from '../model/describe.ts';
import type {
  Address,
  Container,
  Device,
  Namespace,
  SafeText,
  Settings,
  SettingValue,
  Snapshot,
} from '../model/index.ts';
import { oncePer } from '../once-per.ts';
import type { InNamespace } from './column.ts';

const deviceNames = oncePer(
  (devices: readonly Device[]) => new Map(devices.map(({ ifindex, name }) => [ifindex, name])),
);

const commands = oncePer(
  (namespaces: Snapshot['namespaces']) =>
    new Map(namespaces.flatMap(({ processes }) => processes.map(({ pid, comm }) => [pid, comm] as const))),
);

const byNumber = oncePer((namespaces: Snapshot['namespaces']) => {
  // One that has no devices has left, and its number may be used again.
  const alive = namespaces.filter(({ devices }) => devices !== null);
  return new Map([...namespaces, ...alive].map((ns) => [ns.ino, ns]));
});

/** The device with that number in the namespace at hand; the number itself where no device is known by it. */
export function deviceName(ifindex: number, { ns }: InNamespace): SafeText {
  return (ns.devices === null ? undefined : deviceNames(ns.devices).get(ifindex)) ?? `ifindex ${ifindex}`;
}

/** The command of a process anywhere on the host; empty where the process is not known. */
export function commandOf(pid: number, { snapshot }: InNamespace): SafeText {
  return commands(snapshot.namespaces).get(pid) ?? '';
}

/** The namespace with that number, if the snapshot has it. */
export function namespaceNumbered(ino: number | null, { snapshot }: InNamespace): Namespace | undefined {
  return ino === null ? undefined : byNumber(snapshot.namespaces).get(ino);
}

/** What the namespace with that number is called. */
export function namespaceName(ino: number, context: InNamespace): string {
  const ns = namespaceNumbered(ino, context);
  return ns === undefined ? String(ino) : nameNamespace(ns);
}

/** `10.0.0.1/24`, or the address alone where the length of its prefix is not known. */
export function addressText({ address, prefixLength }: Pick<Address, 'address' | 'prefixLength'>): string {
  return prefixLength === null ? address : `${address}/${prefixLength}`;
}

/** A container or unit with all that is known of it. */
export function containerText({ engine, id, name, pod }: Container): string {
  return [`${engine} ${name ?? id}`, name === null ? '' : `id ${id}`, pod === null ? '' : `pod ${pod}`]
    .filter((part) => part !== '')
    .join(', ');
}

/** Settings of a device in few words: `mode bridge`; what is nested is joined by dots. */
export function settingsText(settings: Settings): string[] {
  const words = (value: SettingValue, name: string): string[] => {
    if (value === true) return [name];
    if (Array.isArray(value)) return [`${name} ${value.map((each) => words(each, '').join(' ').trim()).join(',')}`];
    if (typeof value === 'object') {
      return Object.entries(value).flatMap(([key, inner]) => words(inner, name === '' ? key : `${name}.${key}`));
    }
    return [value === false ? `no ${name}` : `${name} ${value}`];
  };
  return Object.entries(settings).flatMap(([name, value]) => words(value, name));
}
