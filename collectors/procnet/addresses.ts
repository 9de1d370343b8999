import type { Address } from '../../src/model/index.ts';
import { AF_INET6 } from '../../src/os/netlink/names.ts';
import { addressFlags } from '../addresses.ts';
import type { TrieEntry } from './fib-trie.ts';
import { addressOfBytes } from './hexadecimal-addresses.ts';
import { eachLine, hexadecimal, isDeviceName, type Parsed, words } from './lines.ts';

// IFA_…, include/net/if_inet6.h: scopes of IPv6 addresses, as rt_scope (net/ipv6/addrconf.c) tells them.
const IFA_HOST = 0x10;
const IFA_LINK = 0x20;
const IFA_SITE = 0x40;

const NOT_TOLD = {
  peer: null,
  broadcast: null,
  anycast: null,
  label: null,
  validSeconds: null,
  preferredSeconds: null,
  protocol: null,
} as const;

function scopeName(scope: number): string {
  if ((scope & IFA_HOST) !== 0) return 'host';
  if ((scope & IFA_LINK) !== 0) return 'link';
  return (scope & IFA_SITE) !== 0 ? 'site' : 'global';
}

/** An IPv6 address and the name of its device, one character a byte. */
export interface DeviceAddress {
  readonly device: string;
  readonly ifindex: number;
  readonly address: Address;
}

/** `/proc/net/if_inet6`: address, ifindex, prefix length, scope, flags, device (if6_seq_show, net/ipv6/addrconf.c). */
export function parseInet6Addresses(text: string): Parsed<DeviceAddress> {
  return eachLine(text, 0, (line) => {
    const [digits = '', ...fields] = words(line);
    const [ifindex, prefixLength, scope, flags] = fields.map(hexadecimal);
    const address = addressOfBytes(digits);
    const device = fields[4];
    if (address === null || ifindex == null || prefixLength == null || scope == null || flags == null) return null;
    if (!isDeviceName(device) || fields.length !== 5) return null;
    return {
      device,
      ifindex,
      address: {
        ...NOT_TOLD,
        family: 'inet6',
        ifindex,
        address,
        prefixLength,
        scope: scopeName(scope),
        flags: addressFlags(AF_INET6, flags),
      },
    };
  });
}

/**
 * IPv4 addresses of this namespace: where a table has a local route of 32 bits, which the kernel makes for every
 * address (fib_add_ifaddr). An administrator can make one as well, with `ip route add local`. Nothing but the address
 * is told.
 */
export function inetAddresses(entries: readonly TrieEntry[]): Address[] {
  const local = entries.filter(({ length, type, scope }) => length === 32 && type === 'local' && scope === 'host');
  return [...new Set(local.map(({ prefix }) => prefix))].map((address) => ({
    ...NOT_TOLD,
    family: 'inet',
    ifindex: null,
    address,
    prefixLength: null,
    scope: null,
    flags: [],
  }));
}
