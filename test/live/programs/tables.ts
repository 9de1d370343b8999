/**
 * What an ordinary user can tell of a network namespace: `node tables.mjs INO PID`, PID a process that lives there.
 *
 * Prints one line of JSON: what a scan finds by itself (`found`, null when it cannot tell that anybody lives there), and
 * what can be read through that process (`told`).
 */
import { enter } from '../../../collectors/inside/enter.ts';
import { procnet } from '../../../collectors/procnet.ts';
import { contextFor } from '../../../src/collect.ts';
import { nsfsDevice } from '../../../src/os/nsfs.ts';
import { openProcfs } from '../../../src/os/procfs.ts';
import { Run } from '../../../src/run.ts';
import { Session } from '../../../src/session.ts';

const [ino = 0, pid = 0] = process.argv.slice(2).map(Number);
const procfs = openProcfs('/proc');
const context = contextFor(procfs, {}, new AbortController().signal, new Session());
const run = new Run(context, []);
await run.stages((name) => name === 'tasks');
run.inspect((name) => name === 'procnet', new Set([ino]));

const has = () => true;
const situation = (entered: boolean) => ({ entered, depth: context.depth, has });
const ways = [{ holder: { kind: 'task', pid, tid: pid, threads: 1 } }] as const;
const entered = enter(
  context,
  run.gathered,
  { ino, ways, own: 0, device: nsfsDevice(procfs.fd) ?? -1 },
  {
    netlink: procnet.netlink,
    files: procnet.files(situation(true)),
    filesFromOutside: procnet.files(situation(false)),
    filesAfter: (inside, file) => procnet.filesAfter(situation(inside), file),
  },
);
const told = entered.inside === null ? null : procnet.inspect(entered.inside, has);
const result = {
  entered: entered.inside?.entered ?? false,
  found: run.gathered.inside?.get(ino)?.procnet ?? null,
  told: told?.data ?? null,
  missed: told?.missed ?? [],
};
process.stdout.write(`${JSON.stringify(result)}\n`);
