import { TABS } from '../../store/tabs.ts';
import type { Action } from '../action.ts';
import {
  canGoBack,
  canJump,
  canOpen,
  hasNamespace,
  hasTwoPanes,
  hasView,
  inPanes,
  inReading,
  look,
  onFirewall,
  send,
  sendNow,
} from './when.ts';

export const CLOSE: Action = look(
  'Look',
  'close',
  ['escape', 'q', 'enter', '?', 'c', 's', 'f'],
  'Close this dialog',
  inReading,
  send({ type: 'back' }),
  'close',
);

/** The namespace as a whole: open it, go where its rows lead, come back. */
export const DETAIL: readonly Action[] = [
  look(
    'Look',
    'jump',
    ['enter'],
    'Go to what the row refers to: the peer of a device, the process of a socket…',
    canJump,
    sendNow((at) => ({ type: 'jump', at })),
    'go to',
  ),
  look(
    'Look',
    'open',
    ['enter'],
    'Open the namespace: its detail takes the whole screen',
    canOpen,
    send({ type: 'open' }),
    'open',
  ),
  look(
    'Look',
    'ruleset-open',
    ['enter'],
    'On the firewall tab: the full ruleset, as nft lists it',
    onFirewall,
    ({ effects }) => effects.ruleset(),
    'full ruleset',
  ),
  look(
    'Look',
    'jump-back',
    ['b', 'backspace'],
    'Back to where the last jump came from',
    (state) => inPanes(state) && state.trail.length > 0,
    sendNow((at) => ({ type: 'jump-back', at })),
    'jump back',
  ),
  look('Look', 'back', ['escape'], 'Back to the table', canGoBack, send({ type: 'back' }), 'back'),
  look(
    'Look',
    'pane',
    ['tab', 'shift-tab'],
    'Between the table and the detail pane',
    hasTwoPanes,
    send({ type: 'pane' }),
    'pane',
  ),
  look('Look', 'tab-previous', ['['], 'The tab before', hasNamespace, send({ type: 'tab-step', by: -1 })),
  look('Look', 'tab-next', [']'], 'The next tab', hasNamespace, send({ type: 'tab-step', by: 1 })),
];

/** A key for each of the first ten tabs; a word in the footer for all of them. */
export const TAB_KEYS: readonly Action[] = TABS.flatMap(({ id, digit, title }, index) =>
  digit === null
    ? []
    : [
        look(
          'Tabs',
          `tab-${id}`,
          [digit],
          title,
          hasNamespace,
          send({ type: 'tab', id }),
          ...(index === 0 ? ['tabs'] : []),
        ),
      ],
);

/** Other ways to look at it. */
export const VIEWS: readonly Action[] = [
  look(
    'Look',
    'topology',
    ['t'],
    'The topology: what is connected with what, and reaches the wire',
    inPanes,
    send({ type: 'topology' }),
    'topology',
  ),
  look(
    'Look',
    'view',
    ['v'],
    'Next chart: traffic over time, of one and of all; the busiest; sockets by state',
    hasView,
    send({ type: 'view' }),
    'charts',
  ),
  look(
    'Look',
    'ruleset',
    ['f'],
    'The full firewall ruleset, as nft lists it',
    hasNamespace,
    ({ effects }) => effects.ruleset(),
    'firewall',
  ),
  look(
    'Look',
    'coverage',
    ['c'],
    'What each source read, what it missed and why',
    inPanes,
    send({ type: 'coverage' }),
    'coverage',
  ),
];
