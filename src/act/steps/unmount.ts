import { mountPointBytes } from '../../enter.ts';
import type { MountPlace, UnmountStep } from '../../model/plan.ts';
import { errnoName } from '../../os/errors.ts';
import { errno } from '../../os/libc.ts';
import { linesWith } from '../../os/mountinfo.ts';
import { mayBeMountPoint, unmountExactly } from '../../os/mounts.ts';
import { readAll } from '../../os/procfs.ts';
import { type Perform, type StepContext, StepError, trying } from '../contract.ts';
import { eachPlace } from '../mount-namespace.ts';

const EXPLAINED = {
  EBUSY: 'something uses the mount itself; --lazy detaches it all the same',
  EINVAL: 'it is locked: it came with a more privileged mount namespace, and goes with this one',
} as const;

/** Those of a place's mounts that are there. @throws StepError where one of them is not what the plan took it for. */
function mountsLeft({ procfs }: StepContext, step: UnmountStep, { mountIds }: MountPlace): ReadonlySet<number> {
  const text = readAll(procfs.fd, 'thread-self/mountinfo');
  if (text === null) throw new StepError('failed', `mountinfo: ${errnoName(errno())}`);
  const bytes = mountPointBytes(step);
  const lines = linesWith(text, ' - nsfs ').mounts.filter(({ mountId }) => mountIds.includes(mountId));
  for (const { mountId, path, root } of lines) {
    if (path !== bytes) throw new StepError('changed', `mount ${mountId} is at another place by now`);
    if (root !== `net:[${step.namespace.ino}]`)
      throw new StepError('changed', `${step.path} is another namespace by now`);
  }
  return new Set(lines.map(({ mountId }) => mountId));
}

/** What became of the mounts in one place. */
type Left = 'gone' | 'removed' | 'covered';

/**
 * Removes the mounts at one path of the mount namespace this thread is in, from the top: those of the plan, as long as
 * they are of this namespace and nothing else lies on top of them. Looking and unmounting are two system calls; whoever
 * mounts something there in between loses that.
 *
 * @param quick takes it from the path alone where nothing is mounted there: mounts that are shared come and go
 * together, and of hundreds of mount namespaces one is left to read the table of.
 * @returns `covered`: no path leads to those that are left. With the file they go as well, if that is removed elsewhere
 * (detach_mounts, fs/namespace.c).
 */
function unmountHere(context: StepContext, step: UnmountStep, place: MountPlace, quick: boolean): Left {
  const { path, lazy } = step;
  const bytes = mountPointBytes(step);
  if (quick && !mayBeMountPoint(bytes)) return 'gone';
  let became: Left = 'gone';
  for (let left = mountsLeft(context, step, place); left.size > 0; ) {
    const there = left;
    const other = trying('CAP_SYS_ADMIN', () => unmountExactly(bytes, there, lazy), EXPLAINED);
    if (typeof other === 'number') throw new StepError('changed', `another mount (${other}) lies on top of ${path}`);
    if (other === null) became = 'removed';
    if (other === null && left.size === 1) break;
    left = mountsLeft(context, step, place);
    if (other === null || left.size === 0) continue;
    context.say(`mount ${[...left].join(', ')} at ${path} is left: it is below another mount, and no path leads there`);
    return became === 'removed' ? became : 'covered';
  }
  return became;
}

/** Removes the bind mounts at one path, in one mount namespace after the other. */
export const unmount: Perform<'unmount'> = (step, context) => {
  context.open(step.namespace);
  let covered = false;
  const everywhere = (quick: boolean): number =>
    eachPlace(context, step.places, (place) => {
      const left = unmountHere(context, step, place, quick);
      covered ||= left === 'covered';
      return left === 'removed';
    });
  const done = everywhere(true) || everywhere(false);
  const word = step.lazy ? 'detached' : 'unmounted';
  if (done > 0) return { status: 'done', message: done === 1 ? word : `${word} in ${done} mount namespaces` };
  return { status: 'nothing', message: covered ? 'it is below another mount' : 'it is not mounted there any more' };
};
