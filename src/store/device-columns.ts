import type { Column, InNamespace, Registry } from '../columns/column.ts';
import { DEVICES } from '../columns/devices.ts';
import { type Device, namespaceKey } from '../model/index.ts';
import { formatRate } from '../terminal/units.ts';
import { deviceRate, type History } from './history.ts';
import type { Rates } from './rates.ts';

/** What the cells of a tab need besides their row. */
export interface InTab extends InNamespace {
  readonly history: History;
}

function rateColumn(id: string, header: string, description: string, field: keyof Rates): Column<Device, InTab> {
  const value = (device: Device, { ns, history }: InTab) =>
    deviceRate(history, namespaceKey(ns), device)?.[field] ?? null;
  return {
    id,
    header,
    description,
    width: 6,
    align: 'right',
    value,
    text: (device, context) => formatRate(value(device, context)),
    descendingFirst: true,
    searched: false,
  };
}

const RATES: readonly Column<Device, InTab>[] = [
  rateColumn('rx-rate', 'RX/s', 'Bytes per second it receives.', 'rxBytes'),
  rateColumn('tx-rate', 'TX/s', 'Bytes per second it sends.', 'txBytes'),
  rateColumn('rx-packet-rate', 'RXp/s', 'Packets per second it receives.', 'rxPackets'),
  rateColumn('tx-packet-rate', 'TXp/s', 'Packets per second it sends.', 'txPackets'),
];

/** The devices of a namespace on the screen: with how much they carry right now. */
export const LIVE_DEVICES: Registry<Device, InTab> = {
  ...DEVICES,
  columns: [...DEVICES.columns, ...RATES],
  defaults: [...DEVICES.defaults, ...RATES.map(({ id }) => id)],
};
