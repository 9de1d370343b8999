import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { KernelProbe } from '../../collectors/kernel/load.ts';
import { readProbe } from '../../collectors/kernel.ts';
import { collect } from '../../src/collect.ts';
import { openSnapshotNamespace } from '../../src/enter.ts';
import { evidenceFor } from '../../src/model/evidence.ts';
import type { Namespace, Snapshot } from '../../src/model/index.ts';
import { close } from '../../src/os/libc.ts';
import { inNetworkNamespace } from '../../src/os/network-namespace.ts';
import { describeWay } from '../../src/os/open-namespace.ts';
import { closeProcfs, openProcfs } from '../../src/os/procfs.ts';
import { Session } from '../../src/session.ts';
import { run, Scene, snapshotWithout } from './scene.ts';

let scene: Scene;
let session: Session;
let probe: KernelProbe;

beforeAll(async () => {
  session = new Session();
  const state = await session.probe();
  if ('failure' in state) throw new Error(`no kernel view here: ${state.failure.reason}`);
  probe = state.probe;
});

afterAll(() => session.close());

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.end());

function withCookie(snapshot: Snapshot, cookie: string): Namespace | undefined {
  return snapshot.namespaces.find((ns) => ns.cookie === cookie);
}

/** Goes into a namespace of a snapshot and comes back with the names of its devices and how it got in. */
function enter(ns: Namespace, snapshot: Snapshot): { readonly way: string; readonly devices: string[] } {
  const procfs = openProcfs('/proc');
  try {
    const opened = openSnapshotNamespace(procfs, ns, snapshot);
    if (opened.fd === null) throw new Error(`cannot open net:[${ns.ino}]: ${opened.why}`);
    try {
      const text = inNetworkNamespace(procfs.fd, opened.fd, `net:[${ns.ino}]`, () =>
        readFileSync('/proc/thread-self/net/dev', 'latin1'),
      );
      const devices = [...text.matchAll(/^ *(\S+):/gm)].map(([, name]) => name ?? '');
      return { way: describeWay(opened.way), devices };
    } finally {
      close(opened.fd);
    }
  } finally {
    closeProcfs(procfs);
  }
}

/** A directory with a bpffs of its own, gone with the scene. */
function bpffs(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nsleuth-test-'));
  scene.defer(() => rmSync(directory, { recursive: true, force: true }));
  run('mount', '-t', 'bpf', 'none', directory);
  scene.defer(() => run('umount', directory));
  return directory;
}

/** Frees a TCP orphan's namespace: nothing else would, for a minute. */
function destroyOrphans(ns: Namespace, snapshot: Snapshot): void {
  const procfs = openProcfs('/proc');
  const { fd } = openSnapshotNamespace(procfs, ns, snapshot);
  if (fd !== null) {
    run('nsenter', `--net=/proc/${process.pid}/fd/${fd}`, 'ss', '-K', '-t', '-a');
    close(fd);
  }
  closeProcfs(procfs);
}

