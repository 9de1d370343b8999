import type { KernelProbe } from '../collectors/kernel/load.ts';
import { type KernelTask, overflows } from '../collectors/kernel.ts';
import { listTaskIds } from '../collectors/tasks.ts';
import { monotonic } from './clock.ts';
import { isAlive, kernelKey, seenTaskIds, unlistedProcesses, unseenTasks } from './correlate/cross-view.ts';
import type { Verdicts } from './correlate/index.ts';
import { FADING_MS, type Question, type Questions, questions, remember, settle } from './correlate/verdict.ts';
import type { ConcealedTask } from './model/index.ts';
import { BpfError } from './os/bpf.ts';
import { namespaceLink } from './os/nsfs.ts';
import type { Run } from './run.ts';
import type { Session } from './session.ts';

/** Looked at again before a difference between the views is reported. */
const AGAIN: readonly string[] = ['tasks', 'mounts', 'descriptors', 'pinned-mounts', 'kernel'];
/** Where the views still differ after this many looks, the host changes faster than it can be read. */
const MOST_LOOKS = 4;
/** How often it is looked whether a namespace nothing holds is still there. */
const FADING_POLL_MS = 20;

/**
 * Keys of the namespaces that procfs by now both lists a task for and shows it in: somebody moved in while userland was
 * being read. They are no riddle, and nothing to look at again for.
 */
function vouchedFor({ context }: Run, { unheld }: Questions): ReadonlySet<string> {
  const { procfs } = context;
  const inside = [...unheld.values()].flatMap(({ tasks }) => tasks);
  if (inside.length === 0) return new Set();
  const listed = listTaskIds(procfs, new Set(inside.map(({ pid }) => pid)));
  const showsIn = ({ pid, tid, netns }: KernelTask): boolean =>
    listed.has(tid) && namespaceLink(procfs.fd, `${pid}/task/${tid}/ns/net`) === netns;
  return new Set([...unheld].filter(([, { tasks }]) => tasks.some(showsIn)).map(([key]) => key));
}

/**
 * Looks at both views until what they do not agree on is settled: nothing is reported that was so only once.
 *
 * The views are taken one after the other, so a namespace that came or went in between is in one of them only. What
 * is seen for the first time and cannot be settled at once is left out: the next snapshot has it.
 */
export async function settleViews(run: Run, session: Session): Promise<Verdicts> {
  let missingBefore: ReadonlySet<number> = session.unlisted;
  session.deepPins = [];
  for (let looks = 1; ; looks++) {
    let open = questions(run.gathered);
    const vouched = vouchedFor(run, open);
    const puzzling = [...open.unheld.keys()].filter((key) => !vouched.has(key));
    // Most of what appears without a holder is gone at the next look; only what stays is worth digging.
    if (puzzling.some((key) => !session.lasting || session.unheldSince.has(key))) {
      await lookDeeper(run, session);
      open = questions(run.gathered);
    }
    const now = monotonic();
    session.unheldSince = remember(session.unheldSince, open, now);
    const settled = settle(open, session.unheldSince, vouched, missingBefore, now);
    session.unlisted = open.unlisted;
    session.settled = settled;

    const riddles = puzzling.filter((key) => settled.undecided.has(key)).flatMap((key) => open.unheld.get(key) ?? []);
    const again = riddles.some(({ evidence }) => evidence !== '') || open.unlisted.size > settled.unlisted.size;
    const fading = !session.lasting && riddles.length > 0;
    const done = looks === MOST_LOOKS || !(again || fading) || (!again && !(await outlast(run, session, riddles)));
    if (done) return { ...settled, vouched, concealedTasks: await concealedTasks(run, session) };
    missingBefore = open.unlisted;
    // What is left to explain is not left to the kernel's word of where to look.
    delete run.gathered.guide;
    await run.stages((name) => AGAIN.includes(name));
  }
}

/**
 * The verdicts when only the kernel was asked anew. Nothing is accused on userland's old evidence: hidden stays what
 * was found so when both were looked at, and what is new waits for the next time they are.
 *
 * @returns also whether there is something that should be looked at.
 */
