import { describeLinks, deviceKind, deviceState } from '../model/device-text.ts';
import type { Address, Device, DeviceCounters, DeviceDetails } from '../model/index.ts';
import { oncePer } from '../once-per.ts';
import { formatRate } from '../terminal/units.ts';
import { addressText, deviceName, settingsText } from './cells.ts';
import type { CellValue, Column, InNamespace, Registry } from './column.ts';

type DeviceColumn = Column<Device, InNamespace>;

/** A counter since the device was made; unknown where nobody read it. */
function counter(id: string, header: string, description: string, name: keyof DeviceCounters): DeviceColumn {
  const value = ({ counters }: Device) => counters?.[name] ?? null;
  return {
    id,
    header,
    description,
    width: Math.max(6, header.length),
    align: 'right',
    value,
    // As many cells as a rate takes, and the same prefixes.
    text: (device) => formatRate(value(device)),
    descendingFirst: true,
    searched: false,
  };
}

/** What only rtnetlink tells: unknown where it was not asked. */
function detail(
  id: string,
  header: string,
  description: string,
  of: (details: DeviceDetails, context: InNamespace) => CellValue,
): DeviceColumn {
  return {
    id,
    header,
    description,
    width: Math.max(6, header.length),
    maxWidth: 40,
    align: 'left',
    value: ({ details }, context) => (details === null ? null : of(details, context)),
  };
}

/** A number that only rtnetlink tells. */
function number(
  id: string,
  header: string,
  description: string,
  of: (details: DeviceDetails) => number | null,
): DeviceColumn {
  const { maxWidth: _, ...column } = detail(id, header, description, of);
  return { ...column, align: 'right', descendingFirst: true, searched: false };
}

const byDevice = oncePer((addresses: readonly Address[]) => {
  const made = new Map<number | null, string[]>();
  for (const address of addresses) {
    const owned = made.get(address.ifindex);
    if (owned === undefined) made.set(address.ifindex, [addressText(address)]);
    else owned.push(addressText(address));
  }
  return made;
});

/** The addresses of a device, from those of its namespace. */
function addressesOf({ ifindex }: Device, { ns: { addresses } }: InNamespace): readonly string[] | null {
  return addresses === null ? null : (byDevice(addresses).get(ifindex) ?? []);
}

/** What only hardware has: nothing for a device of software, unknown where it is not known which it is. */
function ofHardware({ physical }: Device, value: string | null | undefined): CellValue {
  return value ?? (physical === false ? '' : null);
}

