import { type Column, cellText } from '../../src/columns/index.ts';
import type { SortOrder } from '../../src/columns/sort.ts';
import { VISIBILITY_STYLE } from '../../src/store/detail.ts';
import type { Row } from '../../src/store/rows.ts';
import { type Line, type Span, STYLE, type Style, span } from '../../src/terminal/style.ts';
import { fit, truncate } from '../../src/terminal/width.ts';
import { GAP, type PlacedColumn } from './column-widths.ts';

/** Cells in front of the first column: selection marker, change marker, blank. */
export const MARGIN = 3;

const MARK_GLYPH = { new: '+', gone: '×' } as const;
const BLANKS = ' '.repeat(GAP);

function spaced(cells: readonly Span[]): Span[] {
  return cells.flatMap((cell, index) => (index === 0 ? [cell] : [span(BLANKS), cell]));
}

function headerCell({ column, width }: PlacedColumn, sort: SortOrder): Span {
  if (column.id !== sort.column.id) return span(fit(column.header, width, column.align), STYLE.dim);
  const arrow = sort.descending ? '▼' : '▲';
  return span(fit(`${truncate(column.header, width - 1)}${arrow}`, width, column.align), STYLE.accentBold);
}

/** The line of column headers; the sorted one carries an arrow. */
export function tableHeader(placed: readonly PlacedColumn[], sort: SortOrder): Line {
  return [span(' '.repeat(MARGIN)), ...spaced(placed.map((column) => headerCell(column, sort)))];
}

function cellStyle(column: Column, { ns, mark }: Row): Style {
  if (mark === 'gone') return STYLE.dim;
  const ordinary = ns.visibility === 'plain';
  if (column.id === 'visibility') return ordinary ? STYLE.dim : VISIBILITY_STYLE[ns.visibility];
  if (column.id === 'namespace' && !ordinary) return VISIBILITY_STYLE[ns.visibility];
  return STYLE.plain;
}

/** One namespace as one line. */
export function tableRow(row: Row, placed: readonly PlacedColumn[], selected: boolean, focused: boolean): Line {
  const marker = selected ? '▌' : ' ';
  const mark = row.mark === null ? ' ' : MARK_GLYPH[row.mark];
  const cells = placed.map(({ column, width }) => {
    const text = cellText(column, row.ns);
    const style = cellStyle(column, row);
    const quiet = text === '—' || text === '?';
    return span(fit(text, width, column.align), quiet ? STYLE.dim : style);
  });
  return [
    span(marker, focused ? STYLE.accentBold : STYLE.dim),
    span(mark, row.mark === 'new' ? STYLE.good : STYLE.dim),
    span(' '),
    ...spaced(cells),
  ];
}
