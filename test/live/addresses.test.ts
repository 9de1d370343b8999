import { describe, expect, onTestFinished, test } from 'vitest';
import type { Address } from '../../src/model/index.ts';
import { lookInside } from './inside.ts';
import { run, Scene } from './scene.ts';

/** One of `addr_info` of `ip -details -json address`. */
interface IpAddress extends Readonly<Record<string, unknown>> {
  readonly family: string;
  readonly local: string;
  readonly prefixlen: number;
  readonly scope: string;
  readonly valid_life_time: number;
  readonly preferred_life_time: number;
}

/** What `ip` says about an address that is neither a field of its own here nor always there. */
const FLAGS = [
  ...['secondary', 'temporary', 'nodad', 'optimistic', 'dadfailed', 'home', 'deprecated', 'tentative', 'dynamic'],
  ...['mngtmpaddr', 'noprefixroute', 'autojoin', 'stable-privacy'],
];
const KNOWN = [
  ...['family', 'local', 'address', 'prefixlen', 'broadcast', 'anycast', 'scope', 'label', 'protocol'],
  ...['valid_life_time', 'preferred_life_time', ...FLAGS],
];
const FOR_EVER = 0xffff_ffff;

function addressesByIp(netns: string): readonly (IpAddress & { readonly ifindex: number })[] {
  const links = JSON.parse(run('ip', '-n', netns, '-details', '-json', 'address')) as readonly {
    readonly ifindex: number;
    readonly addr_info: readonly IpAddress[];
  }[];
  return links.flatMap(({ ifindex, addr_info }) => addr_info.map((info) => ({ ...info, ifindex })));
}

/** The same in the words of the model, but for lifetimes. */
function expected(info: IpAddress & { readonly ifindex: number }) {
  expect(Object.keys(info).filter((key) => key !== 'ifindex' && !KNOWN.includes(key))).toEqual([]);
  return {
    family: info.family,
    ifindex: info.ifindex,
    address: info.local,
    prefixLength: info.prefixlen,
    peer: info.address ?? null,
    broadcast: info.broadcast ?? null,
    anycast: info.anycast ?? null,
    scope: info.scope,
    flags: FLAGS.filter((name) => info[name] === true).sort(),
    label: info.label ?? null,
  };
}

function seen({ validSeconds: _, preferredSeconds: __, protocol: ___, flags, ...rest }: Address) {
  return { ...rest, flags: [...flags].sort() };
}

const key = ({ ifindex, address }: { readonly ifindex: number | null; readonly address: string }) =>
  `${ifindex} ${address}`;

function sorted<T extends { readonly ifindex: number | null; readonly address: string }>(list: readonly T[]): T[] {
  return [...list].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** A namespace with a veth `v0`, whose other end is in a second one; both are up. */
function twoNamespaces(scene: Scene): readonly [string, string] {
  const [first, second] = [scene.name(), scene.name()];
  for (const name of [first, second]) {
    run('ip', 'netns', 'add', name);
    scene.defer(() => run('ip', 'netns', 'delete', name));
  }
  run('ip', 'link', 'add', 'v0', 'netns', first, 'type', 'veth', 'peer', 'name', 'v1', 'netns', second);
  run('ip', '-n', second, 'link', 'set', 'v1', 'up');
  return [first, second];
}

async function waitFor(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 100 && !condition(); tries++) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(condition()).toBe(true);
}