describe('a namespace held by nothing but', () => {
  const KINDS = [
    { kind: 'inflight-descriptor', holder: { kind: 'inflight', content: 'nsfs', count: 1 }, owned: true },
    { kind: 'inflight-socket', holder: { kind: 'inflight', content: 'socket', count: 1 }, owned: true },
    { kind: 'unaccepted', holder: { kind: 'inflight', content: 'connection', count: 1 }, owned: true },
    { kind: 'packet-ring', holder: { kind: 'mapping', target: expect.stringMatching(/^socket:/) }, owned: true },
    { kind: 'iouring-mapped', holder: { kind: 'mapping', target: 'anon_inode:[io_uring]' }, owned: true },
    { kind: 'nf-link', holder: { kind: 'bpflink', id: expect.any(Number) }, owned: false },
    {
      kind: 'tcp-orphan',
      holder: {
        kind: 'orphan',
        family: 'inet',
        state: 'FIN_WAIT1',
        local: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      },
      owned: false,
    },
  ] as const;

  test.each(KINDS)('$kind is hidden, names that holder and can be entered', async ({ kind, holder, owned }) => {
    const argument =
      kind === 'unaccepted' ? join(scene.directory(), 'listener') : kind === 'nf-link' ? join(bpffs(), 'link') : '';
    const held = await scene.start(process.execPath, [
      join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', 'hidden.mjs'),
      kind,
      argument,
    ]);
    const { cookie, pid } = JSON.parse(held.line) as { cookie: string; pid: number };

    const snapshot = await snapshotWithout();
    const seen = withCookie(snapshot, cookie);
    expect(seen).toMatchObject({ visibility: 'hidden', names: [], processes: [] });
    expect(seen?.witnesses).toEqual(expect.arrayContaining([{ source: 'kernel' }, { source: 'handles' }]));
    expect(seen?.references?.count).toBeGreaterThan(0);
    expect(seen?.holders).toEqual([expect.objectContaining({ view: 'kernel', ...holder, ...(owned ? { pid } : {}) })]);
    if (seen === undefined) return;
    expect(evidenceFor(seen, snapshot).map(({ source, sees }) => [source, sees])).toEqual([
      ['tasks', 'no'],
      ['mounts', 'no'],
      ['descriptors', 'no'],
      ['pinned-mounts', 'no'],
      ['kernel', 'yes'],
      ['handles', 'yes'],
      ['listns', 'unknown'],
    ]);
    expect(enter(seen, snapshot)).toMatchObject({ way: 'nsfs handle', devices: expect.arrayContaining(['lo']) });
    expect(run(process.execPath, 'dist/cli.js', 'show', `cookie:${cookie}`)).toMatch(/^Enters by +nsfs handle$/m);

    expect(withCookie(await snapshotWithout('kernel'), cookie)).toBeUndefined();
    if (kind === 'tcp-orphan') destroyOrphans(seen, snapshot);
  });

  test.each(['descriptor', 'unix', 'inet6', 'packet', 'tun', 'detached', 'thread', 'iouring', 'private-table'])(
    '%s is not hidden: userland shows the holder',
    async (kind) => {
      const held = await scene.hold(kind);
      const seen = withCookie(await snapshotWithout(), held.cookie);
      expect(seen?.visibility).toBe('obscure');
      expect(seen?.holders.filter(({ view }) => view === 'kernel')).toEqual([]);
    },
  );

  test('a file under a dead /proc/<pid>/net gets its number from the kernel, and stays obscure', async () => {
    const held = await scene.hold('procfile');
    const seen = withCookie(await snapshotWithout(), held.cookie);
    expect(seen).toMatchObject({ ino: held.ino, visibility: 'obscure' });
    expect(seen?.holders).toMatchObject([{ kind: 'procfile', pid: held.pid, fd: held.fd }]);
  });
});

describe('sources that are off', () => {
  test.each([
    { kind: 'process', off: 'tasks', visibility: 'plain', holder: { kind: 'task', view: 'kernel' } },
    {
      kind: 'inet',
      off: 'descriptors',
      visibility: 'obscure',
      holder: { kind: 'socket', family: 'inet', view: 'kernel' },
    },
    { kind: 'tun', off: 'descriptors', visibility: 'obscure', holder: { kind: 'tun', view: 'kernel' } },
  ])('the kernel answers for $off, and nothing is called hidden', async ({ kind, off, visibility, holder }) => {
    const held = await scene.hold(kind);
    const snapshot = await snapshotWithout(off);
    const seen = withCookie(snapshot, held.cookie);
    expect(seen?.visibility).toBe(visibility);
    expect(seen?.holders).toContainEqual(expect.objectContaining({ ...holder, pid: held.pid }));
    expect(snapshot.namespaces.filter((ns) => ns.visibility === 'hidden')).toEqual([]);
  });
});

interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly mtu: number;
  readonly address: string;
  readonly operstate: string;
  readonly flags: readonly string[];
  readonly linkinfo?: { readonly info_kind?: string };
}

