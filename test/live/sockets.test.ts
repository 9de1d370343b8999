import { release } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { collect, contextFor } from '../../src/collect.ts';
import { withProcesses } from '../../src/correlate/sockets.ts';
import type { Socket } from '../../src/model/index.ts';
import { closeProcfs, openProcfs } from '../../src/os/procfs.ts';
import { Run } from '../../src/run.ts';
import { Session } from '../../src/session.ts';
import { lookInside } from './inside.ts';
import { run, Scene } from './scene.ts';

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.end());

function namespace(): string {
  const name = scene.namespace();
  run('ip', '-n', name, 'link', 'set', 'lo', 'up');
  return name;
}

/** Starts test/live/programs/sockets.ts: the descriptor of each socket by the name it has there. */
async function openSockets(
  netns: string,
  ...sorts: readonly string[]
): Promise<{
  readonly pid: number;
  readonly fds: Readonly<Record<string, number>>;
  readonly end: () => Promise<void>;
}> {
  const program = join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', 'sockets.mjs');
  const args = [program, `/run/netns/${netns}`, scene.directory(), ...sorts];
  const { pid, line, end } = await scene.start(process.execPath, args);
  return { pid, fds: JSON.parse(line) as Record<string, number>, end };
}

/** Looks for sockets in namespaces, after the given stages; the numbers of those namespaces. */
async function scan<T>(
  names: readonly string[],
  stages: readonly string[],
  use: (run: Run, inodes: readonly number[]) => T,
): Promise<T> {
  const procfs = openProcfs('/proc');
  const session = new Session();
  try {
    const scan = new Run(contextFor(procfs, {}, new AbortController().signal, session), []);
    await scan.stages((name) => ['tasks', 'mounts', ...stages].includes(name));
    const inodes = names.map((netns) => scan.gathered.mounts?.names.find(({ name }) => name === netns)?.ino ?? 0);
    scan.inspect((name) => name === 'sockets', new Set(inodes));
    return use(scan, inodes);
  } finally {
    await session.close();
    closeProcfs(procfs);
  }
}

/** Sockets of a namespace with whoever has them open, as the given stages show those. */
async function look(
  netns: string,
  ...stages: readonly string[]
): Promise<{ readonly sockets: readonly Socket[]; readonly counted: number | null }> {
  return scan([netns], stages, ({ gathered }, [ino = 0]) => {
    const { sockets = [], counted = null } = gathered.inside?.get(ino)?.sockets ?? {};
    return { sockets: withProcesses(sockets, ino, gathered), counted };
  });
}

/** What ss(8) and we tell of a socket, in the same words. */
interface Facts {
  readonly key: string;
  readonly state: string;
  readonly queues: string;
  readonly local: string;
  readonly remote: string;
  readonly users: string;
  readonly inode: number;
}

const STATES: Readonly<Record<string, string>> = { ESTAB: 'established', UNCONN: 'close' };

/** `users:(("node",pid=7,fd=3),("node",pid=8,fd=3))` */
function usersOf(text: string): string {
  return [...text.matchAll(/\("((?:[^"\\]|\\.)*)",pid=(\d+),fd=(\d+)\)/g)]
    .map(([, comm, pid, fd]) => `${comm} ${pid} ${fd}`)
    .sort()
    .join();
}

function ourUsers({ processes }: Socket): string {
  return (processes ?? [])
    .map(({ comm, pid, fd }) => `${comm} ${pid} ${fd}`)
    .sort()
    .join();
}

