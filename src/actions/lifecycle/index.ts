import type { ActionId } from '../../model/plan.ts';
import { closeSockets } from './close-sockets.ts';
import { create } from './create.ts';
import { kill } from './kill.ts';
import type { Lifecycle } from './lifecycle.ts';
import { moveDevice } from './move-device.ts';
import { name } from './name.ts';
import { reclaim } from './reclaim.ts';
import { release } from './release.ts';
import { rename } from './rename.ts';
import { setLink } from './set-link.ts';
import { unmount } from './unmount.ts';

/** Everything that can be done to namespaces, in the order it is listed. */
export const LIFECYCLE: readonly Lifecycle[] = [
  kill,
  release,
  unmount,
  reclaim,
  moveDevice,
  closeSockets,
  setLink,
  create,
  name,
  rename,
];

/** The row of an action. */
export function lifecycleOf(id: ActionId): Lifecycle {
  const found = LIFECYCLE.find((row) => row.id === id);
  if (found === undefined) throw new Error(`no action ${id}`);
  return found;
}
