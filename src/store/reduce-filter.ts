import { FilterError } from '../columns/filter.ts';
import { safeText } from '../terminal/sanitise.ts';
import { graphemes } from '../terminal/width.ts';
import { changeFocused, focusedList } from './focus.ts';
import { filterBy, rearrange } from './list.ts';
import { findInTopology } from './reduce-topology.ts';
import type { LineInput, ScreenState } from './state.ts';

/** A filter longer than this is a slip of the paste buffer. */
const LONGEST_FILTER = 200;

/** Filters the list that has the keyboard. */
function filtered(state: ScreenState, text: string): ScreenState {
  return changeFocused(state, (list, height) => rearrange(filterBy(list, text), height));
}

/** The text with its cursor moved or changed, and, where it is understood, what comes of it. */
function edited(state: ScreenState, input: LineInput, text: string, cursor: number): ScreenState {
  if (text === input.text) return { ...state, input: { ...input, cursor } };
  const next = { ...input, text, cursor, error: null };
  const typed = { ...state, input: next };
  if (input.purpose.kind !== 'filter') return typed;
  if (state.topology !== null) return findInTopology(typed, state.topology, text);
  try {
    return filtered(typed, text);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return { ...state, input: { ...next, error: safeText(error.message) } };
  }
}

/** Opens the input line on the filter in force, or on what is looked for in the topology. */
export function editFilter(state: ScreenState): ScreenState {
  const text = state.topology === null ? focusedList(state).filter.text : '';
  return { ...state, input: { text, cursor: text.length, error: null, purpose: { kind: 'filter' } }, dialog: null };
}

/** Inserts typed or pasted text at the cursor. What could move the terminal's cursor arrives escaped. */
export function typeFilter(state: ScreenState, input: LineInput, typed: string): ScreenState {
  const safe = safeText(typed.replace(/\s+/gu, ' '));
  if (safe === '' || input.text.length + safe.length > LONGEST_FILTER) return state;
  const text = input.text.slice(0, input.cursor) + safe + input.text.slice(input.cursor);
  return edited(state, input, text, input.cursor + safe.length);
}

/** Where the character before (or after) the cursor begins (or ends). */
function neighbour(text: string, cursor: number, forward: boolean): number {
  if (forward) {
    const next = graphemes(text.slice(cursor))[Symbol.iterator]().next();
    return next.done ? cursor : cursor + next.value.segment.length;
  }
  let start = 0;
  for (const { index } of graphemes(text.slice(0, cursor))) start = index;
  return start;
}

/** Erases around the cursor. */
export function eraseFilter(
  state: ScreenState,
  input: LineInput,
  what: 'character' | 'word' | 'all' | 'next',
): ScreenState {
  const { text, cursor } = input;
  if (what === 'next') {
    return edited(state, input, text.slice(0, cursor) + text.slice(neighbour(text, cursor, true)), cursor);
  }
  const from =
    what === 'all' ? 0 : what === 'word' ? text.slice(0, cursor).search(/\S*\s*$/u) : neighbour(text, cursor, false);
  return edited(state, input, text.slice(0, from) + text.slice(cursor), from);
}

/** Moves the cursor of the input line. */
export function moveFilterCursor(
  state: ScreenState,
  input: LineInput,
  to: 'left' | 'right' | 'start' | 'end',
): ScreenState {
  const { text, cursor } = input;
  const next = to === 'start' ? 0 : to === 'end' ? text.length : neighbour(text, cursor, to === 'right');
  return edited(state, input, text, next);
}

/** Closes the input line; the filter stays, and a text that is none is dropped, which the status line says. */
export function keepFilter(state: ScreenState, input: LineInput, at: number): ScreenState {
  const status =
    input.error === null
      ? state.status
      : { text: `kept the last good filter: ${input.error}`, tone: 'warn' as const, at };
  return { ...state, input: null, status };
}

/** No filter any more; nothing looked for any more. */
export function clearFilter(state: ScreenState, at: number): ScreenState {
  if (state.topology !== null) return { ...state, input: null, topology: { ...state.topology, find: '' } };
  const had = focusedList(state).filter.text !== '';
  const cleared = filtered({ ...state, input: null }, '');
  return had ? { ...cleared, status: { text: 'filter cleared', tone: 'plain', at } } : cleared;
}
