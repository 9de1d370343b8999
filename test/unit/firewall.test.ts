import { describe, expect, test } from 'vitest';
import { readRuleset } from '../../collectors/firewall/ask.ts';
import { parseTableNames } from '../../collectors/firewall/legacy.ts';
import { assemble, decodeChain, decodeRule, decodeSet, decodeTable } from '../../collectors/firewall/nftables.ts';
import { firewall } from '../../collectors/firewall.ts';
import type { Inside } from '../../collectors/inside/contract.ts';
import { EPERM, SystemError } from '../../src/os/errors.ts';
import { type Attribute, encodeAttributes } from '../../src/os/netlink/attributes.ts';
import type { Decode, Dump, NetlinkSocket, Request } from '../../src/os/netlink/socket.ts';
import { safeJson, safeRuleset } from '../../src/ruleset.ts';

const INET = 1;
const IP = 2;
const ARP = 3;
const NETDEV = 5;
const BRIDGE = 7;

/** What follows the header of a message: a struct nfgenmsg, then attributes. */
function message(family: number, attributes: readonly Attribute[], generation = 7): Buffer {
  const header = Buffer.from([family, 0, 0, 0]);
  header.writeUInt16BE(generation, 2);
  return Buffer.concat([header, encodeAttributes(attributes)]);
}

