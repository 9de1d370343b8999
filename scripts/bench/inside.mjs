// What it takes to look into many namespaces, beside a shell that asks the same of `ip` and `ss`.

import { execFileSync, spawnSync } from 'node:child_process';
import { makeCables } from './scene.mjs';

/** What the program promises for 1000 namespaces with a cable each, and for one with 10,000 sockets. */
const TARGET = { lookMs: 400, fasterThanShell: 20, socketsMs: 60 };

/** The same questions for every namespace, asked by a program for each. */
const SHELL = 'for name; do ip -n "$name" -j -d -s addr; ss -N "$name" -an; done';

function timeShell(names) {
  const started = performance.now();
  const { status, stderr } = spawnSync('sh', ['-c', SHELL, 'sh', ...names], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`ip and ss: ${stderr.trim().split('\n')[0]}`);
  return performance.now() - started;
}

/** @returns medians, in milliseconds. */
export function measureInside(program, count, env, median) {
  const scene = makeCables(count);
  try {
    const { namespaces, first, warm, sockets } = JSON.parse(
      execFileSync(process.execPath, [program], { env, encoding: 'utf8' }),
    );
    const parts = Object.keys(first.sources).map((source) => [source, median(warm.map((run) => run.sources[source]))]);
    return {
      namespaces,
      first: first.total,
      warm: median(warm.map(({ total }) => total)),
      parts: Object.fromEntries(parts),
      sockets: median(sockets.map((run) => run.sources.sockets)),
      shell: timeShell(scene.names),
    };
  } finally {
    scene.remove();
  }
}

/** Rows of a table: what, how much, target and whether it is met. */
export function insideRows({ first, warm, sockets, shell }) {
  const ms = (value) => `${value.toFixed(1)} ms`;
  const verdict = (met) => (met ? 'met' : 'missed');
  const ratio = shell / warm;
  return [
    [
      'links, addresses, routes, neighbours, sockets of all',
      ms(warm),
      `≤ ${TARGET.lookMs} ms`,
      verdict(warm <= TARGET.lookMs),
    ],
    ['the same, first time in its process', ms(first), '', ''],
    ['`ip -n NS -j -d -s addr` and `ss -N NS -an`, for all', `${(shell / 1000).toFixed(1)} s`, '', ''],
    [
      'faster than that',
      `${ratio.toFixed(0)}×`,
      `≥ ${TARGET.fasterThanShell}×`,
      verdict(ratio >= TARGET.fasterThanShell),
    ],
    ['10,000 sockets in one namespace', ms(sockets), `≤ ${TARGET.socketsMs} ms`, verdict(sockets <= TARGET.socketsMs)],
  ];
}
