import { SystemError } from '../../os/errors.ts';
import { setLink as change, type LinkFacts, linkFacts } from '../../os/netlink/links.ts';
import { NETLINK_ROUTE, type NetlinkSocket } from '../../os/netlink/socket.ts';
import { sanitise } from '../../terminal/sanitise.ts';
import { type Perform, StepError, stepError, trying } from '../contract.ts';
import { withNetlink } from '../inside.ts';

/** What a device is now. @throws StepError when it is gone, or its number is another device's by now. */
export function sameLink(
  socket: NetlinkSocket,
  { ifindex, name }: { readonly ifindex: number; readonly name: string },
): LinkFacts {
  const { text } = sanitise(name);
  try {
    const facts = linkFacts(socket, ifindex);
    if (facts.name === name) return facts;
    throw new StepError('changed', `device ${ifindex} is called ${sanitise(facts.name).text} by now, not ${text}`);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.code === 'ENODEV') throw new StepError('gone', `${text} is gone`);
    throw stepError(error, 'CAP_NET_ADMIN');
  }
}

/** Sets one device up or down: the one with this number, if it still has the name the plan knows it by. */
export const setLink: Perform<'set-link'> = (step, context) =>
  withNetlink(context, step.namespace, NETLINK_ROUTE, (socket) => {
    const { up, ifindex, name } = step;
    const { text } = sanitise(name);
    const word = up ? 'up' : 'down';
    if (sameLink(socket, step).up === up) return { status: 'nothing', message: `${text} is ${word} already` };
    trying('CAP_NET_ADMIN', () => change(socket, ifindex, up));
    return { status: 'done', message: `${text} is ${word}` };
  });
