import type { Coverage, Issue } from './coverage.ts';

/** Whether a source's note says what would make it work. */
export function isCure({ subject }: Issue): boolean {
  return subject === 'cure';
}

/** What would make a source work, where it says so. */
export function cureOf({ notes }: Pick<Coverage, 'notes'>): string | null {
  return notes.find(isCure)?.reason ?? null;
}
