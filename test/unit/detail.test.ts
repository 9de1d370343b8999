import { describe, expect, test } from 'vitest';
import { explainVisibility, leadsFor } from '../../src/model/explain.ts';
import type { Coverage, Holder, Namespace, Snapshot } from '../../src/model/index.ts';
import { describeBestWay, whyNoWay } from '../../src/model/ways.ts';
import { detailLines } from '../../src/store/detail.ts';
import { NO_HISTORY } from '../../src/store/history.ts';
import { type Line, lineWidth } from '../../src/terminal/style.ts';
import {
  aConcealedTask,
  aDevice,
  aHiddenNamespace,
  aNamespace,
  anAddress,
  anUplink,
  aProcess,
  aSnapshot,
  aSocket,
  fullCoverage,
} from '../fixtures/snapshot.ts';

const text = (line: Line): string => line.map((span) => span.text).join('');

/** Coverage in which some sources could see less. */
function coverage(...changes: readonly (Partial<Coverage> & { readonly source: string })[]): Coverage[] {
  return fullCoverage(3).map((entry) => ({ ...entry, ...changes.find(({ source }) => source === entry.source) }));
}

function shown(ns: Namespace, over: Partial<Snapshot> = {}, width = 80): string[] {
  return detailLines(ns, aSnapshot(1, { namespaces: [ns], ...over }), NO_HISTORY, width).map((line) =>
    text(line).trimEnd(),
  );
}

const inflight: Holder = {
  kind: 'inflight',
  pid: 5310,
  fd: 4,
  inode: 7,
  count: 1,
  content: 'nsfs',
  view: 'kernel',
};
const socket: Holder = {
  kind: 'socket',
  pid: 5,
  fd: 6,
  inode: 3333,
  family: 'inet',
  type: 'stream',
  protocol: 6,
  listening: false,
};
const thread: Holder = { kind: 'task', pid: 7, tid: 9, threads: 1 };
const lead: Holder = { kind: 'mapping', pid: 9, target: 'socket:[1]', suspected: true };

describe('why a namespace is as visible as it is', () => {
  const refused = coverage({
    source: 'descriptors',
    status: 'partial',
    missed: [{ subject: 'pid 5', reason: 'EACCES' }],
  });
  test.each<[string, Partial<Namespace>, Partial<Snapshot>, string]>([
    ['a name', { names: ['blue'], holders: [] }, {}, 'ip netns lists it'],
    ['processes', {}, {}, '/proc/<pid>/ns/net of 1 process shows it'],
    [
      'processes that only the kernel shows',
      { holders: [{ kind: 'task', pid: 7, tid: 7, threads: 1, view: 'kernel' }] },
      { coverage: coverage({ source: 'tasks', status: 'off' }) },
      "1 process in it, by the kernel's word alone: not every source could look: tasks off",
    ],
    [
      'only threads',
      { visibility: 'obscure', holders: [thread] },
      {},
      'only single threads of processes that live elsewhere are in it',
    ],
    [
      'a cover',
      { visibility: 'obscure', processes: [aProcess({ covered: true })] },
      {},
      'a mount laid over /proc/<pid> conceals its processes from other tools',
    ],
    [
      'a socket',
      { visibility: 'obscure', processes: [], holders: [socket] },
      {},
      'neither ip netns nor a scan of /proc/<pid>/ns/net finds it, only its holders do: socket',
    ],
    [
      'a holder whose process may not be read',
      { visibility: 'obscure', processes: [], holders: [{ ...socket, view: 'kernel' }] },
      { coverage: refused },
      'only the kernel shows what holds it, inet stream socket, pid 5 fd 6; pid 5 may not be read',
    ],
    [
      'a source that was off',
      { visibility: 'obscure', processes: [], holders: [] },
      { coverage: coverage({ source: 'mounts', status: 'off' }) },
      'the kernel lists it; not every source could look: mounts off',
    ],
    [
      'a part of the host in sight',
      { visibility: 'obscure', processes: [], holders: [] },
      {},
      'the kernel lists it; the other sources see a part of this host only',
    ],
    [
      'concealed tasks',
      { visibility: 'hidden', holders: [{ kind: 'task', pid: 666, tid: 666, threads: 1, view: 'kernel' }] },
      { concealedTasks: [aConcealedTask(), aConcealedTask({ tid: 667 }), aConcealedTask({ pid: 1, netns: 1 })] },
      'the kernel shows 2 tasks in it that /proc conceals',
    ],
    [
      'a holder only the kernel names',
      { visibility: 'hidden', processes: [], holders: [inflight] },
      {},
      'the kernel lists it, and it alone shows what holds it: 1 nsfs descriptor in flight, pid 5310 fd 4',
    ],
    [
      'a suspected holder',
      { visibility: 'hidden', processes: [], holders: [lead] },
      {},
      'the kernel lists it, and nothing certain was found that holds it',
    ],
    [
      'no holder',
      { visibility: 'hidden', processes: [], holders: [] },
      {},
      'the kernel lists it, and nothing was found that holds it',
    ],
    [
      'a count of zero',
      { visibility: 'dying', processes: [], holders: [], references: { count: 0, passive: 2, active: null } },
      {},
      'its count reached zero, and its teardown has not finished',
    ],
    [
      'memory in use after the teardown',
      {
        visibility: 'dying',
        processes: [],
        holders: [],
        devices: null,
        references: { count: 0, passive: 1, active: null },
      },
      {},
      "torn down and off the kernel's list, but its memory is not freed: 1 passive reference left",
    ],
    [
      'a gap in the kernel list',
      { witnesses: [] },
      {},
      "/proc/<pid>/ns/net of 1 process shows it; the kernel's own list lacks it",
    ],
    [
      'no kernel view',
      { witnesses: [], references: null, devices: null },
      { coverage: coverage({ source: 'kernel', status: 'unavailable', seen: 0 }) },
      '/proc/<pid>/ns/net of 1 process shows it',
    ],
  ])('%s', (_, over, rest, why) => {
    expect(explainVisibility(aNamespace(over), aSnapshot(1, rest))).toBe(why);
  });
});

