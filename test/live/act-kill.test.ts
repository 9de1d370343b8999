import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CGROUPS,
  cgroup,
  enterCgroup,
  inside,
  isAlive,
  type Killed,
  kill,
  OUTSIDE,
  type Place,
  perl,
  place,
  planKill,
  populationOf,
  script,
  sleeper,
  stateOf,
  until,
  type Witnessed,
  witness,
} from './killing.ts';
import { CLI, run, Scene } from './scene.ts';

let scene: Scene;
/** The namespace that is acted on, and another one. */
let home: Place;
let other: Place;
/** In the other namespace, and outside of both. */
let bystanders: readonly Witnessed[];

beforeEach(async () => {
  scene = new Scene();
  home = place(scene);
  other = place(scene);
  bystanders = [await sleeper(scene, other), await sleeper(scene, OUTSIDE)];
});

afterEach(async () => {
  const survived = bystanders.map((each) => [isAlive(each), stateOf(each)]);
  await scene.end();
  expect(survived).toEqual([
    [true, 'S'],
    [true, 'S'],
  ]);
});

/** The environment of a CLI that keeps its audit trail to itself. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, XDG_STATE_HOME: scene.directory() };
}

function trail(): { event: string; result?: { status: string }; verification?: unknown }[] {
  const text = readFileSync(join(scene.directory(), 'nsleuth/actions.ndjson'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('SIGTERM', () => {
  test('lets a process end in order', async () => {
    const file = join(scene.directory(), 'ended');
    const polite = await perl(
      scene,
      home,
      '$SIG{TERM} = sub { open my $f, ">", $ARGV[0]; exit 0 }; print "\\n"; sleep 1 while 1',
      file,
    );
    const { plan, outcome, result } = await kill(scene, [home]);
    expect(plan.steps).toMatchObject([{ kind: 'stop', scope: 'namespace', processes: [{ pid: polite.pid }] }]);
    expect(result).toMatchObject({ status: 'done', message: '1 process ended' });
    expect(result.details).toEqual(['SIGTERM to 1 process', '1 process ended']);
    expect(result.durationMs).toBeLessThan(2000);
    expect(outcome.verification?.checks).toMatchObject([{ holds: true }]);
    expect(existsSync(file)).toBe(true);
    expect(isAlive(polite)).toBe(false);
  });

  test('leaves what a handler starts to its work, however many commands that are', async () => {
    const file = join(scene.directory(), 'ended');
    const worker = await script(
      scene,
      home,
      `trap 'sleep 0.3; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 0.05; done; echo > "$1"; exit' TERM
       echo; while :; do sleep 0.1; done`,
      file,
    );
    const { result } = await kill(scene, [home]);
    expect(result.status).toBe('done');
    expect(existsSync(file)).toBe(true);
    expect(result.details.join()).not.toContain('SIGKILL');
    expect(isAlive(worker)).toBe(false);
  });

  test('reaches what is left behind by those that heeded it', async () => {
    // It ends at once; what its handler started ignores nothing, and would sleep on. No shell: a child of dash loses a
    // SIGTERM that arrives before it has taken off its parent's trap (2 of 73 times, sent within 1 ms of its fork).
    await perl(
      scene,
      home,
      `use POSIX; my $term = POSIX::SigSet->new(SIGTERM);
       $SIG{TERM} = sub {
         sigprocmask(SIG_BLOCK, $term);
         exit if fork;
         $SIG{TERM} = "DEFAULT";
         sigprocmask(SIG_UNBLOCK, $term);
         sleep 60;
       };
       print "\\n"; sleep 1 while 1`,
    );
    const { result } = await kill(scene, [home]);
    expect(result.status).toBe('done');
    expect(result.details.join()).not.toContain('SIGKILL');
    expect(await populationOf(home)).toEqual([]);
  });

  test('is followed by SIGKILL, no sooner than it was given', async () => {
    const stubborn = await perl(scene, home, '$SIG{TERM} = "IGNORE"; print "\\n"; sleep 1 while 1');
    const { result } = await kill(scene, [home], { graceMs: 400 });
    expect(result).toMatchObject({ status: 'done' });
    expect(result.details).toEqual(['SIGTERM to 1 process', 'SIGKILL to 1 process', '1 process ended']);
    expect(result.durationMs).toBeGreaterThanOrEqual(400);
    expect(result.durationMs).toBeLessThan(2000);
    expect(isAlive(stubborn)).toBe(false);
  });

  test('is heeded by a process that was stopped', async () => {
    const file = join(scene.directory(), 'ended');
    const stopped = await perl(
      scene,
      home,
      '$SIG{TERM} = sub { open my $f, ">", $ARGV[0]; exit 0 }; print "\\n"; sleep 1 while 1',
      file,
    );
    process.kill(stopped.pid, 'SIGSTOP');
    await until('stopped', () => stateOf(stopped) === 'T');
    const { result } = await kill(scene, [home]);
    expect(result).toMatchObject({ status: 'done' });
    expect(existsSync(file)).toBe(true);
  });

  test('is not waited for where no time is given', async () => {
    await perl(scene, home, '$SIG{TERM} = sub { exit 0 }; print "\\n"; sleep 1 while 1');
    const { result } = await kill(scene, [home], { graceMs: 0 });
    expect(result.details).toEqual(['SIGKILL to 1 process', '1 process ended']);
  });
});

describe('what is started meanwhile', () => {
  test('ends as well', async () => {
    await script(scene, home, `trap '' TERM; echo; while :; do sh -c 'trap "" TERM; exec sleep 30' & sleep 0.1; done`);
    await setTimeout(150);
    const { result, outcome } = await kill(scene, [home], { graceMs: 500 });
    expect(result.status).toBe('done');
    expect(outcome.verification?.checks).toMatchObject([{ holds: true }]);
    expect(await populationOf(home)).toEqual([]);
  });

  test('by somebody who came in from elsewhere does not: whoever visits is not known from the plan', async () => {
    const resident = await perl(scene, home, '$SIG{TERM} = "IGNORE"; print "\\n"; sleep 1 while 1');
    const visitor = await perl(
      scene,
      OUTSIDE,
      `$SIG{USR1} = sub { exec "nsenter", "--net=$ARGV[0]", "sleep", "100" }; print "\\n"; sleep 1 while 1`,
      home.path,
    );
    await setTimeout(2200); // whoever started just before the plan may have been overlooked by it
    const { result, outcome } = await kill(scene, [home], {
      graceMs: 300,
      between: async () => {
        process.kill(visitor.pid, 'SIGUSR1');
        await until('inside', () => readFileSync(`/proc/${visitor.pid}/comm`, 'utf8') === 'sleep\n');
      },
    });
    expect(result.status).toBe('done');
    expect(result.details).toContain(
      `pid ${visitor.pid} sleep came in from elsewhere after the plan was made: it is let be`,
    );
    expect(outcome.verification?.checks).toMatchObject([{ holds: false, seen: '1 left' }]);
    expect([isAlive(resident), isAlive(visitor)]).toEqual([false, true]);
  });
});

describe('named processes', () => {
  test('end, and no others', async () => {
    const [named, spared] = [await sleeper(scene, home), await sleeper(scene, home)];
    const { plan, result, outcome } = await kill(scene, [home], { pids: [named.pid, named.pid] });
    expect(plan.steps).toMatchObject([{ scope: 'named', processes: [{ pid: named.pid }] }]);
    expect(result).toMatchObject({ status: 'done', message: '1 process ended' });
    expect(outcome.verification?.checks).toMatchObject([{ holds: true }]);
    expect([isAlive(named), isAlive(spared)]).toEqual([false, true]);
  });

  test('may be in several namespaces', async () => {
    const third = place(scene);
    const [one, two] = [await sleeper(scene, home), await sleeper(scene, third)];
    const { outcome } = await kill(scene, [home, third], { pids: [two.pid, one.pid] });
    expect(outcome.results.map(({ status }) => status)).toEqual(['done', 'done']);
    expect([isAlive(one), isAlive(two)]).toEqual([false, false]);
  });

  test('end even in the initial namespace', async () => {
    const named = await sleeper(scene, OUTSIDE);
    const here = Number(/\d+/.exec(run('readlink', '/proc/self/ns/net'))?.[0]);
    const { result } = await kill(scene, [here], { pids: [named.pid] });
    expect(result.status).toBe('done');
    expect(isAlive(named)).toBe(false);
  });
});

describe('threads', () => {
  test('of one process end together', async () => {
    const many = await inside(scene, home, process.execPath, '-e', 'console.log(); setInterval(() => {}, 1000)');
    const { plan, result } = await kill(scene, [home]);
    expect(plan.steps).toMatchObject([{ processes: [{ pid: many.pid }] }]);
    expect(result).toMatchObject({ status: 'done', message: '1 process ended' });
    expect(isAlive(many)).toBe(false);
  });

  test('of a process that lives elsewhere are spared, unless the process is named', async () => {
    const held = await scene.hold('thread');
    const owner = witness(held.pid);
    const plan = await planKill([held.ino]);
    expect(plan.steps).toEqual([]);
    expect(plan.untouched).toMatchObject([
      { why: expect.stringContaining('only a thread of it is here, it lives in') },
    ]);
    expect(plan.offers).toMatchObject([{ request: { options: { pids: [held.pid] } } }]);
    expect(isAlive(owner)).toBe(true);

    const { result, outcome } = await kill(scene, [held.ino], { pids: [held.pid] });
    expect(result.status).toBe('done');
    expect(outcome.verification?.checks).toMatchObject([{ holds: true }]);
    expect(isAlive(owner)).toBe(false);
  });

  test('that visit do not keep what was promised from being so', async () => {
    const held = await scene.hold('thread');
    const resident = await sleeper(scene, { path: `/proc/${held.pid}/task/${held.tid}/ns/net` });
    const { plan, outcome } = await kill(scene, [held.ino]);
    expect(plan.expectations).toMatchObject([{ kind: 'empty', except: [held.pid] }]);
    expect(outcome.verification?.checks).toMatchObject([{ holds: true }]);
    expect([isAlive(resident), isAlive(witness(held.pid))]).toEqual([false, true]);
  });
});

describe('descendants that moved elsewhere', () => {
  async function family() {
    const parent = await script(
      scene,
      home,
      `nsenter --net="$1" sleep 100 & sleep 0.2; echo $!; while :; do sleep 0.1; done`,
      other.path,
    );
    return { parent, child: witness(Number(parent.line)) };
  }

  test('are listed, and left alone', async () => {
    const { parent, child } = await family();
    const { plan, outcome } = await kill(scene, [home]);
    expect(plan.untouched).toMatchObject([
      { subject: `pid ${child.pid} sleep`, why: expect.stringContaining('--descendants ends it too') },
    ]);
    expect(outcome.results).toMatchObject([{ status: 'done' }]);
    expect([isAlive(parent), isAlive(child)]).toEqual([false, true]);
  });

  test('end where that is asked for', async () => {
    const { parent, child } = await family();
    const { plan, outcome } = await kill(scene, [home], { descendants: true });
    expect(plan.steps).toMatchObject([{ scope: 'namespace' }, { scope: 'named', processes: [{ pid: child.pid }] }]);
    expect(outcome.results).toMatchObject([{ status: 'done' }, { status: 'done' }]);
    expect([isAlive(parent), isAlive(child)]).toEqual([false, false]);
  });

  test('do not end in the initial namespace, asked for or not', async () => {
    const parent = await script(
      scene,
      home,
      `nsenter --net="$1" sleep 100 & sleep 0.2; echo $!; while :; do sleep 0.1; done`,
      `/proc/${process.pid}/ns/net`,
    );
    const child = witness(Number(parent.line));
    const { plan } = await kill(scene, [home], { descendants: true });
    expect(plan.untouched).toMatchObject([{ why: expect.stringContaining('it has to be named, with --pid') }]);
    expect([isAlive(parent), isAlive(child)]).toEqual([false, true]);
  });
});

describe('the first process of a pid namespace', () => {
  /** An init in the namespace, and a process of its pid namespace that moved on. */
  async function container(away: string) {
    const outer = await script(
      scene,
      home,
      `exec unshare --pid --fork sh -c 'nsenter --net="$1" sleep 100 & sleep 0.2; echo; wait' sh "$1"`,
      away,
    );
    const init = Number(run('pgrep', '-P', String(outer.pid)).trim());
    const emigrant = Number(run('pgrep', '-P', String(init), '-f', 'sleep 100').trim());
    return { outer, init: witness(init), emigrant: witness(emigrant) };
  }

  test('takes others with it, and the plan says so', async () => {
    const { init, emigrant } = await container(other.path);
    const { plan } = await kill(scene, [home], { graceMs: 300 });
    expect(plan.warnings).toMatchObject([
      expect.stringContaining(`with it ends all of that: pid ${emigrant.pid} sleep`),
    ]);
    expect([isAlive(init), isAlive(emigrant)]).toEqual([false, false]);
  });

  test('is spared where that would end processes of the initial namespace', async () => {
    const { outer, init, emigrant } = await container(`/proc/${process.pid}/ns/net`);
    const { plan, outcome } = await kill(scene, [home], { graceMs: 300 });
    expect(plan.untouched).toContainEqual({
      subject: `pid ${init.pid} sh`,
      why: expect.stringContaining(`with it would end pid ${emigrant.pid} sleep`),
    });
    expect(outcome.verification?.checks).toMatchObject([{ holds: true }]);
    expect([isAlive(outer), isAlive(init), isAlive(emigrant)]).toEqual([false, true, true]);
  });
});