/** IP, packet and unix sockets: the columns of `ss -a -n -p -e`. A path may have newlines in it. */
function ssFacts(netns: string): readonly Facts[] {
  const text = run('ss', '-N', netns, '-H', '-O', '-a', '-n', '-p', '-e', '-t', '-u', '-0', '-x', '-M');
  const ip =
    /^(tcp|udp|mptcp|p_raw|p_dgr) +(\S+) +(\d+) +(\d+) +(\S+?):(\S+) +(\S+)(?: +(users:\S+))?.*? (?:ino:(\d+)) sk:([0-9a-f]+)/gm;
  const unix = /^(u_str|u_dgr|u_seq) +(\S+) +(\d+) +(\d+) +([\s\S]*?) (\d+) +\* (\d+) +(users:\S+)?/gm;
  return [
    ...[...text.matchAll(ip)].map(
      ([, kind = '', state = '', read, write, local, port, remote, users = '', ino, sk]) => ({
        key: `${kind} ${Number.parseInt(sk ?? '', 16)}`,
        state: STATES[state] ?? state.toLowerCase(),
        queues: `${read} ${write}`,
        local: `${local}:${port}`,
        remote: remote ?? '',
        users: usersOf(users),
        inode: Number(ino),
      }),
    ),
    ...[...text.matchAll(unix)].map(([, kind = '', state = '', read, write, , ino, peer, users = '']) => ({
      key: `${kind} ${ino}`,
      state: STATES[state] ?? state.toLowerCase(),
      queues: `${read} ${write}`,
      local: '',
      remote: peer ?? '',
      users: usersOf(users),
      inode: Number(ino),
    })),
  ];
}

function withBrackets(address: string | null): string {
  return address?.includes(':') ? `[${address}]` : (address ?? '');
}

/** An IP address as ss writes it: `*` stands for any of both families. */
function ipAddress({ family, notes, state, localAddress }: Socket, address: string | null): string {
  const dual = family === 'inet6' && localAddress === '::' && !notes.includes('v6only');
  const any = family === 'inet' ? '0.0.0.0' : dual ? '*' : '[::]';
  const bound = (state === 'listen' || state === 'close') && (address === null || address === '::' || address === any);
  return bound ? any : withBrackets(address);
}

function ourFacts(socket: Socket): Facts {
  const { family, type, protocol, state, receiveQueue, sendQueue, inode, cookie, ifindex } = socket;
  const common = { state, queues: `${receiveQueue} ${sendQueue}`, users: ourUsers(socket), inode };
  if (family === 'unix') {
    const kind = { stream: 'u_str', dgram: 'u_dgr', seqpacket: 'u_seq' }[type as 'stream'];
    return { ...common, key: `${kind} ${inode}`, local: '', remote: String(socket.peerInode ?? 0) };
  }
  if (family === 'packet') {
    const what = { all: '*', ipv4: '[2048]', none: '[0]', '0x88cc': '[35020]' }[protocol];
    const key = `${type === 'raw' ? 'p_raw' : 'p_dgr'} ${cookie}`;
    return { ...common, key, local: `${what}:${ifindex === 1 ? 'lo' : '*'}`, remote: '*' };
  }
  const device = ifindex === 1 ? '%lo' : '';
  return {
    ...common,
    key: `${protocol} ${cookie}`,
    local: `${ipAddress(socket, socket.localAddress)}${device}:${socket.localPort}`,
    remote: `${ipAddress(socket, socket.remoteAddress)}:${socket.remotePort ?? '*'}`,
  };
}

test('every socket ss shows is there, with the same state, queues, addresses and processes', async () => {
  const netns = namespace();
  await openSockets(netns);

  let theirs: readonly Facts[] = [];
  let sockets: readonly Socket[] = [];
  // The connection without a process still sends, now and then, which the sniffer hears: both may change in between.
  await expect
    .poll(async () => {
      theirs = ssFacts(netns);
      ({ sockets } = await look(netns, 'descriptors'));
      const ours = new Map(sockets.map((socket) => [ourFacts(socket).key, ourFacts(socket)]));
      return theirs.flatMap((facts) => {
        const our = ours.get(facts.key);
        return isDeepStrictEqual(our, facts) ? [] : [{ theirs: facts, our }];
      });
    })
    .toEqual([]);
  expect(theirs.length).toBeGreaterThan(35);
  // This ss knows no UDP-Lite and no TCP socket that is only bound; netlink sockets it shows without inode and process.
  const known = new Set(theirs.map(({ key }) => key));
  const more = sockets.filter((socket) => socket.family !== 'netlink' && !known.has(ourFacts(socket).key));
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const inactive = major > 6 || (major === 6 && minor >= 8) ? ['tcp 4006'] : [];
  expect(more.map(({ protocol, localPort }) => `${protocol} ${localPort}`).sort()).toEqual([
    ...inactive,
    'udplite 5004',
  ]);
});

