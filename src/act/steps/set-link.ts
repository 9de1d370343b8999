import { setLink as change, linkFacts } from '../../os/netlink/links.ts';
import { NETLINK_ROUTE, type NetlinkSocket } from '../../os/netlink/socket.ts';
import { sanitise } from '../../terminal/sanitise.ts';
import { type Perform, StepError, trying } from '../contract.ts';
import { withNetlink } from '../inside.ts';

/** What a device is now. @throws StepError when it is gone, or its number is another device's by now. */
export function sameLink(
  socket: NetlinkSocket,
  { ifindex, name }: { readonly ifindex: number; readonly name: string },
) {
  const facts = trying('CAP_NET_ADMIN', () => linkFacts(socket, ifindex), { ENODEV: 'it is gone' });
  if (facts.name !== name) {
    const { text } = sanitise(facts.name);
    throw new StepError('changed', `device ${ifindex} is called ${text} by now, not ${sanitise(name).text}`);
  }
  return facts;
}

export const setLink: Perform<'set-link'> = (step, context) =>
  withNetlink(context, step.namespace, NETLINK_ROUTE, (socket) => {
    const { up, ifindex, name } = step;
    const { text } = sanitise(name);
    const word = up ? 'up' : 'down';
    if (sameLink(socket, step).up === up) return { status: 'nothing', message: `${text} is ${word} already` };
    trying('CAP_NET_ADMIN', () => change(socket, ifindex, up));
    return { status: 'done', message: `${text} is ${word}` };
  });
