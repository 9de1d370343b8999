import { basename } from 'node:path';
import type { InsideData, InsideSource } from '../../collectors/index.ts';
import { contextFor } from '../../src/collect.ts';
import type { Coverage } from '../../src/model/index.ts';
import { closeProcfs, openProcfs } from '../../src/os/procfs.ts';
import { Run } from '../../src/run.ts';
import { Session } from '../../src/session.ts';

/** A namespace to look into. */
export interface Target {
  /** Its name in `/run/netns`. */
  readonly netns: string;
  /** Read the kernel's own view first, as every scan does that may. */
  readonly kernelView: boolean;
}

/** What the given sources say of the namespace with that name in `/run/netns`, and their coverage. */
export async function lookInside(
  target: string | Target,
  ...sources: readonly InsideSource[]
): Promise<{ readonly data: InsideData; readonly coverage: readonly Coverage[] }> {
  const { netns, kernelView } = typeof target === 'string' ? { netns: target, kernelView: false } : target;
  const procfs = openProcfs('/proc');
  const session = new Session();
  try {
    const run = new Run(contextFor(procfs, {}, new AbortController().signal, session), []);
    await run.stages((name) => name === 'tasks' || name === 'mounts' || (kernelView && name === 'kernel'));
    const ino = run.gathered.mounts?.names.find(({ name }) => name === basename(netns))?.ino;
    if (ino === undefined) throw new Error(`no namespace ${netns}`);
    run.inspect((name) => sources.includes(name), new Set([ino]));
    const data = run.gathered.inside?.get(ino);
    if (data === undefined) throw new Error(`could not look into ${netns}: ${JSON.stringify(run.coverage())}`);
    return { data, coverage: run.coverage().filter(({ source }) => sources.some((name) => name === source)) };
  } finally {
    await session.close();
    closeProcfs(procfs);
  }
}
