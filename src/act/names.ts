import { closeSync, constants, mkdirSync, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { bindDescriptor, shareDirectory } from '../os/mounts.ts';
import { isErrno } from '../report/save.ts';
import { StepError, trying } from './contract.ts';

const EXPLAINED = { EINVAL: 'it cannot be mounted there' } as const;

/** A path as its bytes, one character each. */
function bytesOf(path: string): string {
  return Buffer.from(path, 'utf8').toString('latin1');
}

/**
 * Gives a namespace a name, the way ip-netns(8) does: an empty file in `/run/netns`, and the namespace mounted on it.
 *
 * @param fd an open descriptor of the namespace.
 * @throws StepError where the name is taken, or that is not permitted.
 */
export function giveName(netnsDir: string, name: string, fd: number): void {
  const path = join(netnsDir, name);
  try {
    mkdirSync(netnsDir, { recursive: true, mode: 0o755 });
    closeSync(openSync(path, constants.O_RDONLY | constants.O_CREAT | constants.O_EXCL, 0o444));
  } catch (error) {
    if (!isErrno(error)) throw error;
    if (error.code === 'EEXIST') throw new StepError('changed', `${path} is there already`);
    if (error.code === 'EACCES' || error.code === 'EPERM') {
      throw new StepError('denied', `${path}: ${error.code}: it takes root`, 'CAP_SYS_ADMIN');
    }
    throw new StepError('failed', `${path}: ${error.code}`);
  }
  try {
    trying(
      'CAP_SYS_ADMIN',
      () => {
        shareDirectory(bytesOf(netnsDir));
        bindDescriptor(fd, bytesOf(path));
      },
      EXPLAINED,
    );
  } catch (error) {
    // Nothing is mounted on it: it would be a stale name.
    unlinkSync(path);
    throw error;
  }
}
