import { describe, expect, test } from 'vitest';
import type { Gathered } from '../../collectors/index.ts';
import {
  absentFields,
  type KernelData,
  type KernelNamespace,
  type KernelPin,
  type KernelTask,
} from '../../collectors/kernel.ts';
import {
  provenByUserland,
  seenTaskIds,
  unheld,
  unlisted,
  unlistedProcesses,
  unseenTasks,
} from '../../src/correlate/cross-view.ts';
import { fingerprint } from '../../src/correlate/fingerprint.ts';
import { correlate } from '../../src/correlate/index.ts';
import { formatEndpoint, pinHolder } from '../../src/correlate/kernel-answers.ts';
import { FADING_MS, questions, remember, settle } from '../../src/correlate/verdict.ts';
import { mountPointBytes, waysInto } from '../../src/enter.ts';
import { aTask, NO_MOUNTS, tasksSeen } from '../fixtures/gathered.ts';
import { aNamespace } from '../fixtures/snapshot.ts';

function listed(over: Partial<KernelNamespace> = {}): KernelNamespace {
  return {
    ino: 500,
    cookie: '41',
    id: 41n,
    count: 1,
    passive: 14,
    active: null,
    owner: { userNamespace: 9, uid: 0 },
    departed: false,
    ...over,
  };
}

function running(over: Partial<KernelTask> = {}): KernelTask {
  return {
    tid: 7,
    pid: 7,
    parent: 1,
    uid: 0,
    startTicks: 100,
    kernelThread: false,
    zombie: false,
    netns: 500,
    mountNamespace: 1,
    userNamespace: 9,
    pidNamespace: 2,
    mountEvent: 1,
    comm: 'sleep',
    cgroups: 0,
    ...over,
  };
}

function pin(over: Partial<KernelPin> = {}): KernelPin {
  return {
    place: 'descriptor',
    kind: 'nsfs',
    netns: 500,
    pid: 7,
    tid: 7,
    fd: 3,
    inode: 99,
    slot: 0,
    taskNetns: 1,
    deviceNetns: 0,
    ifindex: 0,
    family: 0,
    type: 0,
    protocol: 0,
    state: 0,
    localPort: 0,
    remotePort: 0,
    receiveQueue: 0,
    sendQueue: 0,
    local: '0'.repeat(32),
    remote: '0'.repeat(32),
    ...over,
  };
}

function kernelView(over: Partial<KernelData> = {}): KernelData {
  return { namespaces: [listed()], devices: [], stack: [], tasks: [], pins: [], hostWide: true, at: 0, ...over };
}

/** Both views of a host, userland's empty but complete. */
function host(over: Partial<Gathered> = {}): Gathered {
  return {
    tasks: tasksSeen([]),
    mounts: NO_MOUNTS,
    descriptors: { sightings: [], leads: [], mountNamespaces: [] },
    'pinned-mounts': { mounts: [], identities: new Map(), mountNamespaces: [] },
    kernel: kernelView(),
    ...over,
  };
}

const unheldIn = (gathered: Gathered) => unheld(gathered, provenByUserland(gathered));
const unlistedIn = (gathered: Gathered) => unlisted(gathered, provenByUserland(gathered));

