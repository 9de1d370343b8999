/** Netlink attributes (netlink(7), include/uapi/linux/netlink.h): numbers are in the byte order of the machine. */

const NLA_TYPE_MASK = 0x3fff;
const HEADER = 4;

/** Calls `visit` with type, first byte and end of every attribute between two offsets. Stops at a malformed one. */
export function eachAttribute(
  bytes: Buffer,
  start: number,
  end: number,
  visit: (type: number, at: number, end: number) => void,
): void {
  for (let at = start; at + HEADER <= end; ) {
    const length = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    if (length < HEADER || at + length > end) return;
    visit(((bytes[at + 2] ?? 0) | ((bytes[at + 3] ?? 0) << 8)) & NLA_TYPE_MASK, at + HEADER, at + length);
    at += (length + 3) & ~3;
  }
}

/** A 64-bit counter as a number: exact up to 2^53, which is 9 petabytes. */
export function u64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 0x1_0000_0000;
}

/** Text that ends at a NUL or with its attribute, one character a byte (latin1). */
export function text(bytes: Buffer, at: number, end: number): string {
  const nul = bytes.indexOf(0, at);
  return bytes.toString('latin1', at, nul >= at && nul < end ? nul : end);
}

/** An integer of whatever width its attribute has, unsigned. */
export function unsigned(bytes: Buffer, at: number, end: number): number {
  const size = end - at;
  if (size >= 8) return u64(bytes, at);
  if (size >= 4) return bytes.readUInt32LE(at);
  return size >= 2 ? bytes.readUInt16LE(at) : (bytes[at] ?? 0);
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A hardware address: `02:42:ac:11:00:02`. */
export function hardwareAddress(bytes: Buffer, at: number, end: number): string {
  let address = '';
  for (let index = at; index < end; index++) address += `${index === at ? '' : ':'}${HEX[bytes[index] ?? 0]}`;
  return address;
}

/** An IPv4 address. */
export function ipv4(bytes: Buffer, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** An IPv6 address as RFC 5952 wants it written: the longest run of zero groups is `::`. */
export function ipv6(bytes: Buffer, at: number): string {
  let best = -1;
  let longest = 1;
  for (let group = 0; group < 8; ) {
    let run = group;
    while (run < 8 && bytes[at + 2 * run] === 0 && bytes[at + 2 * run + 1] === 0) run++;
    if (run - group > longest) {
      longest = run - group;
      best = group;
    }
    group = Math.max(run, group + 1);
  }
  // An IPv4 address mapped into IPv6 keeps its own notation.
  if (best === 0 && longest === 5 && bytes[at + 10] === 0xff && bytes[at + 11] === 0xff)
    return `::ffff:${ipv4(bytes, at + 12)}`;
  let address = '';
  for (let group = 0; group < 8; group++) {
    if (group === best) {
      address += '::';
      group += longest - 1;
      continue;
    }
    if (address !== '' && !address.endsWith(':')) address += ':';
    address += bytes.readUInt16BE(at + 2 * group).toString(16);
  }
  return address;
}

/** An address of four or sixteen bytes; any other length in hexadecimal. */
export function address(bytes: Buffer, at: number, end: number): string {
  if (end - at === 4) return ipv4(bytes, at);
  return end - at === 16 ? ipv6(bytes, at) : bytes.toString('hex', at, end);
}

/** One attribute: `value` as it is, a number as four bytes, attributes nested. */
export type AttributeValue = Uint8Array | number | readonly Attribute[];
export type Attribute = readonly [type: number, value: AttributeValue];

const NLA_F_NESTED = 0x8000;

function encodeOne([type, value]: Attribute): Buffer {
  const nested = Array.isArray(value);
  const payload = nested
    ? encodeAttributes(value as readonly Attribute[])
    : typeof value === 'number'
      ? fourBytes(value)
      : (value as Uint8Array);
  const bytes = Buffer.alloc((HEADER + payload.length + 3) & ~3);
  bytes.writeUInt16LE(HEADER + payload.length, 0);
  bytes.writeUInt16LE(nested ? type | NLA_F_NESTED : type, 2);
  bytes.set(payload, HEADER);
  return bytes;
}

function fourBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0);
  return bytes;
}

/** Attributes as the kernel wants them. */
export function encodeAttributes(attributes: readonly Attribute[]): Buffer {
  return Buffer.concat(attributes.map(encodeOne));
}
