import type { Namespace, Snapshot } from '../../src/model/index.ts';
import { countText, TABS, type Tab, type TabId } from '../../src/store/tabs.ts';
import { type Line, lineWidth, type Span, STYLE, span } from '../../src/terminal/style.ts';

/** How much of the tabs is shown, from all to next to nothing; `bare` is short without counts. */
type Form = 'titles' | 'short' | 'bare' | 'digits' | 'current';

const FORMS: readonly Form[] = ['titles', 'short', 'bare', 'digits', 'current'];

function otherTab(tab: Tab, count: string, form: Form): Span[] {
  switch (form) {
    case 'titles':
      return [span(` ${tab.title}`), span(`${count} `, STYLE.dim)];
    case 'short':
      return [span(` ${tab.short}${count} `, STYLE.dim)];
    case 'bare':
      return [span(` ${tab.short} `, STYLE.dim)];
    case 'digits':
      return tab.digit === null ? [] : [span(` ${tab.digit}`, STYLE.dim)];
    case 'current':
      return [];
  }
}

function bar(current: TabId, focused: boolean, counts: readonly string[], form: Form): Line {
  const at = TABS.findIndex(({ id }) => id === current);
  const gap = form === 'digits' && at > 0 ? ' ' : '';
  return TABS.flatMap((tab, index) => {
    const count = counts[index] ?? '';
    if (index !== at) return otherTab(tab, count, form);
    // Brackets: the current tab is told without colour too.
    return [span(gap), span(`[${tab.title}${count}]`, focused ? STYLE.accentBold : STYLE.bold)];
  });
}

/** The tabs with how much each has, as many words as fit `width` cells; the current one in full. */
export function tabBar(
  current: TabId,
  focused: boolean,
  { ns, snapshot }: { readonly ns: Namespace; readonly snapshot: Snapshot },
  width: number,
): Line {
  const counts = TABS.map((tab) => {
    const count = countText(tab, ns, snapshot);
    return count === '' ? '' : ` ${count}`;
  });
  const forms = FORMS.map((form) => bar(current, focused, counts, form));
  return forms.find((line) => lineWidth(line) <= width) ?? forms.at(-1) ?? [];
}
