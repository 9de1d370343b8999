/**
 * How many sockets the kernel counts in a namespace, from `/proc/net/sockstat` and `sockstat6` (sockstat_seq_show,
 * sockstat6_seq_show). What they say of a family is exact, so a family they say 0 of is not asked for:
 *
 * - `used`: every socket that was opened from userspace, of whatever family, bound or not, until its last reference is
 *   gone, connections without a process included (sk_alloc, sk_clone, __sk_free). Not those of the kernel itself.
 * - `inuse` of TCP, UDP, UDP-Lite and RAW: those in the tables a dump walks (inet_hash, inet_ehash_nolisten,
 *   udp_lib_get_port, raw_hash_sk), those of the kernel itself included. A half-open connection is not counted, but it
 *   has a listening socket, which is. A TCP socket that is bound and does nothing is in a table of its own and not
 *   counted: `used` has it.
 * - `tw`: connections in TIME_WAIT, of both families.
 *
 * `orphan`, `alloc` and `mem` are the whole host's.
 */
export interface Counters {
  readonly used: number | null;
  /** TCP sockets, and connections in TIME_WAIT, of both families. */
  readonly tcp: number | null;
  readonly udp: number | null;
  readonly udp6: number | null;
  readonly udplite: number | null;
  readonly udplite6: number | null;
  readonly raw: number | null;
  readonly raw6: number | null;
}

type Place = keyof Counters | 'timeWait' | 'tcp6';

const PLACES: Readonly<Record<Place, RegExp>> = {
  used: /^sockets: used (\d+)/m,
  tcp: /^TCP: inuse (\d+)/m,
  timeWait: /^TCP: .* tw (\d+)/m,
  tcp6: /^TCP6: inuse (\d+)/m,
  udp: /^UDP: inuse (\d+)/m,
  udp6: /^UDP6: inuse (\d+)/m,
  udplite: /^UDPLITE: inuse (\d+)/m,
  udplite6: /^UDPLITE6: inuse (\d+)/m,
  raw: /^RAW: inuse (\d+)/m,
  raw6: /^RAW6: inuse (\d+)/m,
};

/** Null stands for what was not told. Where there is `sockstat` alone, the kernel has no IPv6. */
export function parseCounters(sockstat: string | null, sockstat6: string | null): Counters {
  const read = (text: string | null, place: Place): number | null => {
    const value = text === null ? undefined : PLACES[place].exec(text)?.[1];
    return value === undefined ? null : Number(value);
  };
  const four = (place: Place) => read(sockstat, place);
  const six = (place: Place) => (sockstat !== null && sockstat6 === null ? 0 : read(sockstat6, place));
  const tcp = [four('tcp'), four('timeWait'), six('tcp6')];
  return {
    used: four('used'),
    tcp: tcp.reduce((a, b) => (a === null || b === null ? null : a + b)),
    udp: four('udp'),
    udp6: six('udp6'),
    udplite: four('udplite'),
    udplite6: six('udplite6'),
    raw: four('raw'),
    raw6: six('raw6'),
  };
}
