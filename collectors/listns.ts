import { ENOSYS, errnoName } from '../src/os/errors.ts';
import { listNamespaceIds } from '../src/os/namespace-handle.ts';
import type { Collected, Collector } from './contract.ts';

export interface ListnsData {
  /** Ids, which are the cookies, of all active network namespaces in sight. */
  readonly cookies: ReadonlySet<string>;
}

function collectListns(): Collected<ListnsData> {
  const ids = listNamespaceIds();
  if ('errno' in ids) {
    const reason = ids.errno === ENOSYS ? 'ENOSYS: needs Linux 6.19' : errnoName(ids.errno);
    // No gap: the probe lists all of these and more.
    const notes = [{ subject: 'listns(2)', reason }];
    return { data: { cookies: new Set() }, seen: 0, missed: [], notes, unavailable: true };
  }
  return { data: { cookies: new Set(ids.map(String)) }, seen: ids.length, missed: [], notes: [] };
}

/** The kernel's official list: active namespaces alone, those with a task, an open nsfs file or a child. */
export const listns = {
  name: 'listns',
  view: 'kernel',
  reads: 'listns(2): every namespace that a task, a mount or an open nsfs file keeps active',
  needs: 'Linux 6.19; CAP_SYS_ADMIN for namespaces of other users',
  collect: collectListns,
} as const satisfies Collector<'listns', ListnsData>;
