import type { ReactElement } from 'react';
import { helpLines } from '../../src/actions/help.ts';
import { ACTIONS } from '../../src/actions/index.ts';
import { COLUMNS } from '../../src/columns/index.ts';
import { coverageLines } from '../../src/store/coverage.ts';
import { scrollTo } from '../../src/store/layout.ts';
import type { Dialog as DialogState, ScreenState } from '../../src/store/state.ts';
import { Box, TextLine } from '../../src/terminal/ink.tsx';
import { type Line, STYLE, span } from '../../src/terminal/style.ts';
import { fit } from '../../src/terminal/width.ts';
import { Lines } from '../panels/Lines.tsx';
import { extent, rule } from '../panels/rule.ts';

/** Properties of `Dialog`. */
interface DialogProps {
  readonly state: ScreenState;
  readonly dialog: DialogState;
  /** Rows to fill, title included. */
  readonly height: number;
}

const TITLES = { help: 'Keys', coverage: 'Coverage: what each source read', sort: 'Sort by' } as const;

function sortLines({ sort }: ScreenState, cursor: number): Line[] {
  return COLUMNS.map(({ id, header, description }, index) => {
    const here = index === cursor;
    const arrow = id !== sort.column.id ? ' ' : sort.descending ? '▼' : '▲';
    return [
      span(here ? '▌' : ' ', STYLE.accentBold),
      span(` ${arrow} `, STYLE.accent),
      span(fit(header, 12), here ? STYLE.accentBold : STYLE.bold),
      span(description, here ? STYLE.plain : STYLE.dim),
    ];
  });
}

/** What a dialog says, and the first line of it in view. */
function content(state: ScreenState, dialog: DialogState, height: number): { lines: readonly Line[]; top: number } {
  switch (dialog.kind) {
    case 'help':
      return { lines: helpLines(ACTIONS), top: dialog.top };
    case 'coverage':
      return {
        lines: coverageLines(state.coverage, state.snapshot?.concealedTasks ?? [], state.size.columns),
        top: dialog.top,
      };
    case 'sort':
      return { lines: sortLines(state, dialog.cursor), top: scrollTo(0, dialog.cursor, height, COLUMNS.length) };
  }
}

/** Help, coverage or the sort picker, in place of table and detail. */
export function Dialog({ state, dialog, height }: DialogProps): ReactElement {
  const { size, color } = state;
  const inside = height - 1;
  const { lines, top: wanted } = content(state, dialog, inside);
  // The terminal may have grown since it was scrolled.
  const top = Math.min(wanted, Math.max(0, lines.length - inside));
  const title = rule(
    [span(TITLES[dialog.kind], STYLE.accentBold)],
    extent(top, inside, lines.length),
    size.columns,
    STYLE.accent,
  );
  return (
    <Box flexDirection="column" height={height} flexShrink={0}>
      <TextLine line={title} width={size.columns} color={color} />
      <Lines lines={lines.slice(top, top + inside)} height={inside} width={size.columns} color={color} />
    </Box>
  );
}
