import { monotonic } from '../../clock.ts';
import { EAGAIN, EBADMSG, EMSGSIZE, SystemError } from '../errors.ts';
import { close, errno, recv, send, setsockopt, socket } from '../libc.ts';
import { statxAt } from '../stat.ts';

// include/uapi/linux/netlink.h
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 0o2000003;
const SOL_NETLINK = 270;
const NETLINK_GET_STRICT_CHK = 12;
const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
const NLM_F_DUMP = 0x300;
const NLM_F_DUMP_INTR = 0x10;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
const HEADER = 16;

export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const NETLINK_NETFILTER = 12;
export type NetlinkProtocol = typeof NETLINK_ROUTE | typeof NETLINK_SOCK_DIAG | typeof NETLINK_NETFILTER;

/** A dump in which something changed halfway is begun anew this often. */
const TRIES = 3;
/** The kernel fills at most 32 KiB of a reader's buffer with one piece of a dump; a single answer may be longer. */
const received = Buffer.alloc(256 * 1024);
const one = Buffer.from([1, 0, 0, 0]);

/** Reads one message: type, first byte after the header, end. What it returns is kept, unless null. */
export type Decode<T> = (type: number, bytes: Buffer, at: number, end: number) => T | null;

/** What a dump said. */
export interface Dump<T> {
  readonly records: T[];
  /** It changed while it was read, every time: something may be missing or twice. */
  readonly interrupted: boolean;
}

/** Asks longer than it may: the namespace is left as it is, what was read of it is not used. */
class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  readonly code = 'ERR_DEADLINE';
}

/** One request, ready to send: encode once, ask many namespaces. */
export interface Request {
  /** For messages: `RTM_GETLINK`. */
  readonly name: string;
  readonly bytes: Buffer;
}

function request(name: string, type: number, flags: number, body: Uint8Array): Request {
  const bytes = Buffer.alloc(HEADER + body.length);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(NLM_F_REQUEST | flags, 6);
  bytes.set(body, HEADER);
  return { name, bytes };
}

/** A request for everything there is. */
export function dumpRequest(name: string, type: number, body: Uint8Array): Request {
  return request(name, type, NLM_F_DUMP, body);
}

/** A request for one thing. */
export function getRequest(name: string, type: number, body: Uint8Array): Request {
  return request(name, type, 0, body);
}

/** A request that changes something, or is answered by nothing but an acknowledgement. */
export function acknowledgedRequest(name: string, type: number, flags: number, body: Uint8Array): Request {
  return request(name, type, NLM_F_ACK | flags, body);
}

/**
 * A netlink socket (netlink(7)). It belongs to the network namespace its thread was in when it was opened, and speaks
 * for that one from wherever it is used; while it is open it keeps that namespace alive.
 *
 * Nothing waits here: the kernel has its answer ready when a request was sent.
 */
export class NetlinkSocket {
  readonly fd: number;
  readonly #deadline: number;
  #sequence = 0;

  /**
   * @param deadline `monotonic()` after which nothing more is asked.
   * @throws SystemError when there is no such protocol here, or too many descriptors are open.
   */
  constructor(protocol: NetlinkProtocol, deadline = Number.POSITIVE_INFINITY) {
    this.#deadline = deadline;
    this.fd = socket(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol);
    if (this.fd < 0) throw new SystemError('socket', `netlink ${protocol}`, errno());
    // From Linux 4.20: filters in requests count, and senseless requests are refused instead of misread.
    setsockopt(this.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, one, one.length);
  }

  /** Its own inode: what a list of sockets shows of us. */
  get inode(): number {
    return statxAt(this.fd, '')?.ino ?? 0;
  }

  close(): void {
    close(this.fd);
  }

  /**
   * Sends a request and reads what comes back, up to the end of a dump, an error, or a single answer.
   *
   * @throws SystemError with the kernel's errno; DeadlineError.
   */
  ask<T>(request: Request, decode: Decode<T>): Dump<T> {
    for (let tries = 1; ; tries++) {
      const dump = this.#exchange(request, decode);
      if (!dump.interrupted || tries === TRIES) return dump;
    }
  }

  #exchange<T>({ name, bytes }: Request, decode: Decode<T>): Dump<T> {
    const records: T[] = [];
    const sequence = ++this.#sequence;
    bytes.writeUInt32LE(sequence, 8);
    const single = (bytes.readUInt16LE(6) & NLM_F_DUMP) !== NLM_F_DUMP;
    if (send(this.fd, bytes, bytes.length, 0) < 0) throw new SystemError('netlink', name, errno());
    let interrupted = false;
    for (;;) {
      if (monotonic() > this.#deadline) throw new DeadlineError(`${name} took too long`);
      const size = recv(this.fd, received, received.length, MSG_DONTWAIT | MSG_TRUNC);
      // A request that asks for no answer and gets none is done.
      if (size < 0 && single && errno() === EAGAIN) return { records, interrupted };
      if (size < 0) throw new SystemError('netlink', name, errno());
      if (size > received.length) throw new SystemError('netlink', `${name}: answer of ${size} bytes`, EMSGSIZE);
      for (let at = 0; at + HEADER <= size; ) {
        const length = received.readUInt32LE(at);
        const end = at + length;
        if (length < HEADER || end > size) throw new SystemError('netlink', `${name}: malformed answer`, EBADMSG);
        // What is left over from an exchange that was given up is not ours.
        if (received.readUInt32LE(at + 8) === sequence) {
          const type = received.readUInt16LE(at + 4);
          if ((received.readUInt16LE(at + 6) & NLM_F_DUMP_INTR) !== 0) interrupted = true;
          if (type === NLMSG_DONE || type === NLMSG_ERROR) {
            const failure = length >= HEADER + 4 ? -received.readInt32LE(at + HEADER) : 0;
            if (failure > 0) throw new SystemError('netlink', name, failure);
            return { records, interrupted };
          }
          const record = decode(type, received, at + HEADER, end);
          if (record !== null) records.push(record);
          if (single) return { records, interrupted };
        }
        at += (length + 3) & ~3;
      }
    }
  }
}

/** What went wrong with an exchange, in a few words for coverage. */
export function describeFailure(error: unknown): string | null {
  if (error instanceof DeadlineError) return error.message;
  if (error instanceof SystemError) return `${error.subject}: ${error.code}`;
  return null;
}