test('what ss does not show of them is there as well', async () => {
  const netns = namespace();
  const { pid, fds } = await openSockets(netns);
  const { sockets } = await look(netns, 'descriptors');

  const held = (name: string): Socket | undefined =>
    sockets.find(({ protocol, processes }) => {
      return protocol !== 'mptcp' && processes?.some((process) => process.pid === pid && process.fd === fds[name]);
    });
  expect(held('client')).toMatchObject({ uid: 0, notes: ['mark 0x2a'], remotePort: 4001 });
  expect(held('accepted')).toMatchObject({ receiveQueue: 6, state: 'established', notes: [] });
  expect(held('sixOnly')).toMatchObject({
    family: 'inet6',
    localAddress: '::',
    notes: ['v6only'],
    remoteAddress: null,
  });
  expect(held('mapped')).toMatchObject({ family: 'inet6', localAddress: '::ffff:127.0.0.1' });
  expect(held('onDevice')).toMatchObject({ ifindex: 1, state: 'listen' });
  expect(held('udpClient')).toMatchObject({ localPort: 5003, remoteAddress: '127.0.0.1', remotePort: 5001 });

  const [waiting, left, right] = ['pathWaiting', 'left', 'right'].map((name) => held(name)?.inode);
  expect(held('path')).toMatchObject({
    localAddress: `${scene.directory()}/esc\\x1b[31m\\x0a`,
    rawLocalAddress: `${scene.directory()}/esc\\x1b[31m\\x0a`,
    receiveQueue: 1,
    notes: [`waiting to be accepted: inode ${waiting}`],
  });
  expect(held('abstract')).toMatchObject({ localAddress: '@nsleuth-abstract', type: 'dgram', uid: 0 });
  expect(held('abstract')).not.toHaveProperty('rawLocalAddress');
  expect(held('abstractHostile')).toMatchObject({
    localAddress: '@a\\x00b\\x1b]0;x\\x07',
    rawLocalAddress: '\\x00a\\x00b\\x1b]0;x\\x07',
  });
  expect(held('abstractPadded')).toMatchObject({
    localAddress: '@padded',
    rawLocalAddress: `\\x00padded${'\\x00'.repeat(20)}`,
  });
  expect([held('left')?.peerInode, held('right')?.peerInode]).toEqual([right, left]);

  expect(held('sniffer')).toMatchObject({ protocol: 'all', ifindex: 1, uid: 0, notes: ['promiscuous on ifindex 1'] });
  expect(held('ring')).toMatchObject({
    protocol: 'ipv4',
    ifindex: null,
    notes: ['receive ring of 2 × 4096 bytes in frames of 2048, TPACKET_V1'],
  });
  expect(held('fanout')).toMatchObject({ protocol: '0x88cc', notes: ['fanout group 77 by cpu'] });
  expect(held('idle')).toMatchObject({ protocol: 'none', notes: ['receives nothing'] });

  const netlink = sockets.filter(({ family }) => family === 'netlink');
  expect(netlink.map(({ protocol, notes, localPort }) => ({ protocol, notes, localPort }))).toEqual([
    { protocol: 'route', notes: ['groups 1, 5'], localPort: pid },
    { protocol: 'kobject-uevent', notes: ['groups 1'], localPort: pid },
  ]);

  const orphan = sockets.find(({ state }) => state === 'fin-wait-1');
  expect(orphan).toMatchObject({ inode: 0, uid: null, remotePort: 4008, processes: [] });
  expect(orphan?.sendQueue).toBeGreaterThan(0);
  expect(sockets.find(({ state }) => state === 'time-wait')).toMatchObject({ inode: 0, uid: null, processes: [] });

  const cookies = sockets.map(({ cookie }) => cookie);
  expect(cookies.filter((cookie) => cookie === null || !/^[1-9]\d*$/.test(cookie))).toEqual([]);
  expect(new Set(cookies).size).toBe(sockets.length);
});

test('the processes are found by the kernel alone, and by nobody where neither view is asked', async ({ skip }) => {
  const netns = namespace();
  await openSockets(netns, 'tcp', 'unix', 'packet', 'netlink');
  const byCookie = ({ sockets }: { readonly sockets: readonly Socket[] }) =>
    new Map(sockets.filter(({ inode }) => inode !== 0).map((socket) => [socket.cookie, socket.processes]));

  const userland = byCookie(await look(netns, 'descriptors'));
  expect([...userland.values()].filter((processes) => processes?.length !== 1)).toEqual([]);
  const neither = byCookie(await look(netns));
  expect([...neither.values()].filter((processes) => processes !== null)).toEqual([]);
  const kernel = byCookie(await look(netns, 'kernel'));
  if ([...kernel.values()].every((processes) => processes === null)) skip('the probe does not load here');
  expect(kernel).toEqual(userland);
});

