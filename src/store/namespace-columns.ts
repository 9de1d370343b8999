import type { Column, Registry } from '../columns/column.ts';
import { NAMESPACES } from '../columns/namespaces.ts';
import { type Namespace, namespaceKey } from '../model/index.ts';
import { sparkline } from '../terminal/sparkline.ts';
import { formatRate } from '../terminal/units.ts';
import { type History, rateOf, seriesOf } from './history.ts';
import type { Rates } from './rates.ts';
import { samplesOf } from './series.ts';

type RateColumn = Column<Namespace, History>;

/** Readings a sparkline of the table shows. */
const SPARKS = 8;

function rateColumn(id: string, header: string, description: string, field: keyof Rates): RateColumn {
  const value = (ns: Namespace, history: History) => rateOf(history, namespaceKey(ns))?.[field] ?? null;
  return {
    id,
    header,
    description,
    width: 5,
    align: 'right',
    value,
    text: (ns, history) => formatRate(value(ns, history)),
    descendingFirst: true,
    searched: false,
    sources: ['links'],
  };
}

/** Bytes in both directions, where both are known. */
export function bytesPerSecond(rates: Rates | null): number | null {
  return rates === null ? null : rates.rxBytes + rates.txBytes;
}

/** The latest readings of a namespace as a sparkline, all blank where there is none. */
export function trafficSparkline(history: History, key: string, width: number): string {
  const series = seriesOf(history, key);
  const samples = series === null ? [] : samplesOf(series, width);
  return sparkline(
    samples.map(({ rates }) => bytesPerSecond(rates)),
    width,
  );
}

/** What takes two looks to know. */
export const RATE_COLUMNS: readonly RateColumn[] = [
  rateColumn('rx', 'RX/s', 'Bytes per second it receives by the devices at its edge.', 'rxBytes'),
  rateColumn('tx', 'TX/s', 'Bytes per second it sends by the devices at its edge.', 'txBytes'),
  {
    id: 'traffic',
    header: 'TRAFFIC',
    description: 'What it has received and sent of late, each bar a reading; sorts by bytes per second.',
    width: SPARKS,
    align: 'left',
    value: (ns, history) => bytesPerSecond(rateOf(history, namespaceKey(ns))),
    text: (ns, history) => trafficSparkline(history, namespaceKey(ns), SPARKS),
    descendingFirst: true,
    searched: false,
    sources: ['links'],
  },
];

/** The table of namespaces on the screen: what `list` has, which asks for no context, and rates. */
export const LIVE_NAMESPACES: Registry<Namespace, History> = {
  ...(NAMESPACES as unknown as Registry<Namespace, History>),
  columns: [...(NAMESPACES.columns as unknown as readonly RateColumn[]), ...RATE_COLUMNS],
  defaults: [
    'namespace',
    'name',
    'visibility',
    'held-by',
    'processes',
    'devices',
    'sockets',
    'listeners',
    'uplink',
    'rx',
    'tx',
    'traffic',
  ],
};

/** Which of them matter most where not all fit. */
export const MOST_USEFUL: readonly string[] = [
  'namespace',
  'visibility',
  'name',
  'held-by',
  'processes',
  'uplink',
  'rx',
  'tx',
  'sockets',
  'traffic',
  'listeners',
  'devices',
];
