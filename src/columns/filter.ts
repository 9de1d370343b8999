import type { Namespace } from '../model/index.ts';
import { type Column, cellText } from './column.ts';
import { COLUMNS, SEARCHED_COLUMNS } from './index.ts';

/** A filter that cannot be understood. The message says what would be. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
  readonly code = 'ERR_FILTER';
}

export type Predicate = (ns: Namespace) => boolean;

type Operator = '!=' | '≠' | '>=' | '<=' | '=' | '>' | '<' | ':';

function compare(column: Column, operator: Operator, wanted: string, ns: Namespace): boolean {
  const value = column.value(ns);
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
      return !compare(column, '=', wanted, ns);
    default: {
      const number = column.sortKey?.(ns) ?? value;
      if (typeof number !== 'number') return false;
      const bound = Number(wanted);
      if (operator === '>') return number > bound;
      if (operator === '<') return number < bound;
      return operator === '>=' ? number >= bound : number <= bound;
    }
  }
}

/** Free text also looks at every process, mount path, holder and device, not only at what fits on a row. */
function matchesText(ns: Namespace, wanted: string): boolean {
  return (
    SEARCHED_COLUMNS.some((column) => cellText(column, ns).toLowerCase().includes(wanted)) ||
    ns.processes.some(
      (process) =>
        process.comm.toLowerCase().includes(wanted) ||
        process.cmdline.toLowerCase().includes(wanted) ||
        process.cgroup.toLowerCase().includes(wanted) ||
        String(process.pid) === wanted,
    ) ||
    (ns.devices ?? []).some(
      ({ name, address }) => name.toLowerCase().includes(wanted) || (address?.includes(wanted) ?? false),
    )
  );
}

function parseTerm(term: string): Predicate {
  if (term.startsWith('!')) {
    const rest = term.slice(1);
    if (rest === '') return () => true;
    const inner = parseTerm(rest);
    return (ns) => !inner(ns);
  }
  const match = /^([a-z][a-z-]*)(!=|≠|>=|<=|=|>|<|:)(.*)$/su.exec(term.toLowerCase());
  if (match === null) {
    const wanted = term.toLowerCase();
    return (ns) => matchesText(ns, wanted);
  }
  const [, id = '', operator = ':', wanted = ''] = match;
  const column = COLUMNS.find((candidate) => candidate.id === id);
  if (column === undefined) {
    throw new FilterError(
      `unknown column "${id}" in filter "${term}"; columns are ${COLUMNS.map((candidate) => candidate.id).join(', ')}`,
    );
  }
  if ('<>'.includes(operator[0] ?? '') && (wanted === '' || Number.isNaN(Number(wanted)))) {
    throw new FilterError(`"${term}" compares with a number, and "${wanted}" is none`);
  }
  return (ns) => compare(column, operator as Operator, wanted, ns);
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
export function parseFilter(text: string): Predicate {
  const terms = splitTerms(text).map(parseTerm);
  return (ns) => terms.every((term) => term(ns));
}