test.each(['tcp', 'bound', 'udp', 'unix', 'packet', 'netlink', 'raw', 'unbound', 'mptcp'])(
  'what is spared where all is accounted for costs no %s socket',
  async (sort) => {
    const netns = namespace();
    await openSockets(netns, sort);

    const thrifty = await look(netns, 'descriptors');
    const full = await look(netns);
    const [some, all] = [thrifty, full].map(({ sockets }) =>
      sockets.map(({ cookie, protocol }) => `${protocol} ${cookie}`).sort(),
    );
    expect(some).toEqual(all);
    expect(full.counted).toBeGreaterThan(0);
    expect(all?.length).toBeGreaterThanOrEqual(sort === 'raw' || sort === 'unbound' ? 0 : 1);
  },
);

test('a packet socket with more memberships than the kernel can list hides neither itself nor others', async () => {
  const netns = namespace();
  const { fds } = await openSockets(netns, 'crowded');

  const { sockets } = await look(netns, 'descriptors');
  const found = sockets.map(({ processes, notes }) => [processes?.[0]?.fd, notes]);
  expect(found).toHaveLength(3);
  expect(found).toContainEqual([fds.crowded, ['memberships not told: too many, perhaps']]);
  expect(found.map(([fd]) => fd).sort()).toEqual([fds.before, fds.crowded, fds.after].sort());
});

// The sockets of whoever asked before, ip(8) or us, are counted until they are freed, some milliseconds later.

test('a namespace in which only we have sockets has none, and none is counted', async () => {
  const netns = namespace();
  const inside = async () => (await lookInside(netns, 'addresses', 'routes', 'sockets', 'firewall')).data.sockets;
  await expect.poll(inside).toEqual({ sockets: [], counted: 0, answered: true });
});

test('ten thousand sockets are all there, each with its process, and nothing contradicts them', async () => {
  const held = await scene.hold('crowd', '10000');
  const snapshot = await collect({ procRoot: '/proc', without: [], focus: () => new Set([held.ino]) });
  const ns = snapshot.namespaces.find(({ ino }) => ino === held.ino);
  const listening = ns?.sockets?.filter(({ state }) => state === 'listen') ?? [];
  expect(listening).toHaveLength(10_000);
  expect(new Set(listening.map(({ localPort }) => localPort)).size).toBe(10_000);
  for (const { processes } of listening) expect(processes).toMatchObject([{ pid: held.pid }]);
  expect(ns?.discrepancies).toEqual([]);
});

test('connections in TIME_WAIT are seen when no socket is left', async () => {
  const netns = namespace();
  const { end } = await openSockets(netns, 'tcp');
  await end();

  const left = expect.arrayContaining([expect.objectContaining({ state: 'time-wait' })]);
  await expect.poll(() => look(netns, 'descriptors')).toEqual({ counted: 0, sockets: left });
});

test("a socket of the kernel's own is seen although nobody opened it", async () => {
  const netns = namespace();
  const vxlan = ['type', 'vxlan', 'id', '5', 'remote', '::1', 'dev', 'lo', 'dstport', '4789'];
  run('ip', '-n', netns, 'link', 'add', 'vx0', ...vxlan);
  run('ip', '-n', netns, 'link', 'set', 'vx0', 'up');

  const own = [expect.objectContaining({ family: 'inet6', protocol: 'udp', localPort: 4789 })];
  await expect.poll(() => look(netns, 'descriptors')).toEqual({ counted: 0, sockets: own });
});

test('a part of the kernel that is not there is named once, however many namespaces there are', async () => {
  const netns = [namespace(), namespace(), namespace()];
  const [seen, subjects] = await scan(netns, [], (run) => {
    const coverage = run.coverage().find(({ source }) => source === 'sockets');
    return [
      run.gathered.inside?.size,
      [...(coverage?.notes ?? []), ...(coverage?.missed ?? [])].map((of) => of.subject),
    ];
  });
  expect(seen).toBe(3);
  expect(subjects).toEqual([...new Set(subjects)]);
});
