import { eachLine, type Parsed } from './lines.ts';

/** Counters by their names. */
type Counters = Readonly<Record<string, number>>;

/** What a protocol counts. The names are the kernel's: `Tcp` of snmp and `TCP` of sockstat are two. */
export type Counted = readonly [protocol: string, counters: Counters];

/** Counters by protocol and name. */
export type Protocols = Readonly<Record<string, Counters>>;

/** `Ip: Forwarding DefaultTTL` */
const NAMES = /^[A-Za-z]\w{0,31}:(?: [A-Za-z]\w{0,63})*$/;
const VALUES = /^[A-Za-z]\w{0,31}:(?: -?\d{1,20})*$/;
/** `TCP: inuse 1 orphan 0` */
const PAIRS = /^[A-Za-z]\w{0,31}:(?: [A-Za-z]\w{0,63} -?\d{1,20})*$/;
const SNMP6 = /^([A-Za-z]{1,31}?6)([A-Za-z]\w{0,63})[ \t]+(-?\d{1,20})$/;

/** Lines of names are the same in every namespace: each is read once. Null for one that is malformed. */
const headings = new Map<string, readonly string[] | null>();
/** A kernel has a dozen of them. */
const MOST_HEADINGS = 64;

function readHeading(line: string): readonly string[] | null {
  const known = headings.get(line);
  if (known !== undefined) return known;
  const heading = NAMES.test(line) ? line.split(' ') : null;
  if (headings.size < MOST_HEADINGS) headings.set(line, heading);
  return heading;
}

/** `/proc/net/snmp` and `/proc/net/netstat`: a line of names, then one of values (net/ipv4/proc.c). */
export function parseSnmp(text: string): Parsed<Counted> {
  let heading: readonly string[] | null = null;
  const { records, malformed } = eachLine(text, 0, (line): Counted | 'heading' | null => {
    const names = heading;
    if (names === null) {
      heading = readHeading(line);
      return heading === null ? null : 'heading';
    }
    heading = null;
    const values = VALUES.test(line) ? line.split(' ') : [];
    if (values.length !== names.length || values[0] !== names[0]) return null;
    const counters: Record<string, number> = {};
    for (let index = 1; index < names.length; index++) counters[names[index] ?? ''] = Number(values[index]);
    return [protocolOf(line), counters];
  });
  return { records: records.filter((record) => record !== 'heading'), malformed };
}

/** `/proc/net/snmp6`: `Icmp6InErrors 0`, the protocol and the name in one word (snmp6_seq_show, net/ipv6/proc.c). */
export function parseSnmp6(text: string): Parsed<Counted> {
  const protocols = new Map<string, Record<string, number>>();
  const { malformed } = eachLine(text, 0, (line) => {
    const [, protocol, name, digits] = SNMP6.exec(line) ?? [];
    if (protocol === undefined || name === undefined) return null;
    const counters = protocols.get(protocol) ?? {};
    counters[name] = Number(digits);
    protocols.set(protocol, counters);
    return name;
  });
  return { records: [...protocols], malformed };
}

/**
 * `/proc/net/sockstat` and `/proc/net/sockstat6`: `TCP: inuse 1 orphan 0` (sockstat_seq_show). `orphan`, `alloc` and
 * `mem` are those of the whole host.
 */
export function parseSockstat(text: string): Parsed<Counted> {
  return eachLine(text, 0, (line) => {
    if (!PAIRS.test(line)) return null;
    const fields = line.split(' ');
    const counters: Record<string, number> = {};
    for (let index = 1; index < fields.length; index += 2) counters[fields[index] ?? ''] = Number(fields[index + 1]);
    return [protocolOf(line), counters];
  });
}

function protocolOf(line: string): string {
  return line.slice(0, line.indexOf(':'));
}

/** Counters by protocol, those of several tables together. */
export function byProtocol(counted: readonly Counted[]): Protocols {
  const protocols: Record<string, Counters> = {};
  for (const [protocol, counters] of counted) {
    protocols[protocol] = Object.hasOwn(protocols, protocol) ? { ...protocols[protocol], ...counters } : counters;
  }
  return protocols;
}
