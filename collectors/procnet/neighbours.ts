import type { Neighbour } from '../../src/model/index.ts';
import type { DeviceNumbers } from './devices.ts';
import { eachLine, isDeviceName, type Parsed } from './lines.ts';

// include/uapi/linux/if_arp.h
const ATF_COM = 0x02;
const ATF_PERM = 0x04;
const ATF_PUBL = 0x08;

const LINE =
  /^(\d{1,3}(?:\.\d{1,3}){3}) +0x[0-9a-f]{1,8} +0x([0-9a-f]{1,8}) +(?:([0-9a-f]{2}(?::[0-9a-f]{2})*) +)?\* +(\S+)$/i;

/**
 * `/proc/net/arp`: IPv4 neighbours and proxied addresses (arp_seq_show, net/ipv4/arp.c). Of their state it tells only
 * `permanent`; NUD_NOARP ones are left out.
 */
export function parseArp(text: string, numbers: DeviceNumbers): Parsed<Neighbour> {
  return eachLine(text, 1, (line) => {
    const [, address, digits = '', hardware, device] = LINE.exec(line) ?? [];
    if (address === undefined || !isDeviceName(device)) return null;
    const flags = Number.parseInt(digits, 16);
    const proxied = (flags & ATF_PUBL) !== 0;
    return {
      family: 'inet',
      // `*` is any device, of what is proxied on all of them.
      ifindex: device === '*' ? null : (numbers.get(device) ?? null),
      address,
      // Zeros stand for none.
      hardwareAddress: (flags & ATF_COM) !== 0 ? (hardware ?? null) : null,
      state: (flags & ATF_PERM) !== 0 && !proxied ? ['permanent'] : [],
      flags: proxied ? ['proxy'] : [],
    };
  });
}
