import { describe, expect, test } from 'vitest';
import type { Device, DeviceCounters, DeviceReference, Namespace } from '../../src/model/index.ts';
import {
  deviceRate,
  deviceSeriesOf,
  type History,
  ingest,
  NO_HISTORY,
  rateOf,
  seriesOf,
} from '../../src/store/history.ts';
import { type Rates, ratesBetween } from '../../src/store/rates.ts';
import { addSample, type Sample, type Series, samplesOf, startSeries } from '../../src/store/series.ts';
import { aDevice, aNamespace } from '../fixtures/snapshot.ts';

const INO = 4026532177;
const KEY = 'cookie:4101';

function counters(over: Partial<DeviceCounters> = {}): DeviceCounters {
  return {
    rxBytes: 0,
    rxPackets: 0,
    rxErrors: 0,
    rxDropped: 0,
    rxMissed: 0,
    multicast: 0,
    txBytes: 0,
    txPackets: 0,
    txErrors: 0,
    txDropped: 0,
    txCarrierErrors: 0,
    collisions: 0,
    ...over,
  };
}

/** An Ethernet device that received that many bytes. */
function eth(rxBytes: number | null, over: Partial<Device> = {}): Device {
  return aDevice({
    ifindex: 2,
    name: 'eth0',
    kind: 'veth',
    flags: ['up', 'broadcast'],
    address: '02:00:00:00:00:02',
    counters: rxBytes === null ? null : counters({ rxBytes }),
    ...over,
  });
}

function here(ifindex: number, netns: number | null = INO): DeviceReference {
  return { netns, ifindex, name: null, certainty: 'certain' };
}

/** What a snapshot has of the namespace; null where it does not have it. */
type Reading = Partial<Namespace> | null;

/** One reading of a namespace after another, each a snapshot of its own. */
function follow(...readings: readonly Reading[]): History {
  return readings.reduce<History>(
    (history, reading) => ingest(history, { namespaces: reading === null ? [] : [aNamespace(reading)] }),
    NO_HISTORY,
  );
}

function received(rates: Rates | null): number | null {
  return rates === null ? null : rates.rxBytes;
}

function samples(series: Series | null): Sample[] {
  return series === null ? [] : samplesOf(series);
}

describe('the rate of a device', () => {
  const rate = (history: History, device = eth(0)) => received(deviceRate(history, KEY, device));

  test('is unknown after one reading and what was counted a second after two', () => {
    const first = follow({ countersAt: 5000, devices: [eth(100)] });
    expect(rate(first)).toBeNull();
    expect(samples(deviceSeriesOf(first, KEY, eth(0)))).toEqual([]);
    expect(rate(ingest(first, { namespaces: [aNamespace({ countersAt: 7000, devices: [eth(700)] })] }))).toBe(300);
  });

  test('has both directions, in bytes and in packets', () => {
    const now = counters({ rxBytes: 10, rxPackets: 20, txBytes: 30, txPackets: 40 });
    expect(ratesBetween(counters(), now, 10)).toEqual({ rxBytes: 1, rxPackets: 2, txBytes: 3, txPackets: 4 });
  });

  test('takes a fall below 2^32 for a wrap where the device could be that fast', () => {
    const history = follow(
      { countersAt: 0, devices: [eth(2 ** 32 - 1000)] },
      { countersAt: 1000, devices: [eth(500)] },
    );
    expect(rate(history)).toBe(1500);
  });

  test.each([
    ['from the middle of 32 bits', 2 ** 31 - 1, 0],
    ['faster than gigabit Ethernet', 2 ** 32 - 200e6, 0],
    ['from beyond 32 bits', 2 ** 32, 0],
    ['within 64 bits', 2 ** 40, 2 ** 39],
  ])('is unknown, not 0, after a fall %s', (_, before, now) => {
    const history = follow({ countersAt: 0, devices: [eth(before)] }, { countersAt: 1000, devices: [eth(now)] });
    expect(rate(history)).toBeNull();
    expect(samples(deviceSeriesOf(history, KEY, eth(0)))).toEqual([{ since: 0, at: 1000, rates: null }]);
  });

  test('is unknown as a whole where one counter wrapped and another was reset', () => {
    const before = counters({ rxBytes: 2 ** 32 - 10, rxPackets: 1000 });
    expect(ratesBetween(before, counters({ rxBytes: 5, rxPackets: 0 }), 1)).toBeNull();
    expect(ratesBetween(before, counters({ rxBytes: 5, rxPackets: 1001 }), 1)?.rxBytes).toBe(15);
  });

  test.each([
    ['another number', { ifindex: 3 }],
    ['another name', { name: 'eth1' }],
    ['another kind', { kind: 'macvlan' }],
    ['another address', { address: '02:00:00:00:00:03' }],
  ])('begins anew for a device with %s', (_, over) => {
    const history = follow(
      { countersAt: 0, devices: [eth(100)] },
      { countersAt: 1000, devices: [eth(300)] },
      { countersAt: 2000, devices: [eth(9000, over)] },
    );
    expect(rate(history, eth(0, over))).toBeNull();
    expect(samples(deviceSeriesOf(history, KEY, eth(0, over)))).toEqual([]);
  });

  test('survives a source that does not tell the address', () => {
    const history = follow(
      { countersAt: 0, devices: [eth(100)] },
      { countersAt: 1000, devices: [eth(300, { address: null })] },
    );
    expect(rate(history)).toBe(200);
  });

  test('is unknown where counters were not read, and the time without them is not made up', () => {
    const history = follow(
      { countersAt: 0, devices: [eth(100)] },
      { countersAt: 1000, devices: [eth(null)] },
      { countersAt: 2000, devices: [eth(500)] },
      { countersAt: 3000, devices: [eth(600)] },
    );
    expect(samples(deviceSeriesOf(history, KEY, eth(0))).map(({ rates }) => received(rates))).toEqual([
      null,
      null,
      100,
    ]);
  });
});

