import type { Step, StepKind } from '../../model/plan.ts';
import type { Perform, StepContext, StepOutcome } from '../contract.ts';
import { bindName } from './bind-name.ts';
import { closeSockets } from './close-sockets.ts';
import { create } from './create.ts';
import { moveDevice } from './move-device.ts';
import { removeName } from './remove-name.ts';
import { setLink } from './set-link.ts';
import { stop } from './stop.ts';
import { unmount } from './unmount.ts';

/** Who does each kind of step. */
const PERFORM: { readonly [Kind in StepKind]: Perform<Kind> } = {
  stop,
  unmount,
  'remove-name': removeName,
  'move-device': moveDevice,
  'set-link': setLink,
  'close-sockets': closeSockets,
  create,
  'bind-name': bindName,
};

/** Does one step. @throws StepError */
export async function perform<Kind extends StepKind>(
  step: Extract<Step, { kind: Kind }>,
  context: StepContext,
): Promise<StepOutcome> {
  return (PERFORM[step.kind as Kind] as Perform<Kind>)(step, context);
}
