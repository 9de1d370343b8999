import { selectNamespace, unambiguousName } from '../correlate/select.ts';
import { CommandError, EXIT } from '../errors.ts';
import type { Namespace, Snapshot } from '../model/index.ts';
import { namespaceLink, nsfsDevice } from '../os/nsfs.ts';
import { closeProcfs, openProcfs } from '../os/procfs.ts';
import { statxPath } from '../os/stat.ts';
import { safeText } from '../terminal/sanitise.ts';

function namespaceFileAt(path: string, nsfs: number | null): number | null {
  const file = statxPath(path);
  return file !== null && file.device === nsfs ? file.ino : null;
}

/**
 * The namespace a command is about.
 *
 * @throws CommandError when nothing or more than one thing goes by that name; it lists what may have been meant.
 */
export function theNamespace(snapshot: Snapshot, selector: string): Namespace {
  const procfs = openProcfs('/proc');
  const nsfs = nsfsDevice(procfs.fd);
  const self = namespaceLink(procfs.fd, 'thread-self/ns/net');
  closeProcfs(procfs);
  const selection = selectNamespace(snapshot.namespaces, selector, {
    self: self > 0 ? self : null,
    inodeAt: (path) => namespaceFileAt(path, nsfs),
  });
  if (selection.found !== null) return selection.found;

  const shown = safeText(selector.length > 80 ? `${selector.slice(0, 80)}…` : selector);
  if (selection.ambiguous.length > 0) {
    const choices = selection.ambiguous.map(unambiguousName).join(', ');
    throw new CommandError(
      'ERR_AMBIGUOUS_NAMESPACE',
      `"${shown}" fits several network namespaces: ${choices}`,
      EXIT.usage,
    );
  }
  const hint =
    selection.near.length > 0
      ? `did you mean ${selection.near.join(', ')}?`
      : 'NS is an inode number, net:[…], a name, a path, pid:N, cookie:N, init or self; see nsleuth list';
  throw new CommandError('ERR_UNKNOWN_NAMESPACE', `no network namespace "${shown}"; ${hint}`);
}
