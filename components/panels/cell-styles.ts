import type { Holder, Namespace, Process } from '../../src/model/index.ts';
import { isCertain } from '../../src/model/index.ts';
import { VISIBILITY_STYLE } from '../../src/store/detail.ts';
import type { TableTab } from '../../src/store/tabs.ts';
import { STYLE } from '../../src/terminal/style.ts';
import type { CellStyle } from './list-lines.ts';

/** Namespaces: how visible one is deserves the eye, unless it is as visible as most. */
export const namespaceStyle: CellStyle<Namespace> = (column, { visibility }) => {
  const ordinary = visibility === 'plain';
  if (column === 'visibility') return ordinary ? STYLE.dim : VISIBILITY_STYLE[visibility];
  if (column === 'namespace' && !ordinary) return VISIBILITY_STYLE[visibility];
  return column === 'traffic' ? STYLE.accent : STYLE.plain;
};

/** How a process that is kept from other tools begins. */
const CONCEALED = /^\((covered|not in \/proc)\) /;

const processStyle: CellStyle<Process> = (column, _, text) =>
  column === 'command' && CONCEALED.test(text) ? STYLE.alert : STYLE.plain;

const holderStyle: CellStyle<Holder> = (_, holder) => (isCertain(holder) ? STYLE.plain : STYLE.warn);

const STYLES: Partial<Readonly<Record<TableTab, CellStyle<never>>>> = {
  processes: processStyle,
  holders: holderStyle,
};

/** How the cells of a tab look. */
export function tabStyle(tab: TableTab): CellStyle<unknown> {
  return (STYLES[tab] as CellStyle<unknown> | undefined) ?? (() => STYLE.plain);
}
