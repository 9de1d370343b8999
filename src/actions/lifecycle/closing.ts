import type { Namespace, Socket } from '../../model/index.ts';
import type { SocketIdentity } from '../../model/plan.ts';
import type { PlanFacts } from './lifecycle.ts';
import { count, labelOf, notRead, type Part, targetOf } from './parts.ts';

/** States of what is left of a connection: it pins nothing, and goes by itself. */
const LEFTOVERS: ReadonlySet<string> = new Set(['time-wait', 'close', 'new-syn-recv']);

/** A socket that can be closed from outside, as a plan names it; null for another. */
export function closable(socket: Socket): SocketIdentity | null {
  const { family, protocol, cookie, localAddress, localPort, remoteAddress, remotePort, ifindex, state } = socket;
  if ((family !== 'inet' && family !== 'inet6') || (protocol !== 'tcp' && protocol !== 'udp')) return null;
  if (cookie === null || localAddress === null || state === 'time-wait') return null;
  return {
    family,
    protocol,
    cookie,
    localAddress,
    localPort: localPort ?? 0,
    remoteAddress: remoteAddress ?? (family === 'inet' ? '0.0.0.0' : '::'),
    remotePort: remotePort ?? 0,
    ifindex: ifindex ?? 0,
    state,
  };
}

/** TCP connections that no process has open and that keep the namespace alive all the same. */
export function orphansOf({ sockets }: Namespace): readonly SocketIdentity[] {
  return (sockets ?? [])
    .filter(({ protocol, inode, state }) => protocol === 'tcp' && inode === 0 && !LEFTOVERS.has(state))
    .flatMap((socket) => closable(socket) ?? []);
}

/** @throws CommandError where nobody could list the sockets. */
export function socketsOf(ns: Namespace, facts: PlanFacts): readonly Socket[] {
  return ns.sockets ?? notRead(`the sockets of ${labelOf(ns)}`, facts);
}

/** Closes sockets from outside. */
export function closeSocketsPart(ns: Namespace, sockets: readonly SocketIdentity[], effect: string, why = ''): Part {
  if (sockets.length === 0) return { steps: [] };
  const namespace = targetOf(ns);
  return {
    steps: [
      {
        kind: 'close-sockets',
        namespace,
        sockets,
        subject: count(sockets.length, 'socket'),
        effect,
        risk: 'destructive',
        why,
        needs: ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN'],
      },
    ],
    expectations: [{ kind: 'closed', namespace, sockets }],
  };
}