describe('what the views do not agree on', () => {
  test('a namespace of the kernel that nobody holds', () => {
    expect(unheldIn(host()).map(({ ino }) => ino)).toEqual([500]);
    expect(unheldIn(host({ tasks: tasksSeen([aTask({ pid: 7 })]) }))).toEqual([]);
  });

  test('one that is dead or has left the list is no question', () => {
    expect(unheldIn(host({ kernel: kernelView({ namespaces: [listed({ count: 0 })] }) }))).toEqual([]);
    expect(unheldIn(host({ kernel: kernelView({ namespaces: [listed({ departed: true })] }) }))).toEqual([]);
  });

  test('a suspected holder holds nothing', () => {
    const lead = { kind: 'iouring', pid: 7, fd: 3, slot: 0, target: '/x', suspected: true } as const;
    const descriptors = { sightings: [{ ino: 500, holder: lead }], leads: [], mountNamespaces: [] };
    expect(unheldIn(host({ descriptors }))).toHaveLength(1);
  });

  test('a namespace the kernel does not list', () => {
    expect(
      unlistedIn(host({ tasks: tasksSeen([aTask({ pid: 7, netns: [{ ino: 600, tid: 7, threads: 1 }] })]) })),
    ).toEqual([600]);
    const blind = host({ tasks: tasksSeen([aTask({ pid: 7 })]) });
    delete blind.kernel;
    expect(unlistedIn(blind)).toEqual([]);
  });

  test('a task procfs does not list, unless it is one that may not be read', () => {
    const kernel = kernelView({ tasks: [running(), running({ tid: 8, pid: 8 })] });
    const seen = host({ kernel, tasks: tasksSeen([aTask({ pid: 7 })]) });
    expect(unseenTasks(seen, seenTaskIds(seen)).map(({ tid }) => tid)).toEqual([8]);
    const denied = host({ kernel, tasks: tasksSeen([aTask({ pid: 7 })], [8]) });
    expect(unseenTasks(denied, seenTaskIds(denied))).toEqual([]);
  });

  test('tasks are not compared where procfs leaves out whole classes of them', () => {
    const narrowed = { processes: [], listed: [], denied: [], narrowed: true };
    expect(unseenTasks(host({ kernel: kernelView({ tasks: [running()] }), tasks: narrowed }), new Set())).toEqual([]);
    const nested = kernelView({ tasks: [running()], hostWide: false });
    expect(unseenTasks(host({ kernel: nested }), new Set())).toEqual([]);
  });

  test('a process the kernel does not list', () => {
    const kernel = kernelView({ tasks: [running({ tid: 9, pid: 9 })] });
    expect(unlistedProcesses(host({ kernel, tasks: tasksSeen([aTask({ pid: 7 })]) })).map(({ pid }) => pid)).toEqual([
      7,
    ]);
  });
});

describe('the verdict', () => {
  const none = new Set<string>();

  /** Two looks, `after` milliseconds apart. */
  function twoLooks(first: Gathered, second: Gathered, after: number, vouched: ReadonlySet<string> = none) {
    const since = remember(new Map(), questions(first), 0);
    const open = questions(second);
    return settle(open, remember(since, open, after), vouched, new Set(), after);
  }

  const held = (pins: readonly KernelPin[]) => host({ kernel: kernelView({ pins }) });

  test('nothing is hidden at first sight', () => {
    const open = questions(held([pin({ place: 'inflight' })]));
    const settled = settle(open, remember(new Map(), open, 5), none, new Set(), 5);
    expect([...settled.hidden]).toEqual([]);
    expect([...settled.undecided]).toEqual(['41']);
  });

  test('what the kernel shows held the same way twice is hidden', () => {
    const look = held([pin({ place: 'inflight' })]);
    expect([...twoLooks(look, look, 1).hidden]).toEqual(['41']);
  });

  test('what passed from one hand to another in between is not', () => {
    const settled = twoLooks(held([pin({ fd: 3 })]), held([pin({ pid: 8, tid: 8, fd: 4 })]), 1);
    expect([...settled.hidden]).toEqual([]);
  });

  test('that a deeper look finds what holds it is no passing on', () => {
    expect([...twoLooks(held([]), held([pin({ place: 'orphan', fd: -1 })]), 1).hidden]).toEqual(['41']);
    expect([...twoLooks(held([]), held([pin()]), 1).hidden]).toEqual([]);
  });

  test('what nothing holds has to outlast what is about to be released', () => {
    expect([...twoLooks(held([]), held([]), FADING_MS - 1).hidden]).toEqual([]);
    expect([...twoLooks(held([]), held([]), FADING_MS).hidden]).toEqual(['41']);
  });

  test('a namespace procfs vouches for is neither hidden nor left out', () => {
    const look = host({ kernel: kernelView({ tasks: [running()] }) });
    const settled = twoLooks(look, look, FADING_MS, new Set(['41']));
    expect([...settled.hidden, ...settled.undecided]).toEqual([]);
  });

  test('nobody is accused by a source that was off, or of what may not be read', () => {
    const off = held([]);
    delete off.mounts;
    expect(questions(off).unheld.size).toBe(0);
    const denied = host({ tasks: tasksSeen([], [7]), kernel: kernelView({ pins: [pin()] }) });
    expect(questions(denied).unheld.size).toBe(0);
    expect(correlate(denied, null).namespaces).toMatchObject([
      { visibility: 'obscure', holders: [{ kind: 'descriptor', pid: 7, fd: 3, view: 'kernel' }] },
    ]);
  });

  test('another namespace with the same number is another question', () => {
    const reborn = host({ kernel: kernelView({ namespaces: [listed({ cookie: '42' })] }) });
    expect([...twoLooks(held([]), reborn, FADING_MS).hidden]).toEqual([]);
  });
});

