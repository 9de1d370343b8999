/**
 * Plans to end a process, has another one take its pid, and carries the plan out:
 * `unshare --pid --fork --mount-proc node replaced.mjs NAMESPACE AUDIT WITHOUT`.
 *
 * In a pid namespace of its own, where nobody else takes numbers, and `ns_last_pid` is its own as well.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { Actor } from '../../../src/act/actor.ts';
import { namespaceKey, type Snapshot } from '../../../src/model/index.ts';
import type { ActionRequest } from '../../../src/model/plan.ts';

const [path = '', auditFile = '', without = ''] = process.argv.slice(2);

async function sleeper() {
  const child = spawn('nsenter', [`--net=${path}`, 'sleep', '100'], { stdio: 'ignore' });
  const { pid = 0 } = child;
  while (readFileSync(`/proc/${pid}/comm`, 'utf8') !== 'sleep\n') await setTimeout(1);
  const end = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return { pid, child, end };
}

const actor = new Actor({ procRoot: '/proc', without: without === '' ? [] : [without], auditFile });
const listener = { progress: () => {}, result: () => {} };
const first = await sleeper();
const request =
  (options: ActionRequest['options']) =>
  ({ namespaces }: Snapshot): ActionRequest => {
    const home = namespaces.find(({ processes }) => processes.some(({ pid }) => pid === first.pid));
    if (home === undefined) throw new Error('not found');
    return { action: 'kill', targets: [namespaceKey(home)], options };
  };
const plan = await actor.plan('kill', request({ pids: [first.pid] }));
await first.end();

let second = first;
for (let attempt = 0; attempt < 100 && (attempt === 0 || second.pid !== first.pid); attempt++) {
  if (attempt > 0) await second.end();
  writeFileSync('/proc/sys/kernel/ns_last_pid', String(first.pid - 1));
  second = await sleeper();
}
const named = await actor.perform(plan, listener);
const alive = second.child.exitCode === null && second.child.signalCode === null;

const all = await actor.plan('kill', request({}));
const everybody = await actor.perform(all, listener);
await actor.close();
process.stdout.write(JSON.stringify({ pid: first.pid, samePid: second.pid === first.pid, alive, named, everybody }));
process.exit(0);
