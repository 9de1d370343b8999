import { address } from '../../src/os/netlink/attributes.ts';

const HEXADECIMAL = /^(?:[0-9a-f]{8}|[0-9a-f]{32})$/i;

/**
 * An IP address as tables of sockets and of IPv4 routes print it: words of 32 bits as numbers, which turns the bytes of
 * each round on a little-endian machine (`0100007F` is 127.0.0.1). Null for anything else.
 */
export function addressOfWords(digits: string): string | null {
  if (!HEXADECIMAL.test(digits)) return null;
  const bytes = Buffer.from(digits, 'hex').swap32();
  return address(bytes, 0, bytes.length);
}

/** An IPv6 address as `%pi6` prints it: sixteen bytes in the order of the network. Null for anything else. */
export function addressOfBytes(digits: string): string | null {
  return digits.length === 32 && HEXADECIMAL.test(digits) ? address(Buffer.from(digits, 'hex'), 0, 16) : null;
}