describe('the best way in', () => {
  const mount: Holder = { kind: 'mount', path: '/mnt/a', mountNamespace: 4026531832, mountId: 1 };
  const way = (over: Partial<Namespace>) => describeBestWay(aNamespace(over), aSnapshot(1));

  test('needs the least, and asks a socket last, since that may change something', () => {
    expect(way({ holders: [socket, mount, { ...thread, tid: 7 }] })).toBe('pid 7');
    expect(way({ holders: [socket, mount] })).toBe('mount /mnt/a');
    expect(way({ holders: [socket] })).toBe('nsfs handle');
    expect(way({ holders: [socket], witnesses: [] })).toBe('inet stream socket, pid 5 fd 6 (SIOCGSKNS)');
    expect(way({ holders: [socket], witnesses: [], references: { count: 1, passive: 1, active: 0 } })).toBe(
      'inet stream socket, pid 5 fd 6 (SIOCGSKNS, on request only: it would make the namespace active again)',
    );
  });

  test('is none by what is suspected, by a mount nobody sees, or while it is torn down', () => {
    const unseen = { ...mount, mountNamespace: 4026532000 };
    const held = { holders: [unseen, lead, inflight], witnesses: [] };
    expect(way(held)).toBeNull();
    const old = { coverage: coverage({ source: 'handles', notes: [{ subject: 'x', reason: 'needs Linux 6.18' }] }) };
    expect(whyNoWay(aNamespace(held), aSnapshot(1, old))).toBe(
      'no holder leads into it; nsfs handles: needs Linux 6.18',
    );
    expect(shown(aHiddenNamespace({ visibility: 'dying' }))).toContain(' Enters by  — it is being torn down');
  });
});

