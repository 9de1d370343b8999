import { type Device, type DeviceCounters, type Namespace, namespaceKey, type Snapshot } from '../model/index.ts';
import { edgeDevices } from './edge-devices.ts';
import { addRates, NO_TRAFFIC, type Rates, ratesBetween } from './rates.ts';
import { addSample, type Series, startSeries } from './series.ts';

/**
 * What is kept at most: about 12 kB for each namespace and 5 kB for each device with a series. At one reading a second
 * that is five minutes of a namespace and two of a device. Devices beyond the last bound have rates but no series, until
 * others cease to exist.
 */
const MOST = { namespaceSamples: 300, deviceSamples: 120, deviceSeries: 2000 } as const;

/** After how many snapshots without it a namespace is forgotten: one that a source lost for a moment comes back to it. */
const FORGOTTEN_AFTER = 30;

/** What two readings of a device's counters came to. */
interface DeviceTrack {
  readonly device: Pick<Device, 'kind' | 'address'>;
  readonly counters: DeviceCounters | null;
  readonly rates: Rates | null;
  readonly series: Series | null;
}

/** What the readings of a namespace's counters came to. */
interface Track {
  /** `countersAt` of the last reading. */
  readonly at: number;
  readonly devices: ReadonlyMap<string, DeviceTrack>;
  readonly rates: Rates | null;
  readonly series: Series;
  /** The latest snapshot has a reading, so that the rates are those of now. */
  readonly current: boolean;
  /** Snapshots in a row that do not have the namespace. */
  readonly absent: number;
}

/** Rates of every namespace and device, now and before. Never changes: `ingest` makes another. */
export interface History {
  /** By `namespaceKey`. */
  readonly tracks: ReadonlyMap<string, Track>;
  /** How many devices have a series, and how many have none because there are too many. */
  readonly deviceSeries: number;
  readonly devicesWithoutSeries: number;
}

export const NO_HISTORY: History = { tracks: new Map(), deviceSeries: 0, devicesWithoutSeries: 0 };

type DeviceIdentity = Pick<Device, 'ifindex' | 'name'>;

function deviceKey({ ifindex, name }: DeviceIdentity): string {
  return `${ifindex ?? '?'} ${name}`;
}

/** A device under the same number and name that is another one all the same. */
function wasReplaced(before: DeviceTrack['device'], now: DeviceTrack['device']): boolean {
  if (before.kind !== now.kind) return true;
  // Not every source tells the address.
  return before.address !== null && now.address !== null && before.address !== now.address;
}

/** The track of the same device before this reading. */
function previous(before: Track | undefined, device: Device): DeviceTrack | undefined {
  const track = before?.devices.get(deviceKey(device));
  return track === undefined || wasReplaced(track.device, device) ? undefined : track;
}

/** How many more devices may have a series. */
interface Room {
  left: number;
}

function followDevice(before: Track | undefined, device: Device, at: number, room: Room): DeviceTrack {
  const { kind, address, counters } = device;
  const known = previous(before, device);
  const rates =
    before === undefined || known?.counters == null || counters === null
      ? null
      : ratesBetween(known.counters, counters, (at - before.at) / 1000);
  let series = known?.series ?? null;
  if (series !== null) series = addSample(series, at, rates, MOST.deviceSamples);
  else if (room.left > 0) {
    room.left -= 1;
    series = startSeries(at);
  }
  return { device: { kind, address }, counters, rates, series };
}

/**
 * The sum over the edge devices. One that appeared since the last reading counts from the next one on; where one that
 * was there before has no rate, nor has the namespace.
 */
function sumRates(ns: Namespace, before: Track, devices: ReadonlyMap<string, DeviceTrack>): Rates | null {
  const edges = edgeDevices(ns);
  const lasting = edges.filter((device) => previous(before, device) !== undefined);
  if (lasting.length === 0 && edges.length > 0) return null;
  let sum = NO_TRAFFIC;
  for (const device of lasting) {
    const rates = devices.get(deviceKey(device))?.rates ?? null;
    if (rates === null) return null;
    sum = addRates(sum, rates);
  }
  return sum;
}

/** Takes in one reading; undefined while there has not been any. */
function follow(known: Track | undefined, ns: Namespace, room: Room): Track | undefined {
  const { countersAt: at, devices } = ns;
  if (at === null || devices === null) return known && { ...known, current: false, absent: 0 };
  if (at === known?.at) return { ...known, current: true, absent: 0 };
  // The clock went back: another collector took over, and nobody knows how its time relates to that of the last one.
  const before = known !== undefined && at > known.at ? known : undefined;
  const now = new Map<string, DeviceTrack>();
  for (const device of devices) {
    const key = deviceKey(device);
    if (!now.has(key)) now.set(key, followDevice(before, device, at, room));
  }
  const rates = before === undefined ? null : sumRates(ns, before, now);
  const series = before === undefined ? startSeries(at) : addSample(before.series, at, rates, MOST.namespaceSamples);
  return { at, devices: now, rates, series, current: true, absent: 0 };
}

/**
 * Takes in what a snapshot read of the counters. A reading that was taken in already changes nothing. Namespaces that
 * cannot be told from one another have no history, nor has the second of two that have the same key.
 */
export function ingest(history: History, { namespaces }: Pick<Snapshot, 'namespaces'>): History {
  const room: Room = { left: MOST.deviceSeries - history.deviceSeries };
  const tracks = new Map<string, Track>();
  for (const ns of namespaces) {
    const key = namespaceKey(ns);
    if (key === 'unknown' || tracks.has(key)) continue;
    const track = follow(history.tracks.get(key), ns, room);
    if (track !== undefined) tracks.set(key, track);
  }
  for (const [key, track] of history.tracks) {
    if (tracks.has(key) || track.absent + 1 >= FORGOTTEN_AFTER) continue;
    tracks.set(key, { ...track, current: false, absent: track.absent + 1 });
  }
  let deviceSeries = 0;
  let devicesWithoutSeries = 0;
  for (const { devices } of tracks.values()) {
    for (const { series } of devices.values()) {
      if (series === null) devicesWithoutSeries += 1;
      else deviceSeries += 1;
    }
  }
  return { tracks, deviceSeries, devicesWithoutSeries };
}

/** What passes the edges of a namespace now; null where that is not known (yet). */
export function rateOf({ tracks }: History, key: string): Rates | null {
  const track = tracks.get(key);
  return track?.current ? track.rates : null;
}

/** What passes a device of that namespace now; null where that is not known (yet). */
export function deviceRate({ tracks }: History, key: string, device: DeviceIdentity): Rates | null {
  const track = tracks.get(key);
  return track?.current ? (track.devices.get(deviceKey(device))?.rates ?? null) : null;
}

/** What passed the edges of a namespace; null where its counters were never read. */
export function seriesOf({ tracks }: History, key: string): Series | null {
  return tracks.get(key)?.series ?? null;
}

/** What passed a device; null where its counters were never read, or too many devices have a series already. */
export function deviceSeriesOf({ tracks }: History, key: string, device: DeviceIdentity): Series | null {
  return tracks.get(key)?.devices.get(deviceKey(device))?.series ?? null;
}
