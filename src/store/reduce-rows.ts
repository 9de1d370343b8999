import { describeConcealedTask, describeDisagreement, nameNamespace } from '../model/describe.ts';
import type { ConcealedTask, Namespace, Snapshot } from '../model/index.ts';
import { ingest } from './history.ts';
import { layoutScreen } from './layout.ts';
import { rearrange } from './list.ts';
import {
  type Changes,
  countVisibility,
  itemsOf,
  type Population,
  refreshPopulation,
  updatePopulation,
} from './rows.ts';
import type { ScreenState, Status } from './state.ts';
import { followTotal } from './total.ts';

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

function withSnapshot(state: ScreenState, snapshot: Snapshot, population: Population): ScreenState {
  const history = ingest(state.history, snapshot);
  const list = { ...state.namespaces, all: itemsOf(population), context: history };
  return {
    ...state,
    snapshot,
    population,
    history,
    total: followTotal(state.total, history),
    namespaces: rearrange(list, layoutScreen(state.size, state.opened).table),
  };
}

/** Takes in a snapshot in which one namespace was looked at again. */
export function takeLook(state: ScreenState, snapshot: Snapshot): ScreenState {
  return withSnapshot(state, snapshot, updatePopulation(state.population, snapshot.namespaces));
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
  return {
    ...withSnapshot(state, snapshot, population),
    host: snapshot.host,
    coverage: snapshot.coverage,
    counts: countVisibility(snapshot.namespaces),
    collector: 'up',
    scanningMs: null,
    status,
  };
}
