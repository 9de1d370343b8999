import { writeFileSync } from 'node:fs';
import { AT_FDCWD } from './libc.ts';
import { readAll, readSmall } from './procfs.ts';

/** Where the unified cgroup hierarchy is mounted; empty where it is not. */
function cgroupMount(): string {
  const mounts = readAll(AT_FDCWD, '/proc/self/mountinfo') ?? '';
  return /^\d+ \d+ \S+ \/ (\S+) .* - cgroup2 /m.exec(mounts)?.[1] ?? '';
}

/**
 * Leaves the VRF that `ip vrf exec` put this process in: a cgroup `…/vrf/<name>` with a BPF program that ties every
 * socket to a device, by a number that means nothing in another network namespace. Its parent `…/vrf` has no program.
 *
 * @returns why it could not be left, where it could not.
 */
export function leaveVrf(): NodeJS.ErrnoException | null {
  const vrf = /^0::(\/(?:.*\/)?vrf)\/[^/\n]+$/m.exec(readSmall(AT_FDCWD, '/proc/self/cgroup') ?? '')?.[1];
  if (vrf === undefined) return null;
  try {
    writeFileSync(`${cgroupMount()}${vrf}/cgroup.procs`, String(process.pid), { flag: 'r+' });
    return null;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}
