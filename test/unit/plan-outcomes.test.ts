/** What surrounds a plan: how it is drawn, confirmed, asked for again, verified and written down. */
import { describe, expect, test } from 'vitest';
import { auditFile } from '../../src/act/audit.ts';
import { checkPlan, expectedGone } from '../../src/act/verify.ts';
import { asCommand } from '../../src/actions/lifecycle/as-command.ts';
import { confirmationOf, isConfirmed } from '../../src/model/confirm.ts';
import type { Namespace, Snapshot } from '../../src/model/index.ts';
import type { ActionId, ActionOptions, Expectation, Plan, SocketIdentity } from '../../src/model/plan.ts';
import { outcomeLines, planLines, resultLines } from '../../src/model/plan-text.ts';
import { effectiveCapabilities } from '../../src/os/capabilities.ts';
import { addressBytes } from '../../src/os/netlink/destroy.ts';
import { aMount, blue, factsOf, home, planOf, snapshotOf } from '../fixtures/plans.ts';
import { aConcealedTask, aDevice, anAddress, aProcess, aSocket, fullCoverage } from '../fixtures/snapshot.ts';

const target = { key: 'cookie:11', ino: 101, cookie: '11', label: 'net:[101] blue' };

function planFor(expectation: Expectation): Plan {
  return { ...planOf('create', [], factsOf([home()]), { name: 'x' }), expectations: [expectation] };
}

/** What one expectation comes to by a snapshot of these namespaces. */
function checked(expectation: Expectation, namespaces: readonly Namespace[], over: Partial<Snapshot> = {}) {
  const [check] = checkPlan(planFor(expectation), { ...snapshotOf(...namespaces), ...over });
  return { holds: check?.holds, seen: check?.seen };
}

const HOLDS = { holds: true, seen: '' };