describe('rows', () => {
  test('a dead namespace and one that left the list are dying', () => {
    const namespaces = [listed({ count: 0 }), listed({ cookie: '42', ino: 500, departed: true, count: 0 })];
    const rows = correlate(host({ kernel: kernelView({ namespaces }) }), null).namespaces;
    expect(rows.map(({ ino, cookie, visibility }) => [ino, cookie, visibility])).toEqual([
      [500, '41', 'dying'],
      [500, '42', 'dying'],
    ]);
  });

  test('what the list no longer has is gone, unless it never had it', () => {
    const gathered = host({ tasks: tasksSeen([aTask({ pid: 7, netns: [{ ino: 600, tid: 7, threads: 1 }] })]) });
    const verdicts = {
      hidden: new Set(['41']),
      undecided: new Set<string>(),
      vouched: new Set<string>(),
      concealedTasks: [],
    };
    const inodes = (unlistedTwice: readonly number[]) =>
      correlate(gathered, null, { ...verdicts, unlisted: new Set(unlistedTwice) }).namespaces.map(({ ino }) => ino);
    expect(inodes([])).toEqual([500]);
    expect(inodes([600])).toEqual([600, 500]);
  });

  test('a lead the kernel resolves is a holder, and no lead any more', () => {
    const lead = { kind: 'inflight', pid: 7, fd: 3, inode: 99, count: 2, suspected: true } as const;
    const queued = [pin({ place: 'inflight', slot: 0 }), pin({ place: 'inflight', slot: 1 })];
    const { namespaces, leads } = correlate(
      host({
        descriptors: { sightings: [], leads: [lead], mountNamespaces: [] },
        kernel: kernelView({ pins: queued }),
      }),
      null,
    );
    expect(leads).toEqual([]);
    expect(namespaces[0]?.holders).toEqual([
      { kind: 'inflight', pid: 7, fd: 3, view: 'kernel', inode: 99, count: 2, content: 'nsfs' },
    ]);
  });

  test('a tun nobody may ask is known by what the kernel says of its descriptor', () => {
    const lead = { kind: 'tun', pid: 7, fd: 3, device: null, deviceNamespace: null, suspected: true } as const;
    const { namespaces, leads } = correlate(
      host({
        descriptors: { sightings: [], leads: [lead], mountNamespaces: [] },
        kernel: kernelView({ pins: [pin({ kind: 'tun', deviceNetns: 500, ifindex: 4 })] }),
      }),
      null,
    );
    expect(leads).toEqual([]);
    expect(namespaces).toMatchObject([{ visibility: 'obscure', holders: [{ kind: 'tun', pid: 7, fd: 3 }] }]);
    expect(namespaces[0]?.holders[0]?.view).toBeUndefined();
  });

  test('what is watched is a network namespace when its number is on the list of those', () => {
    const lead = { kind: 'watch', pid: 7, fd: 3, mechanism: 'inotify', ino: 500, suspected: true } as const;
    const other = { ...lead, ino: 700 };
    const { namespaces, leads } = correlate(
      host({ descriptors: { sightings: [], leads: [lead, other], mountNamespaces: [] } }),
      null,
    );
    expect(namespaces).toMatchObject([{ visibility: 'obscure', holders: [{ kind: 'watch', pid: 7, fd: 3 }] }]);
    expect(leads).toEqual([other]);
  });

  test('many files in one ring are one holder with a count', () => {
    const pins = [5, 6, 7].map((slot) => pin({ place: 'registered', kind: 'socket', slot }));
    const [row] = correlate(host({ kernel: kernelView({ pins }) }), null).namespaces;
    expect(row?.holders).toEqual([
      { kind: 'iouring', pid: 7, fd: 3, view: 'kernel', slot: 5, target: 'socket', count: 3 },
    ]);
  });

  test('a socket known by its cookie alone gets its number from the list', () => {
    const holder = {
      kind: 'socket',
      pid: 7,
      fd: 3,
      inode: 1,
      family: 'inet',
      type: 'stream',
      protocol: 6,
      listening: false,
    } as const;
    const sighting = { ino: null, unknown: 'cookie:41', cookie: '41', holder };
    const gathered = host({ descriptors: { sightings: [sighting], leads: [], mountNamespaces: [] } });
    expect(correlate(gathered, null).namespaces).toMatchObject([{ ino: 500, visibility: 'obscure' }]);
    delete gathered.kernel;
    expect(correlate(gathered, null).namespaces).toMatchObject([{ ino: null, cookie: '41' }]);
  });
});

