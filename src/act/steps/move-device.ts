import { SystemError } from '../../os/errors.ts';
import { hasLinkNamed, linkFacts, moveLink } from '../../os/netlink/links.ts';
import { NETLINK_ROUTE, type NetlinkSocket } from '../../os/netlink/socket.ts';
import { sanitise } from '../../terminal/sanitise.ts';
import { type Perform, StepError, stepError, trying } from '../contract.ts';
import { withNetlink } from '../inside.ts';
import { sameLink } from './set-link.ts';

const EXPLAINED = {
  EINVAL: 'the kernel moves no device of this kind, or not while it is in use',
  EEXIST: 'a device there has that name by now',
  EBUSY: 'it is in use',
} as const;

/** Whether the device has left, though the move as a whole failed: it moves first, and is named then (do_setlink). */
function hasLeft(socket: NetlinkSocket, ifindex: number): boolean {
  try {
    linkFacts(socket, ifindex);
    return false;
  } catch (error) {
    return error instanceof SystemError && error.code === 'ENODEV';
  }
}

/** Moves one device: the one with this number, if it still has the name the plan knows it by. */
export const moveDevice: Perform<'move-device'> = (step, context) => {
  const { namespace, to, ifindex, newName } = step;
  const called = sanitise(newName).text;
  const there = context.open(to);
  if (!context.isHeld(to))
    throw new StepError('changed', `nothing holds ${to.label} any more: a device would go with it`);
  const taken = withNetlink(context, to, NETLINK_ROUTE, (socket) =>
    trying('CAP_NET_ADMIN', () => hasLinkNamed(socket, newName)),
  );
  if (taken) throw new StepError('changed', `${to.label} has a device called ${called} by now`);
  return withNetlink(context, namespace, NETLINK_ROUTE, (socket) => {
    sameLink(socket, step);
    try {
      moveLink(socket, ifindex, there, newName);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const failed = stepError(error, 'CAP_NET_ADMIN', EXPLAINED);
      if (!hasLeft(socket, ifindex)) throw failed;
      throw new StepError('failed', `it is in ${to.label}, but is not called ${called} there: ${failed.message}`);
    }
    return { status: 'done', message: `${sanitise(step.name).text} is ${called} in ${to.label}` };
  });
};