describe('verification', () => {
  const gone: Expectation = { kind: 'gone', namespace: target };

  test('gone is what the kernel does not list any more; without its list nobody knows', () => {
    expect(checked(gone, [home()])).toEqual(HOLDS);
    expect(checked(gone, [home(), blue()])).toEqual({ holds: false, seen: 'held by mount /run/netns/blue' });
    expect(checked(gone, [home(), blue({ visibility: 'dying', holders: [] })])).toEqual({
      holds: false,
      seen: 'it is being torn down, and not freed yet',
    });
    // Its number is another's by now.
    expect(checked(gone, [home(), blue({ cookie: '12' })])).toEqual(HOLDS);
    for (const coverage of [
      [],
      fullCoverage(1).filter(({ source }) => source !== 'kernel'),
      fullCoverage(1).map((each) =>
        each.source === 'kernel' ? { ...each, status: 'unavailable' as const, seen: 0 } : each,
      ),
      fullCoverage(1).map((each) => (each.source === 'kernel' ? { ...each, status: 'off' as const, seen: 0 } : each)),
    ]) {
      expect(checked(gone, [home()], { coverage })).toEqual({
        holds: null,
        seen: "nothing in userland shows it any more; the kernel's own list could not be read",
      });
    }
  });

  test('empty counts those that procfs conceals, and no kernel threads', () => {
    const empty: Expectation = { kind: 'empty', namespace: target, except: [] };
    expect(checked(empty, [home()])).toEqual(HOLDS);
    expect(checked(empty, [blue()])).toEqual(HOLDS);
    expect(checked(empty, [blue({ processes: [aProcess({ kernelThread: true })] })])).toEqual(HOLDS);
    expect(checked(empty, [blue({ processes: [aProcess()] })])).toEqual({ holds: false, seen: '1 left' });
    const concealed = { kind: 'task', pid: 9, tid: 9, threads: 1, view: 'kernel' } as const;
    expect(checked(empty, [blue({ holders: [concealed] })])).toEqual({ holds: false, seen: '1 left' });
  });

  test('ended is one process, not its number, wherever it shows', () => {
    const process = { pid: 500, startTicks: 7, comm: 'sleep', user: null };
    const ended: Expectation = { kind: 'ended', process };
    const there = (over: object) =>
      checked(ended, [home({ processes: [aProcess({ pid: 500, startTicks: 7, ...over })] })]);
    expect(there({})).toEqual({ holds: false, seen: 'it is still there' });
    expect(there({ startTicks: 8 })).toEqual(HOLDS);
    const lurking = [aConcealedTask({ pid: 500, tid: 500, startTicks: 7 })];
    expect(checked(ended, [home()], { concealedTasks: lurking }).holds).toBe(false);
  });

  test('unmounted is about mounts by their ids and paths', () => {
    const unmounted: Expectation = {
      kind: 'unmounted',
      namespace: target,
      path: '/run/netns/blue',
      mountIds: [41, 42],
    };
    expect(checked(unmounted, [blue()])).toEqual({ holds: false, seen: '1 of 2 mounts are left' });
    const both = [aMount(), aMount({ mountId: 42 })];
    expect(checked(unmounted, [blue({ holders: both })])).toEqual({ holds: false, seen: 'it still is' });
    expect(checked(unmounted, [blue({ holders: [aMount({ mountId: 43 })] })])).toEqual(HOLDS);
    expect(checked(unmounted, [blue({ holders: [aMount({ path: '/elsewhere' })] })])).toEqual(HOLDS);
    expect(checked(unmounted, [home()])).toEqual(HOLDS);
  });

  test('a device is in a namespace, up or down; one whose devices were not read is unknown', () => {
    const device: Expectation = { kind: 'device', namespace: target, name: 'wän' };
    const link = (up: boolean): Expectation => ({ kind: 'link', namespace: target, ifindex: 2, name: 'eth0', up });
    const devices = [aDevice({ ifindex: 2, name: 'wän', flags: ['up'] })];
    expect(checked(device, [blue({ devices })])).toEqual(HOLDS);
    expect(checked(device, [blue({ devices: [] })])).toEqual({ holds: false, seen: 'it is not' });
    expect(checked(device, [blue({ devices: null })])).toEqual({ holds: null, seen: 'could not be read' });
    expect(checked(device, [home()])).toEqual({ holds: false, seen: 'the namespace is gone' });
    expect(checked(link(true), [blue({ devices })])).toEqual(HOLDS);
    expect(checked(link(false), [blue({ devices })]).holds).toBe(false);
    expect(checked(link(true), [blue({ devices: [] })])).toEqual({ holds: false, seen: 'it is gone' });
  });

  test('closed sockets may be there as what is left of them', () => {
    const sockets = [{ cookie: '5' }, { cookie: '6' }] as unknown as readonly SocketIdentity[];
    const closed: Expectation = { kind: 'closed', namespace: target, sockets };
    const there = (...rows: Parameters<typeof aSocket>) => checked(closed, [blue({ sockets: rows.map(aSocket) })]);
    expect(there({ cookie: '5' })).toEqual({ holds: false, seen: '1 still there' });
    expect(there({ cookie: '5', state: 'close' })).toEqual(HOLDS);
    expect(there({ cookie: '7' })).toEqual(HOLDS);
    expect(checked(closed, [blue({ sockets: null })]).holds).toBeNull();
    expect(checked(closed, [blue({ sockets: null, visibility: 'dying' })])).toEqual(HOLDS);
    expect(checked(closed, [home()])).toEqual(HOLDS);
  });

  test('a name is whose it is to be', () => {
    const named = (namespace: typeof target | null): Expectation => ({ kind: 'named', namespace, name: 'größe' });
    const ns = blue({ names: ['größe'] });
    expect(checked(named(target), [ns])).toEqual(HOLDS);
    expect(checked(named(null), [ns])).toEqual(HOLDS);
    expect(checked(named(null), [home()])).toEqual({ holds: false, seen: 'no namespace has that name' });
    expect(checked(named({ ...target, key: 'cookie:12' }), [ns])).toEqual({
      holds: false,
      seen: 'net:[101] is called that',
    });
    expect(checked({ kind: 'unnamed', name: 'größe' }, [ns])).toEqual({ holds: false, seen: 'one still is' });
    expect(checked({ kind: 'unnamed', name: 'größe' }, [home()])).toEqual(HOLDS);
  });

  test('what should be gone is waited for by its cookie', () => {
    expect(expectedGone(planFor(gone))).toEqual(new Set(['11']));
    expect(expectedGone(planFor({ kind: 'gone', namespace: { ...target, cookie: null } }))).toEqual(new Set());
  });
});

