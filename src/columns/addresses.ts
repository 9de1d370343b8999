import type { Address } from '../model/index.ts';
import { addressText, deviceName } from './cells.ts';
import type { Column, InNamespace, Registry } from './column.ts';

/** Seconds left; for ever is `forever`, as ip-address(8) has it. */
function lifetime(
  id: string,
  header: string,
  description: string,
  seconds: (address: Address) => number | null,
): Column<Address, InNamespace> {
  return {
    id,
    header,
    description,
    width: 9,
    align: 'right',
    value: (address) => seconds(address) ?? 'forever',
    text: (address) => {
      const left = seconds(address);
      return left === null ? 'forever' : `${left}s`;
    },
    sortKey: (address) => seconds(address) ?? Number.POSITIVE_INFINITY,
    searched: false,
  };
}

/** IP addresses of a namespace. */
export const ADDRESSES: Registry<Address, InNamespace> = {
  columns: [
    {
      id: 'address',
      header: 'ADDRESS',
      description: 'Address and prefix length.',
      width: 18,
      maxWidth: 44,
      align: 'left',
      value: addressText,
    },
    {
      id: 'device',
      header: 'DEV',
      description: 'The device that has it.',
      width: 10,
      maxWidth: 15,
      align: 'left',
      value: ({ ifindex }, context) => (ifindex === null ? null : deviceName(ifindex, context)),
    },
    {
      id: 'scope',
      header: 'SCOPE',
      description: 'How far it is valid: `global`, `link`, `host`…',
      width: 7,
      align: 'left',
      value: ({ scope }) => scope,
    },
    {
      id: 'flags',
      header: 'FLAGS',
      description: 'Flags of ip-address(8); `dynamic` where it is not permanent.',
      width: 10,
      maxWidth: 32,
      align: 'left',
      value: ({ flags }) => flags,
    },
    lifetime('valid', 'VALID', 'Seconds it stays.', ({ validSeconds }) => validSeconds),
    lifetime(
      'preferred',
      'PREFERRED',
      'Seconds it stays the address of choice.',
      ({ preferredSeconds }) => preferredSeconds,
    ),
    {
      id: 'family',
      header: 'FAMILY',
      description: '`inet` or `inet6`.',
      width: 6,
      align: 'left',
      value: ({ family }) => family,
      searched: false,
    },
    {
      id: 'peer',
      header: 'PEER',
      description: 'The other end of a point-to-point device.',
      width: 15,
      maxWidth: 40,
      align: 'left',
      value: ({ peer }) => peer ?? '',
    },
    {
      id: 'broadcast',
      header: 'BROADCAST',
      description: 'Broadcast address.',
      width: 15,
      align: 'left',
      value: ({ broadcast }) => broadcast ?? '',
    },
    {
      id: 'anycast',
      header: 'ANYCAST',
      description: 'Anycast address.',
      width: 15,
      maxWidth: 40,
      align: 'left',
      value: ({ anycast }) => anycast ?? '',
    },
    {
      id: 'label',
      header: 'LABEL',
      description: 'Label of the address, as ifconfig shows it.',
      width: 10,
      maxWidth: 16,
      align: 'left',
      value: ({ label }) => label ?? '',
    },
    {
      id: 'origin',
      header: 'ORIGIN',
      description: 'Who added it: `kernel_lo`, `kernel_ra`, `kernel_ll`; known from Linux 5.18.',
      width: 10,
      align: 'left',
      value: ({ protocol }) => protocol,
    },
  ],
  defaults: ['address', 'device', 'scope', 'flags', 'valid'],
};
