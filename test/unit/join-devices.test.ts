import { describe, expect, test } from 'vitest';
import type { Gathered } from '../../collectors/index.ts';
import type { KernelDevice } from '../../collectors/kernel.ts';
import type { LinkRecord } from '../../collectors/links.ts';
import { joinDevices, refreshDevices } from '../../src/correlate/links.ts';
import type { Device, DeviceDetails } from '../../src/model/index.ts';
import { aDevice, someDetails } from '../fixtures/snapshot.ts';

function aLink(ifindex: number, name: string, kind: string | null, over: Partial<DeviceDetails> = {}): LinkRecord {
  const { references, physical, peer, lower, upper, ...link } = aDevice({ name, kind, flags: ['up'] });
  return { ...link, ifindex, details: someDetails(over) };
}

function aKernelDevice(netns: number, ifindex: number, name: string, over: Partial<KernelDevice> = {}): KernelDevice {
  return {
    netns,
    ifindex,
    name,
    kind: 'veth',
    flags: 1,
    operstate: 6,
    address: '',
    mtu: 1500,
    references: 1,
    peer: null,
    ...over,
  } as KernelDevice;
}

/** Namespaces by number, with the devices rtnetlink showed in them at a time. */
function inside(links: Readonly<Record<number, readonly LinkRecord[]>>, at = 10): NonNullable<Gathered['inside']> {
  return new Map(Object.entries(links).map(([ino, found]) => [Number(ino), { at, links: { links: found } }]));
}

function kernelView(devices: readonly KernelDevice[], at = 0): NonNullable<Gathered['kernel']> {
  return { namespaces: [], devices, stack: [], tasks: [], pins: [], hostWide: true, at };
}

function device(joined: ReturnType<typeof joinDevices>, netns: number, name: string): Device | undefined {
  return joined?.get(netns)?.find((each) => each.name === name);
}

describe('devices without the kernel view', () => {
  test('are connected by the namespace an id stands for', () => {
    const joined = joinDevices({
      inside: inside({
        1: [aLink(2, 'left', 'veth', { link: 7, linkNsid: 0 })],
        2: [aLink(7, 'right', 'veth', { link: 2, linkNsid: 3 })],
      }),
      nsids: { resolved: new Map([[1, new Map([[0, 2]])]]), behind: [], missed: [] },
    });
    expect(device(joined, 1, 'left')?.peer).toEqual({ netns: 2, ifindex: 7, name: 'right', certainty: 'certain' });
    // Nobody could tell which namespace the id 3 stands for, but the other end says that it is the other end.
    expect(device(joined, 2, 'right')?.peer).toEqual({ netns: 1, ifindex: 2, name: 'left', certainty: 'certain' });
  });

  test('are probably connected where nobody could tell any id, and only one cable fits', () => {
    const cable = {
      1: [aLink(2, 'left', 'veth', { link: 7, linkNsid: 0 })],
      2: [aLink(7, 'right', 'veth', { link: 2, linkNsid: 3 })],
    };
    const joined = joinDevices({ inside: inside(cable) });
    expect(device(joined, 1, 'left')?.peer).toEqual({ netns: 2, ifindex: 7, name: 'right', certainty: 'probable' });
    const twice = joinDevices({ inside: inside({ ...cable, 3: [aLink(7, 'too', 'veth', { link: 2, linkNsid: 0 })] }) });
    expect(device(twice, 1, 'left')?.peer).toMatchObject({ netns: null, nsid: 0 });
  });

  test('are not guessed to be connected to one that is known to belong to another', () => {
    const joined = joinDevices({
      inside: inside({
        1: [aLink(2, 'left', 'veth', { link: 2, linkNsid: 0 })],
        2: [aLink(2, 'other', 'veth', { link: 2, linkNsid: 0 })],
      }),
      nsids: { resolved: new Map([[2, new Map([[0, 3]])]]), behind: [], missed: [] },
    });
    expect(device(joined, 1, 'left')?.peer).toEqual({
      netns: null,
      ifindex: 2,
      name: null,
      certainty: 'certain',
      nsid: 0,
    });
  });

  test('an ipvtap, which never says where its parent is, is not taken for a child of whoever has that number here', () => {
    const joined = joinDevices({
      inside: inside({
        1: [
          aLink(27, 'other', 'dummy'),
          aLink(30, 'tap', 'ipvtap', { link: 27 }),
          aLink(31, 'far', 'ipvtap', { link: 99 }),
        ],
      }),
    });
    expect(device(joined, 1, 'tap')?.lower).toMatchObject([{ name: 'other', certainty: 'probable' }]);
    expect(device(joined, 1, 'far')?.lower).toMatchObject([{ netns: null, ifindex: 99 }]);
  });

  test('ports are below what they are enslaved to, and that is above them', () => {
    const joined = joinDevices({
      inside: inside({ 1: [aLink(2, 'br0', 'bridge'), aLink(3, 'port', 'veth', { master: 2, link: null })] }),
    });
    expect(device(joined, 1, 'br0')?.lower).toMatchObject([{ name: 'port' }]);
    expect(device(joined, 1, 'port')?.upper).toMatchObject([{ name: 'br0' }]);
  });
});

