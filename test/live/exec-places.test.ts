/** Which namespaces nsleuth exec and shell enter, by which name, and what they say where they cannot. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ROOT } from '../../scripts/lib/bundle.mjs';
import { closeProcfs, openProcfs } from '../../src/os/procfs.ts';
import { lookInside } from '../../src/run-in-namespace.ts';
import { cliForEverybody, NOBODY } from './everybody.ts';
import { byNsleuth, type Ended, ended, etcFiles, renamed, under } from './exec.ts';
import { addNetns, CLI, find, Scene, userlandWithout } from './scene.ts';

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.end());

function nsleuth(...args: readonly string[]): Ended {
  return ended([process.execPath, CLI, ...args]);
}

/** Expects a message and nothing run. */
function expectMessage({ status, signal, stdout, stderr }: Ended, code: number, text: string): void {
  expect({ status, signal, stdout }).toEqual({ status: code, signal: null, stdout: '' });
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).toContain(text);
}

const OWN = ['readlink', '/proc/self/ns/net'];

describe('namespaces without a name', () => {
  test.each(['inflight-descriptor', 'packet-ring'])('a hidden one is entered (%s)', async (kind) => {
    const { line } = await scene.start(process.execPath, [
      join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', 'hidden.mjs'),
      kind,
    ]);
    const { ino, cookie } = JSON.parse(line) as { ino: number; cookie: string };
    const own = { status: 0, stdout: `net:[${ino}]\n`, stderr: '' };
    expect(ended([...byNsleuth(`cookie:${cookie}`), ...OWN])).toMatchObject(own);
    expect(ended([...byNsleuth(String(ino)), ...OWN])).toMatchObject(own);
    // Nothing of the kernel's view, which was needed to find it, is handed on.
    const open = ended([...byNsleuth(String(ino)), 'find', '/proc/self/fd', '-lname', '*bpf*']);
    expect(open).toMatchObject({ status: 0, stdout: '' });
    expect(ended([...byNsleuth(String(ino)), 'grep', '-c', 'bpf', '/proc/self/maps'])).toMatchObject({ stdout: '0\n' });
    const limits = ['cat', '/proc/self/limits'];
    expect(ended(under('"$@"', [...byNsleuth(String(ino)), ...limits]))).toEqual(ended(under('"$@"', limits)));
    expect(ended([...byNsleuth(String(ino)), 'grep', ' /sys ', '/proc/self/mounts']).stdout).toMatch(
      new RegExp(`^net:\\[${ino}\\] /sys sysfs `),
    );
  });

  test.each(['inet', 'tun', 'descriptor', 'process'])('one held by %s alone is entered', async (kind) => {
    const { ino, pid } = await scene.hold(kind);
    const own = { status: 0, stdout: `net:[${ino}]\n`, stderr: '' };
    expect(ended([...byNsleuth(`net:[${ino}]`), ...OWN])).toMatchObject(own);
    if (kind === 'process') expect(ended([...byNsleuth(`pid:${pid}`), ...OWN])).toMatchObject(own);
  });

  test('a number that by now is another namespace’s is not taken for it', async () => {
    const { ino } = await scene.hold('process');
    const snapshot = await userlandWithout('descriptors');
    const ns = find(snapshot, ino);
    if (ns === undefined) throw new Error('not found');
    const procfs = openProcfs('/proc');
    try {
      expect(lookInside({ procfs, ns, snapshot }, () => 'inside')).toBe('inside');
      const before = { procfs, snapshot, ns: { ...ns, cookie: '1' } };
      expect(() => lookInside(before, () => 'inside')).toThrow(`cannot enter net:[${ino}]: it is gone`);
      const vanished = { procfs, snapshot, ns: { ...ns, holders: [], cookie: null } };
      expect(() => lookInside(vanished, () => 'inside')).toThrow(`cannot enter net:[${ino}]: `);
    } finally {
      closeProcfs(procfs);
    }
  });
});

describe('a namespace with several names', () => {
  const SHOW = ['cat', '/etc/resolv.conf'];

  test('has the files of the one it was asked for by; else of one there are any for', () => {
    const first = addNetns(scene).name;
    const second = renamed(scene, first);
    etcFiles(scene, second, { 'resolv.conf': 'second\n' });
    const ino = ended([...byNsleuth(first), ...OWN]).stdout.replace(/\D/g, '');
    const host = ended(SHOW).stdout;
    // ip does the same: it knows no other name than the one it is given.
    expect(ended(['ip', 'netns', 'exec', first, ...SHOW]).stdout).toBe(host);
    expect(ended([...byNsleuth(first), ...SHOW])).toMatchObject({ stdout: host, stderr: '' });
    for (const selector of [second, `/run/netns/${second}`, `/var/run/netns/${second}`, ino]) {
      expect(ended([...byNsleuth(selector), ...SHOW])).toMatchObject({ stdout: 'second\n', stderr: '' });
    }
    etcFiles(scene, first, { 'resolv.conf': 'first\n' });
    expect(ended([...byNsleuth(first), ...SHOW])).toMatchObject({ stdout: 'first\n', stderr: '' });
    const either = ended([...byNsleuth(ino), ...SHOW]);
    const [taken, left] = either.stdout === 'first\n' ? [first, second] : [second, first];
    expect(either.stderr).toBe(
      `nsleuth: it has several names: files are taken from /etc/netns/${taken}, not of ${left}\n`,
    );
  });
});