describe('confirmation', () => {
  const confirm = (over: Partial<Plan>) => confirmationOf({ ...planFor({ kind: 'gone', namespace: target }), ...over });

  test.each([
    ['reversible', [target], ['y', 'Y', 'yes', ' YES '], ['', 'n', 'yy', 'blue', '101']],
    ['destructive', [target], ['blue', '101', ' 101 '], ['y', '', 'Blue', '10', 'net:[102]', '101 blue']],
    ['destructive', [{ ...target, label: 'net:[101]' }], ['101'], ['y', '', '11']],
    ['destructive', [target, target], ['2'], ['y', 'blue', '101', '02', '']],
    ['destructive', [], ['y'], ['']],
  ] as const)('%s, %j: %j', (risk, targets, right, wrong) => {
    const confirmation = confirm({ risk, targets });
    for (const typed of right) expect({ typed, is: isConfirmed(confirmation, typed) }).toEqual({ typed, is: true });
    for (const typed of wrong) expect({ typed, is: isConfirmed(confirmation, typed) }).toEqual({ typed, is: false });
    for (const word of confirmation.words) expect(confirmation.prompt).toContain(word);
  });
});

describe('an action as a command', () => {
  const command = (action: ActionId, options: ActionOptions, targets = ['cookie:11']) =>
    asCommand({ action, targets, options });

  test.each<[string, string]>([
    [
      command('kill', { pids: [7, 8], graceMs: 500, freeze: true, descendants: true }),
      'nsleuth kill cookie:11 --pid 7,8 --descendants --freeze --grace 0.5',
    ],
    [command('release', { lazy: true }, ['cookie:11', 'net:[7]']), "nsleuth release cookie:11 'net:[7]' --lazy"],
    [command('unmount', { paths: ['/a b', "/it's"] }), "nsleuth unmount cookie:11 --at '/a b' --at '/it'\\''s'"],
    [
      command('reclaim', { devices: ['eth0'], to: 'cookie:1', all: true }),
      'nsleuth reclaim cookie:11 eth0 --all --to cookie:1',
    ],
    [command('move-device', { devices: ['eth0'], name: 'wan' }), 'nsleuth move-device cookie:11 eth0 --as wan'],
    [command('move-device', { devices: ['-x'], name: 'wan' }), 'nsleuth move-device --as wan -- cookie:11 -x'],
    [command('set-link', { devices: ['lo'], link: 'up' }), 'nsleuth set-link cookie:11 lo up'],
    [command('create', { name: 'größe' }, []), "nsleuth create 'größe'"],
    [command('rename', { name: 'new', oldName: 'old' }), 'nsleuth rename cookie:11 new --old old'],
    [
      command('close-sockets', { filter: 'state=established peer-port=80' }),
      "nsleuth close-sockets cookie:11 --filter 'state=established peer-port=80'",
    ],
    [command('close-sockets', { sockets: ['5'] }), 'nsleuth close-sockets cookie:11 --filter cookie=5'],
    [
      command('close-sockets', { sockets: ['5', '6'] }),
      'nsleuth close-sockets cookie:11 --filter cookie=5 && nsleuth close-sockets cookie:11 --filter cookie=6',
    ],
  ])('%s', (given, expected) => {
    expect(given).toBe(expected);
  });
});