describe('addresses', () => {
  test('are those of ip address, field by field', async () => {
    const scene = new Scene();
    onTestFinished(() => scene.end());
    const [netns, other] = twoNamespaces(scene);
    const add = (...args: readonly string[]) => run('ip', '-n', netns, 'address', 'add', ...args);
    run('ip', 'netns', 'exec', netns, 'sysctl', '-qw', 'net.ipv6.conf.v0.use_tempaddr=2');
    // Its other end stays down: no duplicate is ever looked for, what is tentative remains so.
    run('ip', '-n', netns, 'link', 'add', 'w0', 'type', 'veth', 'peer', 'name', 'w1');
    run('ip', 'netns', 'exec', netns, 'sysctl', '-qw', 'net.ipv6.conf.w0.optimistic_dad=1');
    run('ip', '-n', netns, 'link', 'set', 'v0', 'addrgenmode', 'random');
    run('ip', '-n', other, 'address', 'add', 'fd03::1/64', 'dev', 'v1', 'nodad');
    for (const device of ['lo', 'v0', 'w0']) run('ip', '-n', netns, 'link', 'set', device, 'up');
    add('10.1.0.1/24', 'broadcast', '+', 'dev', 'v0', 'label', 'v0:web');
    add('10.1.0.2/24', 'broadcast', '10.1.0.77', 'dev', 'v0');
    add('10.2.0.1', 'peer', '10.2.0.2/30', 'dev', 'v0');
    add('10.3.0.1/24', 'dev', 'v0', 'valid_lft', '1000', 'preferred_lft', '500');
    add('10.4.0.1/24', 'dev', 'v0', 'scope', 'link', 'noprefixroute');
    add('10.5.0.1/32', 'dev', 'v0', 'scope', '50');
    add('10.6.0.1/32', 'dev', 'v0', 'scope', 'site');
    add('239.1.1.1/32', 'dev', 'v0', 'autojoin');
    add('fd01::1/64', 'dev', 'v0', 'nodad', 'mngtmpaddr', 'valid_lft', '2000', 'preferred_lft', '1000');
    add('fd01::2/64', 'dev', 'v0', 'nodad', 'preferred_lft', '0');
    add('fd02::1', 'peer', 'fd02::2/64', 'dev', 'v0', 'nodad', 'noprefixroute');
    add('fd02::3/128', 'dev', 'v0', 'home', 'nodad');
    add('fd03::1/64', 'dev', 'v0');
    add('fd04::1/64', 'dev', 'w0');
    add('fd04::2/64', 'dev', 'w0', 'optimistic');
    await waitFor(() => addressesByIp(netns).some((info) => info.local === 'fd03::1' && info.dadfailed === true));

    const before = addressesByIp(netns);
    const { data, coverage } = await lookInside(netns, 'addresses');
    const after = addressesByIp(netns);

    const addresses = sorted(data.addresses ?? []);
    expect(coverage).toMatchObject([{ source: 'addresses', status: 'complete', seen: before.length }]);
    expect(after.map(expected)).toEqual(before.map(expected));
    expect(addresses.map(seen)).toEqual(sorted(before.map(expected)));
    const times = (list: typeof before) => new Map(list.map((info) => [`${info.ifindex} ${info.local}`, info]));
    for (const one of addresses) {
      const [first, last] = [times(before).get(key(one)), times(after).get(key(one))];
      for (const [seconds, name] of [
        [one.validSeconds, 'valid_life_time'],
        [one.preferredSeconds, 'preferred_life_time'],
      ] as const) {
        expect(seconds ?? FOR_EVER).toBeLessThanOrEqual(first?.[name] ?? -1);
        expect(seconds ?? FOR_EVER).toBeGreaterThanOrEqual(last?.[name] ?? FOR_EVER + 1);
      }
    }
    // Every flag the scene was made for was really there.
    expect(new Set(addresses.flatMap(({ flags }) => flags))).toEqual(new Set(FLAGS));
    // `ip` of Debian 12 does not show who made an address.
    const made = (local: string) => addresses.find(({ address }) => address === local)?.protocol;
    const linkLocal = addresses.find(({ address }) => address.startsWith('fe80:'))?.address ?? '';
    expect([made('::1'), made(linkLocal), made('10.1.0.1')]).toEqual(['kernel_lo', 'kernel_ll', null]);
  });

  test('of a namespace without any are none', async () => {
    const scene = new Scene();
    onTestFinished(() => scene.end());
    const [netns] = twoNamespaces(scene);

    const { data, coverage } = await lookInside(netns, 'addresses');

    expect(data.addresses).toEqual([]);
    expect(coverage).toMatchObject([{ status: 'complete', seen: 0 }]);
  });
});