describe('the rate of a namespace', () => {
  const rate = (...readings: readonly Reading[]) => received(rateOf(follow(...readings), KEY));
  const two = (before: readonly Device[], now: readonly Device[], over: Partial<Namespace> = {}) =>
    rate({ countersAt: 0, devices: before, ...over }, { countersAt: 1000, devices: now, ...over });

  test('counts what passes a bridge once, by its ports', () => {
    const bridge = (rxBytes: number) =>
      eth(rxBytes, { ifindex: 9, name: 'br0', kind: 'bridge', lower: [here(2), here(3)] });
    const port = (rxBytes: number, ifindex: number) =>
      eth(rxBytes, { ifindex, name: `port${ifindex}`, upper: [here(9)] });
    expect(two([bridge(0), port(0, 2), port(0, 3)], [bridge(30), port(10, 2), port(20, 3)])).toBe(30);
  });

  test('leaves out the loopback, what sits on another device and a cable from the namespace to itself', () => {
    const lo = (rxBytes: number) => aDevice({ counters: counters({ rxBytes }) });
    const vlan = (rxBytes: number) => eth(rxBytes, { ifindex: 4, name: 'eth0.7', kind: 'vlan', lower: [here(2)] });
    const cable = (rxBytes: number) => eth(rxBytes, { ifindex: 5, name: 'patch', peer: here(6) });
    expect(two([lo(0), eth(0), vlan(0), cable(0)], [lo(70), eth(10), vlan(10), cable(50)])).toBe(10);
  });

  test('counts a macvlan whose parent is in another namespace, and a cable that leads there', () => {
    const macvlan = (rxBytes: number) =>
      eth(rxBytes, { ifindex: 4, name: 'mvx', kind: 'macvlan', lower: [here(2, 4026531833)] });
    const cable = (rxBytes: number) => eth(rxBytes, { peer: here(2, 4026531833) });
    expect(two([macvlan(0), cable(0)], [macvlan(40), cable(2)])).toBe(42);
    // Where the other namespace is only known by an id, its number is null, as this one's may be.
    const elsewhere = { ...here(2, null), nsid: 3 };
    expect(two([eth(0, { peer: elsewhere })], [eth(8, { peer: elsewhere })], { ino: null })).toBe(8);
  });

  test('is nothing where there is only a loopback', () => {
    expect(two([aDevice()], [aDevice()])).toBe(0);
  });

  test('leaves out a device that has just appeared, and is unknown where no other is left', () => {
    const other = eth(5000, { ifindex: 3, name: 'eth1' });
    expect(two([eth(0)], [eth(10), other])).toBe(10);
    expect(two([aDevice()], [aDevice(), other])).toBeNull();
  });

  test('is unknown where a device was reset or not read', () => {
    const other = (rxBytes: number | null) => eth(rxBytes, { ifindex: 3, name: 'eth1' });
    expect(two([eth(0), other(100)], [eth(10), other(0)])).toBeNull();
    expect(two([eth(0), other(100)], [eth(10), other(null)])).toBeNull();
  });

  test('stays when the same reading comes again, and is unknown when there is none', () => {
    const readings = [
      { countersAt: 0, devices: [eth(0)] },
      { countersAt: 1000, devices: [eth(10)] },
    ];
    expect(rate(...readings, { countersAt: 1000, devices: [eth(99)] })).toBe(10);
    expect(rate(...readings, { countersAt: null, devices: [eth(99)] })).toBeNull();
    expect(rate(...readings, { countersAt: 2000, devices: null })).toBeNull();
    const resumed = follow(...readings, { countersAt: null }, { countersAt: 3000, devices: [eth(50)] });
    expect(samples(seriesOf(resumed, KEY)).map(({ since, at, rates }) => [since, at, received(rates)])).toEqual([
      [0, 1000, 10],
      [1000, 3000, 20],
    ]);
  });

  test('begins anew when the clock went back', () => {
    const history = follow(
      { countersAt: 8000, devices: [eth(0)] },
      { countersAt: 9000, devices: [eth(10)] },
      { countersAt: 100, devices: [eth(20)] },
    );
    expect(rateOf(history, KEY)).toBeNull();
    expect(samples(seriesOf(history, KEY))).toEqual([]);
  });

  test('is kept apart for a namespace with the same number and another cookie', () => {
    const history = follow(
      { countersAt: 0, devices: [eth(0)] },
      { countersAt: 1000, devices: [eth(10)], cookie: '4102' },
    );
    expect(rateOf(history, 'cookie:4102')).toBeNull();
  });
});