describe('nsleuth does not end what it stands on', () => {
  test('in its own namespace', async () => {
    const shell = await script(
      scene,
      home,
      `${process.execPath} ${CLI} kill "$1" --yes > "$2" 2>&1; echo $?; exec sleep 100`,
      home.name,
      join(scene.directory(), 'out'),
    );
    expect(shell.line).toBe('1');
    expect(readFileSync(join(scene.directory(), 'out'), 'utf8')).toContain('is the one nsleuth runs in');
    expect(isAlive(shell)).toBe(true);
  });

  test('in a namespace its shell lives in', async () => {
    const neighbour = await sleeper(scene, home);
    const shell = await script(
      scene,
      home,
      `XDG_STATE_HOME="$3" nsenter --net="$4" ${process.execPath} ${CLI} kill "$1" --yes --grace 1 > "$2" 2>&1
       echo $?; exec sleep 100`,
      home.name,
      join(scene.directory(), 'out'),
      scene.directory(),
      `/proc/${process.pid}/ns/net`,
    );
    const text = readFileSync(join(scene.directory(), 'out'), 'utf8');
    expect(text).toContain(`pid ${shell.pid} sh: nsleuth itself, or what it was started by`);
    expect(shell.line).toBe('0');
    expect([isAlive(shell), isAlive(neighbour)]).toEqual([true, false]);
  });
});

