import { AuditTrail } from '../act/audit.ts';
import { CommandError } from '../errors.ts';
import { etcNameOf } from '../etc-netns.ts';
import type { Namespace, Snapshot } from '../model/index.ts';
import { tell } from '../os/execute.ts';
import { closeProcfs, openProcfs } from '../os/procfs.ts';
import { type InsideRun, lookInside, runInNamespace, type Target } from '../run-in-namespace.ts';
import { safeText } from '../terminal/sanitise.ts';
import type { ActOptions } from './act.ts';
import { type CommandOptions, takeSnapshot } from './command.ts';
import { theNamespace } from './select.ts';

/** What tells names, paths, processes and numbers of most namespaces leaves these out: they take most of the time. */
const COSTLY: readonly string[] = ['descriptors', 'pinned-mounts', 'kernel', 'handles', 'listns', 'containers'];

interface Found {
  readonly ns: Namespace;
  readonly snapshot: Snapshot;
}

/**
 * Finds the namespace a command is to run something in. Most are found by their tasks and mounts; only for those that
 * are not, everything is read.
 *
 * @throws CommandError as `theNamespace` does.
 */
async function find(selector: string, options: CommandOptions): Promise<Found> {
  const plain = await takeSnapshot(options, { depth: 'table', without: COSTLY });
  try {
    return { ns: theNamespace(plain, selector), snapshot: plain };
  } catch (error) {
    if (!(error instanceof CommandError) || error.code !== 'ERR_UNKNOWN_NAMESPACE') throw error;
  }
  const snapshot = await takeSnapshot(options, { depth: 'table' });
  return { ns: theNamespace(snapshot, selector), snapshot };
}

/** A namespace to run something in, with the name its files in `/etc/netns` are found by. */
export interface Place extends Target {
  readonly name: string | null;
}

/**
 * Writes down what is about to run, and becomes it.
 *
 * @throws CommandError when the audit trail cannot be kept, or the namespace cannot be entered: nothing runs then.
 */
export function become(place: Place, run: Pick<InsideRun, 'argv' | 'env'>): never {
  const { ino, cookie } = place.ns;
  // What cannot be entered is no action, and nothing to write down.
  lookInside(place, () => undefined);
  const trail = new AuditTrail(place.procfs);
  try {
    trail.write({ event: 'run', namespace: { ino, cookie }, command: run.argv });
  } finally {
    trail.close();
  }
  return runInNamespace({ ...place, ...run });
}

/**
 * Finds a namespace, and hands it to a function, which may not come back.
 *
 * @throws CommandError when there is none, or what the function throws.
 */
export async function inPlace(selector: string, options: ActOptions, run: (place: Place) => never): Promise<never> {
  const { ns, snapshot } = await find(selector, options);
  const { name, others } = etcNameOf(ns, selector);
  if (name !== null && others.length > 0) {
    const list = others.map(safeText).join(', ');
    tell(`it has several names: files are taken from /etc/netns/${safeText(name)}, not of ${list}`);
  }
  const procfs = openProcfs(options.proc);
  try {
    return run({ procfs, ns, snapshot, name });
  } finally {
    closeProcfs(procfs);
  }
}
