/** What the keys of several actions ask about. */
import type { Device, Process, Socket } from '../../model/index.ts';
import type { ActionOptions } from '../../model/plan.ts';
import type { Asked, Here } from './lifecycle.ts';

/** Rows of a tab that actions are about. */
interface Rows {
  readonly processes: Process;
  readonly devices: Device;
  readonly sockets: Socket;
}

/** The selected row of a tab that has the keyboard. */
export function rowOf<Id extends keyof Rows>({ tab }: Here, id: Id): Rows[Id] | undefined {
  return tab?.id === id ? (tab.row as Rows[Id] | undefined) : undefined;
}

/** About all targets. */
export function aboutTargets({ targets }: Here, options: ActionOptions = {}): Asked | null {
  return targets.length === 0 ? null : { targets, options };
}

/** About something inside the selected namespace. */
export function aboutSelected({ selected }: Here, options: ActionOptions): Asked | null {
  return selected === null ? null : { targets: [selected], options };
}
