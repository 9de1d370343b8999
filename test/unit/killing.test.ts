import { describe, expect, test } from 'vitest';
import { forkingCommands } from '../../collectors/descriptors.ts';
import type { KernelTask } from '../../collectors/kernel.ts';
import { CommandLines, type TaskRecord } from '../../collectors/tasks.ts';
import type { Self } from '../../src/act/self.ts';
import { fromKernel } from '../../src/act/steps/prey.ts';
import { checkPlan } from '../../src/act/verify.ts';
import { kill } from '../../src/actions/lifecycle/kill.ts';
import { multiplying } from '../../src/actions/lifecycle/runaway.ts';
import { type Namespace, namespaceKey, type Process, type Snapshot } from '../../src/model/index.ts';
import type { ActionOptions, Plan, StopStep } from '../../src/model/plan.ts';
import { cgroupPaths, parseHierarchies } from '../../src/os/cgroup.ts';
import { aConcealedTask, aNamespace, aProcess, aSnapshot } from '../fixtures/snapshot.ts';

const SELF: Self = {
  pid: 900,
  lineage: [900, 800, 1],
  netns: 1,
  uid: 0,
  capabilities: ['CAP_KILL', 'CAP_NET_ADMIN', 'CAP_SYS_ADMIN', 'CAP_SYS_CHROOT', 'CAP_SYS_PTRACE'],
};

function host(...others: readonly Namespace[]): Namespace {
  return aNamespace({ ino: 1, cookie: '1', initial: true, processes: [aProcess({ pid: 1, ppid: 0 })], ...others[0] });
}

function somewhere(ino: number, processes: readonly Process[], over: Partial<Namespace> = {}): Namespace {
  return aNamespace({ ino, cookie: String(ino), processes, ...over });
}

function snapshotOf(namespaces: readonly Namespace[], over: Partial<Snapshot> = {}): Snapshot {
  return aSnapshot(0, { namespaces, ...over });
}

function plan(snapshot: Snapshot, inos: readonly number[], options: ActionOptions = {}, self = SELF): Plan {
  const targets = snapshot.namespaces.filter(({ ino }) => ino !== null && inos.includes(ino)).map(namespaceKey);
  return kill.plan({ action: 'kill', targets, options }, { snapshot, self, netnsDir: '/run/netns' });
}

function stops({ steps }: Plan): readonly StopStep[] {
  return steps.filter((step) => step.kind === 'stop');
}

function pidsOf(made: Plan): number[][] {
  return stops(made).map(({ processes }) => processes.map(({ pid }) => pid));
}