describe('history', () => {
  const reading = (at: number) => ({ countersAt: at, devices: [eth(at)] });

  test('does not change what it was made from', () => {
    const before = follow(reading(0), reading(1000));
    const series = seriesOf(before, KEY);
    const after = ingest(before, { namespaces: [aNamespace(reading(2000))] });
    expect(samples(series)).toHaveLength(1);
    expect(samples(seriesOf(after, KEY))).toHaveLength(2);
    expect(seriesOf(before, KEY)).toBe(series);
  });

  test('keeps a namespace for a while without it, with no rate, and then forgets it', () => {
    const gone = follow(reading(0), reading(1000), null);
    expect(rateOf(gone, KEY)).toBeNull();
    expect(samples(seriesOf(gone, KEY))).toHaveLength(1);
    const back = ingest(gone, { namespaces: [aNamespace(reading(3000))] });
    expect(received(rateOf(back, KEY))).toBe(1000);
    expect(seriesOf(follow(reading(0), ...new Array<null>(29).fill(null)), KEY)).not.toBeNull();
    expect(seriesOf(follow(reading(0), ...new Array<null>(30).fill(null)), KEY)).toBeNull();
  });

  test('keeps at most 300 samples of a namespace and 120 of a device, the newest', () => {
    const history = follow(...Array.from({ length: 1000 }, (_, index) => reading(index * 1000)));
    const ofNamespace = samples(seriesOf(history, KEY));
    const ofDevice = samples(deviceSeriesOf(history, KEY, eth(0)));
    expect(ofNamespace.length).toBeLessThanOrEqual(300);
    expect(ofNamespace.length).toBeGreaterThan(270);
    expect(ofDevice.length).toBeLessThanOrEqual(120);
    expect(ofDevice.length).toBeGreaterThan(90);
    for (const kept of [ofNamespace, ofDevice]) {
      expect(kept.at(-1)).toMatchObject({ since: 998_000, at: 999_000, rates: { rxBytes: 1000 } });
      expect(kept.every(({ since, at }) => at - since === 1000)).toBe(true);
    }
  });

  test('has rates for all devices, a series for 2000, and says how many have none', () => {
    const many = (at: number, first: number) =>
      Array.from({ length: 2100 }, (_, index) => eth(at, { ifindex: first + index, name: `v${first + index}` }));
    const history = follow({ countersAt: 0, devices: many(0, 1) }, { countersAt: 1000, devices: many(1000, 1) });
    expect(history).toMatchObject({ deviceSeries: 2000, devicesWithoutSeries: 100 });
    const last = { ifindex: 2100, name: 'v2100' };
    expect(received(deviceRate(history, KEY, last))).toBe(1000);
    expect(deviceSeriesOf(history, KEY, last)).toBeNull();
    // When others are gone there is room again.
    const fewer = [2000, 3000].reduce(
      (before, at) => ingest(before, { namespaces: [aNamespace({ countersAt: at, devices: many(at, 1000) })] }),
      history,
    );
    expect(fewer).toMatchObject({ deviceSeries: 2000 });
    expect(deviceSeriesOf(fewer, KEY, last)).not.toBeNull();
  });

  test('follows no namespaces that cannot be told apart', () => {
    const nameless = (at: number) =>
      aNamespace({ cookie: null, ino: null, holders: [], processes: [], witnesses: [], ...reading(at) });
    const history = ingest(NO_HISTORY, { namespaces: [nameless(0), nameless(5)] });
    expect(history.tracks.size).toBe(0);
  });
});

describe('samplesOf', () => {
  test('gives the newest so many, the oldest of them first, unknown ones included', () => {
    const rates = (rxBytes: number) => ({ rxBytes, txBytes: 0, rxPackets: 0, txPackets: 0 });
    let series = startSeries(10);
    for (let at = 11; at < 100; at++) series = addSample(series, at, at === 98 ? null : rates(at), 300);
    expect(samplesOf(series)).toHaveLength(89);
    expect(samplesOf(series, 2)).toEqual([
      { since: 97, at: 98, rates: null },
      { since: 98, at: 99, rates: rates(99) },
    ]);
    expect(samplesOf(series)[0]).toEqual({ since: 10, at: 11, rates: rates(11) });
  });
});
