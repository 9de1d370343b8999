import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CGROUPS,
  cgroup,
  enterCgroup,
  isAlive,
  isFrozen,
  kill,
  OUTSIDE,
  type Place,
  place,
  populationOf,
  sleeper,
  stateOf,
  until,
  type Witnessed,
} from './killing.ts';
import { Scene } from './scene.ts';

/** How many processes a bomb may have. */
const CAP = 100;
/** A bomb ends by itself after so many seconds, whatever becomes of the test. */
const FUSE = 25;
/** What the issue allows from the confirmation on, in milliseconds. */
const LIMIT = 3000;
/** By procfs alone one process at a time, each gone before it is looked at, takes long to be sure of. */
const LONE_UNSEEN = 10_000;

/**
 * - tree: everybody forks, nobody ends, nobody heeds SIGTERM
 * - chain: everybody ends as soon as they have forked: no pid lasts
 * - lone chain: only one of these at a time, which is the hardest to catch
 * - shell: the classic one
 * - waker: a tree that sends SIGCONT to its own all the time
 * - masked: a tree whose processes all have other names: no plan can tell it from ordinary ones
 */
const BOMBS = {
  tree: ['perl', '-e', `$SIG{TERM} = $SIG{CHLD} = "IGNORE"; fork while time < ${'$ARGV[0]'}`],
  chain: [
    'perl',
    '-e',
    `$SIG{TERM} = $SIG{CHLD} = "IGNORE"; fork for 1..5; while (time < ${'$ARGV[0]'}) { my $p = fork; exit if $p }`,
  ],
  'lone chain': [
    'perl',
    '-e',
    `$SIG{TERM} = $SIG{CHLD} = "IGNORE"; while (time < ${'$ARGV[0]'}) { my $p = fork; exit if $p }`,
  ],
  shell: ['bash', '-c', `exec 2>/dev/null; end=$0; :() { ((EPOCHSECONDS < end)) && : | : & }; :; wait`],
  waker: [
    'perl',
    '-e',
    `$SIG{TERM} = $SIG{CHLD} = "IGNORE"; my $group = getpgrp; while (time < ${'$ARGV[0]'}) { fork; kill CONT => -$group }`,
  ],
  masked: [
    'perl',
    '-e',
    '$SIG{TERM} = $SIG{CHLD} = "IGNORE"; my $end = $ARGV[0]; while (time < $end) { my $p = fork; $0 = "n$$" if defined $p && !$p }',
  ],
} as const;

let scene: Scene;
let home: Place;
let other: Place;
let bystanders: Witnessed[];
let cgroups: string[];

beforeEach(async () => {
  scene = new Scene();
  home = place(scene);
  other = place(scene);
  cgroups = [];
  bystanders = [await sleeper(scene, other), await sleeper(scene, OUTSIDE)];
});

afterEach(async () => {
  const survived = bystanders.map((each) => ({ alive: isAlive(each), state: stateOf(each) }));
  const frozen = cgroups.filter((each) => existsSync(each) && isFrozen(each));
  await scene.end();
  expect({ survived, frozen }).toEqual({ survived: bystanders.map(() => ({ alive: true, state: 'S' })), frozen: [] });
});

/** Starts a bomb in the namespace, in cgroups of which one bounds it, and waits until it has gone off. */
async function explode(kind: keyof typeof BOMBS, ...own: readonly string[]): Promise<string> {
  // Of what ends at once the kernel counts hundreds that it has not freed yet.
  const bound = cgroup(scene, 'pids', kind === 'lone chain' ? 10 * CAP : CAP);
  const enter = [bound, ...own].map((directory) => `echo $$ > ${directory}/cgroup.procs`).join(' && ');
  const command = [...BOMBS[kind], String(Math.floor(Date.now() / 1000) + FUSE)];
  await scene.start('sh', ['-c', `${enter} && echo && exec nsenter --net=${home.path} -- "$@"`, 'sh', ...command]);
  await until('gone off', () => {
    const members = readFileSync(join(bound, 'cgroup.procs'), 'utf8').split('\n').length;
    return kind === 'lone chain' || kind === 'chain' ? members > 1 : members > CAP / 2;
  });
  await setTimeout(300);
  return bound;
}

/** Where a bomb is, besides the cgroup that bounds it. */
const SURROUNDINGS = {
  'a cgroup of version 2 of its own': () => [cgroup(scene, 'unified')],
  'a freezer of version 1 of its own': () => [cgroup(scene, 'freezer')],
  'no cgroup of its own': () => [],
  'a cgroup it shares with a bystander': async () => {
    const shared = cgroup(scene, 'unified');
    const neighbour = await sleeper(scene, OUTSIDE);
    enterCgroup(shared, neighbour.pid);
    bystanders.push(neighbour);
    return [shared];
  },
} as const;

async function expectGone(bound: string): Promise<void> {
  expect(await populationOf(home)).toEqual([]);
  await until('nobody left in its cgroup', () => readFileSync(join(bound, 'cgroup.procs'), 'utf8') === '');
}

describe.skipIf(CGROUPS.pids === null || CGROUPS.unified === null || CGROUPS.freezer === null)('a fork bomb', () => {
  const kinds = ['tree', 'chain', 'lone chain', 'shell', 'waker'] as const;
  for (const kind of kinds) {
    for (const [where, surroundings] of Object.entries(SURROUNDINGS)) {
      test(`(${kind}) in ${where} is gone within three seconds`, async () => {
        cgroups.push(...(await surroundings()));
        const bound = await explode(kind, ...cgroups);
        const { result, outcome, tookMs } = await kill(scene, [home], { fleeting: kind === 'lone chain' });
        expect(result.status).toBe('done');
        await expectGone(bound);
        expect(outcome.verification?.checks).toMatchObject([{ holds: true }]);
        expect(tookMs).toBeLessThan(LIMIT);
      });
    }
  }

  for (const kind of kinds) {
    test(`(${kind}) is gone without the kernel's view as well`, async () => {
      const bound = await explode(kind);
      const { result, tookMs } = await kill(scene, [home], { without: ['kernel'], fleeting: kind === 'lone chain' });
      expect(result.status).toBe('done');
      await expectGone(bound);
      expect(tookMs).toBeLessThan(kind === 'lone chain' ? LONE_UNSEEN : LIMIT);
    });
  }

  test('(masked) is known by what it does: it heeds no SIGTERM, and runs all the time', async () => {
    const bound = await explode('masked');
    const { plan, result, tookMs } = await kill(scene, [home]);
    expect(plan.warnings).toEqual([]);
    expect(result.details).toContainEqual(expect.stringContaining('they heed no SIGTERM, and run all the time'));
    await expectGone(bound);
    expect(tookMs).toBeLessThan(LIMIT);
  });

  test('is frozen first where that is asked for', async () => {
    cgroups.push(cgroup(scene, 'unified'));
    const bound = await explode('tree', ...cgroups);
    const { result, tookMs } = await kill(scene, [home], { freeze: true });
    expect(result.details).toContain(`froze cgroup ${cgroups[0]}`);
    await expectGone(bound);
    expect(tookMs).toBeLessThan(LIMIT);
  });
});
