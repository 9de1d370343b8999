import { type CollectOptions, collect, SOURCES } from '../collect.ts';
import { CommandError, EXIT } from '../errors.ts';
import { describeConcealedTask, describeDisagreement } from '../model/describe.ts';
import type { Issue, Snapshot } from '../model/index.ts';
import { SystemError } from '../os/errors.ts';
import { safeText } from '../terminal/sanitise.ts';

/** Options that mean the same for every command; each command takes those that apply to it. */
export interface CommandOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly columns?: string;
  readonly sort?: string;
  readonly filter?: string;
  /** Names of sections, separated by commas. */
  readonly section?: string;
  /** File to write to. */
  readonly output?: string;
  /** Replace what is there. */
  readonly force?: boolean;
  readonly proc: string;
  readonly without?: string;
  /** False for `--no-kernel-view`. */
  readonly kernelView?: boolean;
  readonly color: boolean;
}

/** Where a command writes: data to `out`, everything else to `err`. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Cells per line when `out` is a terminal. */
  readonly width: number | undefined;
}

/** `a, b` → `['a', 'b']`. */
export function splitList(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** Checks `--without` and turns the options into what `collect` takes. */
export function collectOptions(options: CommandOptions): CollectOptions {
  const without = splitList(options.without ?? '');
  for (const name of without) {
    if (!SOURCES.includes(name)) {
      throw new CommandError(
        'ERR_UNKNOWN_SOURCE',
        `unknown source "${safeText(name)}" in --without; sources are ${SOURCES.join(', ')}`,
        EXIT.usage,
      );
    }
  }
  if (options.kernelView === false) without.push('kernel');
  return { procRoot: options.proc, without };
}

/** Takes a snapshot, of no more than `limits` allow. A procfs that cannot be opened becomes an error that says what to do. */
export async function takeSnapshot(options: CommandOptions, limits: Partial<CollectOptions> = {}): Promise<Snapshot> {
  const given = collectOptions(options);
  const request = { ...given, ...limits, without: [...given.without, ...(limits.without ?? [])] };
  try {
    return await collect(request);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const denied = error.code === 'EACCES' || error.code === 'EPERM';
    throw new CommandError(
      'ERR_PROC',
      `cannot read ${safeText(request.procRoot)}: ${error.code}; --proc takes the directory where a procfs is mounted`,
      denied ? EXIT.notPermitted : EXIT.failed,
    );
  }
}

/** `pid 1 (EACCES), pid 7 (EACCES) and 998 more`. */
export function summariseIssues(issues: readonly Issue[], most = 3): string {
  const named = issues.slice(0, most).map(({ subject, reason }) => `${subject} (${reason})`);
  return issues.length > most ? `${named.join(', ')} and ${issues.length - most} more` : named.join(', ');
}

/** Says on stderr, in one line, that one of the two views conceals tasks. */
export function reportConcealed({ concealedTasks }: Snapshot, err: Streams['err'], most = 3): void {
  if (concealedTasks.length === 0) return;
  const named = concealedTasks
    .slice(0, most)
    .map((task) => `${describeConcealedTask(task)} (${describeDisagreement(task)})`);
  const more = concealedTasks.length > most ? ` and ${concealedTasks.length - most} more` : '';
  const tasks = concealedTasks.length === 1 ? 'task' : 'tasks';
  err(`nsleuth: ! ${concealedTasks.length} concealed ${tasks}: ${named.join(', ')}${more}\n`);
}

/** Says on stderr what a listing could not see: a table alone would pass for the whole truth. */
export function reportGaps(snapshot: Snapshot, err: Streams['err']): void {
  for (const { source, status, missed } of snapshot.coverage) {
    if (missed.length > 0) err(`nsleuth: ${source} ${status}: ${summariseIssues(missed)}\n`);
  }
  if (snapshot.coverage.some(({ missed }) => missed.length > 0)) {
    err('nsleuth: what is missing and what would fix it: nsleuth doctor\n');
  }
}
