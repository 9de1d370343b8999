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

/**
 * Removes one mount of the mount namespace this thread is in: the one with this id, if it still is of this namespace
 * and nothing lies on top of it. Looking and unmounting are two system calls; whoever mounts something there in
 * between loses that.
 *
 * @returns whether it was there.
 */
function unmountOne({ procfs }: StepContext, step: UnmountStep, { mountId }: MountPlace): boolean {
  const { path, lazy, namespace } = step;
  const bytes = mountPointBytes(step);
  // Mounts that are shared come and go together: of hundreds of mount namespaces one is left to read the table of.
  if (!mayBeMountPoint(bytes)) return false;
  const text = readAll(procfs.fd, 'thread-self/mountinfo');
  if (text === null) throw new StepError('failed', `mountinfo: ${errnoName(errno())}`);
  const line = linesWith(text, ' - nsfs ').mounts.find((mount) => mount.mountId === mountId);
  if (line === undefined) return false;
  if (line.path !== bytes) throw new StepError('changed', `mount ${mountId} is at another place by now`);
  if (line.root !== `net:[${namespace.ino}]`) throw new StepError('changed', `${path} is another namespace by now`);
  const other = trying('CAP_SYS_ADMIN', () => unmountExactly(bytes, mountId, lazy), EXPLAINED);
  if (other === 'absent') return false;
  if (other !== null) throw new StepError('changed', `another mount (${other}) lies on top of ${path}`);
  return true;
}

/** Removes the bind mounts at one path, in one mount namespace after the other. */
export const unmount: Perform<'unmount'> = (step, context) => {
  context.open(step.namespace);
  const done = eachPlace(context, step.places, (place) => unmountOne(context, step, place));
  const word = step.lazy ? 'detached' : 'unmounted';
  return done === 0
    ? { status: 'nothing', message: 'it is not mounted there any more' }
    : { status: 'done', message: done === 1 ? word : `${word} in ${done} mount namespaces` };
};
