import { hostname, release } from 'node:os';
import { chooseSort } from '../columns/choose.ts';
import type { Confirmation } from '../model/confirm.ts';
import type { Coverage, Host, Namespace, SafeText, Snapshot, Visibility } from '../model/index.ts';
import type { ActionRequest, Outcome, Plan, StepResult } from '../model/plan.ts';
import { safeText } from '../terminal/sanitise.ts';
import { type History, NO_HISTORY } from './history.ts';
import type { Size } from './layout.ts';
import { filterBy, type List, newList } from './list.ts';
import { LIVE_NAMESPACES, MOST_USEFUL } from './namespace-columns.ts';
import { countVisibility, NOBODY, type Population } from './rows.ts';
import type { Series } from './series.ts';
import { newTabLists, type TabId, type TabList, type TableTab } from './tabs.ts';
import type { TopologyView } from './topology.ts';

/** Steps of `+` and `-`, in milliseconds. */
export const INTERVALS: readonly number[] = [500, 1000, 2000, 5000, 10_000, 30_000, 60_000];

/** What the place of the detail shows, in the order `v` goes through: the detail itself, or a chart. */
export const VIEWS = ['detail', 'rates', 'total', 'busiest', 'sockets'] as const;

export type View = (typeof VIEWS)[number];

/** What nft said of a namespace, or why nothing; null while it is being asked. */
export interface RulesetAnswer {
  readonly lines: readonly SafeText[] | null;
  readonly reason: SafeText | null;
}

/** What has the keyboard besides the panes. */
export type Dialog =
  | { readonly kind: 'help'; readonly top: number; readonly lines: number }
  | { readonly kind: 'coverage'; readonly top: number }
  | {
      readonly kind: 'ruleset';
      readonly top: number;
      /** Key of the namespace, and what it is called. */
      readonly of: string;
      readonly name: SafeText;
      readonly answer: RulesetAnswer | null;
    }
  /** `cursor` is an index into the columns of the registry of the list that has the keyboard. */
  | { readonly kind: 'sort'; readonly cursor: number }
  /** What can be done here; `cursor` is an index into that. */
  | { readonly kind: 'menu'; readonly cursor: number }
  | { readonly kind: 'plan'; readonly top: number; readonly request: ActionRequest; readonly phase: PlanPhase };

/** The line above the footer: what just happened. */
export interface Status {
  readonly text: string;
  readonly tone: 'plain' | 'warn' | 'alert';
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What an input line is for: a filter, the word that confirms a plan, or what an action still has to know. */
export type Purpose =
  | { readonly kind: 'filter' }
  | { readonly kind: 'confirm'; readonly confirmation: Confirmation }
  | { readonly kind: 'question'; readonly label: SafeText; readonly completes: Incomplete };

/** What is asked for once the question is answered. */
export type Incomplete =
  | { readonly kind: 'action'; readonly request: ActionRequest; readonly field: 'name' | 'to' }
  /** A program that gets the terminal; the answer becomes its last arguments. */
  | { readonly kind: 'program'; readonly argv: readonly string[] };

/** The input line. */
export interface LineInput {
  readonly text: string;
  /** Position of the cursor, in UTF-16 units, always between characters. */
  readonly cursor: number;
  /** Why the text will not do; of a filter the last good one stays in force. */
  readonly error: string | null;
  readonly purpose: Purpose;
}

/** What is being done about a plan. */
export type PlanPhase =
  | { readonly is: 'planning' }
  | { readonly is: 'refused'; readonly message: SafeText }
  | { readonly is: 'ready'; readonly plan: Plan }
  | {
      readonly is: 'running';
      readonly plan: Plan;
      readonly results: readonly StepResult[];
      /** The step at hand, and what was done of it last. */
      readonly doing: { readonly step: number; readonly detail: SafeText | null } | null;
      /** It ends after the step at hand. */
      readonly stopping: boolean;
    }
  | { readonly is: 'done'; readonly plan: Plan; readonly results: readonly StepResult[]; readonly outcome: Outcome };

/** A place to come back to. */
export interface Place {
  /** Key of the namespace. */
  readonly namespace: string;
  readonly tab: TabId;
  /** Key of the row of the tab. */
  readonly item: string | null;
  readonly pane: ScreenState['pane'];
  readonly opened: boolean;
}

/** The table of namespaces. */
export type NamespaceList = List<Namespace, History>;

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
  readonly history: History;
  /** What passes all namespaces together; null before counters were read. */
  readonly total: Series | null;
  readonly namespaces: NamespaceList;
  /** Keys of the namespaces that are marked: actions are about these. */
  readonly marked: ReadonlySet<string>;
  /** Nothing may be changed: actions that would are not offered. */
  readonly readOnly: boolean;
  /** Which part of the detail is shown. */
  readonly tab: TabId;
  /** The list of each tab. Only that of the current tab has any content. */
  readonly tabs: Readonly<Record<TableTab, TabList>>;
  /** Key of the namespace whose rows are selected in them. */
  readonly tabsOf: string | null;
  /** Where the user jumped from, the last one last. */
  readonly trail: readonly Place[];
  /** While something is being typed. */
  readonly input: LineInput | null;
  readonly pane: 'table' | 'detail';
  /** The detail has the whole body. */
  readonly opened: boolean;
  /** First visible line of the overview. */
  readonly overviewTop: number;
  readonly view: View;
  /** The topology has the whole body. */
  readonly topology: TopologyView | null;
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
  readonly readOnly?: boolean | undefined;
}

/**
 * The screen before the first scan.
 *
 * @throws CommandError for an unknown column, FilterError
 */
export function initialState(options: InitialOptions): ScreenState {
  const list = newList(LIVE_NAMESPACES, { columns: options.columns, ranking: MOST_USEFUL });
  const filtered = filterBy(list, options.filter ?? '');
  return {
    size: options.size,
    color: options.color,
    host: { hostname: safeText(hostname()), kernel: safeText(release()), uptimeSeconds: null },
    snapshot: null,
    coverage: [],
    counts: countVisibility([]),
    population: NOBODY,
    history: NO_HISTORY,
    total: null,
    namespaces: {
      ...filtered,
      context: NO_HISTORY,
      filter: { ...filtered.filter, text: safeText(filtered.filter.text) },
      sort: chooseSort(LIVE_NAMESPACES, options.sort ?? '+namespace'),
    },
    marked: new Set(),
    readOnly: options.readOnly ?? false,
    tab: 'overview',
    tabs: newTabLists(),
    tabsOf: null,
    trail: [],
    input: null,
    pane: 'table',
    opened: false,
    overviewTop: 0,
    view: 'detail',
    topology: null,
    dialog: null,
    paused: false,
    intervalMs: options.intervalMs ?? 1000,
    scanningMs: null,
    collector: 'up',
    status: null,
  };
}

/** The selected namespace, gone or not. */
export function selectedNamespace({ namespaces }: Pick<ScreenState, 'namespaces'>): Namespace | null {
  return namespaces.items[namespaces.index]?.row ?? null;
}
