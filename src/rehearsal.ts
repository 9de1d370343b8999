import { type Guide, guideOf } from '../collectors/guide.ts';
import {
  decodeNamespaces,
  decodeOpen,
  decodePins,
  decodeTasks,
  RECORD,
  Remembered,
} from '../collectors/kernel/decode.ts';
import { fitPrograms, LINKED_PROGRAMS } from '../collectors/kernel/linked.ts';
import { KernelProbe } from '../collectors/kernel/load.ts';
import { absentFields, type KernelData, overflows, readProbe } from '../collectors/kernel.ts';
import { contextFor, toSnapshot } from './collect.ts';
import { BpfPrograms } from './os/bpf.ts';
import { loadPlanned, type ProgramPlan } from './os/bpf-load.ts';
import { closeProcfs, openProcfs } from './os/procfs.ts';
import { Run } from './run.ts';
import { Session } from './session.ts';
import { settleViews } from './settle-views.ts';

/** A record of the probe with some of its 32-bit words filled in. */
function record(size: number, words: Readonly<Record<number, number>>): Buffer {
  const bytes = Buffer.alloc(size);
  for (const [at, word] of Object.entries(words)) bytes.writeUInt32LE(word, Number(at));
  return bytes;
}

/** What a kernel might say of a process that lives in a namespace and has a descriptor open. */
function madeUp(pid: number, netns: number): { readonly kernel: KernelData; readonly guide: Guide } {
  const memory = new Remembered<KernelData['tasks'][number]>();
  const bytes = record(RECORD.task, { 16: pid, 20: pid, 24: 1, 40: netns, 72: 1 });
  decodeTasks(bytes, memory);
  const tasks = decodeTasks(bytes, memory);
  const namespaces = decodeNamespaces(record(RECORD.namespace, { 0: 1, 16: netns, 20: 1 }), 1);
  const pins = decodePins(record(RECORD.file, { 0: pid, 4: pid, 8: 1, 12: 0x102, 16: netns }));
  const guide = guideOf(tasks, decodeOpen(record(RECORD.open, { 0: pid, 4: pid, 8: 1 })));
  return { guide, kernel: { namespaces, devices: [], stack: [], tasks, pins, hostWide: true, at: 0 } };
}

async function attempt(task: () => unknown): Promise<void> {
  try {
    await task();
  } catch {
    // That it was compiled is enough.
  }
}

/** Goes through what loads and asks programs, with none that any kernel would take. */
async function rehearseLoading(): Promise<void> {
  await attempt(() => fitPrograms([...LINKED_PROGRAMS]));
  const program: ProgramPlan = { name: 'none', instructions: Buffer.alloc(0), attachTo: 0, functions: [], maps: [] };
  const map = { name: 'none', type: -1, key: 0, value: 0, entries: 0, flags: 0 };
  await attempt(() => loadPlanned([{ ...program, maps: [[0, 0]] }], [map], Buffer.alloc(0), ''));
  const none = new BpfPrograms(new Map([['none', -1]]), new Map([['none', -1]]), () => {});
  await attempt(() => none.run('none', [0]));
  await attempt(() => none.iterate('none'));
  await attempt(() => none.view('none', 1));
  none.close();
  const missing = { object: '/nonexistent', crc32: null };
  await KernelProbe.begin(missing).probe;
  const probe = new KernelProbe(missing);
  absentFields(readProbe(probe, true));
  probe.close();
}

/**
 * Runs what a table takes of the kernel's view, without loading anything into the kernel, for the build to keep V8's
 * bytecode of it (scripts/lib/code-cache.mjs): compiling it anew takes every table 10 ms.
 *
 * @param root what looks like a procfs with one process in it.
 */
export async function rehearse(root: string, pid: number, netns: number): Promise<void> {
  await rehearseLoading();
  const procfs = openProcfs(root);
  try {
    const session = new Session();
    const run = new Run(contextFor(procfs, { depth: 'table' }, new AbortController().signal, session), ['kernel']);
    const { guide, kernel } = madeUp(pid, netns);
    run.gathered.guide = guide;
    await run.stages(() => true);
    run.gathered.kernel = kernel;
    overflows(kernel.pins);
    toSnapshot(run, await settleViews(run, session), new Date(), 0);
  } finally {
    closeProcfs(procfs);
  }
}