describe('holders the kernel names', () => {
  test('endpoints', () => {
    expect(formatEndpoint(2, `7f000001${'0'.repeat(24)}`, 80)).toBe('127.0.0.1:80');
    expect(formatEndpoint(10, `fe80${'0'.repeat(27)}1`, 80)).toBe('[fe80::1]:80');
  });

  test('one for each place', () => {
    const devices = new Map([['500 4', 'tap0']]);
    const kinds = (['inflight', 'unaccepted', 'registered', 'mapped', 'link', 'orphan', 'nowhere'] as const).map(
      (place) => pinHolder(pin({ place, kind: 'socket', family: 2 }), devices)?.kind ?? null,
    );
    expect(kinds).toEqual(['inflight', 'inflight', 'iouring', 'mapping', 'bpflink', 'orphan', null]);
    expect(pinHolder(pin({ place: 'registered', fd: -1 }), devices)).toMatchObject({ kind: 'mapping' });
    expect(pinHolder(pin({ kind: 'tun', deviceNetns: 500, ifindex: 4 }), devices)).toMatchObject({ device: 'tap0' });
    expect(pinHolder(pin({ kind: 'nothing' }), devices)).toBeNull();
  });
});

describe('fields a kernel does not have', () => {
  const device = {
    netns: 500,
    ifindex: 2,
    name: 'v0',
    kind: 'veth',
    flags: 1,
    mtu: 1500,
    operstate: 6,
    registration: 1,
    type: 1,
    address: '',
    references: 3,
    peer: { netns: 500, ifindex: 3 },
  };

  test('are said, and nothing is said where all are there', () => {
    expect(absentFields({ namespaces: [listed()], devices: [device] })).toEqual([]);
    const old = listed({ count: null, cookie: null, id: null });
    const subjects = absentFields({ namespaces: [old], devices: [{ ...device, references: null, peer: null }] }).map(
      ({ subject }) => subject,
    );
    expect(subjects).toEqual([
      'reference counts of namespaces',
      'cookies',
      'namespace ids',
      'reference counts of devices',
      'peers of veth and netkit devices',
    ]);
  });
});

describe('the fingerprint', () => {
  const quiet = kernelView({ tasks: [running()], pins: [pin()] });

  test('changes with what userland evidence depends on', () => {
    const before = fingerprint(quiet).holders;
    for (const changed of [
      { ...quiet, tasks: [running({ netns: 501 })] },
      { ...quiet, tasks: [running({ startTicks: 101 })] },
      { ...quiet, tasks: [running({ mountEvent: 2 })] },
      { ...quiet, tasks: [running({ comm: 'sleeq' })] },
      { ...quiet, pins: [pin({ fd: 4 })] },
      { ...quiet, pins: [] },
      { ...quiet, namespaces: [listed({ cookie: '42' })] },
      { ...quiet, namespaces: [listed({ count: 0 })] },
    ]) {
      expect(fingerprint(changed).holders).not.toBe(before);
    }
  });

  test('does not change with kernel threads, reference counts and what only deeper looks find', () => {
    const noise = {
      ...quiet,
      tasks: [running(), running({ tid: 9, pid: 9, kernelThread: true })],
      namespaces: [listed({ count: 5, passive: 20 })],
      pins: [pin(), pin({ place: 'orphan', fd: -1, pid: 0, tid: 0 })],
    };
    expect(fingerprint(noise)).toEqual(fingerprint(quiet));
  });
});

describe('ways into a namespace', () => {
  test('what needs least first, its handle last', () => {
    const ns = aNamespace({
      cookie: '41',
      processes: [],
      holders: [
        { kind: 'socket', pid: 7, fd: 3, inode: 1, family: 'inet', type: 'stream', protocol: 6, listening: false },
        { kind: 'mount', path: '/run/netns/a', mountNamespace: 1, mountId: 9 },
        { kind: 'task', pid: 7, tid: 7, threads: 1 },
        { kind: 'inflight', pid: 7, fd: 4, inode: 2, count: 1, suspected: true },
      ],
    });
    const ways = waysInto(ns, { mountNamespaces: [{ ino: 1, pids: [70] }] });
    expect(ways.map((way) => ('handle' in way ? way.handle : way.holder.kind))).toEqual([
      'task',
      'mount',
      'socket',
      41n,
    ]);
    expect(ways[1]).toMatchObject({ seenBy: 70, mountPoint: '/run/netns/a' });
  });

  test('mount points are the bytes they are', () => {
    expect(mountPointBytes({ path: '/ü' })).toBe('/\xc3\xbc');
    expect(mountPointBytes({ path: 'x', rawPath: '/a\\x0ab\\\\c\\xff' })).toBe('/a\nb\\c\xff');
  });
});
