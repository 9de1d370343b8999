import type { Issue } from '../src/model/index.ts';
import { SystemError } from '../src/os/errors.ts';
import { describeFailure, NETLINK_SOCK_DIAG, type NetlinkSocket } from '../src/os/netlink/socket.ts';
import type { HasPart, Inside, InsideCollector, Inspected } from './inside/contract.ts';
import { parseCounters } from './sockets/counters.ts';
import { countedQuestions, openSockets, QUESTIONS, type QuestionName, UNCOUNTED_QUESTIONS } from './sockets/plan.ts';
import type { Question, SocketRecord } from './sockets/question.ts';

export type { SocketRecord } from './sockets/question.ts';

export interface SocketsData {
  readonly sockets: readonly SocketRecord[];
  /**
   * How many sockets the kernel counts in this namespace, whatever their family, unbound ones included; null where it does
   * not tell. One that was closed some milliseconds ago may still be counted: netlink sockets are freed later (RCU).
   */
  readonly counted: number | null;
  /** Every question that was asked was answered. */
  readonly answered: boolean;
}

/** What comes of it where the kernel has nobody to answer; the tables of `/proc/net` tell less. */
const UNANSWERED: readonly (readonly [question: QuestionName, gap: 'missed' | 'notes', what: string])[] = [
  ['tcp', 'missed', 'TCP sockets come from /proc/net/tcp'],
  ['udp', 'missed', 'UDP sockets come from /proc/net/udp'],
  ['unix', 'missed', 'unix sockets come from /proc/net/unix'],
  ['packet', 'missed', 'packet sockets come from /proc/net/packet'],
  ['netlink', 'missed', 'netlink sockets come from /proc/net/netlink'],
  ['raw', 'notes', 'raw sockets come from /proc/net/raw'],
  ['mptcp', 'notes', 'MPTCP sockets show as the TCP connections they consist of'],
  ['vsock', 'notes', 'vsock sockets are not seen'],
];

/** sock_diag_lock_handler and inet_diag_lock_handler load what is asked for. */
function once(has: HasPart): { missed: Issue[]; notes: Issue[] } {
  const issues = { missed: [] as Issue[], notes: [] as Issue[] };
  for (const [question, gap, what] of UNANSWERED) {
    const absent = QUESTIONS[question].parts.find((part) => !has(part));
    if (absent === undefined) continue;
    issues[gap].push({ subject: absent, reason: `not loaded, and looking does not load it: ${what}` });
  }
  const absent = UNANSWERED.filter(([, gap]) => gap === 'missed').flatMap(([question]) => QUESTIONS[question].parts);
  const wanted = [...new Set(absent)].filter((part) => !has(part));
  if (wanted.length > 0) issues.notes.push({ subject: 'cure', reason: `modprobe -a ${wanted.join(' ')}` });
  return issues;
}

function without(ours: readonly NetlinkSocket[], sockets: readonly SocketRecord[]): readonly SocketRecord[] {
  if (!sockets.some(({ family }) => family === 'netlink')) return sockets;
  const inodes = new Set(ours.map(({ inode }) => inode));
  return sockets.filter(({ inode }) => inode === 0 || !inodes.has(inode));
}

function inspect({ ino, subject, ownSockets, netlink, file, gathered }: Inside, has: HasPart): Inspected<SocketsData> {
  const counters = parseCounters(file('sockstat'), file('sockstat6'));
  const counted = counters.used === null ? null : counters.used - ownSockets.length;
  const open = openSockets(gathered.descriptors, ino);
  const asked = new Set<QuestionName>();
  const answers: (readonly SocketRecord[])[] = [];
  // Those that were open before the kernel was asked for its count, and still are: each of them is in it.
  const accounted = new Set<number>();
  const missed: Issue[] = [];
  const ask = (name: QuestionName): void => {
    const { parts, request, decode, elaborate }: Question = QUESTIONS[name];
    asked.add(name);
    if (!parts.every(has)) return;
    const socket = netlink(NETLINK_SOCK_DIAG);
    try {
      const { records } = socket.ask(request, (_, bytes, at, end) => decode(bytes, at, end));
      answers.push(elaborate === undefined ? records : elaborate(records, socket));
      for (const { inode } of records) if (open?.inodes.has(inode)) accounted.add(inode);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      missed.push({ subject, reason: describeFailure(error) ?? error.message });
    }
  };
  for (const name of countedQuestions(counters, open)) ask(name);
  for (const name of UNCOUNTED_QUESTIONS) {
    if (!asked.has(name) && (counted === null || accounted.size < counted)) ask(name);
  }
  const sockets = without(ownSockets, answers.flat());
  return { data: { sockets, counted, answered: missed.length === 0 }, seen: sockets.length, missed };
}

/** Sockets of every namespace, and those that no process has open any more. */
export const sockets = {
  name: 'sockets',
  view: 'userland',
  reads: 'sock_diag(7) in every namespace: TCP, UDP, unix, packet, netlink and vsock sockets',
  needs:
    'CAP_SYS_ADMIN over the namespaces that are to be entered; kernel modules such as tcp_diag, which looking does not load',
  netlink: [NETLINK_SOCK_DIAG],
  files: ['sockstat', 'sockstat6'],
  inspect,
  once,
} as const satisfies InsideCollector<'sockets', SocketsData>;
