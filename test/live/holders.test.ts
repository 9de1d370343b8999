import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cookieByEntering } from '../../collectors/identity.ts';
import { holderPid } from '../../src/model/describe.ts';
import type { Snapshot } from '../../src/model/index.ts';
import { AT_FDCWD, close, O_CLOEXEC, O_RDONLY, openat } from '../../src/os/libc.ts';
import { namespaceId, namespaceLink } from '../../src/os/nsfs.ts';
import { closeProcfs, openProcfs } from '../../src/os/procfs.ts';
import { find, holdersOf, run, Scene, userlandWithout } from './scene.ts';

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.end());

/** Descriptor kinds: the namespace is found with its holder, and not at all without the descriptors source. */
const DESCRIPTOR_KINDS = [
  { kind: 'descriptor', holder: { kind: 'descriptor', form: 'nsfs' } },
  { kind: 'detached', holder: { kind: 'descriptor', form: 'detached' } },
  { kind: 'unix', holder: { kind: 'socket', family: 'unix', type: 'dgram', listening: false } },
  { kind: 'inet', holder: { kind: 'socket', family: 'inet', type: 'dgram', protocol: 17 } },
  { kind: 'inet6', holder: { kind: 'socket', family: 'inet6', type: 'stream', protocol: 6 } },
  { kind: 'netlink', holder: { kind: 'socket', family: 'netlink', type: 'raw' } },
  { kind: 'packet', holder: { kind: 'socket', family: 'packet', type: 'raw' } },
  { kind: 'raw', holder: { kind: 'socket', family: 'inet', type: 'raw', protocol: 1 } },
  { kind: 'listening', holder: { kind: 'socket', family: 'inet', type: 'stream', listening: true } },
  { kind: 'accepted', holder: { kind: 'socket', family: 'unix', type: 'stream', listening: false } },
  { kind: 'tun', holder: { kind: 'tun', device: null, deviceNamespace: null } },
  { kind: 'inotify', holder: { kind: 'watch', mechanism: 'inotify' } },
  { kind: 'fanotify', holder: { kind: 'watch', mechanism: 'fanotify' } },
  { kind: 'iouring', holder: { kind: 'iouring', slot: 0 } },
] as const;

