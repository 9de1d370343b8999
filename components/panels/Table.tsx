import type { ReactElement } from 'react';
import type { ScreenState } from '../../src/store/state.ts';
import { type Line, STYLE, span } from '../../src/terminal/style.ts';
import { namespaceStyle } from './cell-styles.ts';
import { Lines } from './Lines.tsx';
import { listLines } from './list-lines.ts';

/** Properties of `Table`. */
interface TableProps {
  readonly state: ScreenState;
  /** Rows below the header. */
  readonly height: number;
}

function emptyText({ snapshot, namespaces, status }: ScreenState): string {
  if (snapshot === null) return status?.tone === 'alert' ? 'no scan has succeeded yet' : 'scanning…';
  return namespaces.filter.text === ''
    ? 'no network namespace was seen: c shows what each source read'
    : 'no namespace matches the filter';
}

/** The table of namespaces: its header, and below it the rows in view. */
function tableLines(state: ScreenState, height: number): readonly Line[] {
  const { namespaces, size, pane, marked } = state;
  const lines = listLines(namespaces, {
    width: size.columns,
    height,
    focused: pane === 'table',
    styleOf: namespaceStyle,
    marked,
  });
  return namespaces.items.length > 0 ? lines : [...lines, [span(`   ${emptyText(state)}`, STYLE.dim)]];
}

/** The table of namespaces. */
export function Table({ state, height }: TableProps): ReactElement {
  const { size, color } = state;
  return <Lines lines={tableLines(state, height)} height={height + 1} width={size.columns} color={color} />;
}
