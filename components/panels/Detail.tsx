import type { ReactElement } from 'react';
import { VISIBILITY_GLYPH } from '../../src/columns/index.ts';
import { nameNamespace } from '../../src/model/describe.ts';
import { detailLines, VISIBILITY_STYLE } from '../../src/store/detail.ts';
import { type ScreenState, selectedNamespace } from '../../src/store/state.ts';
import { Box, TextLine } from '../../src/terminal/ink.tsx';
import { STYLE, span } from '../../src/terminal/style.ts';
import { Lines } from './Lines.tsx';
import { extent, rule } from './rule.ts';

/** Properties of `Detail`. */
interface DetailProps {
  readonly state: ScreenState;
  /** Rows below the title. */
  readonly height: number;
}

/** Everything known of the selected namespace. */
export function Detail({ state, height }: DetailProps): ReactElement {
  const { size, color, snapshot, detailTop, opened, pane } = state;
  const ns = selectedNamespace(state);
  const lines = ns === null || snapshot === null ? [] : detailLines(ns, snapshot, size.columns, opened);
  const focused = pane === 'detail';
  const title =
    ns === null
      ? [span('nothing selected', STYLE.dim)]
      : [
          span(`${VISIBILITY_GLYPH[ns.visibility]} `, VISIBILITY_STYLE[ns.visibility]),
          span(nameNamespace(ns), focused ? STYLE.accentBold : STYLE.bold),
          ...(state.rows[state.selectedIndex]?.mark === 'gone' ? [span('  gone', STYLE.warn)] : []),
        ];
  const remark = extent(detailTop, height, lines.length);
  return (
    <Box flexDirection="column" height={height + 1} flexShrink={0}>
      <TextLine
        line={rule(title, remark, size.columns, focused ? STYLE.accent : STYLE.dim)}
        width={size.columns}
        color={color}
      />
      <Lines lines={lines.slice(detailTop, detailTop + height)} height={height} width={size.columns} color={color} />
    </Box>
  );
}
