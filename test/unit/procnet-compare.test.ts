import { describe, expect, test } from 'vitest';
import type { Inside, Situation } from '../../collectors/inside/contract.ts';
import type { LinkRecord } from '../../collectors/links.ts';
import { compareDevices, compareSockets, type Difference, settled } from '../../collectors/procnet/compare.ts';
import type { TableDevice } from '../../collectors/procnet/devices.ts';
import { firstTables, tablesAfter } from '../../collectors/procnet/tables.ts';
import { procnet } from '../../collectors/procnet.ts';
import type { SocketRecord } from '../../collectors/sockets/question.ts';

function socket(facts: Partial<SocketRecord>): SocketRecord {
  return {
    family: 'inet',
    type: 'stream',
    protocol: 'tcp',
    state: 'listen',
    localAddress: '0.0.0.0',
    localPort: 22,
    remoteAddress: null,
    remotePort: null,
    receiveQueue: 0,
    sendQueue: 0,
    uid: 0,
    inode: 100,
    cookie: null,
    ifindex: null,
    peerInode: null,
    notes: [],
    ...facts,
  };
}

const CONNECTION = {
  state: 'established',
  localAddress: '10.0.0.1',
  remoteAddress: '10.0.0.2',
  remotePort: 50000,
} as const;
const ALL = ['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6', 'unix', 'packet', 'netlink'] as const;

function subjects(differences: readonly Difference[]): string[] {
  return differences.map(
    ({ discrepancy: { subject, shownBy, missingFrom } }) => `${subject}: ${shownBy} ${missingFrom}`,
  );
}

describe('compareSockets', () => {
  test('finds what only one of them shows, whichever', () => {
    const ssh = socket({});
    const hidden = socket({ family: 'inet6', localAddress: '::', localPort: 31337, inode: 101 });
    const unix = socket({
      family: 'unix',
      protocol: '',
      state: 'close',
      localAddress: '/run/x',
      localPort: null,
      inode: 7,
    });
    expect(subjects(compareSockets([ssh, hidden], [ssh, unix], ALL))).toEqual([
      'tcp6 socket [::]:31337 (listen): sock_diag /proc/net/tcp6',
      'unix socket /run/x (inode 7): /proc/net/unix sock_diag',
    ]);
  });

  test('says of each kind what it is', () => {
    const none = { localAddress: null, localPort: null };
    const sockets = [
      socket(CONNECTION),
      socket({ type: 'dgram', protocol: 'udp', state: 'close', localPort: 53, inode: 1 }),
      socket({ type: 'raw', protocol: 'icmp', state: 'close', localPort: null, inode: 2 }),
      socket({ ...none, family: 'unix', protocol: '', inode: 3 }),
      socket({ ...none, family: 'packet', type: 'raw', protocol: 'all', ifindex: 5, inode: 4 }),
      socket({ ...none, family: 'packet', type: 'raw', protocol: 'arp', inode: 5 }),
      socket({ ...none, family: 'netlink', type: 'raw', protocol: 'route', localPort: 77, inode: 6 }),
    ];
    expect(compareSockets(sockets, [], ALL).map(({ discrepancy }) => discrepancy.subject)).toEqual([
      'tcp socket 10.0.0.1:22 to 10.0.0.2:50000 (established)',
      'udp socket 0.0.0.0:53 (close)',
      'raw socket icmp 0.0.0.0 (inode 2)',
      'unix socket (inode 3)',
      'packet socket for all on ifindex 5 (inode 4)',
      'packet socket for arp (inode 5)',
      'netlink socket route, port id 77 (inode 6)',
    ]);
  });

  test('says nothing of kinds that were not asked for both ways', () => {
    const raw = socket({ type: 'raw', protocol: 'icmp', localPort: null });
    expect(compareSockets([], [raw], ['tcp', 'tcp6'])).toEqual([]);
    expect(compareSockets([socket({ protocol: 'mptcp' }), socket({ family: 'vsock' })], [], ALL)).toEqual([]);
  });

  test.each(['time-wait', 'syn-recv', 'close'])('says nothing of TCP sockets in state %s', (state) => {
    expect(compareSockets([socket({ ...CONNECTION, state })], [], ALL)).toEqual([]);
    expect(compareSockets([], [socket({ ...CONNECTION, state })], ALL)).toEqual([]);
  });

  test.each([
    ['a unix connection nobody accepted yet', { family: 'unix', inode: 0 }],
    ['a netlink socket that only joined a group', { family: 'netlink', type: 'raw', localPort: null }],
  ] as const)('says nothing of %s', (_, facts) => {
    expect(compareSockets([socket(facts)], [], ALL)).toEqual([]);
    expect(compareSockets([], [socket(facts)], ALL)).toEqual([]);
  });

  test('knows a connection by its ends when it was closed or accepted between the two', () => {
    const open = socket(CONNECTION);
    const orphan = socket({ ...CONNECTION, state: 'fin-wait-1', inode: 0 });
    expect(compareSockets([open], [orphan], ALL)).toEqual([]);
    expect(compareSockets([orphan], [open], ALL)).toEqual([]);
    expect(compareSockets([orphan], [{ ...orphan, state: 'fin-wait-2' }], ALL)).toEqual([]);
    expect(compareSockets([orphan], [{ ...orphan, remotePort: 50001 }], ALL)).toHaveLength(2);
    // Not the same socket: both are somebody's.
    expect(compareSockets([open], [{ ...open, inode: 200 }], ALL)).toHaveLength(2);
  });

  test('does not take a socket of another kind for the same one', () => {
    const udp = socket({ type: 'dgram', protocol: 'udp', state: 'close' });
    expect(compareSockets([socket({})], [udp], ALL)).toHaveLength(2);
  });
});

