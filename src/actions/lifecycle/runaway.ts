import type { Namespace, Process } from '../../model/index.ts';

/** Fewer of the same are no crowd. */
const CROWD = 20;
/** A process, its child, and that one's child, all running the same: servers fork workers, workers do not go on. */
const GENERATIONS = 3;
/** So recent, in clock ticks (100 a second), is what has lost its parent at the same rate. */
const RECENT_TICKS = 6000;

/** How many of the same were started by one another, at the most: 1 for one whose parent runs something else. */
function generations(group: readonly Process[]): number {
  const byPid = new Map(group.map((process) => [process.pid, process]));
  const depths = new Map<number, number>();
  const depthOf = (process: Process): number => {
    let depth = 0;
    const line: Process[] = [];
    for (let at: Process | undefined = process; at !== undefined; at = byPid.get(at.ppid)) {
      const known = depths.get(at.pid);
      if (known !== undefined) {
        depth = known;
        break;
      }
      if (line.includes(at)) break;
      line.push(at);
    }
    for (const each of line.reverse()) depths.set(each.pid, ++depth);
    return depths.get(process.pid) ?? depth;
  };
  return Math.max(...group.map(depthOf));
}

/** Those whose parent is gone, all started within a minute of the latest: parents that end as fast as they fork. */
function orphansAtOnce(group: readonly Process[]): number {
  const pids = new Set(group.map(({ pid }) => pid));
  const latest = Math.max(...group.map(({ startTicks }) => startTicks));
  return group.filter(({ ppid, startTicks }) => !pids.has(ppid) && latest - startTicks < RECENT_TICKS).length;
}

/**
 * Whether processes of a namespace multiply: many run the same command, and they started one another for generations,
 * or have all lost their parents at once. Ending such ones by SIGTERM is a race nobody wins.
 *
 * @returns what was seen; null where it looks ordinary.
 */
export function multiplying({ processes }: Namespace): string | null {
  const groups = new Map<string, Process[]>();
  for (const process of processes) {
    const key = `${process.comm} ${process.cmdline}`;
    groups.set(key, [...(groups.get(key) ?? []), process]);
  }
  for (const group of groups.values()) {
    if (group.length < CROWD) continue;
    const named = `${group.length} processes run the same ${group[0]?.comm}`;
    const deep = generations(group);
    if (deep >= GENERATIONS) return `${named}, started by one another over ${deep} generations`;
    if (orphansAtOnce(group) >= CROWD) return `${named}, begun within a minute by parents that have ended`;
  }
  return null;
}
