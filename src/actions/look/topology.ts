import type { Action } from '../action.ts';
import { inTopology, look, send, sendNow } from './when.ts';

/** The way out of the topology, which the footer shows where others show how to quit. */
export const LEAVE_TOPOLOGY: Action = look(
  'Topology',
  'topology-leave',
  ['escape', 't', 'q'],
  'Leave the topology',
  inTopology,
  send({ type: 'back' }),
  'leave',
);

/** The topology screen. */
export const TOPOLOGY: readonly Action[] = [
  look(
    'Topology',
    'topology-enter',
    ['enter'],
    'Go to the device, process or namespace of this line',
    inTopology,
    sendNow((at) => ({ type: 'jump', at })),
    'go to',
  ),
  look('Topology', 'find', ['/'], 'Find a line', inTopology, send({ type: 'filter-edit' }), 'find'),
  look(
    'Topology',
    'find-next',
    ['n'],
    'The next line that has it',
    inTopology,
    sendNow((at) => ({ type: 'find-again', by: 1, at })),
    'next',
  ),
  look(
    'Topology',
    'find-previous',
    ['N'],
    'The line before that has it',
    inTopology,
    sendNow((at) => ({ type: 'find-again', by: -1, at })),
  ),
];
