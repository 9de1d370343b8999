import { describe, expect, test } from 'vitest';
import type { Gathered } from '../../collectors/index.ts';
import type { MountSighting } from '../../collectors/mounts.ts';
import { correlate } from '../../src/correlate/index.ts';
import { initialNamespace } from '../../src/correlate/initial.ts';
import { aTask, NO_MOUNTS, tasksSeen } from '../fixtures/gathered.ts';

function mount(ino: number, path: string, mountId = 1): MountSighting {
  return { ino, bytes: path, seenBy: 1, holder: { kind: 'mount', path, mountNamespace: 4026531832, mountId } };
}

function correlated(gathered: Gathered) {
  return new Map(correlate(gathered, 0).namespaces.map((ns) => [ns.ino, ns]));
}

describe('correlate', () => {
  test('a process with threads in two namespaces is in both, and obscure where its leader is not', () => {
    const namespaces = correlated({
      tasks: tasksSeen([
        aTask({
          pid: 7,
          netns: [
            { ino: 1, tid: 7, threads: 3 },
            { ino: 2, tid: 9, threads: 1 },
          ],
        }),
      ]),
    });
    expect(namespaces.get(1)).toMatchObject({ visibility: 'plain', processes: [{ pid: 7, threads: 3 }] });
    expect(namespaces.get(2)).toMatchObject({
      visibility: 'obscure',
      holders: [{ kind: 'task', pid: 7, tid: 9, threads: 1 }],
      processes: [{ pid: 7, threads: 1 }],
    });
  });

  test('sightings of one namespace by several sources become one row', () => {
    const namespaces = correlated({
      tasks: tasksSeen([aTask()]),
      mounts: {
        ...NO_MOUNTS,
        mounts: [mount(500, '/run/netns/a'), mount(500, '/odd')],
        names: [{ ino: 500, name: 'a' }],
      },
      descriptors: {
        sightings: [{ ino: 500, holder: { kind: 'descriptor', pid: 1, fd: 3, form: 'nsfs' } }],
        leads: [],
        mountNamespaces: [],
      },
      identity: { identities: new Map([[500, { cookie: '41', owner: { userNamespace: 9, uid: 3 } }]]) },
    });
    expect(namespaces.size).toBe(1);
    expect(namespaces.get(500)).toMatchObject({
      cookie: '41',
      owner: { userNamespace: 9, uid: 3 },
      names: ['a'],
      paths: ['/run/netns/a', '/odd'],
    });
    expect(namespaces.get(500)?.holders.map(({ kind }) => kind)).toEqual(['task', 'mount', 'mount', 'descriptor']);
  });

  test('a mount without a name in /run/netns is obscure', () => {
    const namespaces = correlated({ mounts: { ...NO_MOUNTS, mounts: [mount(500, '/odd')] } });
    expect(namespaces.get(500)?.visibility).toBe('obscure');
  });

  test('a process under a cover makes nothing plain', () => {
    const namespaces = correlated({
      tasks: tasksSeen([aTask({ pid: 7 })]),
      mounts: { ...NO_MOUNTS, mounts: [], covers: [{ pid: 7, path: '/proc/7', filesystem: 'tmpfs' }] },
    });
    expect(namespaces.get(500)).toMatchObject({ visibility: 'obscure', processes: [{ covered: true }] });
  });

  test('a namespace whose number nobody tells is a row of its own, and the same evidence the same row', () => {
    const procfile = (fd: number, unknown: string) =>
      ({ ino: null, unknown, holder: { kind: 'procfile', pid: 1, fd, path: '/proc/9/net/tcp' } }) as const;
    const { namespaces } = correlate(
      {
        descriptors: {
          sightings: [procfile(3, 'procfile:1'), procfile(4, 'procfile:1'), procfile(5, 'procfile:2')],
          leads: [],
          mountNamespaces: [],
        },
      },
      null,
    );
    expect(namespaces.map(({ ino, holders }) => [ino, holders.length])).toEqual([
      [null, 2],
      [null, 1],
    ]);
  });

  test('start times need the boot time', () => {
    const gathered = { tasks: tasksSeen([aTask({ startTicks: 250 })]) };
    expect(correlate(gathered, 1_000_000).namespaces[0]?.processes[0]?.startedAt).toBe('1970-01-01T00:16:42.500Z');
    expect(correlate(gathered, null).namespaces[0]?.processes[0]?.startedAt).toBeNull();
  });

  test('a namespace belongs to the container of its oldest process, the initial one to none', () => {
    const web = { engine: 'docker', id: 'abc', name: 'web', pod: null };
    const namespaces = correlated({
      tasks: tasksSeen([
        aTask({ pid: 8, cgroup: '/host', startTicks: 20 }),
        aTask({ pid: 7, cgroup: '/web', startTicks: 10 }),
        aTask({ pid: 2, cgroup: '/web', kernelThread: true, netns: [{ ino: 1, tid: 2, threads: 1 }] }),
      ]),
      containers: { byCgroup: new Map([['/web', web]]) },
    });
    expect(namespaces.get(500)?.container).toEqual(web);
    expect(namespaces.get(1)).toMatchObject({ initial: true, container: null });
  });

  test('nothing gathered is no namespace and no crash', () => {
    expect(correlate({}, null)).toEqual({ namespaces: [], leads: [], mountNamespaces: [] });
  });
});

describe('initialNamespace', () => {
  const first = aTask({ pid: 1, netns: [{ ino: 10, tid: 1, threads: 1 }] });
  const kernel = aTask({ pid: 2, kernelThread: true, netns: [{ ino: 11, tid: 2, threads: 1 }] });

  const NONE = new Set<number>();

  test('the number that only the initial one can have decides', () => {
    expect(initialNamespace([first, kernel], new Set([10, 11, 4026531833]))).toBe(4026531833);
  });

  test('kernel threads outweigh PID 1', () => {
    expect(initialNamespace([first, kernel], NONE)).toBe(11);
  });

  test('PID 1 counts in the initial pid namespace only', () => {
    expect(initialNamespace([first], NONE)).toBe(10);
    expect(initialNamespace([{ ...first, pidNamespace: 4026532999 }], NONE)).toBeNull();
  });

  test('a process that only calls itself kthreadd is none', () => {
    expect(initialNamespace([aTask({ pid: 2, comm: 'kthreadd' })], NONE)).toBeNull();
  });
});
