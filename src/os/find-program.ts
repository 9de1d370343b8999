import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where programs that are run as root are looked for: not where the caller's own PATH leads. */
export const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** The first executable file of that name in directories separated by colons; null where there is none. */
export function findProgram(name: string, path: string = SYSTEM_PATH): string | null {
  const files = path.split(':').map((directory) => join(directory, name));
  const found = files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
  return found ?? null;
}