describe('a namespace held by nothing but', () => {
  test.each(DESCRIPTOR_KINDS)('$kind is obscure and has that holder', async ({ kind, holder }) => {
    const held = await scene.hold(kind, kind === 'accepted' ? join(scene.directory(), 'server') : '');

    const seen = find(await userlandWithout(), held.ino);
    // A watched or registered file can be seen and not opened, so nobody tells its cookie.
    const cookie = kind === 'inotify' || kind === 'fanotify' || kind === 'iouring' ? null : held.cookie;
    expect(seen).toMatchObject({ visibility: 'obscure', names: [], processes: [], cookie });
    expect(seen?.holders).toEqual([expect.objectContaining({ pid: held.pid, fd: held.fd, ...holder })]);

    expect(find(await userlandWithout('descriptors'), held.ino)).toBeUndefined();
  });

  test.for(['alg', 'vsock'] as const)('a %s socket, where the kernel has that family', async (family, { skip }) => {
    const held = await scene.hold(family).catch((error: Error) => error);
    if (held instanceof Error) {
      expect(held.message).toContain('ended with 97'); // EAFNOSUPPORT
      skip('this kernel does not have that family');
      return;
    }
    expect(holdersOf(find(await userlandWithout(), held.ino), 'socket')).toMatchObject([{ pid: held.pid, family }]);
  });

  test('a process is plain', async () => {
    const held = await scene.hold('process');

    const seen = find(await userlandWithout(), held.ino);
    expect(seen).toMatchObject({ visibility: 'plain', cookie: held.cookie, initial: false });
    expect(holdersOf(seen, 'task')).toEqual([{ kind: 'task', pid: held.pid, tid: held.pid, threads: 1 }]);
    expect(seen?.processes).toMatchObject([{ pid: held.pid, comm: 'node', uid: 0, user: 'root', ppid: process.pid }]);

    expect(holdersOf(find(await userlandWithout('tasks'), held.ino), 'task')).toEqual([]);
    expect(find(await userlandWithout('tasks', 'descriptors'), held.ino)).toBeUndefined();
  });

  test('one thread of a process is obscure', async () => {
    const held = await scene.hold('thread');

    const seen = find(await userlandWithout(), held.ino);
    expect(seen).toMatchObject({ visibility: 'obscure', cookie: held.cookie });
    expect(holdersOf(seen, 'task')).toEqual([{ kind: 'task', pid: held.pid, tid: held.tid, threads: 1 }]);

    expect(find(await userlandWithout('tasks', 'descriptors'), held.ino)).toBeUndefined();
  });

  test("a descriptor in a thread's private table is found, and so is its socket", async () => {
    const held = await scene.hold('private-table');

    const seen = find(await userlandWithout(), held.ino);
    expect(seen?.visibility).toBe('obscure');
    expect(holdersOf(seen, 'descriptor')).toMatchObject([{ pid: held.pid, tid: held.tid, fd: held.fd, form: 'nsfs' }]);
    expect(holdersOf(seen, 'socket')).toMatchObject([
      { pid: held.pid, tid: held.tid, fd: held.socket, family: 'unix' },
    ]);

    expect(find(await userlandWithout('descriptors'), held.ino)).toBeUndefined();
  });

  test('a name in /run/netns is plain', async () => {
    const name = scene.name();
    scene.defer(() => run('ip', 'netns', 'delete', name));
    run('ip', 'netns', 'add', name);
    const path = `/run/netns/${name}`;

    const seen = (await userlandWithout()).namespaces.filter((ns) => ns.names.includes(name));
    expect(seen).toMatchObject([{ visibility: 'plain', paths: [path], processes: [] }]);
    expect(seen[0]?.holders).toMatchObject([{ kind: 'mount', path }]);

    const ino = seen[0]?.ino ?? 0;
    expect(find(await userlandWithout('mounts'), ino)).toBeUndefined();
  });

  test('a mount at an odd path is obscure', async () => {
    const path = join(scene.directory(), 'odd \\ path\twith\nall');
    closeSync(openSync(path, 'w'));
    scene.defer(() => run('umount', path));
    const ino = Number(
      run(
        'unshare',
        '--net',
        'sh',
        '-ec',
        'mount --bind /proc/self/ns/net "$1"; stat -L -c %i /proc/self/ns/net',
        'sh',
        path,
      ),
    );

    const seen = find(await userlandWithout(), ino);
    expect(seen?.visibility).toBe('obscure');
    expect(seen?.holders).toMatchObject([
      {
        kind: 'mount',
        path: path.replace('\t', '\\x09').replace('\n', '\\x0a'),
        rawPath: expect.stringContaining('odd \\\\ path\\x09with\\x0aall'),
      },
    ]);
    expect(seen?.cookie).toMatch(/^\d+$/);

    expect(find(await userlandWithout('mounts'), ino)).toBeUndefined();
  });

  test('a mount in a mount namespace of other processes only is obscure', async () => {
    const path = join(scene.directory(), 'elsewhere');
    closeSync(openSync(path, 'w'));
    const { pid, line } = await scene.shell(
      `exec unshare --mount --propagation private sh -ec '
         unshare --net sh -ec "mount --bind /proc/self/ns/net ${path}; stat -L -c %i /proc/self/ns/net"
         exec sleep 60'`,
    );
    const ino = Number(line);

    const snapshot = await userlandWithout();
    const seen = find(snapshot, ino);
    expect(seen?.visibility).toBe('obscure');
    expect(seen?.holders).toMatchObject([{ kind: 'mount', path }]);
    const [holder] = seen?.holders ?? [];
    const mountNamespace = holder?.kind === 'mount' ? holder.mountNamespace : null;
    expect(snapshot.mountNamespaces.find((known) => known.ino === mountNamespace)?.pids).toEqual([pid]);
    expect(seen?.cookie).toMatch(/^\d+$/);

    expect(find(await userlandWithout('mounts'), ino)).toBeUndefined();
  });

  test('a mount in a mount namespace nobody lives in is obscure', async () => {
    const path = join(scene.directory(), 'pinned');
    closeSync(openSync(path, 'w'));
    const held = await scene.hold('mount-namespace', path);

    const seen = find(await userlandWithout(), held.ino);
    expect(seen).toMatchObject({ visibility: 'obscure', cookie: held.cookie });
    expect(seen?.holders).toMatchObject([{ kind: 'mount', path, mountNamespace: held.mountNamespace }]);

    expect(find(await userlandWithout('pinned-mounts'), held.ino)).toBeUndefined();
  });

  test('a descriptor opened through a mount that is gone reads as detached', async () => {
    const name = scene.name();
    run('ip', 'netns', 'add', name);
    const held = await scene.hold('bound', `/run/netns/${name}`);
    const bound = (await userlandWithout()).namespaces.find((ns) => ns.names.includes(name));
    expect(holdersOf(bound, 'descriptor')).toMatchObject([{ pid: held.pid, fd: held.fd, form: 'bound' }]);

    run('ip', 'netns', 'delete', name);
    const seen = find(await userlandWithout(), bound?.ino ?? 0);
    expect(seen).toMatchObject({ visibility: 'obscure', names: [], cookie: bound?.cookie });
    expect(seen?.holders).toMatchObject([{ kind: 'descriptor', pid: held.pid, fd: held.fd, form: 'detached' }]);
  });

  test('an attached tun names its device, and where the device is', async () => {
    const device = 'nsltun0';
    const held = await scene.hold('tun', device);
    const before = find(await userlandWithout(), held.ino);
    expect(before?.holders).toMatchObject([{ kind: 'tun', device, deviceNamespace: held.ino }]);
  });

  test('a file under /proc/<pid>/net proves a namespace whose number nobody tells', async () => {
    const held = await scene.hold('procfile');

    const seen = (await userlandWithout()).namespaces.filter((ns) =>
      ns.holders.some((holder) => holder.kind === 'procfile' && holder.pid === held.pid),
    );
    expect(seen).toMatchObject([{ ino: null, visibility: 'obscure', cookie: null }]);
    expect(seen[0]?.holders).toMatchObject([
      { kind: 'procfile', fd: held.fd, path: expect.stringMatching(/\/net\/tcp$/) },
    ]);

    const without = await userlandWithout('descriptors');
    expect(without.namespaces.filter((ns) => ns.ino === null)).toEqual([]);
  });

  test('a file under /proc/<pid>/net is a holder of the namespace it belongs to where that is known otherwise', async () => {
    const name = scene.name();
    scene.defer(() => run('ip', 'netns', 'delete', name));
    run('ip', 'netns', 'add', name);
    const mounted = await scene.hold('procfile-of', `/run/netns/${name}`);
    const living = await scene.hold('process');
    const other = await scene.hold('procfile-of', `/proc/${living.pid}/ns/net`);

    const snapshot = await userlandWithout();
    expect(holdersOf(find(snapshot, mounted.ino), 'procfile')).toMatchObject([{ pid: mounted.pid, fd: mounted.fd }]);
    expect(holdersOf(find(snapshot, living.ino), 'procfile')).toMatchObject([{ pid: other.pid, fd: other.fd }]);
  });

  test('nested pid and user namespaces is found with its owner and nested pid', async () => {
    const { line } = await scene.shell(
      `exec unshare --user --map-root-user --net --pid --fork --mount-proc sh -ec 'stat -L -c "%i" /proc/self/ns/net; stat -L -c %i /proc/self/ns/user >/dev/null; exec sleep 60'`,
    );
    const seen = find(await userlandWithout(), Number(line));
    expect(seen?.visibility).toBe('plain');
    const inner = seen?.processes.find(({ namespacePids }) => namespacePids.at(-1) === 1);
    expect(inner?.namespacePids).toEqual([inner?.pid, 1]);
    expect(inner?.userNamespace).not.toBe(4026531837);
    expect(seen?.owner).toEqual({ userNamespace: inner?.userNamespace, uid: 0 });

    expect(find(await userlandWithout('tasks', 'descriptors'), Number(line))).toBeUndefined();
  });
});

