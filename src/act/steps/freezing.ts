import {
  type Freezable,
  freezableOf,
  freeze,
  freezingHierarchies,
  isHeld,
  keptFrozenBy,
  processesIn,
  thaw,
} from '../../os/cgroup.ts';
import type { Procfs } from '../../os/procfs.ts';

/** Freezes the cgroups that hold nobody but who is to end, and lets every one of them go on again. */
export class Freezer {
  readonly #procfs: Procfs;
  readonly #isWanted: (pid: number) => boolean;
  readonly #say: (detail: string) => void;
  readonly #frozen: Freezable[] = [];
  /** Those that did not stand still, or hold others: not tried again. */
  readonly #refused = new Set<string>();

  /**
   * @param isWanted whether a process is to end, or has ended.
   * @param say takes down what was done.
   */
  constructor(procfs: Procfs, isWanted: (pid: number) => boolean, say: (detail: string) => void) {
    this.#procfs = procfs;
    this.#isWanted = isWanted;
    this.#say = say;
  }

  /** Freezes where it can. */
  async freeze(pids: Iterable<number>): Promise<void> {
    for (const group of this.#groupsOf(pids)) {
      // In the list first: whatever goes wrong, it is let go on.
      this.#frozen.push(group);
      if (!(await freeze(group))) {
        this.#refuse(group);
        continue;
      }
      // Nothing moves in there any more: now it can be told for certain who is in it.
      if ((processesIn(group) ?? [0]).every(this.#isWanted)) this.#say(`froze cgroup ${group.directory}`);
      else {
        this.#refuse(group);
        this.#say(`cgroup ${group.directory} holds others too, and goes on`);
      }
    }
  }

  #refuse(group: Freezable): void {
    this.#refused.add(group.directory);
    thaw(group);
    this.#frozen.pop();
  }

  /** Lets all of them go on. */
  thaw(): void {
    for (const group of this.#frozen.splice(0)) thaw(group);
  }

  #groupsOf(pids: Iterable<number>): readonly Freezable[] {
    const hierarchies = freezingHierarchies(this.#procfs);
    const found = new Map<string, Freezable | null>();
    for (const pid of pids) {
      for (const group of freezableOf(this.#procfs, pid, hierarchies)) {
        if (this.#refused.has(group.directory)) continue;
        if (!found.has(group.directory)) found.set(group.directory, this.#isOwn(group, pid) ? group : null);
        if (found.get(group.directory) !== null) break;
      }
    }
    return [...found.values()].filter((group) => group !== null);
  }

  /** Whether a cgroup holds nobody but who is to end, and that one among them. What somebody else froze is not ours. */
  #isOwn(group: Freezable, pid: number): boolean {
    const inside = processesIn(group);
    return inside?.includes(pid) === true && !isHeld(group) && inside.every(this.#isWanted);
  }

  /** The cgroup somebody else keeps a process frozen in; null where none does. */
  keeperOf(pid: number): string | null {
    return keptFrozenBy(this.#procfs, pid, freezingHierarchies(this.#procfs));
  }
}
