import { nearestWords } from '../correlate/nearest-words.ts';
import { CommandError } from '../errors.ts';
import { findProgram } from '../os/find-program.ts';
import { cString, if_nametoindex } from '../os/libc.ts';
import { readAll } from '../os/procfs.ts';
import { lookInside } from '../run-in-namespace.ts';
import { safeText, sanitise } from '../terminal/sanitise.ts';
import { type ActOptions, refuseReadOnly } from './act.ts';
import { wordsBehind } from './exec.ts';
import { become, inPlace, type Place } from './inside.ts';

/** Both know this name for all devices together (pcap-linux.c). */
const ANY = 'any';

/** By name, best first; both take the options they are given here: no names for addresses, a line out as it comes. */
const PROGRAMS = ['tcpdump', 'tshark'] as const;

/** @throws CommandError which says what to install. */
function findCapturer(): string {
  for (const name of PROGRAMS) {
    const file = findProgram(name);
    if (file !== null) return file;
  }
  throw new CommandError(
    'ERR_NOT_INSTALLED',
    'neither tcpdump nor tshark is installed: apt-get install tcpdump, or tshark',
  );
}

/** Names of the devices in this thread's network namespace, one character a byte. No netlink: see decision 0010. */
function deviceNames(procFd: number): string[] {
  const table = readAll(procFd, 'thread-self/net/dev') ?? '';
  return [...table.matchAll(/^ *([^ :]+):/gm)].map(([, name = '']) => name);
}

/** @throws CommandError for a device that is not there, which names those that may have been meant. */
function checkDevice(place: Place, device: string): void {
  if (device === ANY) return;
  const found = lookInside(place, () => {
    // Also by an alternative name, which the table does not have.
    return if_nametoindex(cString(device)) > 0 ? null : deviceNames(place.procfs.fd);
  });
  if (found === null) return;
  const names = found.map((name) => sanitise(name).text);
  const near = nearestWords(device, names);
  const hint = near.length > 0 ? `did you mean ${near.join(', ')}?` : `it has ${names.join(', ') || 'none'}`;
  const where = place.name === null ? `net:[${place.ns.ino ?? '?'}]` : safeText(place.name);
  throw new CommandError('ERR_UNKNOWN_DEVICE', `no device "${safeText(device)}" in ${where}; ${hint}`);
}

/** `nsleuth capture NS DEV`: tcpdump, or tshark, on a device of a namespace, in place of nsleuth. */
export async function capture(
  selector: string,
  device: string,
  words: readonly string[],
  options: ActOptions,
): Promise<never> {
  refuseReadOnly(options, 'capture');
  const program = findCapturer();
  // A pipe gets each line as it comes, like a terminal.
  const flush = process.getBuiltinModule('node:tty').isatty(1) ? [] : ['-l'];
  const argv = [program, '-n', ...flush, '-i', device, ...wordsBehind(words)];
  return inPlace(selector, options, (place) => {
    checkDevice(place, device);
    return become(place, { argv });
  });
}
