import { hostname, release } from 'node:os';
import { chooseColumn, chooseSort } from '../columns/choose.ts';
import { type Predicate, parseFilter } from '../columns/filter.ts';
import { type Column, DEFAULT_COLUMNS } from '../columns/index.ts';
import type { SortOrder } from '../columns/sort.ts';
import type { Coverage, Host, Namespace, Snapshot, Visibility } from '../model/index.ts';
import { safeText } from '../terminal/sanitise.ts';
import type { Size } from './layout.ts';
import { countVisibility, NOBODY, type Population, type Row } from './rows.ts';

/** Steps of `+` and `-`, in milliseconds. */
export const INTERVALS: readonly number[] = [500, 1000, 2000, 5000, 10_000, 30_000, 60_000];

/** What has the keyboard besides the panes. */
export type Dialog =
  | { readonly kind: 'help'; readonly top: number; readonly lines: number }
  | { readonly kind: 'coverage'; readonly top: number }
  /** `cursor` is an index into `COLUMNS`. */
  | { readonly kind: 'sort'; readonly cursor: number };

/** The line above the footer: what just happened. */
export interface Status {
  readonly text: string;
  readonly tone: 'plain' | 'warn' | 'alert';
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A filter that is understood. */
export interface Filter {
  readonly text: string;
  readonly predicate: Predicate;
}

/** The input line of `/`. */
export interface FilterInput {
  readonly text: string;
  /** Position of the cursor, in UTF-16 units, always between characters. */
  readonly cursor: number;
  /** Why the text is no filter yet; the last good one stays in force. */
  readonly error: string | null;
}

/** All the screen shows. Plain and readonly: every change is a new state made by `reduce`. */
export interface ScreenState {
  readonly size: Size;
  readonly color: boolean;
  readonly host: Pick<Host, 'hostname' | 'kernel' | 'uptimeSeconds'>;
  /** The latest snapshot; null until the first scan is done. */
  readonly snapshot: Snapshot | null;
  readonly coverage: readonly Coverage[];
  readonly counts: Readonly<Record<Visibility, number>>;
  readonly population: Population;
  /** What the table lists: filtered and sorted. */
  readonly rows: readonly Row[];
  /** Key of the selected namespace; null while there is no row. */
  readonly selected: string | null;
  /** Where the selected row is; -1 while there is none. */
  readonly selectedIndex: number;
  /** First visible row. */
  readonly top: number;
  readonly columns: readonly Column[];
  /** How many columns after the first are scrolled out to the left. */
  readonly columnShift: number;
  readonly sort: SortOrder;
  readonly filter: Filter;
  /** While `/` is being typed. */
  readonly input: FilterInput | null;
  readonly pane: 'table' | 'detail';
  /** The detail has the whole body. */
  readonly opened: boolean;
  readonly detailTop: number;
  readonly dialog: Dialog | null;
  readonly paused: boolean;
  readonly intervalMs: number;
  /** How long the running scan has taken so far; null while none runs. */
  readonly scanningMs: number | null;
  readonly collector: 'up' | 'down';
  readonly status: Status | null;
}

/** What the user asked for on the command line. */
export interface InitialOptions {
  readonly size: Size;
  readonly color: boolean;
  readonly columns?: readonly string[] | undefined;
  readonly sort?: string | undefined;
  readonly filter?: string | undefined;
  readonly intervalMs?: number | undefined;
}

/**
 * The screen before the first scan.
 *
 * @throws CommandError for an unknown column, FilterError
 */
export function initialState(options: InitialOptions): ScreenState {
  const text = options.filter ?? '';
  return {
    size: options.size,
    color: options.color,
    host: { hostname: safeText(hostname()), kernel: safeText(release()), uptimeSeconds: null },
    snapshot: null,
    coverage: [],
    counts: countVisibility([]),
    population: NOBODY,
    rows: [],
    selected: null,
    selectedIndex: -1,
    top: 0,
    columns: (options.columns ?? DEFAULT_COLUMNS).map(chooseColumn),
    columnShift: 0,
    sort: chooseSort(options.sort ?? '+namespace'),
    filter: { text: safeText(text), predicate: parseFilter(text) },
    input: null,
    pane: 'table',
    opened: false,
    detailTop: 0,
    dialog: null,
    paused: false,
    intervalMs: options.intervalMs ?? 1000,
    scanningMs: null,
    collector: 'up',
    status: null,
  };
}

/** The selected namespace, gone or not. */
export function selectedNamespace(state: ScreenState): Namespace | null {
  return state.rows[state.selectedIndex]?.ns ?? null;
}
