import { describeSocket } from '../../model/plan-text.ts';
import { SystemError } from '../../os/errors.ts';
import { destroySocket } from '../../os/netlink/destroy.ts';
import { NETLINK_SOCK_DIAG } from '../../os/netlink/socket.ts';
import { type Perform, StepError, stepError } from '../contract.ts';
import { withNetlink } from '../inside.ts';

const EXPLAINED = {
  // Node's name for EOPNOTSUPP: in Linux they are the same number.
  ENOTSUP: 'this kernel was built without INET_DIAG_DESTROY',
} as const;

/** Codes by which the kernel says that there is no such socket any more. */
const GONE = new Set(['ENOENT', 'ESTALE']);

/** Closes sockets from outside, each by its cookie: never another one with the same addresses. */
export const closeSockets: Perform<'close-sockets'> = ({ namespace, sockets }, context) =>
  withNetlink(context, namespace, NETLINK_SOCK_DIAG, (netlink) => {
    let closed = 0;
    for (const socket of sockets) {
      if (context.signal.aborted) throw new StepError('failed', `interrupted: ${closed} of ${sockets.length} closed`);
      try {
        destroySocket(netlink, socket);
        closed++;
        context.say(`closed ${describeSocket(socket)}`);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        if (GONE.has(error.code)) context.say(`${describeSocket(socket)} was gone already`);
        else throw stepError(error, 'CAP_NET_ADMIN', EXPLAINED);
      }
    }
    if (closed === 0) return { status: 'nothing', message: 'none of them is there any more' };
    return { status: 'done', message: `${closed} of ${sockets.length} closed` };
  });
