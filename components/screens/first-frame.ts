import { footerLine } from '../../src/actions/help.ts';
import { actionsHere } from '../../src/actions/index.ts';
import { layoutScreen } from '../../src/store/layout.ts';
import type { ScreenState } from '../../src/store/state.ts';
import { type Line, paintLine, STYLE, span } from '../../src/terminal/style.ts';
import { placeColumns } from '../panels/column-widths.ts';
import { headerLines } from '../panels/header-lines.ts';
import { listHeader, MARGIN } from '../panels/list-lines.ts';

/**
 * What is drawn at once, before the first scan is done and while Ink is still being loaded (0.1 s and more): the
 * same rows in the same places as `Screen` draws, with nothing in the table yet.
 */
export function firstFrame(state: ScreenState): readonly string[] {
  const { size, namespaces, color } = state;
  const { tooSmall, header, air, body } = layoutScreen(size, false);
  if (tooSmall) return [''];
  const placed = placeColumns(namespaces, size.columns - MARGIN);
  const blank = (rows: number): Line[] => Array.from({ length: Math.max(0, rows) }, () => []);
  const top = headerLines(state, header);
  return [
    ...top,
    ...blank(header + air - top.length),
    listHeader(placed, namespaces.sort),
    [span('   scanning…', STYLE.dim)],
    ...blank(body - 2),
    [],
    footerLine(actionsHere(state), size.columns),
  ].map((line) => paintLine(line, size.columns, color));
}
