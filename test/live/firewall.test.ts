import { chmodSync, existsSync, openSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readRuleset } from '../../collectors/firewall/ask.ts';
import type { FirewallTable, Namespace, Snapshot } from '../../src/model/index.ts';
import { close, getsockopt, recv, send, socket } from '../../src/os/libc.ts';
import { type Attribute, encodeAttributes } from '../../src/os/netlink/attributes.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from '../../src/os/netlink/socket.ts';
import { inNetworkNamespace } from '../../src/os/network-namespace.ts';
import { closeProcfs, openProcfs, type Procfs } from '../../src/os/procfs.ts';
import { type RulesetOptions, type RulesetText, rulesetOf } from '../../src/ruleset.ts';
import { sanitise } from '../../src/terminal/sanitise.ts';
import { lookInside } from './inside.ts';
import { run, Scene, userlandWithout } from './scene.ts';

/** Parts of the kernel that are to seem not loaded, and the netlink protocols that sockets were opened of. */
const { missing, opened } = vi.hoisted(() => ({ missing: new Set<string>(), opened: [] as number[] }));

vi.mock('../../src/os/kernel-modules.ts', async (original) => {
  const actual = await original<typeof import('../../src/os/kernel-modules.ts')>();
  const hasKernelPart: typeof actual.hasKernelPart = (part, sysRoot) =>
    !missing.has(part) && actual.hasKernelPart(part, sysRoot);
  return { ...actual, hasKernelPart };
});

vi.mock('../../src/os/libc.ts', async (original) => {
  const actual = await original<typeof import('../../src/os/libc.ts')>();
  const spied: typeof actual.socket = (family, type, protocol) => {
    if (family === AF_NETLINK) opened.push(protocol);
    return actual.socket(family, type, protocol);
  };
  return { ...actual, socket: spied };
});

const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 0o2000003;
const MSG_DONTWAIT = 0x40;

let scene: Scene;
let procfs: Procfs;
let netns: string;

beforeEach(() => {
  scene = new Scene();
  procfs = openProcfs('/proc');
  scene.defer(() => closeProcfs(procfs));
  netns = namespace();
});

afterEach(async () => {
  missing.clear();
  await scene.end();
});

const namespace = (): string => scene.namespace();

/** Loads a ruleset in the namespace. */
function load(...lines: readonly string[]): void {
  const file = join(scene.directory(), 'ruleset.nft');
  writeFileSync(file, `${lines.join('\n')}\n`);
  run('ip', 'netns', 'exec', netns, 'nft', '-f', file);
}

function nft(...args: readonly string[]): string {
  return run('ip', 'netns', 'exec', netns, 'nft', ...args);
}

function within<T>(inside: () => T): T {
  const fd = openSync(`/run/netns/${netns}`, 'r');
  try {
    return inNetworkNamespace(procfs.fd, fd, netns, inside);
  } finally {
    close(fd);
  }
}

interface NftObject {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly chain: string;
  readonly type?: string;
  readonly hook?: string;
  readonly prio?: number;
  readonly policy?: string;
}