describe('devices with the kernel view', () => {
  test('have above them also the tunnels its lists lack', () => {
    const joined = joinDevices({
      kernel: kernelView([aKernelDevice(1, 2, 'eth0', { kind: '' }), aKernelDevice(2, 5, 'gre1', { kind: 'gre' })]),
      inside: inside({ 1: [aLink(2, 'eth0', null)], 2: [aLink(5, 'gre1', 'gre', { link: 2, linkNsid: 0 })] }),
      nsids: { resolved: new Map([[2, new Map([[0, 1]])]]), behind: [], missed: [] },
    });
    expect(device(joined, 2, 'gre1')?.lower).toMatchObject([{ netns: 1, name: 'eth0' }]);
    expect(device(joined, 1, 'eth0')?.upper).toMatchObject([{ netns: 2, name: 'gre1' }]);
  });

  test('are as whichever view is newer has them, and gone when the newer one lacks them', () => {
    const older = { inside: inside({ 1: [aLink(2, 'eth0', 'veth'), aLink(3, 'gone', 'veth')] }, 5) };
    const down = aKernelDevice(1, 2, 'eth0', { flags: 0, operstate: 2 });
    const joined = joinDevices({ kernel: kernelView([down], 9), ...older });
    expect(joined?.get(1)?.map(({ name, flags }) => [name, flags])).toEqual([['eth0', []]]);
    const newer = joinDevices({ kernel: kernelView([down], 1), ...older });
    expect(newer?.get(1)?.map(({ name, flags }) => [name, flags])).toEqual([
      ['eth0', ['up']],
      ['gone', ['up']],
    ]);
  });
});

describe('refreshing the devices of a namespace', () => {
  const before = [aDevice({ ifindex: 2, name: 'eth0', kind: 'veth', details: someDetails() })];

  test('keeps what they are connected to', () => {
    const peer = { netns: 9, ifindex: 9, name: 'far', certainty: 'certain' } as const;
    const known = before.map((each) => ({ ...each, peer }));
    expect(refreshDevices(known, [{ ...aLink(2, 'eth0', 'veth'), mtu: 9000 }])).toMatchObject([{ mtu: 9000, peer }]);
  });

  test('is not enough where there is another device, another name or another master', () => {
    expect(refreshDevices(before, [aLink(3, 'eth0', 'veth')])).toBeNull();
    expect(refreshDevices(before, [aLink(2, 'eth1', 'veth')])).toBeNull();
    expect(refreshDevices(before, [aLink(2, 'eth0', 'veth', { master: 7 })])).toBeNull();
    expect(refreshDevices(before, [])).toBeNull();
  });
});
