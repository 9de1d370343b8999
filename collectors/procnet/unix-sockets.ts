import { sanitise } from '../../src/terminal/sanitise.ts';
import type { SocketRecord } from '../sockets/question.ts';
import { NO_NOTES, typeName } from '../sockets/words.ts';
import type { Parsed } from './lines.ts';

/** Address in the kernel, references, protocol, flags, type, state, inode; behind a blank what it is bound to. */
const LINE = /^[^ ]{1,20}: [0-9A-F]{8} [0-9A-F]{8} ([0-9A-F]{8}) ([0-9A-F]{4}) ([0-9A-F]{2}) +(\d{1,20})(?: (.*))?$/s;
/** __SO_ACCEPTCON, include/uapi/linux/net.h */
const LISTENS = 0x1_0000;
// SS_…, include/uapi/linux/net.h
const SS_CONNECTING = 2;
const SS_CONNECTED = 3;
/** UNIX_PATH_MAX: that much room there is for a name. */
const LONGEST_NAME = 108;

/** One record; `name` is bytes as characters. */
interface Line {
  readonly listens: boolean;
  readonly type: number;
  readonly state: number;
  readonly inode: number;
  readonly name: string | null;
}

function readLine(line: string): Line | null {
  const [, flags = '', type = '', state = '', inode, name] = LINE.exec(line) ?? [];
  if (inode === undefined) return null;
  return {
    listens: (Number.parseInt(flags, 16) & LISTENS) !== 0,
    type: Number.parseInt(type, 16),
    state: Number.parseInt(state, 16),
    inode: Number(inode),
    name: name ?? null,
  };
}

function stateOf({ listens, state }: Line): string {
  if (listens) return 'listen';
  // A connection nobody accepted yet is no socket of a process: it shows as connecting.
  return state === SS_CONNECTED || state === SS_CONNECTING ? 'established' : 'close';
}

/**
 * An abstract name has `@` for its first byte and for every NUL in it; those of a name that fills all the room there is
 * are the zeros behind it.
 */
function boundTo(name: string): Pick<SocketRecord, 'localAddress' | 'rawLocalAddress'> {
  const whole = name.startsWith('@') && name.length === LONGEST_NAME;
  const { text, raw } = sanitise(whole ? `@${name.slice(1).replace(/@+$/, '')}` : name);
  return { localAddress: text, ...(raw === undefined ? {} : { rawLocalAddress: raw }) };
}

/**
 * `/proc/net/unix` (unix_seq_show, net/unix/af_unix.c). The kernel writes names as they are: one with a newline goes on
 * in the next line, and one made for it can look like a line of its own. Of who is connected with whom nothing is told.
 */
export function parseUnixSockets(text: string): Parsed<SocketRecord> {
  const lines = text.split('\n');
  let malformed = lines.pop() === '' ? 0 : 1;
  const found: Line[] = [];
  for (const line of lines.slice(1)) {
    const record = readLine(line);
    const last = found.at(-1);
    if (record !== null && (record.name?.length ?? 0) <= LONGEST_NAME) found.push(record);
    else if (last?.name != null && last.name.length + 1 + line.length <= LONGEST_NAME)
      found.splice(-1, 1, { ...last, name: `${last.name}\n${line}` });
    else malformed += 1;
  }
  const records = found.map(
    (line): SocketRecord => ({
      family: 'unix',
      type: typeName(line.type),
      protocol: '',
      state: stateOf(line),
      ...(line.name === null ? { localAddress: null } : boundTo(line.name)),
      localPort: null,
      remoteAddress: null,
      remotePort: null,
      receiveQueue: null,
      sendQueue: null,
      uid: null,
      inode: line.inode,
      cookie: null,
      ifindex: null,
      peerInode: null,
      notes: NO_NOTES,
    }),
  );
  return { records, malformed };
}