export async function settleByKernel(
  run: Run,
  session: Session,
): Promise<{ readonly verdicts: Verdicts; readonly lookAgain: boolean }> {
  const { kernel } = run.gathered;
  if (kernel !== undefined) run.gathered.kernel = { ...kernel, pins: [...kernel.pins, ...session.deepPins] };
  const open = questions(run.gathered);
  const vouched = vouchedFor(run, open);
  const keys = [...open.unheld.keys()].filter((key) => !vouched.has(key));
  const hidden = new Set(keys.filter((key) => session.settled.hidden.has(key)));
  const undecided = new Set(keys.filter((key) => !hidden.has(key)));
  const concealed = await concealedTasks(run, session);
  return {
    verdicts: { hidden, undecided, vouched, unlisted: session.settled.unlisted, concealedTasks: concealed },
    lookAgain: undecided.size + vouched.size > 0,
  };
}

/** Asks the probe once more; null where it has no answer any more. */
async function askProbe<Answer>(session: Session, ask: (probe: KernelProbe) => Answer): Promise<Answer | null> {
  const state = await session.probe();
  if (!('probe' in state)) return null;
  try {
    return ask(state.probe);
  } catch (error) {
    if (error instanceof BpfError) return null;
    throw error;
  }
}

/** Waits for namespaces nothing holds to go. True when some are still there after `FADING_MS`. */
async function outlast({ context }: Run, session: Session, riddles: readonly Question[]): Promise<boolean> {
  const keys = new Set(riddles.map(({ ns }) => kernelKey(ns)));
  for (const started = monotonic(); monotonic() - started < FADING_MS; ) {
    const namespaces = await askProbe(session, (probe) => probe.namespaces());
    if (!namespaces?.some((ns) => isAlive(ns) && keys.has(kernelKey(ns)))) return false;
    const { setTimeout } = process.getBuiltinModule('node:timers/promises');
    await setTimeout(FADING_POLL_MS, undefined, { signal: context.signal });
  }
  return true;
}

/** Tasks that one view shows and the other does not, looked for once more in procfs and in the kernel. */
async function concealedTasks({ gathered, context }: Run, session: Session): Promise<ConcealedTask[]> {
  const unseen = unseenTasks(gathered, seenTaskIds(gathered));
  const strangers = unlistedProcesses(gathered);
  if (unseen.length + strangers.length === 0) return [];
  const pids = new Set(unseen.map(({ pid }) => pid));
  const listed = listTaskIds(context.procfs, pids);
  const listedAgain = listTaskIds(context.procfs, pids);
  const tasks = await askProbe(session, (probe) => probe.tasks());
  if (tasks === null) return [];
  const running = new Map(tasks.map((task) => [task.tid, task]));
  const stillListed = strangers.length === 0 ? listed : listTaskIds(context.procfs, []);
  return [
    ...unseen
      .filter(({ tid, startTicks }) => running.get(tid)?.startTicks === startTicks)
      .filter(({ tid }) => !listed.has(tid) && !listedAgain.has(tid))
      .map(({ pid, tid, comm, uid, netns, startTicks }): ConcealedTask => {
        return { pid, tid, comm, uid, netns: netns || null, startTicks, seenBy: 'kernel' };
      }),
    ...strangers
      .filter(({ pid }) => listed.has(pid) && !running.has(pid) && stillListed.has(pid))
      .map(({ pid, comm, uid, netns, startTicks }): ConcealedTask => {
        return { pid, tid: pid, comm, uid, netns: netns[0]?.ino ?? null, startTicks, seenBy: 'procfs' };
      }),
  ];
}

/** What only a deeper look into the kernel finds: worth its time where a namespace has no holder userland shows. */
async function lookDeeper(run: Run, session: Session): Promise<void> {
  const { kernel } = run.gathered;
  const state = await session.probe();
  if (kernel === undefined || !('probe' in state)) return;
  session.deepPins = await state.probe.deepPins();
  run.gathered.kernel = { ...kernel, pins: [...kernel.pins, ...session.deepPins] };
  run.miss('kernel', [...state.probe.missing, ...overflows(session.deepPins)]);
}
