import type { Plan } from './plan.ts';

/** What has to be typed before a plan is carried out: `y`, or one of these words. */
export interface Confirmation {
  /** Empty: `y` will do. */
  readonly words: readonly string[];
  readonly prompt: string;
}

/**
 * How much it takes to confirm a plan: `y` for what can be undone; for what cannot, the namespace's name or number, or
 * how many there are.
 */
export function confirmationOf({ risk, targets }: Plan): Confirmation {
  const [only] = targets;
  if (risk === 'reversible' || only === undefined) return { words: [], prompt: 'Do it? [y/N]' };
  if (targets.length > 1) {
    const words = [String(targets.length)];
    return { words, prompt: `This cannot be undone. Type ${words[0]}, the number of namespaces, to do it:` };
  }
  const name = /^net:\[\d+\] (.+)$/s.exec(only.label)?.[1];
  const words = [...(name === undefined ? [] : [name]), String(only.ino)];
  return { words, prompt: `This cannot be undone. Type ${words.join(' or ')} to do it:` };
}

/** Whether what was typed confirms it. */
export function isConfirmed({ words }: Confirmation, typed: string): boolean {
  const text = typed.trim();
  return words.length === 0 ? /^y(es)?$/i.test(text) : words.includes(text);
}