describe('a plan to end everybody', () => {
  test('names them, what becomes of them, and what is true then', () => {
    const ns = somewhere(10, [aProcess({ pid: 11 }), aProcess({ pid: 12, user: 'web', uid: 33 })]);
    const made = plan(snapshotOf([host(), ns]), [10]);
    expect(made).toMatchObject({
      risk: 'destructive',
      untouched: [],
      warnings: [],
      offers: [],
      expectations: [{ kind: 'empty', namespace: { ino: 10, cookie: '10' }, except: [] }],
    });
    expect(stops(made)).toMatchObject([
      { scope: 'namespace', graceMs: 5000, freeze: false, except: [], needs: ['CAP_KILL'], subject: '2 processes' },
    ]);
    expect(pidsOf(made)).toEqual([[11, 12]]);
  });

  test('is refused in the initial namespace and in the one nsleuth runs in', () => {
    const own = somewhere(10, [aProcess({ pid: 11 })]);
    const snapshot = snapshotOf([host(), own]);
    expect(() => plan(snapshot, [1])).toThrow('is the initial network namespace');
    expect(() => plan(snapshot, [10], {}, { ...SELF, netns: 10 })).toThrow('is the one nsleuth runs in');
    expect(() => plan(snapshot, [10, 1])).toThrow('is the initial network namespace');
  });

  test('is empty where nobody lives', () => {
    expect(plan(snapshotOf([host(), somewhere(10, [])]), [10])).toMatchObject({ steps: [], expectations: [] });
  });

  test('leaves out nsleuth, its ancestors and kernel threads', () => {
    const ns = somewhere(10, [
      aProcess({ pid: 800, comm: 'bash' }),
      aProcess({ pid: 900, comm: 'node' }),
      aProcess({ pid: 11 }),
      aProcess({ pid: 12, comm: 'kworker', kernelThread: true }),
    ]);
    const made = plan(snapshotOf([host(), ns]), [10]);
    expect(pidsOf(made)).toEqual([[11]]);
    expect(stops(made)[0]?.except).toEqual([800, 900]);
    expect(made.untouched.map(({ subject }) => subject)).toEqual(['pid 800 bash', 'pid 900 node']);
    expect(made.expectations).toMatchObject([{ except: [800, 900] }]);
    expect(made.offers).toEqual([]);
  });

  test('spares a process that has only a thread there, and offers to end it', () => {
    const visitor = aProcess({ pid: 11, comm: 'agent' });
    const home = somewhere(20, [visitor]);
    const ns = somewhere(10, [visitor], { holders: [{ kind: 'task', pid: 11, tid: 15, threads: 1 }] });
    const made = plan(snapshotOf([host(), home, ns]), [10]);
    expect(made.steps).toEqual([]);
    expect(made.untouched).toMatchObject([{ subject: 'pid 11 agent', why: expect.stringContaining('net:[20]') }]);
    expect(made.offers).toMatchObject([{ request: { targets: ['cookie:20'], options: { pids: [11] } } }]);
  });

  test('ends a process whose first thread has ended and whose others are all there', () => {
    const ns = somewhere(10, [aProcess({ pid: 11 })], { holders: [{ kind: 'task', pid: 11, tid: 15, threads: 1 }] });
    expect(pidsOf(plan(snapshotOf([host(), ns]), [10]))).toEqual([[11]]);
  });

  test('spares one whose first thread has ended and whose others are in several namespaces', () => {
    const holders = [{ kind: 'task', pid: 11, tid: 15, threads: 1 }] as const;
    const ns = somewhere(10, [aProcess({ pid: 11 })], { holders });
    const other = somewhere(20, [aProcess({ pid: 11 })], { holders: [{ ...holders[0], tid: 16 }] });
    expect(plan(snapshotOf([host(), ns, other]), [10]).steps).toEqual([]);
  });

  test('warns where threads elsewhere end with their process', () => {
    const process = aProcess({ pid: 11, comm: 'router' });
    const elsewhere = somewhere(20, [process], { holders: [{ kind: 'task', pid: 11, tid: 15, threads: 1 }] });
    const made = plan(snapshotOf([host(), somewhere(10, [process]), elsewhere]), [10]);
    expect(made.warnings).toEqual(['threads in other namespaces end with their process: pid 11 router in net:[20]']);
  });

  test('ends what procfs conceals, once, and with the privilege that takes', () => {
    const ns = somewhere(10, [aProcess({ pid: 666, comm: 'shown' })]);
    const concealedTasks = [
      aConcealedTask({ pid: 666, tid: 666, netns: 10 }),
      aConcealedTask({ pid: 667, tid: 667, netns: 10 }),
      aConcealedTask({ pid: 667, tid: 668, netns: 10 }),
      aConcealedTask({ pid: 669, tid: 669, netns: 20 }),
      aConcealedTask({ pid: 670, tid: 670, netns: 10, seenBy: 'procfs' }),
    ];
    const made = plan(snapshotOf([host(), ns], { concealedTasks }), [10], {}, { ...SELF, uid: 0 });
    expect(pidsOf(made)).toEqual([[666, 667]]);
    expect(stops(made)[0]?.needs).toEqual(['CAP_KILL']);
  });

  test('needs nothing for processes of the same user, and CAP_KILL for those of others', () => {
    const capabilities: Self['capabilities'] = ['CAP_SYS_PTRACE'];
    const self = { ...SELF, uid: 33, capabilities };
    const own = snapshotOf([host(), somewhere(10, [aProcess({ pid: 11, uid: 33 })])]);
    expect(stops(plan(own, [10], {}, self))[0]?.needs).toEqual([]);
    const foreign = snapshotOf([host(), somewhere(10, [aProcess({ pid: 11, uid: 0 })])]);
    expect(() => plan(foreign, [10], {}, self)).toThrow(/not permitted to .*CAP_KILL/);
  });

  test('says nobody lives there only to whom it can be shown', () => {
    const self: Self = { ...SELF, uid: 33, capabilities: [] };
    const complete = snapshotOf([host(), somewhere(10, [])]);
    const partial = {
      ...complete,
      coverage: complete.coverage.map((row) =>
        row.source === 'tasks'
          ? { ...row, status: 'partial' as const, missed: [{ subject: 'pid 5', reason: 'EACCES' }] }
          : row,
      ),
    };
    expect(() => plan(partial, [10], {}, self)).toThrow(/CAP_SYS_PTRACE.*CAP_KILL/);
    expect(() => plan(partial, [10], { pids: [5] }, self)).toThrow(/not permitted to end pid 5: .*CAP_KILL/);
    expect(plan(complete, [10], {}, self).steps).toEqual([]);
    expect(plan(partial, [10]).steps).toEqual([]);
    const own = { ...partial, namespaces: [host(), somewhere(10, [aProcess({ pid: 11, uid: 33 })])] };
    expect(plan(own, [10], {}, self).warnings).toEqual([expect.stringContaining('may live here unseen')]);
  });
});