describe('leads: holders whose namespace the kernel does not tell', () => {
  test.each([
    { kind: 'inflight', lead: { kind: 'inflight', count: 1, suspected: true } },
    {
      kind: 'packet-ring',
      lead: { kind: 'mapping', target: expect.stringMatching(/^socket:\[\d+\]$/), suspected: true },
    },
    { kind: 'mapped-iouring', lead: { kind: 'mapping', target: 'anon_inode:[io_uring]', suspected: true } },
    { kind: 'iouring-socket', lead: { kind: 'iouring', slot: 0, suspected: true } },
  ])('$kind', async ({ kind, lead }) => {
    const held = await scene.hold(kind);
    const snapshot = await userlandWithout();
    expect(snapshot.leads.filter((holder) => holderPid(holder) === held.pid)).toEqual([expect.objectContaining(lead)]);
    expect((await userlandWithout('descriptors')).leads).toEqual([]);
  });
});

describe('a mount laid over /proc/<pid>', () => {
  /** In a mount namespace of its own, so that the host's /proc is never touched. */
  function listUnderCover(pid: number, ...options: readonly string[]): Snapshot {
    const script = 'mount -t tmpfs none "/proc/$1"; shift; exec "$@"';
    const command = [process.execPath, 'dist/cli.js', 'list', '--json', ...options];
    return JSON.parse(
      run('unshare', '--mount', '--propagation', 'private', 'sh', '-ec', script, 'sh', String(pid), ...command),
    ) as Snapshot;
  }

  test('hides nothing, is recorded, and makes the namespace obscure', async () => {
    const held = await scene.hold('process');
    const snapshot = listUnderCover(held.pid);
    expect(find(snapshot, held.ino)).toMatchObject({
      visibility: 'obscure',
      processes: [{ pid: held.pid, covered: true }],
    });
    expect(snapshot.coverage.find(({ source }) => source === 'mounts')?.notes).toContainEqual({
      subject: `/proc/${held.pid}`,
      reason: expect.stringContaining(`other tools do not see pid ${held.pid}`),
    });

    expect(find(listUnderCover(held.pid, '--without', 'mounts'), held.ino)?.visibility).toBe('plain');
    expect(find(listUnderCover(held.pid, '--without', 'tasks,kernel'), held.ino)).toBeUndefined();
  });
});

