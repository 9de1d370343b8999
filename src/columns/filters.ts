import type { HardwareFilter } from '../model/index.ts';
import { deviceName } from './cells.ts';
import type { InNamespace, Registry } from './column.ts';

/** Hardware addresses the devices of a namespace listen to, or that its bridges and tunnels send to. */
export const FILTERS: Registry<HardwareFilter, InNamespace> = {
  columns: [
    {
      id: 'mac',
      header: 'MAC',
      description: 'The hardware address.',
      width: 17,
      align: 'left',
      value: ({ hardwareAddress }) => hardwareAddress,
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
      id: 'kind',
      header: 'KIND',
      description: '`unicast` or `multicast` that the device listens to, or `forwarding` of a bridge or tunnel.',
      width: 10,
      align: 'left',
      value: ({ kind }) => kind,
    },
    {
      id: 'destination',
      header: 'TO',
      description: 'Where a tunnel sends it.',
      width: 15,
      maxWidth: 40,
      align: 'left',
      value: ({ destination }) => destination ?? '',
    },
    {
      id: 'vlan',
      header: 'VLAN',
      description: 'VLAN it is in.',
      width: 4,
      align: 'right',
      value: ({ vlan }) => vlan ?? '',
      sortKey: ({ vlan }) => vlan,
      searched: false,
    },
    {
      id: 'users',
      header: 'USERS',
      description: 'How many want a multicast address.',
      width: 5,
      align: 'right',
      value: ({ users, kind }) => users ?? (kind === 'multicast' ? null : ''),
      sortKey: ({ users }) => users,
      descendingFirst: true,
      searched: false,
    },
    {
      id: 'state',
      header: 'STATE',
      description: '`permanent`, `noarp`, `reachable`…',
      width: 10,
      align: 'left',
      value: ({ state }) => state,
    },
    {
      id: 'flags',
      header: 'FLAGS',
      description: '`self`, `master`, `extern_learn`…',
      width: 8,
      maxWidth: 20,
      align: 'left',
      value: ({ flags }) => flags,
    },
  ],
  defaults: ['mac', 'device', 'kind', 'destination', 'vlan', 'users', 'state', 'flags'],
};
