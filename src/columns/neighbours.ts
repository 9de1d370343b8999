import type { Neighbour } from '../model/index.ts';
import { deviceName } from './cells.ts';
import type { InNamespace, Registry } from './column.ts';

/** Neighbours of a namespace: ARP and neighbour discovery. */
export const NEIGHBOURS: Registry<Neighbour, InNamespace> = {
  columns: [
    {
      id: 'address',
      header: 'ADDRESS',
      description: 'IP address of the neighbour.',
      width: 15,
      maxWidth: 40,
      align: 'left',
      value: ({ address }) => address,
    },
    {
      id: 'mac',
      header: 'MAC',
      description: 'Its hardware address; none while it is not resolved.',
      width: 17,
      align: 'left',
      value: ({ hardwareAddress }) => hardwareAddress ?? '',
    },
    {
      id: 'device',
      header: 'DEV',
      description: 'The device it is behind.',
      width: 10,
      maxWidth: 15,
      align: 'left',
      value: ({ ifindex }, context) => (ifindex === null ? null : deviceName(ifindex, context)),
    },
    {
      id: 'state',
      header: 'STATE',
      description: '`reachable`, `stale`, `permanent`, `failed`…',
      width: 10,
      maxWidth: 20,
      align: 'left',
      value: ({ state }) => state,
    },
    {
      id: 'flags',
      header: 'FLAGS',
      description: '`router`, `proxy`, `extern_learn`…',
      width: 8,
      maxWidth: 20,
      align: 'left',
      value: ({ flags }) => flags,
    },
    {
      id: 'family',
      header: 'FAMILY',
      description: '`inet` or `inet6`.',
      width: 6,
      align: 'left',
      value: ({ family }) => family,
      searched: false,
    },
  ],
  defaults: ['address', 'mac', 'device', 'state', 'flags'],
};
