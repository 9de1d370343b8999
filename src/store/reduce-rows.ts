import { describeConcealedTask, describeDisagreement, nameNamespace } from '../model/describe.ts';
import type { ConcealedTask, Namespace, Snapshot } from '../model/index.ts';
import { layoutScreen, scrollTo } from './layout.ts';
import { buildRows, type Changes, countVisibility, type Row, refreshPopulation } from './rows.ts';
import type { ScreenState, Status } from './state.ts';

/**
 * Puts the selection back on its namespace in new rows. A namespace that is no longer listed gives its place to the
 * row that now stands there. The selected row keeps its place on the screen, except at the top of the table, where
 * what arrives above it must come into view.
 */
function reselect(state: ScreenState, rows: readonly Row[]): ScreenState {
  const { table } = layoutScreen(state.size, state.opened);
  const found = rows.findIndex(({ key }) => key === state.selected);
  const index = found !== -1 ? found : Math.min(Math.max(0, state.selectedIndex), rows.length - 1);
  const selected = rows[index]?.key ?? (state.rows.length === 0 ? null : state.selected);
  const moved = state.selectedIndex === -1 || state.top === 0 ? 0 : index - state.selectedIndex;
  return {
    ...state,
    rows,
    selected,
    selectedIndex: index,
    top: table === 0 ? state.top : scrollTo(state.top + moved, index, table, rows.length),
    detailTop: selected === state.selected ? state.detailTop : 0,
  };
}

/** Filters and sorts again, after the population, the filter or the order changed. */
export function withRows(state: ScreenState): ScreenState {
  return reselect(state, buildRows(state.population, state.filter.predicate, state.sort));
}

/** Selects row `index`. */
export function select(state: ScreenState, index: number): ScreenState {
  if (state.rows.length === 0) return state;
  const to = Math.min(Math.max(0, index), state.rows.length - 1);
  if (to === state.selectedIndex) return state;
  const { table } = layoutScreen(state.size, state.opened);
  return {
    ...state,
    selectedIndex: to,
    selected: state.rows[to]?.key ?? null,
    top: table === 0 ? state.top : scrollTo(state.top, to, table, state.rows.length),
    detailTop: 0,
  };
}

function changeText({ appeared, vanished }: Changes): string | null {
  const part = (list: readonly Namespace[], verb: string): string[] => {
    const [first] = list;
    if (first === undefined) return [];
    return [
      list.length === 1
        ? `${nameNamespace(first)} ${verb}${verb === 'appeared' ? `, ${first.visibility}` : ''}`
        : `${list.length} ${verb}`,
    ];
  };
  const parts = [...part(appeared, 'appeared'), ...part(vanished, 'vanished')];
  return parts.length === 0 ? null : parts.join(' · ');
}

/** The sources that read less than in the last snapshot: what is not seen from now on must not go unsaid. */
function lostSources(state: ScreenState, snapshot: Snapshot): string[] {
  return snapshot.coverage
    .filter(({ source, status, missed }) => {
      const before = state.coverage.find((other) => other.source === source);
      // One that is unavailable and misses nothing is not there on this host, or not needed.
      return before?.status === 'complete' && (status === 'partial' || status === 'unavailable') && missed.length > 0;
    })
    .map(({ source, status }) => `${source} is ${status}`);
}

/** Tasks concealed now that were not before. */
function newlyConcealed(state: ScreenState, { concealedTasks }: Snapshot): ConcealedTask[] {
  const key = ({ tid, startTicks }: ConcealedTask): string => `${tid} ${startTicks}`;
  const known = new Set(state.snapshot?.concealedTasks.map(key));
  return concealedTasks.filter((task) => !known.has(key(task)));
}

function concealedText(tasks: readonly ConcealedTask[]): string {
  const [first] = tasks;
  if (tasks.length === 1 && first !== undefined)
    return `${describeConcealedTask(first)}: ${describeDisagreement(first)}`;
  return `${tasks.length} tasks are shown by one view only: c lists them`;
}

/** Takes a new snapshot in. */
export function takeSnapshot(state: ScreenState, snapshot: Snapshot, at: number): ScreenState {
  const first = state.snapshot === null;
  const { population, changes } = refreshPopulation(state.population, snapshot.namespaces, first);
  const changed = changeText(changes);
  const lost = lostSources(state, snapshot);
  const concealed = newlyConcealed(state, snapshot);
  let status: Status | null = state.status;
  if (concealed.length > 0) status = { text: `! ${concealedText(concealed)}`, tone: 'warn', at };
  else if (lost.length > 0) status = { text: `${lost.join(', ')}: c shows why`, tone: 'warn', at };
  else if (changed !== null) status = { text: changed, tone: 'plain', at };
  else if (state.collector === 'down' || status?.tone === 'alert')
    status = { text: 'scanning again', tone: 'plain', at };
  return withRows({
    ...state,
    snapshot,
    host: snapshot.host,
    coverage: snapshot.coverage,
    counts: countVisibility(snapshot.namespaces),
    population,
    collector: 'up',
    scanningMs: null,
    status,
  });
}
