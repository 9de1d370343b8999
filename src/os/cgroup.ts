/** Freezing a cgroup (cgroups(7)): cgroup.freeze of version 2 (Linux 5.2), the freezer controller of version 1. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { monotonic } from '../clock.ts';
import { linesWith } from './mountinfo.ts';
import { type Procfs, readAll, readSmall } from './procfs.ts';

/** How long a cgroup may take until all of it stands still. */
const PATIENCE_MS = 500;
const POLL_MS = 2;

/** A hierarchy in which cgroups can be frozen, and where it is mounted. */
interface Hierarchy {
  readonly version: 1 | 2;
  readonly mountPoint: string;
}

/** A cgroup that can be frozen. */
export interface Freezable {
  readonly version: 1 | 2;
  /** Where it is in the filesystem. */
  readonly directory: string;
}

/** Hierarchies in the text of a mountinfo. Those mounted in part are left out: their paths are not those of procfs. */
export function parseHierarchies(mountinfo: string): readonly Hierarchy[] {
  return linesWith(mountinfo, ' - cgroup').mounts.flatMap(({ filesystem, root, path, superOptions }): Hierarchy[] => {
    if (root !== '/') return [];
    const mountPoint = Buffer.from(path, 'latin1').toString('utf8');
    if (filesystem === 'cgroup2') return [{ version: 2, mountPoint }];
    return filesystem === 'cgroup' && superOptions.split(',').includes('freezer') ? [{ version: 1, mountPoint }] : [];
  });
}

/** The paths `/proc/<pid>/cgroup` names: of version 2, and of the freezer of version 1; null for the root. */
export function cgroupPaths(text: string): Readonly<Record<1 | 2, string | null>> {
  const below = (path: string | undefined) =>
    path === undefined || path === '/' || path.split('/').includes('..') ? null : path;
  const lines = text.split('\n').map((line) => /^(\d+):([^:]*):(\/.*)$/s.exec(line));
  const unified = lines.find((fields) => fields?.[1] === '0' && fields[2] === '');
  const freezer = lines.find((fields) => fields?.[2]?.split(',').includes('freezer'));
  return { 2: below(unified?.[3]), 1: below(freezer?.[3]) };
}

/** The hierarchies this process can reach. */
export function freezingHierarchies(procfs: Procfs): readonly Hierarchy[] {
  return parseHierarchies(readAll(procfs.fd, 'thread-self/mountinfo') ?? '');
}

/** The cgroups of a process that are not the root of their hierarchy and can be frozen; version 2 first. */
export function freezableOf(procfs: Procfs, pid: number, hierarchies: readonly Hierarchy[]): readonly Freezable[] {
  const paths = cgroupPaths(readSmall(procfs.fd, `${pid}/cgroup`) ?? '');
  return ([2, 1] as const).flatMap((version) => {
    const path = paths[version];
    const hierarchy = hierarchies.find((each) => each.version === version);
    if (path === null || hierarchy === undefined) return [];
    return [{ version, directory: join(hierarchy.mountPoint, Buffer.from(path, 'latin1').toString('utf8')) }];
  });
}

/** Everything in a cgroup and below it; null where that cannot be told (a threaded cgroup, one that is gone). */
export function processesIn({ directory }: Freezable): number[] | null {
  try {
    const pids = readFileSync(join(directory, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean).map(Number);
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const below = processesIn({ version: 2, directory: join(directory, entry.name) });
      if (below === null) return null;
      pids.push(...below);
    }
    return pids;
  } catch {
    return null;
  }
}

function write(directory: string, file: string, value: string): boolean {
  try {
    writeFileSync(join(directory, file), value);
    return true;
  } catch {
    return false;
  }
}

function isFrozen({ version, directory }: Freezable): boolean {
  try {
    return version === 2
      ? /^frozen 1$/m.test(readFileSync(join(directory, 'cgroup.events'), 'latin1'))
      : readFileSync(join(directory, 'freezer.state'), 'latin1').trim() === 'FROZEN';
  } catch {
    return false;
  }
}

/** Whether somebody else has frozen it already: then it is not ours to thaw. */
export function isHeld({ version, directory }: Freezable): boolean {
  try {
    return version === 2
      ? readFileSync(join(directory, 'cgroup.freeze'), 'latin1').trim() === '1'
      : readFileSync(join(directory, 'freezer.self_freezing'), 'latin1').trim() === '1';
  } catch {
    return false;
  }
}

/**
 * The cgroup of version 1 that keeps a process frozen; null where none does. SIGKILL waits until that is thawed: such a
 * process sleeps uninterruptibly. (What version 2 freezes dies of it at once.)
 */
export function keptFrozenBy(procfs: Procfs, pid: number, hierarchies: readonly Hierarchy[]): string | null {
  const group = freezableOf(procfs, pid, hierarchies).find(({ version }) => version === 1);
  return group !== undefined && isFrozen(group) ? group.directory : null;
}

/** Lets a cgroup go on. */
export function thaw({ version, directory }: Freezable): void {
  if (version === 2) write(directory, 'cgroup.freeze', '0');
  else write(directory, 'freezer.state', 'THAWED');
}

/** Stops everything in a cgroup and below it where it stands. False where that did not work: it goes on then. */
export async function freeze(group: Freezable): Promise<boolean> {
  const { version, directory } = group;
  const began = version === 2 ? write(directory, 'cgroup.freeze', '1') : write(directory, 'freezer.state', 'FROZEN');
  if (!began) return false;
  for (const started = monotonic(); monotonic() - started < PATIENCE_MS; ) {
    if (isFrozen(group)) return true;
    await setTimeout(POLL_MS);
  }
  thaw(group);
  return false;
}
