import type { Registry } from '../columns/column.ts';
import { describeHolder } from '../model/describe.ts';
import { leadsFor } from '../model/explain.ts';
import type {
  Address,
  Device,
  HardwareFilter,
  Holder,
  Namespace,
  NamespaceIdEntry,
  Neighbour,
  Process,
  Snapshot,
  Socket,
} from '../model/index.ts';
import { SECTIONS, type Section } from '../sections.ts';
import { type InTab, LIVE_DEVICES } from './device-columns.ts';
import { type List, newList } from './list.ts';

/** What lists of a namespace have a tab. */
export type TableTab =
  | 'processes'
  | 'devices'
  | 'addresses'
  | 'sockets'
  | 'routes'
  | 'rules'
  | 'neighbours'
  | 'firewall'
  | 'holders'
  | 'nsids'
  | 'filters';

export type TabId = 'overview' | TableTab;

/** A list of things inside a namespace: what they are, only its section knows. */
export type TabList = List<unknown, InTab>;

/** A tab that is a table. */
export interface Table {
  readonly section: Section;
  readonly registry: Registry<unknown, InTab>;
  readonly rows: Section['rows'];
  /** What tells a row from the others from one refresh to the next; null where nothing does. */
  readonly keyOf: (row: unknown) => string | null;
  /** Columns that matter most where not all fit. */
  readonly ranking: readonly string[];
}

/** A tab of the detail. */
export interface Tab {
  readonly id: TabId;
  readonly title: string;
  /** For where the title has no room. */
  readonly short: string;
  /** The key that chooses it; null for those beyond the tenth. */
  readonly digit: string | null;
  /** Null of the overview, which is text. */
  readonly table: Table | null;
}

const SECTION_BY_ID = new Map(SECTIONS.map((section) => [section.id, section]));

/** What a table tab is made from; what is left out is the section's own. */
interface Description<Row> {
  readonly id: TableTab;
  readonly short: string;
  readonly title?: string;
  readonly keyOf?: (row: Row) => string | null;
  readonly ranking?: readonly string[];
  readonly registry?: Registry<Row, InTab>;
  readonly rows?: (ns: Namespace, snapshot: Snapshot) => readonly Row[] | null;
}

/** @returns a tab that gives away no more than that its rows fit its columns: those rows are all they are given. */
function tableTab<Row>(description: Description<Row>): Omit<Tab, 'digit'> {
  const { id, short, title, keyOf, ranking = [], rows } = description;
  const section = SECTION_BY_ID.get(id);
  if (section === undefined) throw new Error(`no section ${id}`);
  return {
    id,
    title: title ?? section.title,
    short,
    table: {
      section,
      registry: (description.registry ?? section.registry) as Registry<unknown, InTab>,
      rows: rows ?? section.rows,
      keyOf: (row) => keyOf?.(row as Row) ?? null,
      ranking,
    },
  };
}

/** What may hold the namespace stands below what does, where nothing certain does. */
function holdersAndLeads(ns: Namespace, snapshot: Snapshot): readonly Holder[] {
  const leads = leadsFor(ns, snapshot);
  return leads.length === 0 ? ns.holders : [...ns.holders, ...leads];
}

const DIGITS = '1234567890';

/** Every tab, in order. */
export const TABS: readonly Tab[] = [
  { id: 'overview', title: 'Overview', short: 'Over', table: null } as const,
  tableTab<Process>({
    id: 'processes',
    short: 'Proc',
    keyOf: ({ pid }) => String(pid),
    ranking: ['pid', 'user', 'command', 'threads', 'container', 'started'],
  }),
  tableTab<Device>({
    id: 'devices',
    short: 'Dev',
    keyOf: ({ ifindex, name }) => (ifindex === null ? `name ${name}` : String(ifindex)),
    registry: LIVE_DEVICES,
    ranking: ['name', 'kind', 'state', 'connected-to', 'addresses', 'rx-rate', 'tx-rate', 'rx', 'tx', 'mac', 'mtu'],
  }),
  tableTab<Address>({
    id: 'addresses',
    short: 'Addr',
    keyOf: ({ ifindex, address, prefixLength }) => `${ifindex} ${address}/${prefixLength}`,
  }),
  tableTab<Socket>({
    id: 'sockets',
    short: 'Sock',
    // One that nobody has open any more has no inode.
    keyOf: ({ family, inode, cookie }) =>
      inode === 0 && cookie === null ? null : `${family} ${inode} ${cookie ?? ''}`,
    ranking: ['protocol', 'local', 'process', 'state', 'peer', 'receive-queue', 'send-queue'],
  }),
  tableTab({ id: 'routes', short: 'Rout' }),
  tableTab({ id: 'rules', short: 'Rule' }),
  tableTab<Neighbour>({
    id: 'neighbours',
    short: 'Neig',
    keyOf: ({ ifindex, address, flags }) => `${ifindex} ${address} ${flags.includes('proxy')}`,
  }),
  tableTab({ id: 'firewall', short: 'Fire' }),
  tableTab<Holder>({ id: 'holders', short: 'Hold', keyOf: describeHolder, rows: holdersAndLeads }),
  tableTab<NamespaceIdEntry>({ id: 'nsids', short: 'Ids', title: 'Ids', keyOf: ({ nsid }) => String(nsid) }),
  tableTab<HardwareFilter>({
    id: 'filters',
    short: 'Filt',
    title: 'Filters',
    keyOf: ({ ifindex, hardwareAddress, kind, vlan, destination }) =>
      [ifindex, hardwareAddress, kind, vlan, destination].join(' '),
  }),
].map((tab, index) => ({ ...tab, digit: DIGITS[index] ?? null }));

const TAB_BY_ID = new Map(TABS.map((tab) => [tab.id, tab]));

/** The table of a tab; null of the overview. */
export function tableOf(id: TabId): Table | null {
  return TAB_BY_ID.get(id)?.table ?? null;
}

/** Whether a tab is a table. */
export function isTable(id: TabId): id is TableTab {
  return id !== 'overview';
}

/** The lists of all tabs, before anything is selected. */
export function newTabLists(): Readonly<Record<TableTab, TabList>> {
  const lists = TABS.flatMap(({ id, table }) =>
    table === null ? [] : [[id, newList(table.registry, { ranking: table.ranking })] as const],
  );
  return Object.fromEntries(lists) as Record<TableTab, TabList>;
}

/** How many rows a tab has, `?` where nobody could read them; those that are only suspected apart. Empty for the overview. */
export function countText({ id, table }: Tab, ns: Namespace, snapshot: Snapshot): string {
  if (table === null) return '';
  const rows = table.rows(ns, snapshot);
  if (rows === null) return '?';
  const leads = id === 'holders' ? rows.length - ns.holders.length : 0;
  return leads === 0 ? String(rows.length) : `${ns.holders.length}+${leads}?`;
}
