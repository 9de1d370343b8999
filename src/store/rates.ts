import type { DeviceCounters } from '../model/index.ts';

/** What passes per second. */
export interface Rates {
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxPackets: number;
  readonly txPackets: number;
}

export const NO_TRAFFIC: Rates = { rxBytes: 0, txBytes: 0, rxPackets: 0, txPackets: 0 };

const WRAP = 2 ** 32;
/**
 * The most that a device with 32-bit counters can pass per second: gigabit Ethernet, 125 MB in 1.5 million frames of 64
 * bytes. Faster ones wrapped every few seconds and so were given 64-bit counters (struct rtnl_link_stats64, 2.6.35).
 */
const FASTEST_32_BIT = { bytes: 125e6, packets: 1.5e6 } as const;

/**
 * How far a counter advanced. Null where it fell and that was no wrap of 32 bits: the device was reset or is another.
 *
 * @param most how far it can have come at most since `before`, if it has 32 bits.
 */
function advance(before: number, now: number, most: number): number | null {
  if (now >= before) return now - before;
  const wrapped = now + WRAP - before;
  return before > WRAP / 2 && before < WRAP && wrapped <= most ? wrapped : null;
}

/** Rates between two readings of one device's counters; null where they fell, since nobody knows what was missed. */
export function ratesBetween(before: DeviceCounters, now: DeviceCounters, seconds: number): Rates | null {
  const perSecond = (counter: keyof Rates, fastest: number): number => {
    const advanced = advance(before[counter], now[counter], fastest * seconds);
    return advanced === null ? Number.NaN : advanced / seconds;
  };
  const rates = {
    rxBytes: perSecond('rxBytes', FASTEST_32_BIT.bytes),
    txBytes: perSecond('txBytes', FASTEST_32_BIT.bytes),
    rxPackets: perSecond('rxPackets', FASTEST_32_BIT.packets),
    txPackets: perSecond('txPackets', FASTEST_32_BIT.packets),
  };
  return Object.values(rates).some(Number.isNaN) ? null : rates;
}

export function addRates(a: Rates, b: Rates): Rates {
  return {
    rxBytes: a.rxBytes + b.rxBytes,
    txBytes: a.txBytes + b.txBytes,
    rxPackets: a.rxPackets + b.rxPackets,
    txPackets: a.txPackets + b.txPackets,
  };
}
