/** What the commands of several actions take. */
import { CommandError, EXIT } from '../../errors.ts';
import { safeText } from '../../terminal/sanitise.ts';
import type { CommandOption, Finder } from './lifecycle.ts';

type Arguments = readonly (string | readonly string[])[];

/** The argument at a place, one word. */
export function word(args: Arguments, index: number): string {
  const value = args[index];
  return typeof value === 'string' ? value : '';
}

/** The arguments from a place on. */
export function words(args: Arguments, index: number): readonly string[] {
  const value = args[index];
  return typeof value === 'string' ? [value] : (value ?? []);
}

/** Keys of the namespaces that are named. */
export function namespaces(selectors: readonly string[], found: Finder): readonly string[] {
  return selectors.map((selector) => found.namespace(selector));
}

function wrong(flags: string, value: string, what: string): CommandError {
  return new CommandError('ERR_OPTION', `"${safeText(value)}" in ${flags.split(' ')[0]} is ${what}`, EXIT.usage);
}

/** Numbers separated by commas. */
function numbers(flags: string, value: string): number[] {
  return value.split(',').map((text) => {
    if (!/^[1-9]\d*$/.test(text.trim())) throw wrong(flags, value, 'no list of numbers');
    return Number(text);
  });
}

const LONGEST_GRACE = 3600;

export const PIDS: CommandOption = {
  flags: '--pid <pids>',
  description: 'only these processes, separated by commas; named so, also ones of a protected namespace',
  read: (value) => ({ pids: numbers('--pid', String(value)) }),
};

export const GRACE: CommandOption = {
  flags: '--grace <seconds>',
  description: 'how long SIGTERM may take before SIGKILL; 0 for SIGKILL at once (default: 5)',
  read: (value) => {
    const seconds = Number(value);
    if (!(seconds >= 0 && seconds <= LONGEST_GRACE))
      throw wrong('--grace', String(value), `no number from 0 to ${LONGEST_GRACE}`);
    return { graceMs: Math.round(seconds * 1000) };
  },
};

export const FREEZE: CommandOption = {
  flags: '--freeze',
  description: 'freeze them first, then SIGKILL: for what multiplies (done by itself where that is seen)',
  read: () => ({ freeze: true }),
};

export const DESCENDANTS: CommandOption = {
  flags: '--descendants',
  description: 'also processes they started that moved to other namespaces, but for the initial one',
  read: () => ({ descendants: true }),
};

export const LAZY: CommandOption = {
  flags: '--lazy',
  description: 'detach mounts even if something uses them (MNT_DETACH)',
  read: () => ({ lazy: true }),
};

export const TO: CommandOption = {
  flags: '--to <NS>',
  description: 'where devices go (default: the initial namespace)',
  read: (value, found) => ({ to: found.namespace(String(value)) }),
};