describe('the detail of a namespace', () => {
  test('sets the two views against each other, side by side at 80 columns', () => {
    const gaps = coverage({ source: 'tasks', status: 'partial', missed: [{ subject: 'pid 1', reason: 'EACCES' }] });
    const lines = shown(aHiddenNamespace({ holders: [inflight] }), { coverage: gaps });
    expect(lines.slice(0, 7)).toMatchInlineSnapshot(`
      [
        " Identity   net:[4026532177] · cookie 4101 · 1 reference, 14 passive",
        " Visible    ◆ hidden: the kernel lists it, and it alone shows what holds it: 1",
        "            nsfs descriptor in flight, pid 5310 fd 4",
        " Userland   × tasks         no, 1 missed    Kernel  ● kernel   1 holder",
        "            × mounts        no                      ● handles  yes",
        "            × descriptors   no                      ? listns   could not look",
        "            × pinned-mounts no",
      ]
    `);
    expect(lines).toContain(' Enters by  nsfs handle');
    expect(lines).toContain('   1 nsfs descriptor in flight, pid 5310 fd 4 (kernel)');
  });

  test('sets them below each other where there is less room, and never overflows', () => {
    const ns = aHiddenNamespace({ holders: [inflight], devices: [aDevice({ name: 'x'.repeat(60) })] });
    for (let width = 42; width <= 160; width++) {
      const lines = detailLines(ns, aSnapshot(1, { namespaces: [ns] }), NO_HISTORY, width);
      const sources = lines
        .map(text)
        .join('\n')
        .match(/[●×?] (tasks|mounts|descriptors|pinned-mounts|kernel|handles|listns)/g);
      expect(sources).toHaveLength(7);
      const evidence = lines.filter((line) => /[●×?] (tasks|kernel|handles)/.test(text(line)));
      for (const line of evidence) expect(lineWidth(line)).toBeLessThanOrEqual(width);
    }
  });

  test('tells what was off from what could not look', () => {
    const lines = shown(aNamespace(), { coverage: coverage({ source: 'mounts', status: 'off' }) });
    expect(lines.join('\n')).toMatch(/\? mounts +off/);
  });

  test('without the kernel view has unknown references, not none', () => {
    const lines = shown(aNamespace({ references: null, devices: null }));
    expect(lines[0]).toContain('? references');
  });

  test('lists the tasks that are concealed in it', () => {
    const ns = aNamespace({
      visibility: 'hidden',
      processes: [aProcess({ pid: 666, comm: 'lurker', cmdline: '' })],
      holders: [{ kind: 'task', pid: 666, tid: 666, threads: 2, view: 'kernel' }],
    });
    const tasks = [aConcealedTask(), aConcealedTask({ tid: 667, comm: 'helper' }), aConcealedTask({ netns: 5 })];
    const lines = shown(ns, { concealedTasks: tasks });
    const from = lines.indexOf(' ! Concealed tasks 2');
    expect(lines.slice(from + 1, from + 3)).toEqual([
      '   pid 666 lurker  uid 0  the kernel shows it, /proc does not',
      '   thread 667 of pid 666 helper  uid 0  the kernel shows it, /proc does not',
    ]);
  });

  test('offers leads for what has no certain holder, but none for what nothing holds any more', () => {
    const leads = { leads: [lead] };
    expect(leadsFor(aHiddenNamespace(), leads)).toEqual([lead]);
    expect(leadsFor(aHiddenNamespace({ holders: [inflight] }), leads)).toEqual([]);
    expect(leadsFor(aHiddenNamespace({ visibility: 'dying' }), leads)).toEqual([]);
  });

  test('says what it is for in few lines: where it reaches, what it answers to, how much passes', () => {
    const ns = aNamespace({
      devices: [aDevice(), aDevice({ ifindex: 5, name: 'mvx', kind: 'macvlan', flags: ['up'] })],
      addresses: [anAddress({ ifindex: 1, address: '127.0.0.1', scope: 'host' }), anAddress({ ifindex: 5 })],
      sockets: [
        aSocket(),
        aSocket({ family: 'inet6', localAddress: '::', inode: 4 }),
        aSocket({ type: 'dgram', protocol: 'udp', state: 'close', localPort: 53, processes: null }),
        aSocket({ state: 'established' }),
        aSocket({ family: 'unix', localAddress: '/run/x' }),
      ],
      uplink: anUplink(),
    });
    const init = aNamespace({ ino: 4026531833, initial: true });
    const lines = shown(ns, { namespaces: [init, ns] }, 100);
    const from = lines.findIndex((line) => line.startsWith(' Reaches'));
    expect(lines.slice(from, from + 4)).toEqual([
      ' Reaches    mvx → lower eth0 in 4026531833 init → the wire',
      ' Addresses  10.66.6.6/24',
      ' Listens    tcp 0.0.0.0:80 sleep, tcp [::]:80 sleep, udp 0.0.0.0:53',
      ' Traffic    ?',
    ]);
  });

  test('warns of what two ways of asking do not agree on', () => {
    const discrepancies = [{ subject: 'tcp 0.0.0.0:22', shownBy: 'sock_diag', missingFrom: '/proc/net/tcp' }];
    const ns = aNamespace({ discrepancies });
    const lines = detailLines(ns, aSnapshot(1, { namespaces: [ns] }), NO_HISTORY, 80);
    const at = lines.findIndex((line) => text(line) === ' ! Discrepancies 1');
    expect(text(lines[at + 1] ?? [])).toBe('   tcp 0.0.0.0:22: sock_diag shows it, /proc/net/tcp does not');
    expect(lines[at + 1]?.[0]?.style).toEqual({ fg: 'yellow' });
  });

  test('lists a few holders only: their tab has them all', () => {
    const processes = Array.from({ length: 40 }, (_, pid) => aProcess({ pid: 100 + pid }));
    const lines = shown(aNamespace({ processes }));
    const from = lines.indexOf(' Holders 40');
    expect(lines.slice(from + 1)).toHaveLength(7);
    expect(lines.at(-1)).toBe('   and 34 more');
  });
});
