import { cellWidth, fit, truncate } from '../terminal/width.ts';

export interface TableColumn {
  readonly header: string;
  readonly align: 'left' | 'right';
}

/**
 * A plain table with aligned columns. With a `width` (a terminal), the widest columns are cut until a row fits;
 * without one (a pipe), nothing is cut.
 */
export function toTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[], width?: number): string {
  const widths = columns.map(({ header }, index) =>
    rows.reduce((widest, row) => Math.max(widest, cellWidth(row[index] ?? '')), cellWidth(header)),
  );
  if (width !== undefined) {
    for (let excess = total(widths) - width; excess > 0; excess--) {
      const widest = widths.reduce((best, size, index) => (size > (widths[best] ?? 0) ? index : best), 0);
      const size = widths[widest] ?? 0;
      if (size <= 4) break;
      widths[widest] = size - 1;
    }
  }
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, index) => {
        const size = widths[index] ?? 0;
        const cell = cells[index] ?? '';
        return align === 'left' && index === columns.length - 1 ? truncate(cell, size) : fit(cell, size, align);
      })
      .join('  ')
      .trimEnd();
  return `${[columns.map(({ header }) => header), ...rows].map(line).join('\n')}\n`;
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, size) => sum + size + 2, -2);
}
