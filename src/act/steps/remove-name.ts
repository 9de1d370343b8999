import { lstatSync, realpathSync, unlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { mountPointBytes } from '../../enter.ts';
import type { SafeText } from '../../model/index.ts';
import { AT_FDCWD } from '../../os/libc.ts';
import { nsfsDevice } from '../../os/nsfs.ts';
import { statxAtBytes } from '../../os/stat.ts';
import { isErrno } from '../../report/save.ts';
import { type Perform, StepError } from '../contract.ts';
import { eachPlace } from '../mount-namespace.ts';

/** Whether the way to a file leads by no symbolic link: in somebody else's mount namespace one may lead anywhere. */
function isPlainWay(bytes: string): boolean {
  const directory = posix.dirname(bytes);
  return realpathSync.native(Buffer.from(directory, 'latin1'), 'buffer').toString('latin1') === directory;
}

/** Removes a plain empty file that nothing is mounted on. @returns whether it was there. */
function removeFile(path: SafeText, bytes: string, nsfs: number | null): boolean {
  const raw = Buffer.from(bytes, 'latin1');
  try {
    const file = lstatSync(raw);
    if (!isPlainWay(bytes)) throw new StepError('changed', `the way to ${path} leads by a link: it stays`);
    if (statxAtBytes(AT_FDCWD, raw)?.device === nsfs) throw new StepError('changed', `${path} is a namespace again`);
    if (!file.isFile() || file.size > 0) throw new StepError('changed', `${path} is no plain empty file: it stays`);
    unlinkSync(raw);
    return true;
  } catch (error) {
    if (!isErrno(error)) throw error;
    if (error.code === 'ENOENT') return false;
    if (error.code === 'EACCES' || error.code === 'EPERM') {
      throw new StepError('denied', `${path}: ${error.code}: it takes root`, 'CAP_SYS_ADMIN');
    }
    throw new StepError('failed', `${path}: ${error.code}`);
  }
}

/** Removes the file a name was mounted on: only a plain empty file with nothing mounted on it is such a one. */
export const removeName: Perform<'remove-name'> = (step, context) => {
  const bytes = mountPointBytes(step);
  const nsfs = nsfsDevice(context.procfs.fd);
  const done = eachPlace(context, step.places, () => removeFile(step.path, bytes, nsfs));
  return done === 0
    ? { status: 'nothing', message: 'it is not there any more' }
    : { status: 'done', message: 'the empty file is removed' };
};
