import type { SafeText } from '../../src/model/index.ts';
import { eachAttribute, text, unsigned } from '../../src/os/netlink/attributes.ts';
import { type FlagWords, flagNames, named } from '../../src/os/netlink/names.ts';
import { sanitise } from '../../src/terminal/sanitise.ts';

// RTAX_…, include/uapi/linux/rtnetlink.h
const RTAX_LOCK = 1;
const RTAX_RTT = 4;
const RTAX_RTTVAR = 5;
const RTAX_HOPLIMIT = 10;
const RTAX_FEATURES = 12;
const RTAX_CC_ALGO = 16;
/** As ip-route(8) names them. */
const NAMES: Readonly<Record<number, string>> = {
  [RTAX_LOCK]: 'lock',
  2: 'mtu',
  3: 'window',
  [RTAX_RTT]: 'rtt',
  [RTAX_RTTVAR]: 'rttvar',
  6: 'ssthresh',
  7: 'cwnd',
  8: 'advmss',
  9: 'reordering',
  [RTAX_HOPLIMIT]: 'hoplimit',
  11: 'initcwnd',
  [RTAX_FEATURES]: 'features',
  13: 'rto_min',
  14: 'initrwnd',
  15: 'quickack',
  [RTAX_CC_ALGO]: 'congctl',
  17: 'fastopen_no_cookie',
};
/** Bit n is for metric n. */
const LOCKS: FlagWords = Object.entries(NAMES).map(([number, name]) => [1 << Number(number), name]);
const FEATURES: FlagWords = [
  [1, 'ecn'],
  [16, 'tcp_usec_ts'],
];
/** That of the device counts. */
const NO_HOPLIMIT = 0xffff_ffff;

/**
 * RTA_METRICS by their names; times in milliseconds. `lock` names those that hold against what is learnt of the path,
 * `features` what is used on it.
 */
export function decodeMetrics(bytes: Buffer, from: number, to: number): Record<string, number | SafeText> {
  const metrics: Record<string, number | SafeText> = {};
  eachAttribute(bytes, from, to, (type, first, end) => {
    const name = named(NAMES, type);
    if (type === RTAX_CC_ALGO) {
      metrics[name] = sanitise(text(bytes, first, end)).text;
      return;
    }
    const value = unsigned(bytes, first, end);
    if (type === RTAX_LOCK) metrics[name] = flagNames(LOCKS, value).join(' ');
    else if (type === RTAX_FEATURES) metrics[name] = flagNames(FEATURES, value).join(' ');
    // The kernel counts round trips in eighths, their variance in quarters of a millisecond (print_rta_metrics of iproute2).
    else if (type === RTAX_RTT) metrics[name] = Math.trunc(value / 8);
    else if (type === RTAX_RTTVAR) metrics[name] = Math.trunc(value / 4);
    else if (type !== RTAX_HOPLIMIT || value !== NO_HOPLIMIT) metrics[name] = value;
  });
  return metrics;
}
