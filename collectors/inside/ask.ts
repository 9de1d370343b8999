import type { Issue } from '../../src/model/index.ts';
import { type Decode, NETLINK_ROUTE, type Request } from '../../src/os/netlink/socket.ts';
import type { Inside } from './contract.ts';

/** Asks rtnetlink(7) of one namespace, and says what was missed. */
export interface Questions {
  /**
   * @param what it asks for, in words.
   * @throws SystemError, DeadlineError
   */
  readonly ask: <T>(request: Request, decode: Decode<T>, what: string) => readonly T[];
  /** What could not be read, so far. */
  readonly missed: Issue[];
}

/** Questions to the rtnetlink(7) of a namespace. */
export function questionsTo({ subject, netlink }: Pick<Inside, 'subject' | 'netlink'>): Questions {
  const socket = netlink(NETLINK_ROUTE);
  const missed: Issue[] = [];
  return {
    missed,
    ask: (request, decode, what) => {
      const { records, interrupted } = socket.ask(request, decode);
      if (interrupted) missed.push({ subject, reason: `${what} changed while they were read` });
      return records;
    },
  };
}