describe('compareDevices', () => {
  const named = (...names: string[]) => names.map((name) => ({ name }) as LinkRecord & TableDevice);

  test('finds what only one of them lists', () => {
    expect(subjects(compareDevices(named('lo', 'mvx'), named('lo', 'ghost')))).toEqual([
      'device mvx: rtnetlink /proc/net/dev',
      'device ghost: /proc/net/dev rtnetlink',
    ]);
  });

  test('goes by the bytes of names', () => {
    const links = [{ name: 'a\\x1b', rawName: 'a\\x1b' } as LinkRecord];
    const devices = [{ name: 'a\\x1b', rawName: 'a\\\\x1b' } as TableDevice];
    expect(compareDevices(links, devices)).toHaveLength(2);
  });
});

describe('settled', () => {
  const round = (...sockets: SocketRecord[]) => compareSockets(sockets, [], ALL);

  test('keeps what is different in every look', () => {
    const stays = socket({ localPort: 31337, inode: 9 });
    const flickers = socket({ inode: 1 });
    const rounds = [round(stays, flickers), round(flickers, stays), round(stays)];
    expect(settled(rounds)).toEqual([
      { subject: 'tcp socket 0.0.0.0:31337 (listen)', shownBy: 'sock_diag', missingFrom: '/proc/net/tcp' },
    ]);
  });

  test('does not take the next socket with the same port for the same one', () => {
    expect(settled([round(socket({ inode: 1 })), round(socket({ inode: 2 }))])).toEqual([]);
  });

  test('does not take a difference for its opposite', () => {
    expect(settled([round(socket({})), compareSockets([], [socket({})], ALL)])).toEqual([]);
  });

  test('of nothing is nothing', () => {
    expect(settled([])).toEqual([]);
    expect(settled([[], round(socket({}))])).toEqual([]);
  });
});

const HAS_ALL: Situation = { entered: true, depth: 'full', has: () => true };
const BUSY: Inside['file'] = (name) =>
  name === 'sockstat'
    ? 'TCP: inuse 1 tw 0\nUDP: inuse 0\nUDPLITE: inuse 0\nRAW: inuse 2\n'
    : 'TCP6: inuse 0\nUDP6: inuse 1\nUDPLITE6: inuse 0\nRAW6: inuse 0\n';

