import type { Namespace, Process } from '../../model/index.ts';

/** Fewer of the same are no crowd. */
const CROWD = 20;
/** A process, its child, and that one's child, all running the same: servers fork workers, workers do not go on. */
const GENERATIONS = 3;
/** So many of the latest generations: one worker that forks before it runs something else is no sign of anything. */
const YOUNGEST = 10;
/** What ends as fast as it forks is never older than this, in clock ticks (100 a second). */
const RECENT_TICKS = 200;

/** How many generations of the same led to each: 1 for one whose parent runs something else. */
function depths(group: readonly Process[]): ReadonlyMap<number, number> {
  const byPid = new Map(group.map((process) => [process.pid, process]));
  const found = new Map<number, number>();
  for (const process of group) {
    const line: number[] = [];
    let depth = 0;
    for (let at: Process | undefined = process; at !== undefined; at = byPid.get(at.ppid)) {
      const settled = found.get(at.pid);
      if (settled !== undefined) {
        depth = settled;
        break;
      }
      // Settled for the moment, so that a circle of parents ends.
      found.set(at.pid, 0);
      line.push(at.pid);
    }
    for (const pid of line.reverse()) found.set(pid, ++depth);
  }
  return found;
}

/**
 * Those that have just begun and whose parents have ended already. They are told by who took them over: the first
 * process, of the host or of their pid namespace. What a supervisor starts has the supervisor for its parent.
 */
function orphansJustBegun(group: readonly Process[], inits: ReadonlySet<number>, now: number): number {
  return group.filter(({ ppid, startTicks }) => inits.has(ppid) && now - startTicks <= RECENT_TICKS).length;
}

/**
 * Whether processes of a namespace multiply: many run the same command, and they started one another for generations,
 * or have all lost their parents just now. Ending such ones by SIGTERM is a race nobody wins.
 *
 * @param uptimeSeconds when it was looked, since boot; null where that is not known.
 * @returns what was seen; null where it looks ordinary.
 */
export function multiplying({ processes }: Pick<Namespace, 'processes'>, uptimeSeconds: number | null): string | null {
  const groups = new Map<string, Process[]>();
  // Of what forks all the time not every command line is read: then the name has to do.
  const unread = new Set(processes.flatMap(({ cmdline, comm }) => (cmdline === '' ? [comm] : [])));
  for (const process of processes) {
    if (process.kernelThread) continue;
    const key = unread.has(process.comm) ? process.comm : `${process.comm}\0${process.cmdline}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [process]);
    else group.push(process);
  }
  const inits = new Set([
    1,
    ...processes.filter(({ namespacePids }) => namespacePids.at(-1) === 1).map(({ pid }) => pid),
  ]);
  for (const group of groups.values()) {
    if (group.length < CROWD) continue;
    const named = `${group.length} processes run the same ${group[0]?.comm}`;
    const generations = [...depths(group).values()];
    if (generations.filter((depth) => depth >= GENERATIONS).length >= YOUNGEST) {
      const most = generations.reduce((deepest, depth) => Math.max(deepest, depth), 0);
      return `${named}, started by one another over ${most} generations`;
    }
    if (uptimeSeconds !== null && orphansJustBegun(group, inits, uptimeSeconds * 100) >= CROWD) {
      return `${named}, begun just now by parents that have ended`;
    }
  }
  return null;
}