describe('what changed between plan and run', () => {
  test('a process that is another by now is not harmed', async () => {
    const named = await sleeper(scene, home);
    const { result, outcome } = await kill(scene, [home], {
      pids: [named.pid],
      alter: (plan) => ({
        ...plan,
        steps: plan.steps.map((step) =>
          step.kind === 'stop'
            ? { ...step, processes: step.processes.map((each) => ({ ...each, startTicks: each.startTicks - 1 })) }
            : step,
        ),
      }),
    });
    expect(result).toMatchObject({ status: 'changed', message: `pid ${named.pid} (sleep) is another process by now` });
    expect(outcome.stopped).toBe('the host is not as it was when the plan was made');
    expect(isAlive(named)).toBe(true);
  });

  test.for([{ without: [] }, { without: ['kernel'] }])(
    'a pid that was given to another process does not lead to it (without $without)',
    ({ without }) => {
      const { status, stdout, stderr } = spawnSync(
        'unshare',
        [
          ...['--pid', '--fork', '--mount-proc', '--kill-child', '--', process.execPath],
          join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', 'replaced.mjs'),
          ...[home.path, join(scene.directory(), 'audit'), without.join()],
        ],
        { encoding: 'utf8' },
      );
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      const { pid, samePid, alive, named, everybody } = JSON.parse(stdout);
      expect(samePid).toBe(true);
      expect(named.results).toMatchObject([
        { status: 'changed', message: `pid ${pid} (sleep) is another process by now` },
      ]);
      expect(alive).toBe(true);
      // Whoever has its pid by now lives there as well, and is ended for that.
      expect(everybody.results).toMatchObject([{ status: 'done', message: '1 process ended' }]);
    },
  );

  /** A process that moves on when it is told to. */
  const moving = () =>
    perl(
      scene,
      home,
      `$SIG{USR1} = sub { exec "nsenter", "--net=$ARGV[0]", "sleep", "100" }; print "\\n"; sleep 1 while 1`,
      other.path,
    );
  const move = async ({ pid }: Witnessed) => {
    process.kill(pid, 'SIGUSR1');
    await until('moved', () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
  };

  test('a process that left the namespace is let go', async () => {
    const emigrant = await moving();
    const { result, outcome } = await kill(scene, [home], { between: () => move(emigrant) });
    expect(result).toMatchObject({ status: 'nothing', message: 'nobody is there any more' });
    expect(result.details).toEqual([`pid ${emigrant.pid} perl left the namespace and was let go`]);
    expect(outcome.verification?.checks).toMatchObject([{ holds: true }]);
    expect(isAlive(emigrant)).toBe(true);
  });

  test('a named process that left the namespace stops the plan', async () => {
    const [emigrant, neighbour] = [await moving(), await sleeper(scene, home)];
    const pids = [neighbour.pid, emigrant.pid];
    const { result, outcome } = await kill(scene, [home], { pids, between: () => move(emigrant) });
    expect(result).toMatchObject({
      status: 'changed',
      message: `pid ${emigrant.pid} (perl) is in another network namespace by now`,
    });
    expect(outcome.verification?.checks).toMatchObject([{ holds: false }, { holds: false }]);
    expect([isAlive(emigrant), isAlive(neighbour)]).toEqual([true, true]);
  });

  test('one that leaves when it is asked to end is let go', async () => {
    const emigrant = await perl(
      scene,
      home,
      `$SIG{TERM} = sub { exec "nsenter", "--net=$ARGV[0]", "sleep", "100" }; print "\\n"; sleep 1 while 1`,
      other.path,
    );
    const { result } = await kill(scene, [home], { graceMs: 500 });
    expect(result).toMatchObject({ status: 'done', message: '0 processes ended' });
    expect(result.details).toContain(`pid ${emigrant.pid} perl left the namespace and was let go`);
    expect(isAlive(emigrant)).toBe(true);
  });

  test('a namespace that is gone needs nothing any more', async () => {
    const gone = place(scene);
    const resident = await sleeper(scene, gone);
    const { result, outcome } = await kill(scene, [gone], {
      between: async () => {
        process.kill(resident.pid, 'SIGKILL');
        await until('ended', () => !isAlive(resident));
        run('ip', 'netns', 'delete', gone.name);
        await setTimeout(300);
      },
    });
    expect(result).toMatchObject({ status: 'nothing', message: expect.stringContaining('is gone') });
    expect(outcome.verification?.checks).toMatchObject([{ holds: true }]);
  });

  test.for([{ without: [] }, { without: ['kernel'] }])(
    'another namespace with the same number is not touched (without $without)',
    async ({ without }) => {
      /** Nothing where somebody else on this host got the number, and keeps it. */
      const attempt = async (): Promise<{ killed: Killed; successor: Witnessed } | null> => {
        const first = place(scene);
        const resident = await sleeper(scene, first);
        let successor: Witnessed | null = null;
        const killed = await kill(scene, [first], {
          without,
          between: async () => {
            process.kill(resident.pid, 'SIGKILL');
            await until('ended', () => !isAlive(resident));
            run('ip', 'netns', 'delete', first.name);
            // Numbers are given again at once.
            for (let count = 0; count < 30 && successor === null; count++) {
              run('ip', 'netns', 'add', first.name);
              if (statSync(first.path).ino === first.ino) successor = await sleeper(scene, first);
              else {
                run('ip', 'netns', 'delete', first.name);
                await setTimeout(10);
              }
            }
          },
        });
        return successor === null ? null : { killed, successor };
      };
      let came = await attempt();
      for (let count = 0; count < 5 && came === null; count++) came = await attempt();
      if (came === null) throw new Error('the number was never given again');
      expect(came.killed.result).toMatchObject({
        status: 'changed',
        message: expect.stringContaining('is another network namespace by now, with the same number'),
      });
      expect(came.killed.outcome.stopped).toBe('the host is not as it was when the plan was made');
      expect(isAlive(came.successor)).toBe(true);
    },
  );
});

test.skipIf(CGROUPS.freezer === null)('a process that sleeps uninterruptibly is told of as it is', async () => {
  const [asleep, ordinary] = [await sleeper(scene, home), await sleeper(scene, home)];
  const group = cgroup(scene, 'freezer');
  enterCgroup(group, asleep.pid);
  writeFileSync(join(group, 'freezer.state'), 'FROZEN');
  await until('frozen', () => stateOf(asleep) === 'D');
  const ran = spawnSync(process.execPath, [CLI, 'kill', home.name, '--yes', '--grace', '0.2'], {
    encoding: 'utf8',
    env: environment(),
  });
  expect(ran.stdout).toMatch(
    new RegExp(
      `✗ +1 +stop +2 processes: 1 process did not end: pid ${asleep.pid} sleep \\(state D, uninterruptible, .*frozen by somebody in cgroup ${group}`,
    ),
  );
  expect(ran.stdout).toContain('SIGKILL to 1 process');
  expect(ran.stdout).toMatch(/✗ not so: no process lives in .*: 1 left/);
  expect(ran.status).toBe(1);
  expect([isAlive(ordinary), stateOf(asleep)]).toEqual([false, 'D']);
  writeFileSync(join(group, 'freezer.state'), 'THAWED');
  await until('ended', () => !isAlive(asleep));
});

test('an interrupt while SIGTERM does its work leaves a truthful account', async () => {
  const file = join(scene.directory(), 'asked');
  const [stubborn, polite] = [
    await perl(scene, home, '$SIG{TERM} = sub { open my $f, ">", $ARGV[0] }; print "\\n"; sleep 1 while 1', file),
    await sleeper(scene, home),
  ];
  const child = spawn(process.execPath, [CLI, 'kill', home.name, '--yes', '--grace', '60'], { env: environment() });
  let text = '';
  child.stdout.on('data', (data: Buffer) => {
    text += data.toString();
  });
  const ended = new Promise<string | null>((resolve) => child.once('close', (_, by) => resolve(by)));
  await until('asked', () => existsSync(file) && !isAlive(polite));
  child.kill('SIGINT');
  expect(await ended).toBe('SIGINT');
  expect(text).toContain('interrupted: SIGTERM was sent, 1 process still there');
  expect(text).toContain('SIGTERM to 2 processes');
  expect(text).toContain('1 process ended');
  expect(text).toMatch(/✗ not so: no process lives in .*: 1 left/);
  expect(trail().map(({ event, result }) => result?.status ?? event)).toEqual(['plan', 'failed', 'end']);
  expect(isAlive(stubborn)).toBe(true);
});

describe('without the privilege', () => {
  test.for([
    { who: 'an ordinary user', capabilities: [] },
    { who: 'a user who may look, and not end', capabilities: ['--inh-caps=+sys_ptrace', '--ambient-caps=+sys_ptrace'] },
  ])('$who ends nothing, and is told what it takes', async ({ capabilities }) => {
    const resident = await sleeper(scene, home);
    const cli = join(scene.directory(), 'nsleuth');
    run('cp', '-r', join(CLI, '..'), cli);
    run('cp', '-r', join(CLI, '../../node_modules/koffi'), join(scene.directory(), 'koffi'));
    run(
      'sh',
      '-c',
      `mkdir "$1/node_modules" && mv "$1/koffi" "$1/node_modules" && cp -r "$2" "$1/node_modules/" && chmod -R a+rX "$1"`,
      'sh',
      scene.directory(),
      join(CLI, '../../node_modules/@koromix'),
    );
    for (const args of [[home.name], [home.name, '--pid', String(resident.pid)]]) {
      const ran = spawnSync(
        'setpriv',
        [
          ...['--reuid=65534', '--regid=65534', '--clear-groups', ...capabilities, process.execPath],
          ...[join(cli, 'cli.js'), 'kill', ...args, '--yes'],
        ],
        { encoding: 'utf8', env: environment() },
      );
      expect(ran.stderr).toMatch(/not permitted .*CAP_KILL/);
      expect(ran.status).toBe(4);
      expect(isAlive(resident)).toBe(true);
    }
  });
});

describe('a thousand processes', () => {
  const crowd = (count: number) =>
    perl(scene, home, `for (1..${count}) { unless (fork) { sleep 100; exit } } print "\\n"; sleep 100`);

  test('end within seconds', async () => {
    await crowd(1000);
    const { plan, result, tookMs } = await kill(scene, [home]);
    expect(plan.warnings).toEqual([]);
    expect(result).toMatchObject({ status: 'done', message: '1001 processes ended' });
    expect(result.details.join()).not.toContain('SIGKILL');
    expect(tookMs).toBeLessThan(3000);
    expect(await populationOf(home)).toEqual([]);
  });

  test('end where there are fewer descriptors than processes', async () => {
    await crowd(400);
    const ran = spawnSync(
      'prlimit',
      ['--nofile=200:200', process.execPath, CLI, 'kill', home.name, '--yes', '--grace', '2'],
      { encoding: 'utf8', env: environment() },
    );
    expect(ran.stdout).toContain('401 processes ended');
    expect(ran.status).toBe(0);
    expect(await populationOf(home)).toEqual([]);
  });
});
