import { cellWidth, fit } from '../terminal/width.ts';

export interface TableColumn {
  readonly header: string;
  readonly align: 'left' | 'right';
}

/**
 * A plain table with aligned columns. With a `width` (a terminal), the widest columns are cut until a row fits;
 * without one (a pipe), nothing is cut.
 */
export function toTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[], width?: number): string {
  const widths = columns.map(({ header }) => cellWidth(header));
  const measured = rows.map((row) =>
    columns.map((_, index) => {
      const size = cellWidth(row[index] ?? '');
      if (size > (widths[index] ?? 0)) widths[index] = size;
      return size;
    }),
  );
  if (width !== undefined) {
    for (let excess = total(widths) - width; excess > 0; excess--) {
      const widest = widths.reduce((best, size, index) => (size > (widths[best] ?? 0) ? index : best), 0);
      const size = widths[widest] ?? 0;
      if (size <= 4) break;
      widths[widest] = size - 1;
    }
  }
  const last = columns.length - 1;
  let text = `${columns
    .map(({ header, align }, index) => cell(header, widths[index] ?? 0, cellWidth(header), align, index === last))
    .join('  ')
    .trimEnd()}\n`;
  for (const [at, row] of rows.entries()) {
    let line = '';
    for (const [index, { align }] of columns.entries()) {
      if (index > 0) line += '  ';
      line += cell(row[index] ?? '', widths[index] ?? 0, measured[at]?.[index] ?? 0, align, index === last);
    }
    text += `${line.trimEnd()}\n`;
  }
  return text;
}

/** A cell cut or padded to its column's width, given how wide it is: measuring is the dear part. */
function cell(text: string, width: number, size: number, align: 'left' | 'right', last: boolean): string {
  if (size > width) return fit(text, width, align);
  if (align === 'right') return ' '.repeat(width - size) + text;
  return last ? text : text + ' '.repeat(width - size);
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, size) => sum + size + 2, -2);
}