describe('descendants elsewhere', () => {
  const parent = aProcess({ pid: 11, comm: 'parent' });
  const child = aProcess({ pid: 12, ppid: 11, comm: 'child' });
  const grandchild = aProcess({ pid: 13, ppid: 12, comm: 'grandchild' });
  const at = (home: Namespace) => snapshotOf([host(), somewhere(10, [parent]), home]);

  test('are listed, and end only where that is asked for, one step a namespace', () => {
    const snapshot = at(somewhere(20, [child, grandchild, aProcess({ pid: 14, ppid: 1 })]));
    const listed = plan(snapshot, [10]);
    expect(pidsOf(listed)).toEqual([[11]]);
    expect(listed.untouched.map(({ subject, why }) => `${subject}: ${why}`)).toEqual([
      'pid 12 child: descends from them, and lives in net:[20]: --descendants ends it too',
      'pid 13 grandchild: descends from them, and lives in net:[20]: --descendants ends it too',
    ]);
    const ended = plan(snapshot, [10], { descendants: true });
    expect(pidsOf(ended)).toEqual([[11], [12, 13]]);
    expect(stops(ended)[1]).toMatchObject({ scope: 'named', namespace: { ino: 20 } });
  });

  test('are protected in the initial namespace, in that of nsleuth, and in its line', () => {
    const initial = snapshotOf([
      {
        ...host(),
        processes: [aProcess({ pid: 1, ppid: 0 }), child],
        holders: [{ kind: 'task', pid: 12, tid: 12, threads: 1 }],
      },
      somewhere(10, [parent]),
    ]);
    expect(pidsOf(plan(initial, [10], { descendants: true }))).toEqual([[11]]);
    const own = plan(at(somewhere(20, [child])), [10], { descendants: true }, { ...SELF, netns: 20 });
    expect(pidsOf(own)).toEqual([[11]]);
    expect(own.untouched[0]?.why).toContain('it has to be named, with --pid');
    const line = plan(at(somewhere(20, [child])), [10], { descendants: true }, { ...SELF, lineage: [900, 12, 1] });
    expect(pidsOf(line)).toEqual([[11]]);
  });

  test('are told even where parents go in circles', () => {
    const snapshot = at(somewhere(20, [aProcess({ pid: 21, ppid: 22 }), aProcess({ pid: 22, ppid: 21 }), child]));
    expect(plan(snapshot, [10]).untouched.map(({ subject }) => subject)).toEqual(['pid 12 child']);
  });

  test('are found among thousands in no time', () => {
    const line = Array.from({ length: 5000 }, (_, index) =>
      aProcess({ pid: 100 + index, ppid: index === 0 ? 11 : 99 + index }),
    );
    const started = performance.now();
    expect(plan(at(somewhere(20, line)), [10]).untouched).toHaveLength(5000);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('the first process of a pid namespace', () => {
  const init = aProcess({ pid: 11, comm: 'init', pidNamespace: 77, namespacePids: [11, 1] });
  const member = aProcess({ pid: 12, ppid: 11, comm: 'member', pidNamespace: 77, namespacePids: [12, 2] });
  const below = aProcess({ pid: 13, ppid: 12, comm: 'below', pidNamespace: 78, namespacePids: [13, 3, 1] });

  test('takes all of it along, and of those below it', () => {
    const made = plan(snapshotOf([host(), somewhere(10, [init]), somewhere(20, [member, below])]), [10]);
    expect(made.warnings).toEqual([
      'the first process of a pid namespace is among them, and with it ends all of that: pid 12 member in net:[20]; pid 13 below in net:[20]',
    ]);
    expect(made.untouched).toEqual([]);
  });

  test('is left out where that would end processes of the initial namespace, and may be named', () => {
    const initial: Namespace = {
      ...host(),
      processes: [aProcess({ pid: 1, ppid: 0 }), below],
      holders: [{ kind: 'task', pid: 13, tid: 13, threads: 1 }],
    };
    const snapshot = snapshotOf([initial, somewhere(10, [init, aProcess({ pid: 14 })]), somewhere(20, [member])]);
    const made = plan(snapshot, [10]);
    expect(pidsOf(made)).toEqual([[14]]);
    expect(stops(made)[0]?.except).toEqual([11]);
    expect(made.untouched[0]).toMatchObject({ subject: 'pid 11 init', why: expect.stringContaining('pid 13 below') });
    const named = plan(snapshot, [10], { pids: [11] });
    expect(pidsOf(named)).toEqual([[11]]);
    expect(named.warnings).toEqual([expect.stringContaining('pid 13 below in net:[1] init')]);
  });
});

describe('foreign holders', () => {
  const holder = aProcess({ pid: 30, comm: 'daemon' });
  const held = (pid: number) =>
    somewhere(10, [aProcess({ pid: 11 })], {
      holders: [
        { kind: 'task', pid: 11, tid: 11, threads: 1 },
        { kind: 'descriptor', pid, fd: 4, form: 'nsfs' },
        { kind: 'descriptor', pid, fd: 5, form: 'nsfs' },
        { kind: 'bpflink', id: 9 },
        { kind: 'inflight', pid: 31, fd: 1, inode: 3, count: 1, suspected: true },
      ],
    });

  test('are told with what they hold, and ending them is another plan', () => {
    const made = plan(snapshotOf([host(), held(30), somewhere(20, [holder])]), [10]);
    expect(pidsOf(made)).toEqual([[11]]);
    expect(made.untouched.map(({ subject, why }) => `${subject}: ${why}`)).toEqual([
      'BPF netfilter link, id 9: no process has it open: it has to be unpinned (bpftool link)',
      'pid 30 daemon: it holds the namespace (descriptor, pid 30 fd 4; descriptor, pid 30 fd 5): it has to close that, or to end',
    ]);
    expect(made.offers).toMatchObject([
      {
        text: 'end pid 30 daemon, which holds the namespace',
        request: { targets: ['cookie:20'], options: { pids: [30] } },
      },
    ]);
  });

  test('are not offered to be ended where nsleuth stands on them', () => {
    const shell = aProcess({ pid: 800, comm: 'bash' });
    const made = plan(snapshotOf([host(), held(800), somewhere(20, [shell])]), [10]);
    expect(made.untouched).toHaveLength(2);
    expect(made.offers).toEqual([]);
  });
});

describe('named processes', () => {
  const snapshot = snapshotOf([
    { ...host(), processes: [aProcess({ pid: 1, ppid: 0 }), aProcess({ pid: 5, comm: 'sshd' })] },
    somewhere(10, [aProcess({ pid: 11 }), aProcess({ pid: 12, kernelThread: true }), aProcess({ pid: 800 })]),
    somewhere(20, [aProcess({ pid: 21 })]),
  ]);

  test('end alone, each once, in whichever of the namespaces they are', () => {
    const made = plan(snapshot, [10, 20], { pids: [21, 11, 21] });
    expect(pidsOf(made)).toEqual([[21], [11]]);
    expect(made.expectations.map(({ kind }) => kind)).toEqual(['ended', 'ended']);
    expect(pidsOf(plan(snapshot, [1], { pids: [5] }))).toEqual([[5]]);
  });

  test('are refused where they are unknown, nsleuth, its ancestors, pid 1 or kernel threads', () => {
    expect(() => plan(snapshot, [10], { pids: [21] })).toThrow('no process 21 in net:[10]; there are pid 11 sleep');
    expect(() => plan(snapshot, [10], { pids: [11, 800] })).toThrow('pid 800 sleep is nsleuth itself or what');
    expect(() => plan(snapshot, [1], { pids: [1] })).toThrow('pid 1 sleep is nsleuth itself or what');
    expect(() => plan(snapshot, [10], { pids: [12] })).toThrow('is a kernel thread');
    expect(() => plan(snapshotOf([host(), somewhere(10, [])]), [10], { pids: [3] })).toThrow('nobody lives there');
  });

  test('may be ones that procfs conceals', () => {
    const concealedTasks = [aConcealedTask({ pid: 666, tid: 666, netns: 10 })];
    expect(pidsOf(plan({ ...snapshot, concealedTasks }, [10], { pids: [666] }))).toEqual([[666]]);
  });

  test('end where they live, which is said where only a thread is here', () => {
    const process = aProcess({ pid: 11, comm: 'agent' });
    const here = somewhere(10, [process], { holders: [{ kind: 'task', pid: 11, tid: 15, threads: 1 }] });
    const made = plan(snapshotOf([host(), here, somewhere(20, [process])]), [10], { pids: [11] });
    expect(stops(made)).toMatchObject([{ scope: 'named', namespace: { ino: 20 } }]);
    expect(made.warnings).toEqual(['pid 11 agent lives in net:[20]: all of it ends, not only what is here']);
  });
});

test('what is left alone does not count against what was promised', () => {
  const before = snapshotOf([host(), somewhere(10, [aProcess({ pid: 11 }), aProcess({ pid: 800 })])]);
  const made = plan(before, [10]);
  expect(made.expectations).toMatchObject([{ except: [800] }]);
  const after = snapshotOf([host(), somewhere(10, [aProcess({ pid: 800 })])]);
  expect(checkPlan(made, after)).toMatchObject([
    { holds: true, text: 'no process lives in net:[10], but for pid 800' },
  ]);
  expect(checkPlan(made, before)).toMatchObject([{ holds: false, seen: '1 left' }]);
});

describe('what multiplies', () => {
  const NOW = 1000;
  const same = (pid: number, ppid: number, over: Partial<Process> = {}) =>
    aProcess({ pid, ppid, comm: 'bomb', cmdline: './bomb', startTicks: NOW * 100 - 10, ...over });
  const crowd = (count: number, make: (index: number) => Process) => ({
    processes: Array.from({ length: count }, (_, index) => make(index)),
  });

  test('is a tree of the same over generations', () => {
    const tree = crowd(31, (index) => same(100 + index, index === 0 ? 50 : 100 + Math.floor((index - 1) / 2)));
    expect(multiplying(tree, NOW)).toBe('31 processes run the same bomb, started by one another over 5 generations');
    expect(
      multiplying(
        crowd(40, (index) => same(100 + index, 99 + index)),
        NOW,
      ),
    ).toContain('40 generations');
  });

  test('is one of which not every command line was read', () => {
    const tree = crowd(31, (index) =>
      same(100 + index, index === 0 ? 50 : 100 + Math.floor((index - 1) / 2), index % 2 === 0 ? { cmdline: '' } : {}),
    );
    expect(multiplying(tree, NOW)).toContain('over 5 generations');
  });

  test('is a crowd that has lost its parents just now, of the host or of a pid namespace', () => {
    expect(
      multiplying(
        crowd(25, (index) => same(100 + index, 1)),
        NOW,
      ),
    ).toContain('begun just now by parents');
    const { processes } = crowd(25, (index) => same(100 + index, 60));
    const init = aProcess({ pid: 60, namespacePids: [60, 1] });
    expect(multiplying({ processes: [init, ...processes] }, NOW)).toContain('begun just now by parents');
  });

  test.each([
    ['few of the same', crowd(19, (index) => same(100 + index, 99 + index))],
    ['a server and its workers', crowd(200, (index) => same(100 + index, index === 0 ? 1 : 100))],
    [
      'a server of which some workers are about to run something else',
      crowd(200, (index) => same(100 + index, index === 0 ? 1 : index < 192 ? 100 : 101)),
    ],
    ['what a supervisor started a moment ago', crowd(60, (index) => same(100 + index, 50))],
    ['daemons that have been there for long', crowd(60, (index) => same(100 + index, 1, { startTicks: 500 }))],
    [
      'many that run different things',
      crowd(60, (index) => same(100 + index, 99 + index, { cmdline: `job ${index}` })),
    ],
    ['parents in a circle', crowd(60, (index) => same(100 + index, index % 2 === 0 ? 101 + index : 99 + index))],
    ['kernel threads', crowd(60, (index) => same(100 + index, 99 + index, { kernelThread: true }))],
    ['nobody', { processes: [] }],
  ])('is not %s', (_, processes) => {
    expect(multiplying(processes, NOW)).toBeNull();
  });

  test('is not guessed where it is not known how long the host is up', () => {
    expect(
      multiplying(
        crowd(25, (index) => same(100 + index, 1)),
        null,
      ),
    ).toBeNull();
  });

  test('is found among many in no time, however hostile', () => {
    const started = performance.now();
    multiplying(
      crowd(20_000, (index) => same(100 + index, 99 + index)),
      NOW,
    );
    multiplying(
      crowd(20_000, (index) => same(100 + index, 100 + ((index + 1) % 20_000))),
      NOW,
    );
    multiplying(
      crowd(20_000, (index) => same(100 + index, index, { comm: '__proto__', cmdline: '' })),
      NOW,
    );
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('is frozen at once, unless it was said how long SIGTERM may take', () => {
    const { processes } = crowd(31, (index) => same(100 + index, index === 0 ? 50 : 100 + Math.floor((index - 1) / 2)));
    const snapshot = snapshotOf([host(), somewhere(10, processes)]);
    const made = plan(snapshot, [10]);
    expect(stops(made)).toMatchObject([{ freeze: true, graceMs: 0, effect: expect.stringContaining('frozen first') }]);
    expect(made.warnings).toEqual([expect.stringContaining('no SIGTERM, which they would outrun')]);
    expect(stops(plan(snapshot, [10], { graceMs: 2000 }))).toMatchObject([{ freeze: false, graceMs: 2000 }]);
  });
});

describe('cgroups', () => {
  test('are told from /proc/<pid>/cgroup, version 2 and the freezer of version 1', () => {
    expect(cgroupPaths('0::/user.slice/a b\n')).toEqual({ 2: '/user.slice/a b', 1: null });
    expect(cgroupPaths('9:name=systemd:/x\n6:freezer:/y\n0::/\n')).toEqual({ 2: null, 1: '/y' });
    expect(cgroupPaths('5:cpu,freezer,blkio:/both\n')).toEqual({ 2: null, 1: '/both' });
    expect(cgroupPaths('6:notfreezer:/y\n1:name=freezer:/z\n')).toEqual({ 2: null, 1: null });
  });

  test.each([
    ['outside of our cgroup namespace', '0::/../other\n6:freezer:/..\n'],
    ['with a way up in it', '0::/a/../../b\n'],
    ['at the root', '0::/\n6:freezer:/\n'],
    ['that is no path', '0::relative\n6:freezer:\n'],
    ['in no line at all', ''],
    ['in a line cut short', '0:\n:\n6:freezer\n'],
  ])('%s are not frozen', (_, text) => {
    expect(cgroupPaths(text)).toEqual({ 2: null, 1: null });
  });

  test('may have colons, brackets and bytes that are no text in their names', () => {
    expect(cgroupPaths('0::/a:b::c (deleted)/\xff[]\n')).toEqual({ 2: '/a:b::c (deleted)/\xff[]', 1: null });
  });

  test('are looked for where their hierarchies are mounted whole', () => {
    const mountinfo = [
      '30 20 0:25 / /sys/fs/cgroup rw - tmpfs tmpfs rw',
      '31 30 0:26 / /sys/fs/cgroup/unified rw,relatime shared:5 - cgroup2 cgroup2 rw',
      '32 30 0:27 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer',
      '33 30 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids',
      '34 30 0:26 /docker/1 /mnt/part rw - cgroup2 cgroup2 rw',
      '35 30 0:26 /.. /mnt/above rw - cgroup2 cgroup2 rw',
      '36 30 0:29 / /mnt/\\040-\\040cgroup2 rw - ext4 /dev/sda rw',
    ].join('\n');
    expect(parseHierarchies(mountinfo)).toEqual([
      { version: 2, mountPoint: '/sys/fs/cgroup/unified' },
      { version: 1, mountPoint: '/sys/fs/cgroup/freezer' },
    ]);
    expect(parseHierarchies('')).toEqual([]);
  });
});

describe('who lives in a namespace, as the kernel lists its tasks', () => {
  const task = (pid: number, tid: number, netns: number, over: Partial<KernelTask> = {}): KernelTask => ({
    pid,
    tid,
    netns,
    comm: 'x',
    startTicks: tid,
    mountEvent: 0,
    parent: 1,
    uid: 0,
    kernelThread: false,
    zombie: false,
    mountNamespace: 1,
    userNamespace: 1,
    pidNamespace: 1,
    cgroups: 0,
    ...over,
  });
  const pids = (tasks: readonly KernelTask[]) => fromKernel(tasks, 10).map(({ pid }) => pid);

  test('is told by first threads', () => {
    expect(pids([task(5, 5, 10), task(5, 6, 20), task(7, 7, 20), task(7, 8, 10)])).toEqual([5]);
  });

  test('is told by all others where the first thread has ended', () => {
    const ended = { zombie: true, netns: 0 };
    expect(pids([task(5, 5, 0, ended), task(5, 6, 10), task(7, 7, 0, ended), task(7, 8, 10), task(7, 9, 20)])).toEqual([
      5,
    ]);
  });

  test('does not count what has ended, nor kernel threads', () => {
    expect(pids([task(5, 5, 10, { zombie: true }), task(6, 6, 0), task(7, 7, 10, { kernelThread: true })])).toEqual([]);
  });
});

describe('command lines', () => {
  const reads = (ms: number) => () => {
    for (const until = performance.now() + ms; performance.now() < until; );
    return 'text';
  };

  test('of a command that was slow to answer are left out from then on', () => {
    const took = [0, 60, 0];
    const lines = new CommandLines(() => reads(took.shift() ?? 0)());
    const read = (comm: string) => lines.read(0, 'cmdline', comm);
    expect(read('bomb')).toEqual({ text: 'text', forking: false });
    expect(read('bomb')).toEqual({ text: 'text', forking: true });
    expect(read('bomb')).toEqual({ text: '', forking: true });
    expect(read('other')).toEqual({ text: 'text', forking: false });
    expect(lines.leftOut).toBe(1);
    expect(took).toEqual([]);
  });

  test('are all left out once they have been waited for too long', () => {
    const lines = new CommandLines(reads(60));
    for (let index = 0; index < 20; index++) lines.read(0, 'cmdline', `name ${index}`);
    expect(lines.read(0, 'cmdline', 'ordinary')).toEqual({ text: '', forking: true });
  });

  test('of a process that is gone are none', () => {
    expect(new CommandLines(() => null).read(0, 'cmdline', 'gone')).toEqual({ text: null, forking: false });
  });
});

describe('commands whose memory maps are not looked at', () => {
  const record = (pid: number, ppid: number, over: Partial<TaskRecord> = {}): TaskRecord => ({
    ...{ pid, ppid, comm: 'bomb', cmdline: './bomb', uid: 0, user: null, startTicks: 1, kernelThread: false },
    ...{ zombie: false, cgroup: '', namespacePids: [pid], userNamespace: null, pidNamespace: null, refused: 0 },
    ...{ mountNamespace: null, netns: [], threadMountNamespaces: [], otherThreads: [] },
    ...over,
  });
  const line = (count: number, over: (index: number) => Partial<TaskRecord> = () => ({})) =>
    Array.from({ length: count }, (_, index) => record(100 + index, 99 + index, over(index)));

  test('are those that started one another over and over, and those that were slow to answer', () => {
    expect([...forkingCommands(line(30))]).toEqual(['bomb']);
    expect([...forkingCommands([record(5, 1, { comm: 'slow', forking: true })])]).toEqual(['slow']);
  });

  test('are not those of a server and its workers, of shells in shells, of kernel threads', () => {
    expect([...forkingCommands(line(200).map((each) => ({ ...each, ppid: each.pid === 100 ? 1 : 100 })))]).toEqual([]);
    expect([...forkingCommands(line(30, (index) => ({ cmdline: `sh -c ${index}` })))]).toEqual([]);
    expect([...forkingCommands(line(30, () => ({ cmdline: '', kernelThread: true })))]).toEqual([]);
  });
});
