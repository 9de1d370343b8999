import type { Target } from '../model/plan.ts';
import { type NetlinkProtocol, NetlinkSocket } from '../os/netlink/socket.ts';
import { inNetworkNamespace } from '../os/network-namespace.ts';
import { type StepContext, trying } from './contract.ts';

/**
 * Opens a netlink socket inside a namespace of the plan, hands it over at home, and closes it.
 *
 * @throws StepError
 */
export function withNetlink<T>(
  { procfs, open }: StepContext,
  target: Target,
  protocol: NetlinkProtocol,
  use: (socket: NetlinkSocket) => T,
): T {
  const fd = open(target);
  const socket = trying('CAP_SYS_ADMIN', () =>
    inNetworkNamespace(procfs.fd, fd, target.label, () => new NetlinkSocket(protocol)),
  );
  try {
    return use(socket);
  } finally {
    socket.close();
  }
}