/** Devices of a chain, which nft's JSON does not tell of in every version (1.0.6 does not). */
function devicesAsNftTells({ family, table, name }: NftObject): string[] {
  const [, list = ''] = /hook \S+ devices? (?:= )?(.*?) priority/.exec(nft('list', 'chain', family, table, name)) ?? [];
  return list.match(/[^{}", ]+/g) ?? [];
}

/** What nft itself says of the namespace, in the words of the model; flags are wrong in its JSON (1.0.6). */
function asNftTells(): Omit<FirewallTable, 'flags'>[] {
  const { nftables } = JSON.parse(nft('-j', 'list', 'ruleset')) as { nftables: Record<string, NftObject>[] };
  const all = (kind: string) => nftables.flatMap((entry) => entry[kind] ?? []);
  const text = (name: string) => sanitise(Buffer.from(name, 'utf8').toString('latin1')).text;
  return all('table').map(({ family, name }) => {
    const isOurs = (object: NftObject) => object.family === family && object.table === name;
    return {
      family,
      name: text(name),
      chains: all('chain')
        .filter(isOurs)
        .map((chain) => ({
          name: text(chain.name),
          type: chain.type ?? null,
          hook: chain.hook ?? null,
          priority: chain.prio ?? null,
          devices: (chain.hook ?? '').endsWith('gress') ? devicesAsNftTells(chain).sort() : [],
          policy: chain.policy ?? null,
          rules: all('rule').filter((rule) => isOurs(rule) && rule.chain === chain.name).length,
        })),
      sets: [...all('set'), ...all('map')].filter(isOurs).length,
    };
  });
}

async function tablesSeen(): Promise<readonly FirewallTable[]> {
  const { data, coverage } = await lookInside(netns, 'firewall');
  expect(coverage).toMatchObject([{ source: 'firewall', status: 'complete', missed: [] }]);
  return data.firewall?.tables ?? [];
}

/** As `asNftTells`: the order of devices is nobody's. */
function comparable(tables: readonly FirewallTable[]): Omit<FirewallTable, 'flags'>[] {
  return tables.map(({ flags: _, rawName: __, ...table }) => ({
    ...table,
    chains: table.chains.map((chain) => ({ ...chain, devices: chain.devices.toSorted() })),
  }));
}

/** One message for nf_tables. */
function message(type: number, family: number, resource: number, attributes: readonly Attribute[]): Buffer {
  const body = encodeAttributes(attributes);
  const bytes = Buffer.alloc(20);
  bytes.writeUInt32LE(20 + body.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(0x401, 6); // NLM_F_REQUEST | NLM_F_CREATE
  bytes[16] = family;
  bytes.writeUInt16BE(resource, 18);
  return Buffer.concat([bytes, body]);
}

/** Changes the ruleset as one transaction: what no version of nft would let through. */
function transact(through: NetlinkSocket, ...messages: readonly Buffer[]): void {
  const batch = [message(0x10, 0, 10, []), ...messages, message(0x11, 0, 10, [])]; // NFNL_MSG_BATCH_BEGIN, _END
  const bytes = Buffer.concat(batch);
  expect(send(through.fd, bytes, bytes.length, 0)).toBe(bytes.length);
  const answer = Buffer.alloc(4096);
  expect(recv(through.fd, answer, answer.length, MSG_DONTWAIT)).toBe(-1); // no error was sent back
}

function bytesOf(latin1: string): Buffer {
  return Buffer.from(`${latin1}\0`, 'latin1');
}

const NEWTABLE = 10 << 8;
const NEWCHAIN = (10 << 8) | 3;

describe('tables of nftables', () => {
  test('of every family are seen as nft tells of them', async () => {
    run('ip', '-n', netns, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
    load(
      'table ip filter {',
      '  set allowed { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.168.0.1 } }',
      '  map verdicts { type inet_service : verdict; elements = { 22 : accept } }',
      '  chain input { type filter hook input priority -150; policy drop;',
      '    ip saddr @allowed accept',
      '    tcp dport { 80, 443 } accept', // a set without a name
      '    tcp dport vmap @verdicts',
      '    jump rest',
      '  }',
      '  chain rest { counter',
      '    return',
      '  }',
      '  chain empty { }',
      '}',
      'table ip nat {',
      '  chain post { type nat hook postrouting priority srcnat; masquerade; }',
      '}',
      'table ip mangle {',
      '  chain out { type route hook output priority mangle; }',
      '}',
      'table ip6 filter {',
      '  chain forwarded { type filter hook forward priority 10; policy accept; }',
      '}',
      'table inet all_4.6-x/y {',
      '  chain pre { type filter hook prerouting priority -300; }',
      '  chain dev { type filter hook ingress device v0 priority 0; }',
      '}',
      'table arp filter {',
      '  chain in { type filter hook input priority 1; }',
      '  chain out { type filter hook output priority 2; policy drop; }',
      '}',
      'table bridge filter {',
      '  chain pre { type filter hook prerouting priority -1; }',
      '  chain forwarded { type filter hook forward priority 0; policy drop; counter; }',
      '}',
      'table netdev filter {',
      '  chain one { type filter hook ingress device v0 priority -500; policy accept; counter drop; }',
      '  chain both { type filter hook ingress devices = { v0, v1 } priority 0; }',
      '  chain leaving { type filter hook egress device v1 priority 5; }',
      '}',
    );

    const seen = await tablesSeen();
    expect(comparable(seen)).toEqual(asNftTells());
    expect(seen.map(({ family, name }) => `${family} ${name}`)).toEqual([
      'ip filter',
      'ip nat',
      'ip mangle',
      'ip6 filter',
      'inet all_4.6-x/y',
      'arp filter',
      'bridge filter',
      'netdev filter',
    ]);
    expect(seen[0]).toMatchObject({ sets: 2, chains: [{ policy: 'drop', rules: 4 }, { rules: 2 }, { rules: 0 }] });
    expect(seen[7]?.chains.map(({ hook, devices }) => ({ hook, devices: devices.toSorted() }))).toEqual([
      { hook: 'ingress', devices: ['v0'] },
      { hook: 'ingress', devices: ['v0', 'v1'] },
      { hook: 'egress', devices: ['v1'] },
    ]);
  });

  test('list chains that are written inside a rule, whose sets are part of it', async () => {
    load('table ip filter {', 'chain in {', 'tcp dport { 22, 80 } jump {', 'counter', 'drop', '}', '}', '}');
    expect(await tablesSeen()).toMatchObject([
      {
        sets: 0,
        chains: [
          { name: 'in', rules: 1 },
          { name: expect.stringMatching(/^__chain\d+$/), hook: null, rules: 2 },
        ],
      },
    ]);
  });

  test('say that they are dormant, or gone with the process that made them', async () => {
    load('table ip asleep {', 'flags dormant', 'chain in { type filter hook input priority 0; policy drop; }', '}');
    const owner = within(() => new NetlinkSocket(NETLINK_NETFILTER));
    try {
      const flags = Buffer.from([0, 0, 0, 2]); // NFT_TABLE_F_OWNER
      const owned: Attribute[] = [
        [1, bytesOf('owned')],
        [2, flags],
      ];
      transact(owner, message(NEWTABLE, 1, 0, owned));
      expect((await tablesSeen()).map(({ name, flags }) => ({ name, flags }))).toEqual([
        { name: 'asleep', flags: ['dormant'] },
        { name: 'owned', flags: ['owner'] },
      ]);
    } finally {
      owner.close();
    }
    expect((await tablesSeen()).map(({ name }) => name)).toEqual(['asleep']);
  });

  test('may be called anything, and are counted apart', async () => {
    const through = within(() => new NetlinkSocket(NETLINK_NETFILTER));
    try {
      const names = ['a b\x1b[31m', 'a\nb', 'a', '"; drop', '\xe4\xb8\x96\xe7\x95\x8c', 'x'.repeat(255)];
      const chain = (of: string, called: string): Attribute[] => [
        [1, bytesOf(of)],
        [3, bytesOf(called)],
      ];
      transact(
        through,
        ...names.map((name) => message(NEWTABLE, 2, 0, [[1, bytesOf(name)]])),
        ...names.map((name) => message(NEWCHAIN, 2, 0, chain(name, 'c\x07'))),
      );
      transact(through, ...['\xff', 'b'].map((name) => message(NEWTABLE, 10, 0, [[1, bytesOf(name)]])));
    } finally {
      through.close();
    }

    const seen = await tablesSeen();
    expect(seen.map(({ family, name, rawName }) => [family, name, rawName])).toEqual([
      ['ip', 'a b\\x1b[31m', 'a b\\x1b[31m'],
      ['ip', 'a\\x0ab', 'a\\x0ab'],
      ['ip', 'a', undefined],
      ['ip', '"; drop', undefined],
      ['ip', '世界', undefined],
      ['ip', 'x'.repeat(255), undefined],
      ['ip6', '\\xff', '\\xff'],
      ['ip6', 'b', undefined],
    ]);
    expect(seen.map(({ chains }) => chains.map(({ name }) => name))).toEqual([
      ...Array.from({ length: 6 }, () => ['c\\x07']),
      [],
      [],
    ]);
    // JSON is UTF-8, or nothing.
    nft('delete', 'table', 'ip6', 'b');
    expect(() => asNftTells()).toThrow();
  });

  test('are counted in large rulesets, whatever they fill a buffer with', async () => {
    const rules = (count: number) =>
      Array.from({ length: count }, (_, at) => `ip saddr 10.0.${at >> 8}.${at & 255} drop`);
    const chains = Array.from({ length: 300 }, (_, at) => `chain c${at} {\n${rules(at % 7).join('\n')}\n}`);
    load('table ip big {', 'chain in { type filter hook input priority 0;', ...rules(1500), '}', ...chains, '}');

    const seen = await tablesSeen();
    expect(comparable(seen)).toEqual(asNftTells());
    expect(seen[0]?.chains).toHaveLength(301);
    expect(seen[0]?.chains[0]?.rules).toBe(1500);
  });

  test('are of one generation, however often the ruleset is replaced', async () => {
    const set = (name: string, rules: number) =>
      [
        'flush ruleset',
        `table ip ${name} {`,
        ...['one', 'two', 'three'].map((chain) => `chain ${chain} {\n${'counter\n'.repeat(rules)}}`),
        `set s${name} { type ipv4_addr; }`,
        '}\n',
      ].join('\n');
    const directory = scene.directory();
    writeFileSync(join(directory, 'a.nft'), set('a', 40));
    writeFileSync(join(directory, 'b.nft'), set('b', 7));
    const both = `nft -f ${directory}/a.nft; nft -f ${directory}/b.nft`;
    const loading = `${both}; ${both}; nft flush ruleset`;
    await scene.shell(`ip netns exec ${netns} sh -c 'echo; while :; do ${loading}; done'`);

    const through = within(() => new NetlinkSocket(NETLINK_NETFILTER));
    const shapes = new Set<string>();
    try {
      const until = performance.now() + 3000;
      while (performance.now() < until) {
        const { tables, interrupted } = readRuleset(through);
        if (interrupted) continue;
        const shape = tables.map(({ name, sets, chains }) => `${name} ${sets} ${chains.map(({ rules }) => rules)}`);
        shapes.add(shape.join());
      }
    } finally {
      through.close();
    }
    expect([...shapes].sort()).toEqual(['', 'a 1 40,40,40', 'b 1 7,7,7']);
  });

  test('are none, and nothing is asked, where nf_tables is not loaded', async () => {
    load('table ip filter { }');
    opened.length = 0;
    expect(await tablesSeen()).toHaveLength(1);
    expect(opened).toContain(NETLINK_NETFILTER);
    for (const part of ['nf_tables', 'nfnetlink']) {
      missing.clear();
      missing.add(part);
      opened.length = 0;
      expect(await tablesSeen()).toEqual([]);
      expect(opened).not.toContain(NETLINK_NETFILTER);
    }
  });
});

describe('tables of the older iptables', () => {
  /** Makes a table in the namespace by looking at it, as iptables does: IPT_SO_GET_INFO and its like. */
  function lookAt(family: number, level: number, option: number, size: number, table: string): boolean {
    return within(() => {
      const fd = socket(family, SOCK_RAW_CLOEXEC, 255);
      const info = Buffer.alloc(size);
      info.write(table, 'latin1');
      const length = Buffer.alloc(4);
      length.writeUInt32LE(size);
      const done = getsockopt(fd, level, option, info, length) === 0;
      close(fd);
      return done;
    });
  }

  test('are listed by family', async ({ skip }) => {
    const none = ['ip', 'ip6', 'arp'].map((family) => ({ family, tables: [] }));
    expect((await lookInside(netns, 'firewall')).data.firewall?.legacy).toEqual(none);

    // linux/netfilter_ipv4/ip_tables.h, netfilter_ipv6/ip6_tables.h, netfilter_arp/arp_tables.h
    if (!lookAt(AF_INET, 0, 64, 84, 'mangle')) skip('this kernel has no iptables, only nftables');
    expect(lookAt(AF_INET, 0, 64, 84, 'nat')).toBe(true);
    const six = lookAt(AF_INET6, 41, 64, 84, 'filter');
    const arp = lookAt(AF_INET, 0, 96, 68, 'filter');

    const { data, coverage } = await lookInside(netns, 'firewall');
    expect(data.firewall?.legacy).toEqual([
      { family: 'ip', tables: expect.toSatisfy((names: string[]) => names.toSorted().join() === 'mangle,nat') },
      { family: 'ip6', tables: six ? ['filter'] : [] },
      { family: 'arp', tables: arp ? ['filter'] : [] },
    ]);
    expect(coverage).toMatchObject([{ status: 'complete', seen: 2 + Number(six) + Number(arp) }]);
  });
});

describe('the full ruleset', () => {
  let snapshot: Snapshot;
  let ns: Namespace;
  const home = readlinkSync('/proc/thread-self/ns/net');

  async function settle(): Promise<void> {
    snapshot = await userlandWithout();
    const found = snapshot.namespaces.find(({ names }) => names.includes(netns));
    if (found === undefined) throw new Error(`${netns} is not in the snapshot`);
    ns = found;
  }

  /** Asks, and makes sure that this thread came home. */
  function ask(options: RulesetOptions = {}): RulesetText {
    try {
      return rulesetOf(procfs, ns, snapshot, options);
    } finally {
      expect(readlinkSync('/proc/thread-self/ns/net')).toBe(home);
    }
  }

  /** A directory with a program called nft in it. */
  function fake(...lines: readonly string[]): string {
    const directory = scene.directory();
    const file = join(directory, 'nft');
    writeFileSync(file, `#!/bin/sh\n${lines.join('\n')}\n`);
    chmodSync(file, 0o755);
    return directory;
  }

  beforeEach(settle);

  test('is what nft lists in that namespace', () => {
    load(
      'table inet filter {',
      '  comment "Grüße"',
      '  chain input { type filter hook input priority 0; policy drop;',
      '    tcp dport 22 counter accept comment "ssh"',
      '  }',
      '}',
    );
    const { text } = ask();
    expect(text).toBe(nft('-a', 'list', 'ruleset').replaceAll('\t', '    '));
    expect(text).toContain('comment "Grüße"');
    expect(text).toMatch(/accept comment "ssh" # handle \d+\n/);
    const json = ask({ json: true }).text ?? '';
    expect(JSON.parse(json)).toEqual(JSON.parse(nft('-j', '-a', 'list', 'ruleset')));
    expect(json).toMatch(/^[\n\x20-\x7e]*$/);
  });

  test('is empty where there is none', () => {
    expect(ask()).toEqual({ text: '' });
  });

  test('is empty where nf_tables is not loaded, and nft is not started', () => {
    const path = fake(`: > ${scene.directory()}/started`);
    missing.add('nf_tables');
    expect(ask({ path })).toEqual({ text: '' });
    expect(JSON.parse(ask({ path, json: true }).text ?? '')).toEqual({ nftables: [] });
    expect(existsSync(join(path, 'started'))).toBe(false);
    missing.clear();
    ask({ path });
    expect(existsSync(join(path, 'started'))).toBe(true);
  });

  test('says so when nft is not installed', () => {
    expect(ask({ path: scene.directory() })).toEqual({
      text: null,
      why: 'not installed',
      reason: 'nft is not installed; it is in the package nftables',
    });
  });

  test('says so when the namespace is gone', () => {
    run('ip', 'netns', 'delete', netns);
    const { text, ...rest } = ask();
    expect(text).toBeNull();
    // From 6.18 a namespace that is gone and one that may not be opened by its handle look alike.
    expect(rest).toMatchObject({
      why: expect.stringMatching(/^(gone|no way)$/),
      reason: expect.stringContaining('gone'),
    });
  });

  test('starts nft inside, without the caller’s environment, directory and standard input', () => {
    vi.stubEnv('NSLEUTH_SECRET', 'x');
    const path = fake('readlink /proc/self/ns/net', 'pwd', 'readlink /proc/self/fd/0', 'echo "$@"', '/usr/bin/env');
    const { text } = ask({ path: `${path}:/usr/bin:/bin`, json: true });
    vi.unstubAllEnvs();
    const [inside, directory, input, args, ...environment] = text?.trim().split('\n') ?? [];
    expect({ inside, directory, input, args }).toEqual({
      inside: `net:[${ns.ino}]`,
      directory: '/',
      input: '/dev/null',
      args: '-j -a list ruleset',
    });
    expect(environment.map((line) => line.split('=')[0]).sort()).toEqual(['LC_ALL', 'PATH', 'PWD']);
  });

  test.each([
    ['never ends', ['exec sleep 600'], 'timed out', 'nft took longer than 0.3 s'],
    ['prints without end', ['exec yes'], 'too long', 'nft printed more than 64 MiB'],
    [
      'may not ask',
      ['echo "Operation not permitted (you must be root)" >&2', 'exit 1'],
      'not permitted',
      /CAP_NET_ADMIN/,
    ],
    ['fails', ['printf "bad\\033[2J\\nmore" >&2', 'exit 3'], 'failed', 'bad\\x1b[2J'],
    ['fails without a word', ['exit 3'], 'failed', 'nft ended with 3'],
    ['is ended', ['kill -9 $$'], 'failed', 'nft ended with SIGKILL'],
  ] as const)('says so when nft %s', (_, lines, why, reason) => {
    const path = `${fake(...lines)}:/usr/bin:/bin`;
    const timeoutMs = why === 'timed out' ? 300 : 20_000;
    expect(ask({ path, timeoutMs })).toEqual({
      text: null,
      why,
      reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
    });
  });

  test('says so when nft is no program', () => {
    const path = fake();
    writeFileSync(join(path, 'nft'), '#!/nonexistent/interpreter\n');
    expect(ask({ path })).toMatchObject({ text: null, why: 'failed', reason: 'nft could not be started: ENOENT' });
  });

  test('leaves no process behind', () => {
    const path = `${fake('echo $$ > "$(dirname "$0")/pid"', 'exec sleep 600')}:/usr/bin:/bin`;
    ask({ path, timeoutMs: 500 });
    const pid = readFileSync(join(path.split(':')[0] ?? '', 'pid'), 'utf8').trim();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });
});
