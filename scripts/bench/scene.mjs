// A host with many network namespaces, each with one sleeping process.

import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const PREFIX = 'nsleuth-bench-';

/** How long the processes live if this program dies without cleaning up. */
const LIFETIME_SECONDS = 6 * 3600;

const DEADLINE_MS = 120_000;

export const SHAPES = {
  anonymous: 'made by unshare, no name',
  named: 'made by ip netns add, the process inside by nsenter',
};

function names(count) {
  return Array.from({ length: count }, (_, index) => `${PREFIX}${index}`);
}

function ipBatch(lines, { mayFail = false, name } = {}) {
  const inside = name === undefined ? [] : ['-n', name];
  const { status, stderr, error } = spawnSync('ip', [...inside, '-force', '-batch', '-'], {
    input: `${lines.join('\n')}\n`,
    encoding: 'utf8',
  });
  if (error) throw error;
  if (status !== 0 && !mayFail) throw new Error(`ip -batch: ${stderr.trim().split('\n')[0]}`);
}

/** Names left by an earlier run that could not clean up. */
function leftOverNames() {
  try {
    return readdirSync('/run/netns').filter((name) => name.startsWith(PREFIX));
  } catch {
    return [];
  }
}

function networkNamespace(pid) {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return null;
  }
}

async function until(what, condition) {
  const deadline = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`gave up waiting for ${what}`);
    await sleep(50);
  }
}

/** Network namespaces of all processes on the host. */
export function countNamespaces() {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return new Set(pids.map(networkNamespace).filter((link) => link !== null)).size;
}

/** One shell starts them all: a thousand spawns from here would take a thousand pipes. */
async function startSleepers(lines) {
  const shell = spawn('sh', [], { stdio: ['pipe', 'pipe', 'inherit'] });
  shell.stdin.end(`${lines.map((line) => `${line} </dev/null >/dev/null 2>&1 & echo $!`).join('\n')}\n`);
  const pids = [];
  for await (const line of createInterface({ input: shell.stdout })) pids.push(Number(line));
  return pids;
}

/** Makes `count` named namespaces with a cable, both ends up, and an address in each. Call `remove()` whatever happens. */
export function makeCables(count) {
  const remove = () =>
    ipBatch(
      leftOverNames().map((name) => `netns delete ${name}`),
      { mayFail: true },
    );
  remove();
  try {
    ipBatch(names(count).map((name) => `netns add ${name}`));
    ipBatch(names(count).map((name) => `link add name left netns ${name} type veth peer name right netns ${name}`));
    for (const name of names(count))
      ipBatch(['address add 10.0.0.1/24 dev left', 'link set left up', 'link set right up'], { name });
    return { names: names(count), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Makes `count` namespaces. Call `remove()` of the result whatever happens. */
export async function makeScene(shape, count) {
  const scene = {
    pids: [],
    names: shape === 'named' ? names(count) : [],
    async remove() {
      for (const pid of scene.pids) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch (error) {
          if (error.code !== 'ESRCH') throw error;
        }
      }
      await until('the processes to end', () => scene.pids.every((pid) => networkNamespace(pid) === null));
      const left = leftOverNames();
      if (left.length > 0) ipBatch(left.map((name) => `netns delete ${name}`));
    },
  };
  const seconds = String(LIFETIME_SECONDS);
  try {
    if (shape === 'named') {
      ipBatch(
        leftOverNames().map((name) => `netns delete ${name}`),
        { mayFail: true },
      );
      ipBatch(names(count).map((name) => `netns add ${name}`));
      scene.pids = await startSleepers(names(count).map((name) => `nsenter --net=/run/netns/${name} sleep ${seconds}`));
    } else {
      scene.pids = await startSleepers(names(count).map(() => `unshare --net sleep ${seconds}`));
    }
    const ours = networkNamespace('self');
    await until('the namespaces', () =>
      scene.pids.every((pid) => {
        const theirs = networkNamespace(pid);
        if (theirs === null) throw new Error(`process ${pid} of the scene ended early`);
        return theirs !== ours;
      }),
    );
    return scene;
  } catch (error) {
    await scene.remove();
    throw error;
  }
}
