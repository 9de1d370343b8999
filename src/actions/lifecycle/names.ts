/** Names that can be given. */
import { CommandError, EXIT } from '../../errors.ts';
import type { Snapshot } from '../../model/index.ts';
import { safeText } from '../../terminal/sanitise.ts';

/** NAME_MAX, limits.h. */
const LONGEST_FILE = 255;
/** IFNAMSIZ without its NUL. */
const LONGEST_DEVICE = 15;
/** What is told from no other, or not at all, on a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is for
const UNFIT = /[\u0000-\u0020\u007f-\u00a0/]/;

function refuse(name: string, why: string): never {
  throw new CommandError('ERR_NAME', `"${safeText(name.slice(0, 80))}" is no name: ${why}`, EXIT.usage);
}

/** @throws CommandError for what cannot be a file in `/run/netns`, or is taken. */
export function checkNamespaceName(name: string, { namespaces }: Pick<Snapshot, 'namespaces'>): void {
  if (name === '' || name === '.' || name === '..') refuse(name, 'it is empty, or means a directory');
  if (UNFIT.test(name) || name !== safeText(name)) refuse(name, 'no slashes, blanks or control characters');
  if (name.startsWith('-')) refuse(name, 'it would be taken for an option');
  if (Buffer.byteLength(name) > LONGEST_FILE) refuse(name, `it is longer than ${LONGEST_FILE} bytes`);
  const taken = namespaces.find(({ names }) => names.includes(name));
  if (taken !== undefined) throw new CommandError('ERR_NAME_TAKEN', `net:[${taken.ino}] is called ${name} already`);
}

/** @throws CommandError for what the kernel takes for no device name (dev_valid_name). */
export function checkDeviceName(name: string): void {
  if (name === '' || name === '.' || name === '..') refuse(name, 'it is empty, or means a directory');
  if (UNFIT.test(name) || /[:%]/.test(name))
    refuse(name, 'no slashes, colons, percent signs, blanks or control characters');
  if (Buffer.byteLength(name) > LONGEST_DEVICE) refuse(name, `it is longer than ${LONGEST_DEVICE} bytes`);
}
