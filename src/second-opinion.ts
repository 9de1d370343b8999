import type { InsideData, InsideSource } from '../collectors/index.ts';
import { compareDevices, compareSockets, type Difference, settled } from '../collectors/procnet/compare.ts';
import type { Run } from './run.ts';

/** What is asked again before a difference is reported. */
const COMPARED: readonly InsideSource[] = ['links', 'sockets', 'procnet'];
/** Looks in which something has to be different every time. */
export const OPINIONS = 3;
/** Between them: long enough for what was just coming or going to be done with it, in milliseconds. */
const APART_MS = 15;

/** What netlink and the tables of `/proc/net` do not agree on, this time. */
export function differencesOf({ links, sockets, procnet }: InsideData): Difference[] {
  const opinion = procnet?.secondOpinion;
  return [
    // What the kernel would not tell is not what it hides.
    ...(opinion == null || !sockets?.answered ? [] : compareSockets(sockets.sockets, opinion.sockets, opinion.tables)),
    ...(links === undefined || procnet?.devices == null ? [] : compareDevices(links.links, procnet.devices)),
  ];
}

/** Looks again at the namespaces of which netlink and `/proc/net` told different things, and keeps what stays different. */
export async function askAgain(run: Pick<Run, 'gathered' | 'inspect'>): Promise<void> {
  const rounds = new Map<number, Difference[][]>();
  for (const [ino, data] of run.gathered.inside ?? []) {
    const differences = differencesOf(data);
    if (differences.length > 0) rounds.set(ino, [differences]);
  }
  if (rounds.size === 0) return;
  for (let round = 1; round < OPINIONS; round++) {
    const { setTimeout } = process.getBuiltinModule('node:timers/promises');
    await setTimeout(APART_MS);
    run.inspect((name) => COMPARED.includes(name), new Set(rounds.keys()));
    for (const [ino, known] of rounds) {
      const data = run.gathered.inside?.get(ino);
      known.push(data === undefined ? [] : differencesOf(data));
    }
  }
  run.gathered.discrepancies = new Map([...rounds].map(([ino, looks]) => [ino, settled(looks)]));
}
