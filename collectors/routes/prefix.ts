import { AF_INET6 } from '../../src/os/netlink/names.ts';

/**
 * Address and prefix length: `10.0.0.0/8`. An address that is left out is the one of zeros.
 *
 * @param family AF_…
 */
export function prefix(family: number, address: string | null, length: number): string {
  return `${address ?? (family === AF_INET6 ? '::' : '0.0.0.0')}/${length}`;
}
