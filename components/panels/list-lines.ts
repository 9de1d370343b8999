import { cellText } from '../../src/columns/column.ts';
import type { Item, List } from '../../src/store/list.ts';
import { type Line, lineWidth, type Span, STYLE, type Style, span } from '../../src/terminal/style.ts';
import { fit, truncate } from '../../src/terminal/width.ts';
import { GAP, type PlacedColumn, placeColumns } from './column-widths.ts';

/** Cells in front of the first column: selection marker, change marker, blank. */
export const MARGIN = 3;

const MARK_GLYPH = { new: '+', gone: '×' } as const;
const BLANKS = ' '.repeat(GAP);
const SELECTED: Style = { inverse: true };

/** How the cells of one kind of row look, where that is not plain. */
export type CellStyle<Row> = (columnId: string, row: Row, text: string) => Style;

/** Where and how a list is drawn. */
export interface ListFrame<Row> {
  readonly width: number;
  /** Rows below the header. */
  readonly height: number;
  /** It has the keyboard. */
  readonly focused: boolean;
  readonly styleOf: CellStyle<Row>;
  /** Keys of rows that are marked by the user. */
  readonly marked?: ReadonlySet<string>;
}

function spaced(cells: readonly Span[]): Span[] {
  return cells.flatMap((cell, index) => (index === 0 ? [cell] : [span(BLANKS), cell]));
}

/** The line of column headers; the sorted one carries an arrow. */
export function listHeader<Row, Context>(
  placed: readonly PlacedColumn<Row, Context>[],
  sort: List<Row, Context>['sort'],
): Line {
  const cell = ({ column: { id, header, align }, width }: PlacedColumn<Row, Context>): Span => {
    if (id !== sort?.column.id) return span(fit(header, width, align), STYLE.dim);
    const arrow = sort.descending ? '▼' : '▲';
    return span(fit(`${truncate(header, width - 1)}${arrow}`, width, align), STYLE.accentBold);
  };
  return [span(' '.repeat(MARGIN)), ...spaced(placed.map(cell))];
}

/** One row as one line. */
export function listRow<Row, Context>(
  { row, mark }: Item<Row>,
  context: Context,
  placed: readonly PlacedColumn<Row, Context>[],
  {
    selected,
    focused,
    chosen,
    styleOf,
  }: { selected: boolean; focused: boolean; chosen?: boolean; styleOf: CellStyle<Row> },
): Line {
  const cells = placed.map(({ column, width }) => {
    const text = cellText(column, row, context);
    const quiet = mark === 'gone' || text === '—' || text === '?';
    return span(fit(text, width, column.align), quiet ? STYLE.dim : styleOf(column.id, row, text));
  });
  return [
    span(selected ? '▌' : ' ', focused ? STYLE.accentBold : STYLE.dim),
    span(mark === null ? ' ' : MARK_GLYPH[mark], mark === 'new' ? STYLE.good : STYLE.dim),
    chosen ? span('*', STYLE.accentBold) : span(' '),
    ...spaced(cells),
  ];
}

/** A line as one even bar: what the keys act on. */
export function highlighted(line: Line, width: number): Line {
  const text = line.map((piece) => piece.text).join('');
  return [span(fit(text, Math.max(width, 0)), SELECTED)];
}

/** The header of a list and the rows in view; only those are made into text. */
export function listLines<Row, Context>(
  list: List<Row, Context>,
  { width, height, focused, styleOf, marked }: ListFrame<Row>,
): readonly Line[] {
  const { items, context, top, index, sort } = list;
  const placed = placeColumns(list, width - MARGIN);
  const rows = items.slice(top, top + height).map((item, place): Line => {
    if (context === null) return [];
    const selected = top + place === index;
    const chosen = marked?.has(item.key) ?? false;
    const line = listRow(item, context, placed, { selected, focused, chosen, styleOf });
    return selected && focused ? highlighted(line, width) : line;
  });
  return [listHeader(placed, sort), ...rows];
}

/** A line cut and padded to exactly `width` cells, so that something can stand beside it. */
export function padded(line: Line, width: number): Line {
  const cut: Span[] = [];
  let left = width;
  for (const { text, style } of line) {
    if (left <= 0) break;
    const piece = span(truncate(text, left), style);
    left -= lineWidth([piece]);
    cut.push(piece);
  }
  return left > 0 ? [...cut, span(' '.repeat(left))] : cut;
}
