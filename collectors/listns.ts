import { ENOSYS, errnoName } from '../src/os/errors.ts';
import { listNamespaceIds } from '../src/os/namespace-handle.ts';
import type { CollectContext, Collected, Collector } from './contract.ts';

export interface ListnsData {
  /** Ids, which are the cookies, of all active network namespaces in sight. */
  readonly cookies: ReadonlySet<string>;
}

/** No gap: the probe lists all that this does, and more. */
function unusable(reason: string): Collected<ListnsData> {
  const notes = [{ subject: 'listns(2)', reason }];
  return { data: { cookies: new Set() }, seen: 0, missed: [], notes, unavailable: true };
}

function collectListns({ procfs }: CollectContext): Collected<ListnsData> {
  if (!procfs.ofThisKernel) return unusable('not about this procfs');
  const ids = listNamespaceIds();
  if ('errno' in ids) {
    return unusable(ids.errno === ENOSYS ? 'ENOSYS: needs Linux 6.19' : errnoName(ids.errno));
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
