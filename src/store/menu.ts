import { LIFECYCLE } from '../actions/lifecycle/index.ts';
import type { Asked, Here, Lifecycle } from '../actions/lifecycle/lifecycle.ts';
import { PROGRAMS, type Program, type Start } from '../actions/programs.ts';
import { namespaceKey } from '../model/index.ts';
import { focusedTab } from './focus.ts';
import { selectedRow } from './reduce-tabs.ts';
import { type ScreenState, selectedNamespace } from './state.ts';

/** What actions are about here. */
function hereOf(state: ScreenState): Here {
  const { marked, population, namespaces } = state;
  const selected = namespaces.items[namespaces.index]?.mark === 'gone' ? null : selectedNamespace(state);
  const chosen = [...marked].flatMap((key) => population.byKey.get(key) ?? []);
  const tab = focusedTab(state);
  return {
    selected,
    targets: chosen.length > 0 ? chosen : selected === null ? [] : [selected],
    tab: tab === null ? null : { id: tab, row: selectedRow(state) },
  };
}

/** Something that can be done here. */
export type MenuItem =
  | { readonly kind: 'action'; readonly row: Lifecycle; readonly asked: Asked }
  | { readonly kind: 'program'; readonly row: Program; readonly start: Start };

/** What can be done here, in order. */
export function menuOf(state: ScreenState): readonly MenuItem[] {
  const here = hereOf(state);
  return [
    ...LIFECYCLE.flatMap((row): MenuItem[] => {
      const asked = row.screen.ask(here);
      return asked === null ? [] : [{ kind: 'action', row, asked }];
    }),
    ...PROGRAMS.flatMap((row): MenuItem[] => {
      const start = row.start(here);
      return start === null ? [] : [{ kind: 'program', row, start }];
    }),
  ];
}

/** What an item of the menu is about, in a few words. */
export function subjectOf(item: MenuItem): string {
  if (item.kind === 'program') return item.start.argv.slice(2).join(' ').replace(/^--$/, '');
  const { targets, options } = item.asked;
  const { pids, devices, sockets } = options;
  if (pids !== undefined) return `pid ${pids.join(', ')}`;
  if (devices !== undefined) return devices.join(', ');
  if (sockets !== undefined) return 'the selected socket';
  return targets.length > 1 ? `${targets.length} marked namespaces` : '';
}

/** The request an item of the menu stands for, complete but for what has to be typed. */
export function requestOf({ row, asked }: Extract<MenuItem, { kind: 'action' }>) {
  return { action: row.id, targets: asked.targets.map(namespaceKey), options: asked.options };
}

/** The keys of an item of the menu. */
export function keysOf({ kind, row }: MenuItem): readonly string[] {
  return kind === 'action' ? row.screen.keys : row.keys;
}
