import type { Issue } from '../src/model/index.ts';
import { EBADF, EINVAL, ENOSYS, ESTALE, errnoName } from '../src/os/errors.ts';
import { close, errno } from '../src/os/libc.ts';
import { openByHandle } from '../src/os/namespace-handle.ts';
import { statxAt } from '../src/os/stat.ts';
import type { CollectContext, Collected, Collector } from './contract.ts';
import type { Gathered } from './index.ts';

export interface HandlesData {
  /** Namespaces that could be opened by their handle. */
  readonly opened: ReadonlySet<number>;
  /** From Linux 6.19: there, and not to be opened so, because nothing keeps them active. */
  readonly inactive: ReadonlySet<number>;
}

/** No gap: it only confirms what the probe lists. */
function unusable(reason: string): Collected<HandlesData> {
  const notes = [{ subject: 'nsfs handles', reason }];
  return { data: { opened: new Set(), inactive: new Set() }, seen: 0, missed: [], notes, unavailable: true };
}

function collectHandles({ signal }: CollectContext, { kernel }: Gathered): Collected<HandlesData> {
  const identified = (kernel?.namespaces ?? []).filter(
    ({ id, departed, count }) => id !== null && !departed && count !== 0,
  );
  if (kernel === undefined || kernel.namespaces.length === 0) {
    return unusable('the kernel source, which knows the ids, is not there');
  }
  if (identified.length === 0) return unusable('ENOSYS: needs Linux 6.18');
  const opened = new Set<number>();
  const inactive = new Set<number>();
  const missed: Issue[] = [];
  for (const { ino, id } of identified) {
    signal.throwIfAborted();
    const fd = id === null ? -1 : openByHandle(id, ino);
    if (fd >= 0) {
      // A number that was reused meanwhile would have another id, and not open.
      if (statxAt(fd, '')?.ino === ino) opened.add(ino);
      close(fd);
      continue;
    }
    const failure = errno();
    if (failure === ESTALE) inactive.add(ino);
    else if (failure === EBADF || failure === EINVAL || failure === ENOSYS)
      return unusable(`${errnoName(failure)}: needs Linux 6.18`);
    else missed.push({ subject: `net:[${ino}]`, reason: errnoName(failure) });
  }
  return { data: { opened, inactive }, seen: opened.size, missed, notes: [] };
}

/** Whether each namespace of the kernel's list opens by its nsfs handle. */
export const handles = {
  name: 'handles',
  view: 'kernel',
  reads: 'open_by_handle_at(2) on nsfs, for every namespace the probe lists',
  needs: 'Linux 6.18, CAP_SYS_ADMIN in the initial pid namespace, and the kernel source',
  collect: collectHandles,
} as const satisfies Collector<'handles', HandlesData>;
