import { layoutScreen } from './layout.ts';
import { goToTarget } from './reduce-jumps.ts';
import { type ScreenState, selectedNamespace } from './state.ts';
import {
  drawTopology,
  findLine,
  jumpFromLine,
  moveTopology,
  settleTopology,
  TOPOLOGY_START,
  type TopologyLine,
  type TopologyView,
  topologyHeight,
} from './topology.ts';

function linesOf({ snapshot, size }: ScreenState): readonly TopologyLine[] {
  return snapshot === null ? [] : drawTopology(snapshot, size).lines;
}

/** Opens the topology at the selected namespace, or leaves it. */
export function toggleTopology(state: ScreenState): ScreenState {
  return { ...state, topology: state.topology === null ? TOPOLOGY_START : null, dialog: null };
}

/** Keeps the cursor on its line, and what is seen of the drawing inside its bounds. */
export function freshTopology(state: ScreenState): ScreenState {
  if (state.topology === null || layoutScreen(state.size, false).tooSmall) return state;
  const height = topologyHeight(state.size);
  const topology = settleTopology(state.topology, linesOf(state), height, selectedNamespace(state));
  return topology === state.topology ? state : { ...state, topology };
}

/** Moves the cursor to line `index`. */
export function moveInTopology(state: ScreenState, topology: TopologyView, index: number): ScreenState {
  return { ...state, topology: moveTopology(topology, linesOf(state), index, topologyHeight(state.size)) };
}

/** How many lines there are to move through. */
export function countTopology(state: ScreenState): number {
  return linesOf(state).length;
}

/** Looks for a text, from the line of the cursor on. */
export function findInTopology(state: ScreenState, topology: TopologyView, find: string): ScreenState {
  const at = findLine(linesOf(state), find, topology.index - 1);
  const next = { ...topology, find };
  return at === -1 ? { ...state, topology: next } : moveInTopology(state, next, at);
}

/** Goes to the next line that has the text that was looked for, or the one before. */
export function findAgain(state: ScreenState, topology: TopologyView, by: 1 | -1, at: number): ScreenState {
  const { find, index } = topology;
  const found = findLine(linesOf(state), find, index, by);
  if (found !== -1) return moveInTopology(state, topology, found);
  const text = find === '' ? '/ looks for a text' : `no line has "${find}"`;
  return { ...state, status: { text, tone: 'plain', at } };
}

/** Goes to what the line of the cursor stands for. */
export function enterFromTopology(state: ScreenState, topology: TopologyView, at: number): ScreenState {
  const line = linesOf(state)[topology.index];
  if (line === undefined || state.snapshot === null) return state;
  const jump = jumpFromLine(line, state.snapshot);
  if ('why' in jump) return { ...state, status: { text: jump.why, tone: 'warn', at } };
  return goToTarget(state, jump, at);
}
