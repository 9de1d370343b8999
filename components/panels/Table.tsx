import type { ReactElement } from 'react';
import type { ScreenState } from '../../src/store/state.ts';
import { Box, TextLine } from '../../src/terminal/ink.tsx';
import { STYLE, span } from '../../src/terminal/style.ts';
import { placeColumns } from './column-widths.ts';
import { Lines } from './Lines.tsx';
import { MARGIN, tableHeader, tableRow } from './table-lines.ts';

/** Properties of `Table`. */
interface TableProps {
  readonly state: ScreenState;
  /** Rows below the header. */
  readonly height: number;
}

const SELECTED = { inverse: true };

function emptyText({ snapshot, filter, status }: ScreenState): string {
  if (snapshot === null) return status?.tone === 'alert' ? 'no scan has succeeded yet' : 'scanning…';
  return filter.text === ''
    ? 'no network namespace was seen: c shows what each source read'
    : 'no namespace matches the filter';
}

/** The table of namespaces. Only the rows in view are made into text. */
export function Table({ state, height }: TableProps): ReactElement {
  const { columns, columnShift, sort, size, rows, top, selectedIndex, pane, color } = state;
  const placed = placeColumns(columns, columnShift, sort.column, size.columns - MARGIN);
  const header = <TextLine line={tableHeader(placed, sort)} width={size.columns} color={color} />;
  if (rows.length === 0) {
    return (
      <Box flexDirection="column" height={height + 1} flexShrink={0}>
        {header}
        <Lines
          lines={[[span(`   ${emptyText(state)}`, STYLE.dim)]]}
          height={height}
          width={size.columns}
          color={color}
        />
      </Box>
    );
  }
  const focused = pane === 'table';
  return (
    <Box flexDirection="column" height={height + 1} flexShrink={0}>
      {header}
      {Array.from({ length: height }, (_, index) => {
        const row = rows[top + index];
        const selected = top + index === selectedIndex;
        return (
          <TextLine
            // biome-ignore lint/suspicious/noArrayIndexKey: a row of the screen is its place
            key={index}
            line={row === undefined ? [] : tableRow(row, placed, selected, focused)}
            width={size.columns}
            color={color}
            {...(selected && focused ? { over: SELECTED } : {})}
          />
        );
      })}
    </Box>
  );
}