describe('which tables are read', () => {
  test('is none of them where netlink tells all that a table of namespaces shows', () => {
    const situation: Situation = { ...HAS_ALL, depth: 'table' };
    expect([...firstTables(situation), ...tablesAfter(situation, BUSY)]).toEqual([]);
  });

  test('is what an absent part of sock_diag would have told', () => {
    const situation: Situation = { entered: true, depth: 'table', has: (part) => part !== 'raw_diag' };
    expect(firstTables(situation)).toEqual(['sockstat', 'sockstat6']);
    expect(tablesAfter(situation, BUSY)).toEqual(['raw']);
    expect(tablesAfter({ ...situation, has: (part) => part !== 'udp_diag' }, BUSY)).toEqual(['udp6']);
    expect(tablesAfter({ ...situation, has: (part) => part !== 'inet_diag' }, BUSY)).toEqual(['tcp', 'udp6', 'raw']);
  });

  test('leaves out what the kernel counts no sockets of, but not what it does not count', () => {
    expect(tablesAfter(HAS_ALL, BUSY)).toEqual(['tcp', 'udp6', 'icmp', 'icmp6', 'raw', 'unix', 'packet', 'netlink']);
    expect(tablesAfter(HAS_ALL, () => null)).toHaveLength(13);
  });

  test('reads both tables of TCP where connections are in TIME_WAIT, which are counted together', () => {
    const counts: Inside['file'] = (name) => (name === 'sockstat' ? 'TCP: inuse 0 tw 1\n' : 'TCP6: inuse 0\n');
    expect(tablesAfter(HAS_ALL, counts)).toEqual(expect.arrayContaining(['tcp', 'tcp6']));
  });

  test('is everything that stands in for netlink where the namespace cannot be entered', () => {
    const first = firstTables({ ...HAS_ALL, entered: false, depth: 'table' });
    expect(first).toEqual(expect.arrayContaining(['dev', 'fib_trie', 'route', 'arp', 'sockstat']));
    expect(first).not.toContain('snmp');
    expect(tablesAfter({ ...HAS_ALL, entered: false, depth: 'table' }, () => null)).toHaveLength(13);
  });
});

describe('procnet', () => {
  function inside(
    entered: boolean,
    texts: Readonly<Record<string, string>>,
    refused: Readonly<Record<string, string>> = {},
  ) {
    return {
      subject: 'net:[4026532177]',
      entered,
      context: { depth: 'full' },
      file: (name: string) => texts[name] ?? null,
      refusal: (name: string) => refused[name] ?? null,
    } as unknown as Inside;
  }
  const UNIX = 'header\n0000000000000000: 00000002 00000000 00000000 0001 01 7 /run/x\n';

  test('leaves unknown what it could not read', () => {
    const { data, seen, missed } = procnet.inspect(inside(false, {}), () => true);
    expect(new Set(Object.values(data))).toEqual(new Set([null]));
    expect({ seen, missed }).toEqual({ seen: 0, missed: [] });
  });

  test('says once for every table how many of its lines were malformed', () => {
    const texts = { unix: `${UNIX}x\n`.replace(' /run/x', ''), arp: 'header\nx\ny\nz' };
    expect(procnet.inspect(inside(false, texts), () => true).missed).toEqual([
      { subject: 'net:[4026532177] /proc/net/arp', reason: '3 malformed lines' },
      { subject: 'net:[4026532177] /proc/net/unix', reason: '1 malformed line' },
    ]);
  });

  test('says once for every reason which tables could not be read', () => {
    const refused = { 'vlan/config': 'EACCES', tcp: 'EFBIG', tcp6: 'EFBIG' };
    expect(procnet.inspect(inside(true, {}, refused), () => true).missed).toEqual([
      { subject: 'net:[4026532177] /proc/net/vlan/config', reason: 'EACCES' },
      { subject: 'net:[4026532177] /proc/net/{tcp,tcp6}', reason: 'EFBIG' },
    ]);
  });

  test('tells what stands in for sock_diag from what is a second opinion on it', () => {
    const texts = { unix: UNIX };
    const entered = procnet.inspect(inside(true, texts), () => true).data;
    expect(entered.sockets).toBeNull();
    expect(entered.secondOpinion).toMatchObject({ tables: ['unix'], sockets: [{ inode: 7 }] });
    for (const data of [
      procnet.inspect(inside(false, texts), () => true).data,
      procnet.inspect(inside(true, texts), (part) => part !== 'unix_diag').data,
    ]) {
      expect(data.sockets).toMatchObject([{ inode: 7, localAddress: '/run/x' }]);
      expect(data.secondOpinion).toBeNull();
    }
  });
});
