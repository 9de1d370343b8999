import type { ReactElement } from 'react';
import { helpLines, keyLabel } from '../../src/actions/help.ts';
import { offeredIn } from '../../src/actions/index.ts';
import { coverageLines } from '../../src/store/coverage.ts';
import { focusedList } from '../../src/store/focus.ts';
import { scrollTo } from '../../src/store/layout.ts';
import { keysOf, menuOf, subjectOf } from '../../src/store/menu.ts';
import { planDialogLines } from '../../src/store/plan-dialog.ts';
import { rulesetLines } from '../../src/store/reduce-dialogs.ts';
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

const PLAN_TITLES = {
  planning: 'Planning',
  refused: 'Not done',
  ready: 'Plan: nothing has been done yet',
  running: 'At work',
  done: 'Done',
} as const;

const TONE_STYLE = {
  title: STYLE.accentBold,
  plain: STYLE.plain,
  dim: STYLE.dim,
  good: STYLE.good,
  warn: STYLE.warn,
  alert: STYLE.alert,
} as const;

function titleOf(dialog: DialogState): string {
  switch (dialog.kind) {
    case 'help':
      return 'Keys';
    case 'coverage':
      return 'Coverage: what each source read';
    case 'ruleset':
      return `Firewall of ${dialog.name}, as nft lists it`;
    case 'sort':
      return 'Sort by';
    case 'menu':
      return 'Act';
    case 'plan':
      return PLAN_TITLES[dialog.phase.is];
  }
}

function sortLines(state: ScreenState, cursor: number): Line[] {
  const { registry, sort } = focusedList(state);
  return registry.columns.map(({ id, header, description }, index) => {
    const here = index === cursor;
    const arrow = id !== sort?.column.id ? ' ' : sort.descending ? '▼' : '▲';
    return [
      span(here ? '▌' : ' ', STYLE.accentBold),
      span(` ${arrow} `, STYLE.accent),
      span(fit(header, 12), here ? STYLE.accentBold : STYLE.bold),
      // Its names are written as code, for the docs.
      span(description.replaceAll('`', ''), here ? STYLE.plain : STYLE.dim),
    ];
  });
}

/** What can be done here, a line each: its key, what it is, what it is about. */
function menuLines(state: ScreenState, cursor: number): Line[] {
  return menuOf(state).map((item, index) => {
    const here = index === cursor;
    const about = subjectOf(item);
    return [
      span(here ? '▌' : ' ', STYLE.accentBold),
      span(` ${fit(item.row.id, 14)}`, here ? STYLE.accentBold : STYLE.bold),
      span(fit(keysOf(item).map(keyLabel).join(' '), 4), STYLE.accent),
      span(item.row.title, here ? STYLE.plain : STYLE.dim),
      ...(about === '' ? [] : [span(`: ${about}`, STYLE.warn)]),
    ];
  });
}

/** What a dialog says, and the first line of it in view. */
function content(state: ScreenState, dialog: DialogState, height: number): { lines: readonly Line[]; top: number } {
  switch (dialog.kind) {
    case 'help':
      return { lines: helpLines(offeredIn(state)), top: dialog.top };
    case 'coverage':
      return {
        lines: coverageLines(state.coverage, state.snapshot?.concealedTasks ?? [], state.size.columns),
        top: dialog.top,
      };
    case 'ruleset': {
      const style = dialog.answer?.lines == null ? STYLE.dim : STYLE.plain;
      const lines = rulesetLines(dialog.answer, state.size.columns).map((line) => [span(` ${line}`, style)]);
      return { lines, top: dialog.top };
    }
    case 'sort': {
      const lines = sortLines(state, dialog.cursor);
      return { lines, top: scrollTo(0, dialog.cursor, height, lines.length) };
    }
    case 'menu': {
      const lines = menuLines(state, dialog.cursor);
      return { lines, top: scrollTo(0, dialog.cursor, height, lines.length) };
    }
    case 'plan': {
      const lines = planDialogLines(dialog, state.size.columns).map(({ text, tone }) => [
        span(` ${text}`, TONE_STYLE[tone]),
      ]);
      return { lines, top: dialog.top };
    }
  }
}

/** Help, coverage, a ruleset, the sort picker, the menu or a plan, in place of table and detail. */
export function Dialog({ state, dialog, height }: DialogProps): ReactElement {
  const { size, color } = state;
  const inside = height - 1;
  const { lines, top: wanted } = content(state, dialog, inside);
  // The terminal may have grown since it was scrolled.
  const top = Math.min(wanted, Math.max(0, lines.length - inside));
  const title = rule(
    [span(titleOf(dialog), STYLE.accentBold)],
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
