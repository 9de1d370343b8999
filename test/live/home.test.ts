import { readdirSync, readlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InsideSource } from '../../collectors/index.ts';
import type { InsideCollector } from '../../collectors/inside/contract.ts';
import { enter } from '../../collectors/inside/enter.ts';
import { inspectNamespaces } from '../../collectors/inside/inspect.ts';
import { waysIn } from '../../collectors/ways.ts';
import { contextFor } from '../../src/collect.ts';
import { close, O_CLOEXEC, O_RDONLY, openat } from '../../src/os/libc.ts';
import { dumpRequest, NETLINK_ROUTE, NETLINK_SOCK_DIAG, NetlinkSocket } from '../../src/os/netlink/socket.ts';
import { inNetworkNamespace } from '../../src/os/network-namespace.ts';
import { namespaceLink, nsfsDevice } from '../../src/os/nsfs.ts';
import { closeProcfs, openProcfs, type Procfs } from '../../src/os/procfs.ts';
import { Run } from '../../src/run.ts';
import { Session } from '../../src/session.ts';
import { run, Scene } from './scene.ts';

const home = (): string => readlinkSync('/proc/thread-self/ns/net');
const openFiles = (): number => readdirSync('/proc/self/fd').length;
const EVERYTHING = {
  netlink: [NETLINK_ROUTE, NETLINK_SOCK_DIAG],
  files: ['dev', 'sockstat'],
  filesFromOutside: [],
  filesAfter: () => [],
} as const;
const LINKS = dumpRequest('RTM_GETLINK', 18, Buffer.alloc(16));

let scene: Scene;
let procfs: Procfs;
let name: string;
let before: string;

beforeEach(() => {
  scene = new Scene();
  procfs = openProcfs('/proc');
  name = scene.name();
  run('ip', 'netns', 'add', name);
  scene.defer(() => run('sh', '-c', `ip netns del ${name} 2>/dev/null || true`));
  before = home();
});

afterEach(async () => {
  closeProcfs(procfs);
  await scene.end();
});

function openNamed(): number {
  return openat(procfs.fd, `/run/netns/${name}`, O_RDONLY | O_CLOEXEC);
}

/** What the collectors see when these are all that runs, in the namespace of the test alone. */
async function inspectWith(...inspect: readonly InsideCollector<InsideSource>['inspect'][]) {
  const collecting = new Run(contextFor(procfs, {}, new AbortController().signal, new Session()), []);
  await collecting.stages((stage) => stage === 'tasks' || stage === 'mounts');
  const ino = collecting.gathered.mounts?.names.find((mounted) => mounted.name === name)?.ino ?? 0;
  const collectors = inspect.map((each): InsideCollector<InsideSource> => {
    return {
      name: 'links',
      view: 'userland',
      reads: '',
      needs: '',
      netlink: [NETLINK_ROUTE],
      files: [],
      inspect: each,
    };
  });
  return inspectNamespaces(collecting.context, collecting.gathered, collectors, new Set([ino]));
}

describe('after looking into a namespace the thread is home again', () => {
  it('when what runs inside throws', () => {
    const fd = openNamed();
    const inside = { seen: '' };
    expect(() =>
      inNetworkNamespace(procfs.fd, fd, name, () => {
        inside.seen = home();
        throw new Error('thrown inside');
      }),
    ).toThrow('thrown inside');
    close(fd);
    expect(inside.seen).not.toBe(before);
    expect(home()).toBe(before);
  });

  it('when the namespace is deleted in the middle, and what was opened inside still speaks for it', () => {
    const fd = openNamed();
    const files = openFiles();
    const socket = inNetworkNamespace(procfs.fd, fd, name, () => {
      const opened = new NetlinkSocket(NETLINK_ROUTE);
      run('ip', 'netns', 'del', name);
      return opened;
    });
    expect(home()).toBe(before);
    expect(socket.ask(LINKS, () => 'link').records).toEqual(['link']);
    socket.close();
    expect(openFiles()).toBe(files);
    close(fd);
  });

  it('when a collector throws, which costs its own evidence and no other', async () => {
    const files = openFiles();
    const { coverage, inside } = await inspectWith(
      () => {
        throw new Error('a bug');
      },
      () => ({ data: { links: [] }, seen: 1 }),
    );
    expect(home()).toBe(before);
    expect(coverage).toMatchObject([
      { status: 'unavailable', seen: 0, missed: [{ reason: 'a bug' }] },
      { status: 'complete', seen: 1 },
    ]);
    expect([...inside.values()]).toMatchObject([{ links: { links: [] } }]);
    expect(openFiles()).toBe(files);
  });

  it('when a namespace takes too long: it is given up and said to be missing', async () => {
    const { coverage } = await inspectWith(({ netlink }) => {
      for (const until = performance.now() + 3100; performance.now() < until; );
      netlink(NETLINK_ROUTE).ask(LINKS, () => null);
      return { data: null, seen: 0 };
    });
    expect(home()).toBe(before);
    expect(coverage).toMatchObject([{ status: 'unavailable', missed: [{ reason: 'RTM_GETLINK took too long' }] }]);
  });

  it('when it is gone before it is entered: that is no gap', async () => {
    const collecting = new Run(contextFor(procfs, {}, new AbortController().signal, new Session()), []);
    await collecting.stages((stage) => stage === 'tasks' || stage === 'mounts');
    const ino = collecting.gathered.mounts?.names.find((mounted) => mounted.name === name)?.ino ?? 0;
    run('ip', 'netns', 'del', name);
    collecting.inspect((source) => source === 'addresses', new Set([ino]));
    expect(home()).toBe(before);
    expect(collecting.gathered.inside?.has(ino)).toBe(false);
    expect(collecting.coverage().find(({ source }) => source === 'addresses')).toMatchObject({ missed: [] });
  });
});

describe('entering and leaving', () => {
  it('leaves no descriptor open in 10,000 rounds', async () => {
    const collecting = new Run(contextFor(procfs, {}, new AbortController().signal, new Session()), []);
    await collecting.stages((stage) => stage === 'tasks' || stage === 'mounts');
    const { context, gathered } = collecting;
    const ino = gathered.mounts?.names.find((mounted) => mounted.name === name)?.ino ?? 0;
    const way = {
      ino,
      ways: waysIn(gathered).get(ino) ?? [],
      own: namespaceLink(procfs.fd, 'thread-self/ns/net'),
      device: nsfsDevice(procfs.fd) ?? -1,
    };
    const files = openFiles();
    for (let round = 0; round < 10_000; round++) {
      const entered = enter(context, gathered, way, EVERYTHING);
      expect(entered.inside?.file('sockstat')).toContain('sockets: used');
      if (entered.inside !== null) entered.close();
    }
    expect(openFiles()).toBe(files);
    expect(home()).toBe(before);
  });
});