describe('what cannot be', () => {
  test('is said before anything is run', () => {
    const ns = addNetns(scene).name;
    for (const words of [[], ['--']]) expectMessage(nsleuth('exec', ns, ...words), 2, 'no command given: nsleuth exec');
    expectMessage(nsleuth('exec'), 2, "missing required argument 'NS'");
    expectMessage(nsleuth('exec', '--no-such', ns, 'echo'), 2, "unknown option '--no-such'");
    expectMessage(nsleuth('exec', `${ns}x`, 'echo'), 1, `no network namespace "${ns}x"; did you mean ${ns}`);
    expectMessage(nsleuth('exec', '--without', 'nothing', ns, 'echo'), 2, 'unknown source "nothing"');
    expectMessage(nsleuth('shell', ns, 'more'), 2, 'too many arguments');
    expectMessage(nsleuth('exec', '--proc', '/sys', ns, 'echo'), 1, 'no network namespace');
  });

  test('an ordinary user is told what is missing', async () => {
    const ns = addNetns(scene).name;
    const { ino, pid } = await scene.hold('process');
    const cli = [...NOBODY, process.execPath, cliForEverybody(scene)];
    for (const selector of [ns, 'self']) {
      const refused = ended([...cli, 'exec', selector, '--', 'echo', 'done']);
      expectMessage(refused, 4, 'EPERM; it needs CAP_SYS_ADMIN');
    }
    expectMessage(ended([...cli, 'shell', ns]), 4, 'CAP_SYS_ADMIN');
    expectMessage(ended([...cli, 'exec', `pid:${pid}`, 'echo']), 1, `no network namespace "pid:${pid}"`);
    expectMessage(ended([...cli, 'exec', `net:[${ino}]`, 'echo']), 1, 'no network namespace "net:');
  });

  test('is said also when it shows only once it was entered', () => {
    const ns = addNetns(scene).name;
    const root = join(scene.directory(), 'root');
    // A root without /sys.
    const script = [
      `mkdir ${root}; mount -t tmpfs none ${root}`,
      `for each in usr bin lib lib64 etc proc dev run ${ROOT}; do`,
      `  test -d /$each || continue; mkdir -p ${root}/$each; mount --rbind /$each ${root}/$each`,
      'done',
      `exec chroot ${root} "$@"`,
    ].join('\n');
    const tried = ended(['unshare', '--mount', 'sh', '-c', script, 'sh', ...byNsleuth(ns), 'echo', 'ran']);
    expectMessage(tried, 1, 'mount sysfs on /sys: ENOENT: nothing was run');

    // In a user namespace of one's own everything is allowed, but for a sysfs where there was none.
    const own = ['unshare', '--user', '--map-root-user', '--net', ...byNsleuth('self'), 'echo', 'ran'];
    expect(ended(own)).toMatchObject({ status: 0, stdout: 'ran\n', stderr: '' });
    const without = ended(['unshare', '--mount', 'sh', '-c', 'umount -l /sys; exec "$@"', 'sh', ...own]);
    expectMessage(without, 4, 'mount sysfs on /sys: EPERM; it needs CAP_SYS_ADMIN: nothing was run');
  });
});

describe('shell', () => {
  test('runs $SHELL, else /bin/sh, and tells it where it is', async () => {
    const ns = addNetns(scene).name;
    const script = 'echo $NSLEUTH_NETNS $0; readlink /proc/self/ns/net\nexit 5\n';
    const own = ended([...byNsleuth(ns), ...OWN]).stdout;
    const base = { PATH: process.env.PATH, XDG_STATE_HOME: process.env.XDG_STATE_HOME };
    const say = (selector: string, env: NodeJS.ProcessEnv) =>
      ended([process.execPath, CLI, 'shell', selector], { input: script, env: { ...base, ...env } });
    expect(say(ns, { SHELL: '/bin/bash' })).toMatchObject({ status: 5, stdout: `${ns} /bin/bash\n${own}`, stderr: '' });
    expect(say(ns, {})).toMatchObject({ status: 5, stdout: `${ns} /bin/sh\n${own}` });
    expect(say(ns, { SHELL: '' })).toMatchObject({ status: 5, stdout: `${ns} /bin/sh\n${own}` });
    expect(say(ns, { SHELL: '/no/such/shell' })).toMatchObject({ status: 127, stdout: '' });
    const { ino } = await scene.hold('process');
    expect(say(String(ino), {}).stdout).toBe(`net:[${ino}] /bin/sh\nnet:[${ino}]\n`);
    expect(ended([...byNsleuth(ns), 'sh', '-c', 'echo $NSLEUTH_NETNS']).stdout).toBe('\n');
  });
});