describe('names in /run/netns', () => {
  test('a stale plain file is reported and not listed', async () => {
    const name = scene.name();
    mkdirSync('/run/netns', { recursive: true });
    writeFileSync(`/run/netns/${name}`, '');
    scene.defer(() => run('rm', `/run/netns/${name}`));

    const snapshot = await userlandWithout();
    expect(snapshot.namespaces.filter((ns) => ns.names.includes(name))).toEqual([]);
    expect(snapshot.coverage.find(({ source }) => source === 'mounts')?.notes).toContainEqual({
      subject: `/run/netns/${name}`,
      reason: expect.stringContaining('stale'),
    });
  });
});

test('a descriptor on a dead filesystem does not block the scan', async () => {
  const held = await scene.hold('dead-fuse', scene.directory());
  // Whoever asks the filesystem waits: this is what the scan must not do.
  expect(spawnSync('timeout', ['-s', 'KILL', '1', 'stat', '-L', `/proc/${held.pid}/fd/${held.fd}`]).signal).toBe(
    'SIGKILL',
  );

  const seen = find(await userlandWithout(), held.ino);
  expect(holdersOf(seen, 'socket')).toMatchObject([{ pid: held.pid, fd: held.socket }]);
});

test('the cookie learned by entering a namespace is the one the kernel gives as its id', async () => {
  const held = await scene.hold('process');
  const procfs = openProcfs('/proc');
  const fd = openat(procfs.fd, `${held.pid}/ns/net`, O_RDONLY | O_CLOEXEC);
  try {
    expect(String(cookieByEntering(procfs.fd, fd))).toBe(held.cookie);
    expect(String(namespaceId(fd) ?? held.cookie)).toBe(held.cookie);
    expect(namespaceLink(AT_FDCWD, '/proc/thread-self/ns/net')).not.toBe(held.ino);
  } finally {
    close(fd);
    closeProcfs(procfs);
  }
});
