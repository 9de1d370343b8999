import { ADDRESSES } from './columns/addresses.ts';
import type { InNamespace, Registry } from './columns/column.ts';
import { DEVICES } from './columns/devices.ts';
import { CONCEALED, DISCREPANCIES, EVIDENCE } from './columns/evidence.ts';
import { FILTERS } from './columns/filters.ts';
import { FIREWALL, firewallRows } from './columns/firewall.ts';
import { HOLDERS } from './columns/holders.ts';
import { NEIGHBOURS } from './columns/neighbours.ts';
import { NSIDS } from './columns/nsids.ts';
import { OVERVIEW, overviewOf } from './columns/overview.ts';
import { PROCESSES } from './columns/processes.ts';
import { ROUTES } from './columns/routes.ts';
import { RULES } from './columns/rules.ts';
import { SOCKETS } from './columns/sockets.ts';
import { evidenceFor } from './model/evidence.ts';
import { concealedIn, leadsFor } from './model/explain.ts';
import type { Namespace, Snapshot } from './model/index.ts';
import { gapsIn, whyNotRead } from './model/unread.ts';

export type SectionId =
  | 'overview'
  | 'processes'
  | 'devices'
  | 'addresses'
  | 'sockets'
  | 'routes'
  | 'rules'
  | 'neighbours'
  | 'filters'
  | 'firewall'
  | 'nsids'
  | 'holders'
  | 'evidence'
  | 'concealed'
  | 'discrepancies'
  | 'leads';

/** One list of what is known about a namespace. Everything here is pure and knows nothing of a terminal. */
export interface Section<Row = unknown> {
  readonly id: SectionId;
  readonly title: string;
  readonly registry: Registry<Row, InNamespace>;
  /** Null: nobody could read it. */
  readonly rows: (ns: Namespace, snapshot: Snapshot) => readonly Row[] | null;
  /** What there is to say where there are no rows: why they are not known, or that there are none. */
  readonly whyNone: (ns: Namespace, snapshot: Snapshot) => string;
  /** Why the rows there are may not be all. */
  readonly gaps: (ns: Namespace, snapshot: Snapshot) => readonly string[];
  /** That it is empty is worth saying. */
  readonly important: boolean;
  /** What `--json` prints of it. Absent: its rows. */
  readonly json?: (ns: Namespace, snapshot: Snapshot) => unknown;
}

/** What a section is made from; what is left out is as for lists that are always known in full. */
interface Description<Row> extends Pick<Section<Row>, 'id' | 'title' | 'registry' | 'rows'> {
  /** The source inside the namespace whose coverage says why there are no rows, or not all. */
  readonly source?: string;
  readonly none?: string;
  readonly gaps?: Section['gaps'];
  readonly important?: true;
  readonly json?: Section['json'];
}

/** @returns a section that gives away no more than that its rows fit its columns: those rows are all they are given. */
function section<Row>(description: Description<Row>): Section {
  const { id, title, registry, rows, source, none = 'none', gaps, important = false, json } = description;
  const made: Section<Row> = {
    id,
    title,
    registry,
    rows,
    whyNone: (ns, snapshot) =>
      source !== undefined && rows(ns, snapshot) === null ? whyNotRead(source, ns, snapshot) : none,
    gaps: (ns, snapshot) => [
      ...(source === undefined ? [] : gapsIn(source, ns, snapshot)),
      ...(gaps?.(ns, snapshot) ?? []),
    ],
    important,
    ...(json === undefined ? null : { json }),
  };
  return made as unknown as Section;
}

/** What of a firewall could not be asked, where the rest could. */
function firewallGaps({ firewall }: Namespace): string[] {
  if (firewall === null) return [];
  return [
    ...(firewall.tables === null ? ['nftables could not be asked'] : []),
    ...(firewall.legacy === null ? ['the tables of the older iptables could not be read'] : []),
  ];
}

/** The namespace without its lists. */
function identityOf(ns: Namespace) {
  const { ino, cookie, initial, visibility, names, paths, owner, references, witnesses, uplink, container } = ns;
  return { ino, cookie, initial, visibility, names, paths, owner, references, witnesses, uplink, container };
}

/** Every section, in the order `show` prints them. */
export const SECTIONS: readonly Section[] = [
  section({
    id: 'overview',
    title: 'Overview',
    registry: OVERVIEW,
    rows: overviewOf,
    important: true,
    json: identityOf,
  }),
  section({ id: 'processes', title: 'Processes', registry: PROCESSES, rows: (ns) => ns.processes, important: true }),
  section({
    id: 'devices',
    title: 'Devices',
    registry: DEVICES,
    rows: (ns) => ns.devices,
    source: 'links',
    important: true,
  }),
  section({
    id: 'addresses',
    title: 'Addresses',
    registry: ADDRESSES,
    rows: (ns) => ns.addresses,
    source: 'addresses',
    important: true,
  }),
  section({
    id: 'sockets',
    title: 'Sockets',
    registry: SOCKETS,
    rows: (ns) => ns.sockets,
    source: 'sockets',
    important: true,
  }),
  section({
    id: 'routes',
    title: 'Routes',
    registry: ROUTES,
    rows: (ns) => ns.routes,
    source: 'routes',
    important: true,
  }),
  section({ id: 'rules', title: 'Rules', registry: RULES, rows: (ns) => ns.rules, source: 'routes' }),
  section({
    id: 'neighbours',
    title: 'Neighbours',
    registry: NEIGHBOURS,
    rows: (ns) => ns.neighbours,
    source: 'neighbours',
  }),
  section({
    id: 'filters',
    title: 'Hardware filters',
    registry: FILTERS,
    rows: (ns) => ns.filters,
    source: 'neighbours',
  }),
  section({
    id: 'firewall',
    title: 'Firewall',
    registry: FIREWALL,
    rows: ({ firewall }) => (firewall === null ? null : firewallRows(firewall)),
    source: 'firewall',
    gaps: firewallGaps,
    json: ({ firewall }) => firewall,
  }),
  section({ id: 'nsids', title: 'Namespace ids', registry: NSIDS, rows: (ns) => ns.nsids, source: 'nsids' }),
  section({
    id: 'holders',
    title: 'Holders',
    registry: HOLDERS,
    rows: (ns) => ns.holders,
    none: 'none seen',
    important: true,
  }),
  section({ id: 'evidence', title: 'Evidence', registry: EVIDENCE, rows: evidenceFor }),
  section({ id: 'concealed', title: 'Concealed tasks', registry: CONCEALED, rows: concealedIn }),
  section({
    id: 'discrepancies',
    title: 'Discrepancies',
    registry: DISCREPANCIES,
    rows: (ns) => ns.discrepancies,
  }),
  section({ id: 'leads', title: 'Leads: what may hold it', registry: HOLDERS, rows: leadsFor }),
];