function name(latin1: string): Buffer {
  return Buffer.from(`${latin1}\0`, 'latin1');
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function whole<T>(decode: (bytes: Buffer, at: number, end: number) => T, bytes: Buffer): T {
  return decode(bytes, 0, bytes.length);
}

function table(family: number, called: string, flags = 0, generation?: number): Buffer {
  return message(
    family,
    [
      [1, name(called)],
      [2, number(flags)],
      [3, number(2)],
    ],
    generation,
  );
}

function baseChain(family: number, hooknum: number, priority: number, devices: readonly Attribute[] = []): Buffer {
  return message(family, [
    [1, name('filter')],
    [3, name('in')],
    [4, [[1, number(hooknum)], [2, number(priority)], ...devices]],
    [5, number(0)],
    [7, name('filter')],
  ]);
}

describe('a table of nftables', () => {
  test.each([
    [INET, 'inet'],
    [IP, 'ip'],
    [ARP, 'arp'],
    [NETDEV, 'netdev'],
    [BRIDGE, 'bridge'],
    [10, 'ip6'],
    [12, '12'],
  ])('of family %i is said to be of %s', (number, family) => {
    expect(whole(decodeTable, table(number, 'filter'))).toMatchObject({ family, name: 'filter', flags: [] });
  });

  test('has its flags by name', () => {
    expect(whole(decodeTable, table(IP, 'filter', 1)).flags).toEqual(['dormant']);
    expect(whole(decodeTable, table(IP, 'filter', 6)).flags).toEqual(['owner', 'persist']);
  });

  test('may be called anything, and is not drawn so', () => {
    const decoded = whole(decodeTable, table(IP, 'a\x1b[2J\nb\xff'));
    expect(decoded).toMatchObject({ name: 'a\\x1b[2J\\x0ab\\xff', rawName: 'a\\x1b[2J\\x0ab\\xff' });
    expect(whole(decodeTable, table(IP, 'filter'))).not.toHaveProperty('rawName');
  });
});

describe('a chain of nftables', () => {
  test('has type, hook, signed priority and policy', () => {
    expect(whole(decodeChain, baseChain(IP, 1, -150))).toMatchObject({
      name: 'in',
      type: 'filter',
      hook: 'input',
      priority: -150,
      policy: 'drop',
      devices: [],
    });
  });

  test('that only others jump to has none of them', () => {
    const chain = message(IP, [
      [1, name('filter')],
      [3, name('log\x07')],
      [6, number(3)],
    ]);
    expect(whole(decodeChain, chain)).toMatchObject({
      name: 'log\\x07',
      type: null,
      hook: null,
      priority: null,
      policy: null,
      devices: [],
    });
  });

  test.each([
    [IP, 0, 'prerouting'],
    [IP, 4, 'postrouting'],
    [INET, 5, 'ingress'],
    [BRIDGE, 2, 'forward'],
    [ARP, 0, 'input'],
    [ARP, 1, 'output'],
    [NETDEV, 0, 'ingress'],
    [NETDEV, 1, 'egress'],
    [NETDEV, 9, '9'],
  ])('of family %i at hook %i is at %s', (family, hooknum, hook) => {
    expect(whole(decodeChain, baseChain(family, hooknum, 0)).hook).toBe(hook);
  });

  test('names the devices it is bound to, each once', () => {
    const one: Attribute[] = [
      [4, [[1, name('eth0')]]],
      [3, name('eth0')],
    ];
    const two: Attribute[] = [
      [
        4,
        [
          [1, name('eth0')],
          [2, name('tap')],
          [1, name('a\x1bb')],
        ],
      ],
    ];
    expect(whole(decodeChain, baseChain(NETDEV, 0, 0, one)).devices).toEqual(['eth0']);
    expect(whole(decodeChain, baseChain(NETDEV, 0, 0, two)).devices).toEqual(['eth0', 'tap*', 'a\\x1bb']);
    expect(whole(decodeChain, baseChain(NETDEV, 0, 0, [[3, name('eth0')]])).devices).toEqual(['eth0']);
  });
});

test('rules and named sets are counted where they belong', () => {
  const rule = (family: number, of: string, chain: string) =>
    whole(
      decodeRule,
      message(family, [
        [1, name(of)],
        [2, name(chain)],
        [3, Buffer.alloc(8)],
      ]),
    );
  const set = (of: string, flags: number) =>
    whole(
      decodeSet,
      message(IP, [
        [1, name(of)],
        [2, name('s')],
        [3, number(flags)],
      ]),
    );
  const chain = (family: number, of: string, called: string) =>
    whole(
      decodeChain,
      message(family, [
        [1, name(of)],
        [3, name(called)],
      ]),
    );

  const tables = assemble(
    [whole(decodeTable, table(IP, 'a')), whole(decodeTable, table(INET, 'a')), whole(decodeTable, table(IP, 'ab'))],
    [chain(IP, 'a', 'bc'), chain(INET, 'a', 'bc'), chain(IP, 'ab', 'c'), chain(IP, 'a', 'empty'), chain(IP, 'no', 'c')],
    [rule(IP, 'a', 'bc'), rule(IP, 'a', 'bc'), rule(IP, 'ab', 'c'), rule(INET, 'a', 'bc'), rule(INET, 'no', 'c')],
    // 1 is a set without a name, written inside a rule; 8 a map.
    [set('a', 0), set('a', 8), set('a', 1), set('a', 1 | 8), set('ab', 4)].filter((key) => key !== null),
  );

  expect(tables).toMatchObject([
    {
      family: 'ip',
      name: 'a',
      sets: 2,
      chains: [
        { name: 'bc', rules: 2 },
        { name: 'empty', rules: 0 },
      ],
    },
    { family: 'inet', name: 'a', sets: 0, chains: [{ name: 'bc', rules: 1 }] },
    { family: 'ip', name: 'ab', sets: 1, chains: [{ name: 'c', rules: 1 }] },
  ]);
  expect(Object.keys(tables[0] ?? {})).not.toContain('key');
  expect(Object.keys(tables[0]?.chains[0] ?? {})).not.toContain('table');
});

test('a table or chain that the kernel tells of twice is one', () => {
  const filter = whole(decodeTable, table(IP, 'filter'));
  const chain = whole(decodeChain, baseChain(IP, 1, 0));
  expect(assemble([filter, filter], [chain, chain], ['ip\0filter\0in'], [])).toMatchObject([
    { name: 'filter', chains: [{ name: 'in', rules: 1 }] },
  ]);
});

test('a message that is cut off anywhere is decoded as far as it goes, and no further', () => {
  const messages = [
    [decodeTable, table(IP, 'filter', 1)],
    [decodeChain, baseChain(NETDEV, 0, -1, [[4, [[1, name('eth0')]]]])],
    [
      decodeRule,
      message(IP, [
        [1, name('a')],
        [2, name('b')],
      ]),
    ],
    [
      decodeSet,
      message(IP, [
        [1, name('a')],
        [3, number(1)],
      ]),
    ],
  ] as const;
  for (const [decode, bytes] of messages) {
    // Nothing behind it, and something: what follows a message is another one's.
    for (let end = 4; end <= bytes.length; end++) {
      const alone = decode(bytes.subarray(0, end), 0, end);
      const followed = decode(Buffer.concat([bytes.subarray(0, end), Buffer.alloc(64, 0x41)]), 0, end);
      expect(followed).toEqual(alone);
    }
  }
  const flagsTooShort = message(IP, [
    [1, name('filter')],
    [2, Buffer.from([1])],
  ]);
  expect(whole(decodeTable, flagsTooShort)).toMatchObject({ name: 'filter', flags: [] });
  const hookTooShort = message(IP, [[4, [[2, Buffer.from([1])]]]]);
  expect(whole(decodeChain, hookTooShort)).toMatchObject({ name: '', hook: null, priority: null });
});

/** A socket that answers from a script: for each exchange the messages, or an error. */
function socketThat(...answers: readonly (readonly Buffer[] | Error)[]): Pick<NetlinkSocket, 'ask'> & {
  readonly asked: string[];
} {
  const asked: string[] = [];
  const ask = <T>(request: Request, decode: Decode<T>): Dump<T> => {
    const answer = answers[asked.length] ?? [];
    asked.push(request.name);
    if (answer instanceof Error) throw answer;
    const records = answer.map((bytes) => decode(0, bytes, 0, bytes.length)).filter((record) => record !== null);
    return { records, interrupted: false };
  };
  return { ask, asked };
}

describe('reading a ruleset', () => {
  const chain = (of: string, generation: number) => {
    const attributes: Attribute[] = [
      [1, name(of)],
      [3, name('c')],
    ];
    return message(IP, attributes, generation);
  };

  test('takes one question where there are no tables, and one less where there are no chains', () => {
    const none = socketThat([]);
    expect(readRuleset(none)).toEqual({ tables: [], interrupted: false });
    expect(none.asked).toEqual(['NFT_MSG_GETTABLE']);

    const bare = socketThat([table(IP, 'a')], [], [], [], [table(IP, 'a')]);
    expect(readRuleset(bare)).toMatchObject({ interrupted: false, tables: [{ name: 'a', chains: [], sets: 0 }] });
    const questions = ['NFT_MSG_GETTABLE', 'NFT_MSG_GETCHAIN', 'NFT_MSG_GETSET', 'NFT_MSG_GETGEN'];
    expect(bare.asked).toEqual([...questions, ...questions]);
  });

  test('begins anew when the ruleset was replaced between two questions', () => {
    const now = (generation: number) => [message(0, [], generation)];
    const first = [[table(IP, 'a', 0, 1)], [chain('a', 2)], [], [], now(2)];
    const then = [[table(IP, 'a', 0, 2)], [chain('a', 2)], [], [], now(2)];
    const replaced = socketThat(...first, ...then, ...then);
    expect(readRuleset(replaced)).toMatchObject({ interrupted: false });
    expect(replaced.asked).toHaveLength(15);

    const flushed = socketThat([table(IP, 'a', 0, 1)], [], [], now(2), []);
    expect(readRuleset(flushed)).toEqual({ tables: [], interrupted: false });

    const restless = socketThat(...[1, 2, 3, 4, 5].flatMap((at) => [[table(IP, 'a', 0, at)], [], [], now(at + 1)]));
    expect(readRuleset(restless)).toMatchObject({ interrupted: true, tables: [{ name: 'a' }] });
    expect(restless.asked).toHaveLength(20);
  });

  test('begins anew when it was counted as the next generation before it was in force', () => {
    const now = [message(0, [], 2)];
    const both = [[table(IP, 'a', 0, 2), table(IP, 'b', 0, 2)], [chain('b', 2)], [], [], now];
    const after = [[table(IP, 'b', 0, 2)], [chain('b', 2)], [], [], now];
    const { tables, interrupted } = readRuleset(socketThat(...both, ...after, ...after));
    expect(tables).toMatchObject([{ name: 'b', chains: [{ name: 'c' }] }]);
    expect(interrupted).toBe(false);
  });
});

/** A namespace whose nftables answer so, and whose `/proc/net` holds these files. */
function inside(
  socket: Pick<NetlinkSocket, 'ask'> | SystemError,
  files: Readonly<Record<string, string>>,
  ofThisKernel = true,
): Inside {
  return {
    subject: 'net:[4026532177]',
    netlink: () => {
      if (socket instanceof SystemError) throw socket;
      return socket as NetlinkSocket;
    },
    file: (called: string) => files[called] ?? null,
    context: { procfs: { ofThisKernel } },
  } as unknown as Inside;
}

const LISTS = { ip_tables_names: 'nat\nfilter\n', ip6_tables_names: '', arp_tables_names: '' };
const NOTHING = ['ip', 'ip6', 'arp'].map((family) => ({ family, tables: [] }));
const refused = new SystemError('netlink', 'NFT_MSG_GETTABLE', EPERM);

describe('the firewall of a namespace', () => {
  test('is tables of nftables and tables of iptables', () => {
    const { data, seen, missed } = firewall.inspect(
      inside(socketThat([table(IP, 'a')], [], [], [], [table(IP, 'a')]), LISTS),
      () => true,
    );
    expect(data).toMatchObject({
      tables: [{ family: 'ip', name: 'a' }],
      legacy: [{ family: 'ip', tables: ['nat', 'filter'] }, ...NOTHING.slice(1)],
    });
    expect({ seen, missed }).toEqual({ seen: 3, missed: [] });
  });

  test('is none where the kernel has the modules for it not loaded, and then nothing is asked', () => {
    const { data, missed } = firewall.inspect(inside(refused, {}), () => false);
    expect({ data, missed }).toEqual({ data: { tables: [], legacy: NOTHING }, missed: [] });
    const socket = socketThat([table(IP, 'a')]);
    expect(firewall.inspect(inside(socket, LISTS), (part) => part !== 'nf_tables').data.tables).toEqual([]);
    expect(socket.asked).toEqual([]);
  });

  test('is half unknown, with the reason, where one half is refused', () => {
    const closed = firewall.inspect(inside(refused, LISTS), () => true);
    expect(closed.data).toMatchObject({ tables: null, legacy: [{ family: 'ip', tables: ['nat', 'filter'] }, {}, {}] });
    expect(closed.missed).toEqual([{ subject: 'net:[4026532177]', reason: 'NFT_MSG_GETTABLE: EPERM' }]);

    const unread = firewall.inspect(
      inside(socketThat([]), { ...LISTS, ip6_tables_names: undefined as never }),
      () => true,
    );
    expect(unread.data).toEqual({ tables: [], legacy: null });
    expect(unread.missed).toHaveLength(1);
  });

  test('is not made up where nothing may be read, or of another kernel', () => {
    expect(() => firewall.inspect(inside(refused, {}), () => true)).toThrow(refused);
    expect(() => firewall.inspect(inside(refused, {}, false), () => false)).toThrow(refused);
  });
});

test('names of iptables tables are one a line, and safe to draw', () => {
  expect(parseTableNames('')).toEqual([]);
  expect(parseTableNames('nat\nfilter\n')).toEqual(['nat', 'filter']);
  expect(parseTableNames('a\x1bb')).toEqual(['a\\x1bb']);
});

describe('what nft prints', () => {
  test('keeps its lines and indentation, and loses what would move a cursor', () => {
    const text = 'table ip a { # handle 1\n\tchain b {\n\t\tcomment "x\x1b[2J\ty\xe2\x80\xae" # handle 2\n\t}\n}\n';
    expect(safeRuleset(Buffer.from(text, 'latin1'))).toBe(
      'table ip a { # handle 1\n    chain b {\n        comment "x\\x1b[2J\\x09y\\u202e" # handle 2\n    }\n}\n',
    );
  });

  test('says the same as JSON in ASCII', () => {
    const value = { comment: 'Grüße \u202e\u009b\x7f😀', newline: 'a\nb' };
    const safe = safeJson(Buffer.from(`${JSON.stringify(value)}\n`, 'utf8'));
    expect(safe).toMatch(/^[\n\x20-\x7e]*$/);
    expect(JSON.parse(safe)).toEqual(value);
  });
});
