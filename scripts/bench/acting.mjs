// What it takes to get rid of many namespaces at once, and to prove that they are gone.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeScene } from './scene.mjs';

/** How many namespaces, and how long they may take from the confirmation to the proof. */
const COUNT = 200;
const TARGET_MS = 10_000;
const ROUNDS = 3;

/** From the confirmed plan to the end of the account, by the audit trail. */
function accountMs(state) {
  const entries = readFileSync(join(state, 'nsleuth/actions.ndjson'), 'utf8').trim().split('\n').map(JSON.parse);
  const at = (event) => Date.parse(entries.find((entry) => entry.event === event).at);
  const { verification } = entries.at(-1);
  const left = verification.checks.filter(({ holds }) => holds !== true);
  if (left.length > 0) throw new Error(`not released: ${left[0].text}: ${left[0].seen}`);
  return at('end') - at('plan');
}

async function releaseAll(env) {
  const scene = await makeScene('named', COUNT);
  const state = mkdtempSync(join(tmpdir(), 'nsleuth-bench-'));
  try {
    const started = performance.now();
    const { status, stderr } = spawnSync(process.execPath, ['dist/cli.js', 'release', ...scene.names, '--yes'], {
      env: { ...env, XDG_STATE_HOME: state },
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    if (status !== 0) throw new Error(`release exited ${status}: ${stderr.trim().split('\n').at(-1)}`);
    return { whole: performance.now() - started, account: accountMs(state) };
  } finally {
    rmSync(state, { recursive: true, force: true });
    await scene.remove();
  }
}

/** @returns medians, in milliseconds. */
export async function measureActing(env, median) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await releaseAll(env));
  return { whole: median(rounds.map(({ whole }) => whole)), account: median(rounds.map(({ account }) => account)) };
}

/** A section of the report: its title, what was done, and its rows. */
export function actingSection({ whole, account }) {
  const seconds = (value) => `${(value / 1000).toFixed(2)} s`;
  return {
    title: `## Releasing ${COUNT} namespaces`,
    what: `Each made by ip netns add, with one \`sleep\` in it; one \`nsleuth release\` of all of them.`,
    rows: [
      [
        'from the confirmation until all are proven gone',
        seconds(account),
        `≤ ${TARGET_MS / 1000} s`,
        account <= TARGET_MS ? 'met' : 'missed',
      ],
      ['the whole process, the plan included', seconds(whole), '', ''],
    ],
  };
}
