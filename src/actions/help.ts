import { type Line, lineWidth, type Span, STYLE, span } from '../terminal/style.ts';
import { fit } from '../terminal/width.ts';
import { type Action, GROUPS, TEXT } from './action.ts';

const LABELS: Readonly<Record<string, string>> = {
  up: '↑',
  down: '↓',
  left: '←',
  right: '→',
  enter: '⏎',
  escape: 'Esc',
  tab: 'Tab',
  'shift-tab': 'Shift-Tab',
  'page-up': 'PgUp',
  'page-down': 'PgDn',
  home: 'Home',
  end: 'End',
  space: 'Space',
  backspace: 'Backspace',
  delete: 'Del',
  [TEXT]: 'any text',
};

/** What a key is called on the keyboard. */
export function keyLabel(name: string): string {
  if (/^f\d+$/.test(name)) return name.toUpperCase();
  if (name.startsWith('ctrl-')) return `Ctrl-${name.slice(5).toUpperCase()}`;
  return LABELS[name] ?? name;
}

/** The help: every action, in groups. */
export function helpLines(actions: readonly Action[]): readonly Line[] {
  return GROUPS.flatMap((group, index) => {
    const rows = actions.filter((action) => action.group === group);
    if (rows.length === 0) return [];
    return [
      ...(index === 0 ? [] : [[]]),
      [span(` ${group}`, STYLE.accentBold)],
      ...rows.map(
        ({ keys, title, danger }): Line => [
          span(`   ${fit(keys.map(keyLabel).join(' '), 20)} `, STYLE.bold),
          span(title),
          ...(danger ? [span(' (changes the host)', STYLE.warn)] : []),
        ],
      ),
    ];
  });
}

/** Keys that stand together in the footer because one word says what both do. */
const PAIRED: Readonly<Record<string, string>> = { '+': '+ -', 1: '1…0' };

/** The footer: the keys that work here, as many as fit, the last of `actions` (how to leave) never left out. */
export function footerLine(actions: readonly Action[], width: number): Line {
  const hints = actions.flatMap(({ keys, hint }): Span[][] => {
    const [key] = keys;
    if (key === undefined || hint === undefined) return [];
    return [[span(` ${PAIRED[key] ?? keyLabel(key)}`, STYLE.accent), span(` ${hint} `, STYLE.dim)]];
  });
  while (hints.length > 1 && hints.reduce((sum, hint) => sum + lineWidth(hint), 0) > width) hints.splice(-3, 1);
  return hints.flat();
}