/** The devices of a namespace. */
export const DEVICES: Registry<Device, InNamespace> = {
  columns: [
    {
      id: 'name',
      header: 'NAME',
      description: 'Name of the interface.',
      width: 10,
      maxWidth: 15,
      align: 'left',
      value: ({ name }) => name,
    },
    {
      id: 'kind',
      header: 'KIND',
      description: '`veth`, `macvlan`, `bridge`…; none for a physical device.',
      width: 9,
      maxWidth: 12,
      align: 'left',
      value: (device) => device.kind ?? (device.flags.includes('loopback') ? 'loopback' : ''),
      text: deviceKind,
    },
    {
      id: 'state',
      header: 'STATE',
      description: 'Whether it is up, or why not (RFC 2863).',
      width: 7,
      maxWidth: 14,
      align: 'left',
      value: deviceState,
    },
    {
      id: 'mac',
      header: 'MAC',
      description: 'Its hardware address.',
      width: 17,
      align: 'left',
      // A device without a number was seen in a table that shows no addresses.
      value: ({ address, ifindex }) => address ?? (ifindex === null ? null : ''),
    },
    {
      id: 'mtu',
      header: 'MTU',
      description: 'Largest packet it takes, in bytes.',
      width: 5,
      align: 'right',
      value: ({ mtu }) => mtu,
      searched: false,
    },
    {
      id: 'connected-to',
      header: 'CONNECTED TO',
      description: 'Its peer, what it sits on and what sits on it, in whatever namespace that is.',
      width: 16,
      maxWidth: 48,
      align: 'left',
      value: (device, { ns, snapshot }) => describeLinks(device, ns, snapshot.namespaces),
    },
    {
      id: 'addresses',
      header: 'ADDRESSES',
      description: 'Its IP addresses.',
      width: 15,
      maxWidth: 48,
      align: 'left',
      value: addressesOf,
    },
    counter('rx', 'RX', 'Bytes received.', 'rxBytes'),
    counter('tx', 'TX', 'Bytes sent.', 'txBytes'),
    {
      id: 'index',
      header: 'INDEX',
      description: 'Its number in this namespace (ifindex).',
      width: 5,
      align: 'right',
      value: ({ ifindex }) => ifindex,
      searched: false,
    },
    {
      id: 'flags',
      header: 'FLAGS',
      description: 'IFF_… flags of netdevice(7), in lower case.',
      width: 12,
      maxWidth: 48,
      align: 'left',
      value: ({ flags }) => flags,
    },
    {
      id: 'physical',
      header: 'PHYSICAL',
      description: "Whether it is hardware, or a virtual machine's: it sits on a bus.",
      width: 8,
      align: 'left',
      value: ({ physical }) => physical,
      searched: false,
    },
    {
      id: 'references',
      header: 'REFS',
      description: 'How often the kernel refers to it; 1 is the baseline.',
      width: 5,
      align: 'right',
      value: ({ references }) => references,
      descendingFirst: true,
      searched: false,
    },
    number('promiscuity', 'PROMISC', 'How many ask it to receive everything.', (of) => of.promiscuity),
    number('allmulti', 'ALLMULTI', 'How many ask it to receive all multicast.', (of) => of.allmulti),
    detail('settings', 'SETTINGS', 'Settings of its kind: the mode of a macvlan, the id of a vlan.', (of) =>
      settingsText(of.settings),
    ),
    detail('master', 'MASTER', 'The bridge, bond or other device it is a port of.', ({ master }, context) =>
      master === null ? '' : deviceName(master, context),
    ),
    detail('port', 'PORT', 'What kind of port it is, and its settings as one.', ({ portKind, portSettings }) =>
      portKind === null ? '' : [portKind, ...settingsText(portSettings)],
    ),
    detail('xdp', 'XDP', 'Mode and program id of an XDP program on it.', ({ xdp }) =>
      xdp === null ? '' : `${xdp.mode} ${xdp.program ?? '?'}`,
    ),
    detail('type', 'TYPE', 'Type of link: `ether`, `loopback`, `none`…', (of) => of.linkType),
    detail(
      'permanent-mac',
      'PERMANENT MAC',
      'The hardware address it was made with.',
      (of) => of.permanentAddress ?? '',
    ),
    detail('other-names', 'OTHER NAMES', 'Alternative names and alias.', ({ alternativeNames, alias }) =>
      alias === null ? alternativeNames : [...alternativeNames, alias],
    ),
    detail('carrier', 'CARRIER', 'Whether a cable is in, or what stands for one.', (of) => of.carrier),
    number('carrier-changes', 'CHANGES', 'How often the carrier came or went.', (of) => of.carrierChanges),
    detail('queueing', 'QUEUEING', 'Queueing discipline (tc(8)).', (of) => of.queueingDiscipline),
    number('queue-length', 'QLEN', 'Packets its transmit queue takes.', (of) => of.txQueueLength),
    number('tx-queues', 'TXQ', 'Transmit queues.', (of) => of.txQueues),
    number('rx-queues', 'RXQ', 'Receive queues.', (of) => of.rxQueues),
    number('gso-max-size', 'GSO SIZE', 'Largest packet handed to it for splitting, in bytes.', (of) => of.gsoMaxSize),
    number('gso-max-segments', 'GSO SEGS', 'Most pieces it splits one into.', (of) => of.gsoMaxSegments),
    number('min-mtu', 'MIN MTU', 'Smallest MTU it takes; 0 for none.', (of) => of.minMtu),
    number('max-mtu', 'MAX MTU', 'Largest MTU it takes; 0 for none.', (of) => of.maxMtu),
    number('group', 'GROUP', 'Device group.', (of) => of.group),
    detail('link-mode', 'LINK MODE', '`default` or `dormant`.', (of) => of.linkMode),
    detail('address-generation', 'ADDRGEN', 'How it makes its link-local IPv6 address.', (of) => of.addressGeneration),
    {
      id: 'driver',
      header: 'DRIVER',
      description: 'Driver of a physical device.',
      width: 10,
      align: 'left',
      value: (device) => ofHardware(device, device.details?.driver),
    },
    {
      id: 'bus',
      header: 'BUS',
      description: 'What a physical device is plugged into: `pci 0000:00:03.0`.',
      width: 16,
      maxWidth: 24,
      align: 'left',
      value: (device) => {
        const { bus, busDevice } = device.details ?? { bus: null, busDevice: null };
        return ofHardware(device, bus === null ? busDevice : `${bus} ${busDevice ?? '?'}`);
      },
    },
    counter('rx-packets', 'RX PKTS', 'Packets received.', 'rxPackets'),
    counter('tx-packets', 'TX PKTS', 'Packets sent.', 'txPackets'),
    counter('rx-errors', 'RX ERR', 'Packets received broken.', 'rxErrors'),
    counter('tx-errors', 'TX ERR', 'Packets that could not be sent.', 'txErrors'),
    counter('rx-dropped', 'RX DROP', 'Packets received and dropped.', 'rxDropped'),
    counter('tx-dropped', 'TX DROP', 'Packets to be sent and dropped.', 'txDropped'),
    counter('rx-missed', 'RX MISS', 'Packets missed for want of room.', 'rxMissed'),
    counter('multicast', 'MCAST', 'Multicast packets received.', 'multicast'),
    counter('tx-carrier-errors', 'TX CARR', 'Packets lost for want of a carrier.', 'txCarrierErrors'),
    counter('collisions', 'COLL', 'Collisions on the wire.', 'collisions'),
  ],
  defaults: ['name', 'kind', 'state', 'mac', 'mtu', 'connected-to', 'addresses', 'rx', 'tx'],
};
