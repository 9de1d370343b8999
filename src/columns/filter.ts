import { findColumn } from './choose.ts';
import { type Column, cellText, type Registry } from './column.ts';

/** A filter that cannot be understood. The message says what would be. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
  readonly code = 'ERR_FILTER';
}

export type Predicate<Row, Context = void> = (row: Row, context: Context) => boolean;

type Operator = '!=' | '≠' | '>=' | '<=' | '=' | '>' | '<' | ':';

function compare<Row, Context>(
  column: Column<Row, Context>,
  operator: Operator,
  wanted: string,
  row: Row,
  context: Context,
): boolean {
  const value = column.value(row, context);
  const texts = (typeof value === 'object' && value !== null ? value : [value === null ? '?' : String(value)]).map(
    (text) => text.toLowerCase(),
  );
  switch (operator) {
    case ':':
      return texts.some((text) => text.includes(wanted));
    case '=':
      return wanted === '' ? texts.every((text) => text === '') : texts.includes(wanted);
    case '!=':
    case '≠':
      return !compare(column, '=', wanted, row, context);
    default: {
      const number = column.sortKey?.(row, context) ?? value;
      if (typeof number !== 'number') return false;
      const bound = Number(wanted);
      if (operator === '>') return number > bound;
      if (operator === '<') return number < bound;
      return operator === '>=' ? number >= bound : number <= bound;
    }
  }
}

/** IPv6 and hardware addresses have colons too, two at the least. */
const ADDRESS = /^[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:./]*$/;

/** A term: what it says of a row, and the column it names, if any. */
interface Term<Row, Context> {
  readonly column: Column<Row, Context> | null;
  readonly holds: Predicate<Row, Context>;
}

/** Free text looks at everything there is about a row, not only at what is shown. */
function freeText<Row, Context>(registry: Registry<Row, Context>, wanted: string): Term<Row, Context> {
  const searched = registry.columns.filter((column) => column.searched !== false);
  return {
    column: null,
    holds: (row, context) =>
      searched.some((column) => cellText(column, row, context).toLowerCase().includes(wanted)) ||
      registry.alsoMatches?.(row, wanted, context) === true,
  };
}

function parseTerm<Row, Context>(registry: Registry<Row, Context>, term: string): Term<Row, Context> {
  if (term.startsWith('!')) {
    const rest = term.slice(1);
    if (rest === '') return { column: null, holds: () => true };
    const { column, holds } = parseTerm(registry, rest);
    return { column, holds: (row, context) => !holds(row, context) };
  }
  const text = term.toLowerCase();
  const match = /^([a-z][a-z-]*)(!=|≠|>=|<=|=|>|<|:)(.*)$/su.exec(text);
  if (match === null) return freeText(registry, text);
  const [, id = '', operator = ':', wanted = ''] = match;
  const column = findColumn(registry, id);
  if (column === undefined) {
    if (ADDRESS.test(text)) return freeText(registry, text);
    const known = registry.columns.map((candidate) => candidate.id).join(', ');
    throw new FilterError(`unknown column "${id}" in filter "${term}"; columns are ${known}`);
  }
  if ('<>'.includes(operator[0] ?? '') && (wanted === '' || Number.isNaN(Number(wanted)))) {
    throw new FilterError(`"${term}" compares with a number, and "${wanted}" is none`);
  }
  return { column, holds: (row, context) => compare(column, operator as Operator, wanted, row, context) };
}

/** Splits on blanks; double quotes keep blanks together, as in `command:"sleep 600"`. */
function splitTerms(text: string): string[] {
  return [...text.matchAll(/(?:[^\s"]|"[^"]*"?)+/gu)].map(([term]) => term.replaceAll('"', ''));
}

/**
 * Understands a filter: terms separated by blanks, all of which must hold. A term is free text, or
 * `column:part`, `column=exactly`, `column!=exactly`, `column>number`; `!` in front inverts a term.
 *
 * @throws FilterError for an unknown column or a comparison with something that is no number.
 */
export function parseFilter<Row, Context>(registry: Registry<Row, Context>, text: string): Predicate<Row, Context> {
  const terms = splitTerms(text).map((term) => parseTerm(registry, term));
  return (row, context) => terms.every(({ holds }) => holds(row, context));
}

/**
 * The columns a filter names: what they draw on must have been read before it can be said to hold or not.
 *
 * @throws FilterError as `parseFilter`.
 */
export function filteredColumns<Row, Context>(
  registry: Registry<Row, Context>,
  text: string,
): readonly Column<Row, Context>[] {
  return splitTerms(text).flatMap((term) => parseTerm(registry, term).column ?? []);
}