describe('devices', () => {
  test('are those ip shows, each with what it is connected to in whatever namespace', async () => {
    const [a, b] = [scene.name(), scene.name()];
    for (const name of [a, b]) {
      run('ip', 'netns', 'add', name);
      scene.defer(() => run('ip', 'netns', 'delete', name));
    }
    run('ip', '-n', a, 'link', 'add', 'uplink', 'mtu', '1400', 'type', 'veth', 'peer', 'name', 'far', 'netns', b);
    run('ip', '-n', a, 'link', 'set', 'uplink', 'up');
    run('ip', '-n', b, 'link', 'add', 'br0', 'type', 'bridge');
    run('ip', '-n', b, 'link', 'set', 'far', 'master', 'br0');
    run('ip', '-n', a, 'link', 'add', 'link', 'uplink', 'name', 'covert', 'type', 'macvlan', 'mode', 'bridge');
    run('ip', '-n', a, 'link', 'set', 'covert', 'netns', b);

    const { namespaces } = await snapshotWithout();
    const of = (name: string) => namespaces.find((ns) => ns.names.includes(name));
    for (const name of [a, b]) {
      const shown = JSON.parse(run('ip', '-n', name, '-d', '-j', 'link')) as IpLink[];
      expect(
        of(name)?.devices?.map(({ ifindex, name, mtu, address, kind }) => ({ ifindex, name, mtu, address, kind })),
      ).toEqual(
        shown.map(({ ifindex, ifname, mtu, address, linkinfo }) => ({
          ifindex,
          name: ifname,
          mtu,
          address,
          kind: linkinfo?.info_kind ?? null,
        })),
      );
      for (const { ifname, operstate } of shown) {
        const device = of(name)?.devices?.find((known) => known.name === ifname);
        expect([ifname, device?.operstate]).toEqual([ifname, operstate.toLowerCase()]);
        expect(device?.references).toBeGreaterThan(0);
      }
    }
    const device = (ns: string, name: string) => of(ns)?.devices?.find((known) => known.name === name);
    expect(device(a, 'uplink')).toMatchObject({
      peer: { netns: of(b)?.ino, name: 'far' },
      upper: [{ netns: of(b)?.ino, name: 'covert' }],
      flags: expect.arrayContaining(['up']),
    });
    expect(device(b, 'far')).toMatchObject({
      peer: { netns: of(a)?.ino, name: 'uplink' },
      upper: [{ netns: of(b)?.ino, name: 'br0' }],
    });
    expect(device(b, 'covert')).toMatchObject({ lower: [{ netns: of(a)?.ino, name: 'uplink' }] });
    expect(device(b, 'br0')).toMatchObject({ lower: [{ netns: of(b)?.ino, name: 'far' }] });
  });

  test('more than one page of them are all read', async () => {
    const name = scene.name();
    run('ip', 'netns', 'add', name);
    scene.defer(() => run('ip', 'netns', 'delete', name));
    const path = join(scene.directory(), 'links');
    const count = 9000;
    writeFileSync(path, Array.from({ length: count }, (_, index) => `link add d${index} type ifb\n`).join(''));
    run('ip', '-n', name, '-b', path);
    const ino = Number(run('stat', '-L', '-c', '%i', `/run/netns/${name}`));
    const inside = probe.devices().devices.filter(({ netns }) => netns === ino);
    expect(new Set(inside.map(({ ifindex }) => ifindex)).size).toBe(count + 1);
  });
});

test('a namespace that is being torn down is dying, and then it is gone', async () => {
  const names = Array.from({ length: 40 }, () => scene.name());
  for (const name of names) {
    run('ip', 'netns', 'add', name);
    scene.defer(() => run('sh', '-c', `ip netns delete ${name} 2>/dev/null || true`));
  }
  const mine = (snapshot: Snapshot) =>
    new Set(
      snapshot.namespaces.filter((ns) => ns.names.some((name) => names.includes(name))).map(({ cookie }) => cookie),
    );
  const before = mine(await collect({ procRoot: '/proc', without: [] }, undefined, session));
  expect(before.size).toBe(names.length);

  run('sh', '-c', names.map((name) => `ip netns delete ${name}`).join(';'));
  const states = new Set<string>();
  const deadline = Date.now() + 20_000;
  for (;;) {
    const left = probe.namespaces().filter(({ cookie }) => before.has(cookie));
    for (const { departed, count } of left) states.add(departed ? 'departed' : count === 0 ? 'dead' : 'alive');
    if (left.length === 0 || Date.now() > deadline) break;
  }
  expect(states).not.toContain('alive');
  expect([...states]).toEqual(expect.arrayContaining(['departed']));
  expect(probe.namespaces().filter(({ cookie }) => before.has(cookie))).toEqual([]);
});

test('tasks and descriptors agree with procfs', async () => {
  const held = await scene.hold('listening');
  const living = await scene.hold('thread');
  const { tasks, pins } = readProbe(probe, true);
  const stat = readFileSync(`/proc/${held.pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  expect(tasks.find(({ tid }) => tid === held.pid)).toMatchObject({
    pid: held.pid,
    parent: process.pid,
    comm: 'node',
    uid: 0,
    startTicks: Number(stat[19]),
    zombie: false,
    kernelThread: false,
  });
  expect(tasks.find(({ tid }) => tid === living.tid)).toMatchObject({ pid: living.pid, netns: living.ino });
  expect(pins.find(({ pid, fd }) => pid === held.pid && fd === held.fd)).toMatchObject({
    place: 'descriptor',
    kind: 'socket',
    netns: held.ino,
    family: 2,
    type: 1,
    state: 10,
  });
});