test('a plan and what came of it, as it is drawn', () => {
  const ns = blue({
    processes: [aProcess({ pid: 500, comm: 'agent', user: 'web' })],
    holders: [
      { kind: 'task', pid: 500, tid: 500, threads: 1 },
      aMount(),
      { kind: 'descriptor', form: 'nsfs', pid: 77, fd: 4 },
    ],
    devices: [
      aDevice({ ifindex: 1, flags: ['loopback'] }),
      aDevice({ ifindex: 2, name: 'eth0', kind: null, physical: true, flags: ['up'] }),
    ],
    addresses: [anAddress()],
  });
  const other = home({ devices: [aDevice()], processes: [aProcess({ pid: 77, comm: 'dockerd' })] });
  const plan = planOf('release', [ns], factsOf([other, ns]));
  const offer = (index: number) => asCommand(plan.offers[index]?.request ?? plan.request);
  expect(
    planLines(plan, offer)
      .map(({ text }) => text)
      .join('\n'),
  ).toMatchInlineSnapshot(`
    "Release net:[101] blue
       1  stop     1 process
                   SIGTERM, 5 s later SIGKILL; frozen first should they multiply, and whatever is started in it meanwhile
                   · pid 500 agent (web)
                   first: they could make anew what the next steps remove
       2  move     eth0 to net:[100] init
                   goes down, loses its addresses 10.66.6.6/24
                   before the namespace ends, so that it keeps its name
       3  unmount  /run/netns/blue
                   last: until then the namespace can be entered by it
       4  remove   /run/netns/blue
                   the file it was mounted on, if it is plain and empty

    Not touched
      pid 77 dockerd: it holds the namespace (descriptor, pid 77 fd 4): it has to close that, or to end

    Afterwards
      no process lives in net:[101] blue
      eth0 is in net:[100] init
      /run/netns/blue is not mounted any more

    It could also
      end pid 77 dockerd, which holds the namespace: nsleuth kill cookie:1 --pid 77"
  `);

  const result = { details: [], startedAt: '2026-01-01T00:00:00.000Z', durationMs: 3 };
  const results = [
    { ...result, step: 1, status: 'done', message: '1 process ended', details: ['SIGTERM to 1 process'] },
    { ...result, step: 2, status: 'changed', message: 'eth0 is gone' },
    { ...result, step: 3, status: 'skipped', message: 'the host is not as it was when the plan was made' },
  ] as const;
  const told = results.flatMap((each) => resultLines(each, plan.steps[each.step - 1], false));
  const came = outcomeLines(
    {
      results,
      stopped: 'the host is not as it was when the plan was made',
      interrupted: false,
      verification: {
        at: '2026-01-01T00:00:01.000Z',
        checks: [
          { text: 'no process lives in net:[101] blue', holds: true, seen: '' },
          { text: 'eth0 is in net:[100] init', holds: false, seen: 'it is not' },
          { text: 'net:[101] blue is gone', holds: null, seen: 'nobody knows' },
        ],
        offers: [{ text: 'release what is left', request: { action: 'release', targets: ['cookie:11'], options: {} } }],
      },
    },
    () => 'nsleuth release cookie:11',
  );
  expect([...told, ...came].map(({ text, tone }) => `${tone.padEnd(5)} ${text}`).join('\n')).toMatchInlineSnapshot(`
    "good   ✓   1  stop     1 process: 1 process ended
    dim                  SIGTERM to 1 process
    alert  ✗   2  move     eth0 to net:[100] init: eth0 is gone
    dim    –   3  unmount  /run/netns/blue: the host is not as it was when the plan was made
    alert stopped: the host is not as it was when the plan was made
    plain 
    title Looked again
    good   ✓ no process lives in net:[101] blue
    alert  ✗ not so: eth0 is in net:[100] init: it is not
    warn   ? net:[101] blue is gone: nobody knows
    plain 
    title Next
    plain   release what is left: nsleuth release cookie:11"
  `);
});

describe('addresses as bytes', () => {
  test.each([
    ['10.0.0.1', '0a000001'],
    ['0.0.0.0', '00000000'],
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(31)}1`],
    ['fe80::', `fe80${'0'.repeat(28)}`],
    ['fe80::1:2', `fe80${'0'.repeat(20)}00010002`],
    ['2001:db8:1:2:3:4:5:6', '20010db8000100020003000400050006'],
    ['2001:db8::5:6', '20010db8000000000000000000050006'],
    ['1::', `0001${'0'.repeat(28)}`],
    ['::ffff:10.0.0.1', '00000000000000000000ffff0a000001'],
    ['::ffff:a00:1', '00000000000000000000ffff0a000001'],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
  ])('%s', (address, hex) => {
    expect(addressBytes(address).toString('hex')).toBe(hex);
  });
});

test.each([
  ['CapEff:\t000001ffffffffff\n', ['CAP_KILL', 'CAP_NET_ADMIN', 'CAP_SYS_CHROOT', 'CAP_SYS_PTRACE', 'CAP_SYS_ADMIN']],
  [
    'Name:\tx\nCapInh:\tffffffffffffffff\nCapEff:\t0000000000201000\nCapBnd:\tffffffffffffffff\n',
    ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN'],
  ],
  ['CapEff:\t0000000000000000\n', []],
  ['', []],
])('effective capabilities of %j', (status, capabilities) => {
  expect(effectiveCapabilities(status)).toEqual(capabilities);
});

test.each([
  [{ XDG_STATE_HOME: '/var/state', HOME: '/root' }, '/var/state/nsleuth/actions.ndjson'],
  [{ HOME: '/root' }, '/root/.local/state/nsleuth/actions.ndjson'],
  [{ XDG_STATE_HOME: '', HOME: '/root' }, '/root/.local/state/nsleuth/actions.ndjson'],
  [{ XDG_STATE_HOME: 'relative/state', HOME: '/root' }, '/root/.local/state/nsleuth/actions.ndjson'],
])('the audit trail by %j', (env, file) => {
  expect(auditFile(env)).toBe(file);
  expect(auditFile({})).toMatch(/^\/.*\/\.local\/state\/nsleuth\/actions\.ndjson$/);
});
