import { FilterError, parseFilter } from '../../columns/filter.ts';
import { SOCKETS } from '../../columns/sockets.ts';
import { CommandError, EXIT } from '../../errors.ts';
import { safeText } from '../../terminal/sanitise.ts';
import { word } from './arguments.ts';
import { closable, closeSocketsPart, orphansOf, socketsOf } from './closing.ts';
import { aboutSelected, aboutTargets, rowOf } from './here.ts';
import type { Lifecycle } from './lifecycle.ts';
import { join, labelOf, makePlan, nameTargets, type Part, protect, targetOf, targetsOf } from './parts.ts';

/** @throws CommandError for what is no filter, or one that everything passes: an empty variable in a script. */
function socketFilter(filter: string) {
  if (filter.trim() === '') {
    throw new CommandError('ERR_FILTER', 'an empty filter would choose all sockets; say which', EXIT.usage);
  }
  try {
    return parseFilter(SOCKETS, filter);
  } catch (error) {
    if (error instanceof FilterError) throw new CommandError(error.code, safeText(error.message), EXIT.usage);
    throw error;
  }
}

/** Closes sockets from outside: TCP connections no process has open, or those that are chosen. */
export const closeSockets: Lifecycle = {
  id: 'close-sockets',
  title: 'Close TCP connections no process has open, or chosen sockets',
  inside: ['sockets'],
  plan: (request, facts) => {
    const { sockets, filter } = request.options;
    const found = targetsOf(request, facts);
    const targets = found.map(targetOf);
    const parts = found.map((ns): Part => {
      const known = socketsOf(ns, facts);
      if (sockets === undefined && filter === undefined) {
        const part = closeSocketsPart(ns, orphansOf(ns), 'reset: no process has them open any more');
        // What nothing else holds is gone with the last of them.
        const last =
          part.steps.length > 0 && ns.holders.length > 0 && ns.holders.every(({ kind }) => kind === 'orphan');
        const gone: Part = { steps: [], expectations: [{ kind: 'gone', namespace: targetOf(ns) }] };
        return last ? join(part, gone) : part;
      }
      if (sockets === undefined) protect(ns, facts, 'its sockets are closed only one by one, on the screen');
      const accepts = filter === undefined ? null : socketFilter(filter);
      const context = { ns, snapshot: facts.snapshot };
      const chosen = known.filter((socket) =>
        accepts === null ? socket.cookie !== null && sockets?.includes(socket.cookie) : accepts(socket, context),
      );
      const closing = chosen.flatMap((socket) => closable(socket) ?? []);
      if (closing.length === 0) {
        const why = chosen.length === 0 ? 'none is chosen' : 'those chosen are none of TCP or UDP';
        throw new CommandError('ERR_NO_SOCKET', `no socket of ${labelOf(ns)} to close: ${why}`);
      }
      return closeSocketsPart(ns, closing, 'reset: whoever has them open gets ECONNABORTED');
    });
    return makePlan(`Close sockets of ${nameTargets(targets)}`, targets, request, facts, ...parts);
  },
  command: {
    usage: '<NS>',
    options: [
      {
        flags: '--filter <terms>',
        description:
          'those where every term holds, as with show --section sockets; without it, those no process has open',
        read: (value) => ({ filter: String(value) }),
      },
    ],
    read: (args, found) => ({ targets: [found.namespace(word(args, 0))], options: {} }),
  },
  screen: {
    keys: ['X'],
    hint: 'close',
    ask: (here) => {
      const socket = rowOf(here, 'sockets');
      if (socket === undefined) return aboutTargets(here);
      return socket.cookie === null ? null : aboutSelected(here, { sockets: [socket.cookie] });
    },
  },
};
