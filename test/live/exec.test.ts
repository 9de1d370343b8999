/** nsleuth exec against `ip netns exec`: a program must not be able to tell which of them ran it. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { byIp, byNsleuth, type Ended, ended, etcFiles, under } from './exec.ts';
import { addNetns, CLI, Scene } from './scene.ts';

/** Where the audit trail goes when nothing else is in the environment. */
const STATE = { XDG_STATE_HOME: process.env.XDG_STATE_HOME };

let scene: Scene;
let ns: string;

beforeEach(() => {
  scene = new Scene();
  ns = addNetns(scene).name;
});

afterEach(() => scene.end());

interface Both {
  readonly ip: Ended;
  readonly nsleuth: Ended;
}

/** Runs a command by both, each under the same shell script. */
function both(command: readonly string[], script = '"$@"', options: Parameters<typeof ended>[1] = {}): Both {
  return {
    ip: ended(under(script, [...byIp(ns), ...command]), options),
    nsleuth: ended(under(script, [...byNsleuth(ns), ...command]), options),
  };
}

/** Expects both to end alike with the same output, and returns that. Numbers of pipes and processes are all the same. */
function same({ ip, nsleuth }: Both): string {
  const plain = ({ stdout, ...rest }: Ended) => ({
    ...rest,
    stdout: stdout.replace(/(pipe|socket):\[\d+\]/g, '$1').replace(/\/proc\/\d+/g, '/proc/N'),
  });
  expect(plain(nsleuth)).toEqual(plain(ip));
  expect(ip.stderr).toBe('');
  return plain(ip).stdout;
}

describe('what a program is given', () => {
  test('its environment, byte by byte', () => {
    const script = 'LATIN=$(printf "\\351") LINES=$(printf "a\\nb") EMPTY= "$@"';
    const sorted = ({ stdout, ...rest }: Ended) => ({ ...rest, stdout: stdout.split('\0').sort() });
    const { ip, nsleuth } = both(['env', '-0'], script, { env: { ...STATE, PATH: process.env.PATH, NO_COLOR: '1' } });
    expect(sorted(nsleuth)).toEqual(sorted(ip));
    expect(ip.stdout.split('\0')).toEqual(expect.arrayContaining(['LATIN=\xe9', 'LINES=a\nb', 'EMPTY=', 'NO_COLOR=1']));
    expect(same(both(['env'], '"$@"', { env: STATE }))).toMatch(/^XDG_STATE_HOME=\S+\nPWD=\S+\n$/);
  });

  test('its arguments, byte by byte, options and a second -- among them', () => {
    const script = '"$@" "$(printf "\\351\\377")" é "" --json -- --help';
    const printed = same(both(['printf', '[%s]'], script));
    expect(Buffer.from(printed, 'latin1')).toEqual(Buffer.from('[\xe9\xff][Ã©][][--json][--][--help]', 'latin1'));
  });

  test('options that are its own, where no -- stands before it', () => {
    const words = ['printf', '[%s]', '-x', '--json', '--help', '--proc', '--', '-V'];
    const [ip, nsleuth] = [byIp(ns), byNsleuth(ns).slice(0, -1)].map((how) => ended([...how, ...words]));
    expect(nsleuth).toEqual(ip);
    expect(nsleuth?.stdout).toBe('[-x][--json][--help][--proc][--][-V]');
  });

  test('an open descriptor of any number, and none of ours', () => {
    const file = join(scene.directory(), 'file');
    // 6 and 7 are two ends of one pipe, as make(1) hands them on; 20 lies behind a gap.
    const open = `exec 3</etc/passwd 5>>${file} 6<&0 7>/proc/self/fd/0 20</dev/null`;
    const script = `: | bash -c '${open}; "$@"; exit $?' bash "$@"`;
    const listed = same(both(['find', '/proc/self/fd', '-type', 'l', '-printf', '%f %l\n'], script));
    const inherited = ['3 /etc/passwd', `5 ${file}`, '6 pipe', '7 pipe', '20 /dev/null'];
    expect(listed.split('\n')).toEqual(expect.arrayContaining(inherited));
  });

  test('standard streams in the mode they were in, even if Node has used them', () => {
    const show = ['sh', '-c', 'for fd in 0 1 2; do grep flags /proc/self/fdinfo/$fd; done'];
    const script = '(sleep 0.2; echo) | "$@" 2>&1 | cat';
    const flags = same(both(show, script));
    expect(flags).toBe('flags:\t00\nflags:\t01\nflags:\t01\n');
    const program = join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', 'becomes.mjs');
    expect(ended(under(script, [process.execPath, program, ...show])).stdout).toBe(flags);
    // What was non-blocking before stays so: whoever made it so relies on it.
    const before = 'fcntl(STDIN, F_SETFL, O_NONBLOCK | fcntl(STDIN, F_GETFL, 0)); exec @ARGV';
    const made = same(both(show, `(sleep 0.2; echo) | perl -MFcntl -e '${before}' "$@" 2>&1 | cat`));
    expect(made).toBe('flags:\t04000\nflags:\t01\nflags:\t01\n');
  });

  test('directory, umask, priority and the rest of its status', () => {
    const directory = scene.directory();
    const facts = [
      'pwd',
      'umask',
      'nice',
      'cat /proc/self/oom_score_adj /proc/self/personality /proc/self/cgroup /proc/self/timerslack_ns',
      'cut -d" " -f 18,19,40,41 /proc/self/stat', // priority, nice, real-time priority, policy
      'grep -E "^(Umask|TracerPid|Uid|Gid|Groups|CoreDumping|THP|SigBlk|SigIgn|SigCgt|ShdPnd|SigPnd|Cap|NoNewPrivs|Seccomp|Spec|Cpus_allowed|Mems_allowed)" /proc/self/status',
    ];
    const script = `cd ${directory}; umask 027; echo 200 >/proc/self/oom_score_adj; nice -n 5 "$@"`;
    const printed = same(both(['sh', '-c', facts.join('\n')], script));
    expect(printed).toMatch(new RegExp(`^${directory}\n0027\n5\n200\n`));
    expect(printed).toContain('SigIgn:\t0000000000000000\n');
  });

  test('limits: the soft one of open files is what it was, though Node raises it', () => {
    const script = 'ulimit -Sn 512; ulimit -Hn 4000; ulimit -c 0; "$@"';
    expect(same(both(['cat', '/proc/self/limits'], script))).toMatch(/^Max open files +512 +4000 /m);
  });

  test('also where a nsleuth started it, which had its own raised', () => {
    const hook = join(scene.directory(), 'hook.cjs');
    // What the screen does: it starts itself, by the same script, for somebody else to take over.
    writeFileSync(
      hook,
      `const { spawnSync } = require('node:child_process');
      const { NODE_OPTIONS, ...env } = process.env;
      const command = ['exec', '${ns}', '--', 'cat', '/proc/self/limits'];
      spawnSync(process.execPath, [process.argv[1], ...command], { env, stdio: 'inherit' });
      process.exit(0);`,
    );
    const screen = under(`ulimit -Sn 512; NODE_OPTIONS=--require=${hook} "$@"`, [process.execPath, CLI]);
    expect(ended(screen).stdout).toMatch(/^Max open files +512 /m);
  });

  test('standard input, and its output goes where ours did', () => {
    const input = randomBytes(3_000_000);
    expect(same(both(['cat'], '"$@"', { input }))).toBe(input.toString('latin1'));
    expect(
      same(both(['sh', '-c', 'read a; echo $a; read b'], '"$@"; read c; echo rest $c', { input: '1\n2\n3\n' })),
    ).toBe('1\nrest 3\n');
  });
});

describe('how it ends', () => {
  test.each([0, 1, 3, 125, 255])('with code %d', (code) => {
    const ends = both(['sh', '-c', `exit ${code}`]);
    same(ends);
    expect(ends.nsleuth.status).toBe(code);
  });

  test.each([
    ['TERM', 143],
    ['KILL', 137],
    ['SEGV', 139],
    ['HUP', 129],
    ['PIPE', 141],
    ['XFSZ', 153],
    ['USR1', 138],
    ['RTMIN', 162],
  ] as const)('by SIG%s, of which a shell says %d', (signal, code) => {
    const command = ['bash', '-c', `ulimit -c 0; kill -${signal} $$`];
    const [ip, nsleuth] = [byIp(ns), byNsleuth(ns)].map((how) => ended([...how, ...command]));
    expect(nsleuth).toEqual(ip);
    expect(same(both(command, '{ "$@"; } 2>/dev/null; echo $?'))).toBe(`${code}\n`);
  });

  test('by a pipe nobody reads any more', () => {
    expect(same(both(['yes'], '{ { "$@"; echo $? >&3; } | head -n 1; } 3>&1'))).toContain('141\n');
  });

  test('in place: the process that was started is the program', () => {
    const script = '"$@" & wait $!; echo $!';
    for (const how of [byIp(ns), byNsleuth(ns)]) {
      const [inside, started] = ended(under(script, [...how, 'sh', '-c', 'echo $$'])).stdout.split('\n');
      expect(inside).toBe(started);
    }
  });

  test('what is not there is 127, what cannot be executed 126', () => {
    const script = join(scene.directory(), 'script');
    writeFileSync(script, '#!/no/such/interpreter\n', { mode: 0o755 });
    for (const [command, code, why] of [
      ['no-such-program', 127, 'ENOENT'],
      ['./no/such', 127, 'ENOENT'],
      [script, 127, 'ENOENT'],
      ['/etc/passwd', 126, 'EACCES'],
      ['/etc', 126, 'EACCES'],
      ['', 127, 'ENOENT'],
      ['\x1b[2J', 127, 'ENOENT'],
    ] as const) {
      const { status, signal, stdout, stderr } = ended([...byNsleuth(ns), command]);
      expect({ command, status, signal, stdout }).toEqual({ command, status: code, signal: null, stdout: '' });
      expect(stderr).toContain('nsleuth: cannot run "');
      expect(stderr).toContain(`(${why})`);
      expect(stderr).not.toContain('\x1b');
    }
  });
});

describe('what it sees', () => {
  test("the namespace's devices, also in /sys, and mounts of its own", () => {
    // Others on the host may mount elsewhere meanwhile.
    const mountsHere = () => readFileSync('/proc/self/mountinfo', 'latin1').match(/^.* \/(sys|etc)[/ ].*$/gm);
    const before = mountsHere();
    etcFiles(scene, ns, { 'resolv.conf': 'nameserver 192.0.2.53\n' });
    for (const how of [byIp(ns), byNsleuth(ns)]) ended([...how, 'ip', 'link', 'add', 'dummyish', 'type', 'veth']);
    const facts = 'readlink /proc/self/ns/net; ls /sys/class/net; cat /etc/resolv.conf; cat /proc/self/mounts';
    const printed = same(both(['sh', '-c', facts]));
    expect(printed).toContain('dummyish\nlo\n');
    expect(printed).toContain('nameserver 192.0.2.53\n');
    expect(printed).toContain(`\n${ns} /sys sysfs `);
    const [own] = ended([...byNsleuth(ns), 'readlink', '/proc/self/ns/mnt']).stdout.split('\n');
    expect(own).toMatch(/^mnt:\[\d+\]$/);
    expect(ended(['readlink', '/proc/self/ns/mnt']).stdout.trim()).not.toBe(own);
    expect(mountsHere()).toEqual(before);
    expect(readFileSync('/etc/resolv.conf', 'latin1')).not.toContain('192.0.2.53');
  });

  test('what it mounts stays there, what the host mounts arrives, even where mounts are shared', () => {
    const place = scene.directory();
    mkdirSync(join(place, 'in'));
    mkdirSync(join(place, 'out'));
    const until = (condition: string) => `for i in $(seq 500); do ${condition} && break; sleep 0.01; done`;
    const inner = [
      `mount -t tmpfs none ${place}/in && echo > ${place}/go`,
      until(`grep -q " ${place}/out " /proc/self/mounts`),
      `grep -c " ${place}/out " /proc/self/mounts`,
    ].join('\n');
    const script = [
      `rm -f ${place}/go`,
      '"$@" &',
      until(`test -e ${place}/go`),
      `grep " ${place}/in " /proc/self/mounts`,
      `mount -t tmpfs none ${place}/out`,
      'wait',
      `umount ${place}/out`,
    ].join('\n');
    for (const how of [byIp(ns), byNsleuth(ns)]) {
      const argv = under(script, [...how, 'sh', '-c', inner]);
      expect(ended(['unshare', '--mount', '--propagation', 'shared', ...argv])).toMatchObject({
        stdout: '1\n',
        stderr: '',
      });
    }
  });

  test('a file that cannot be laid over one that is not there is named, and no reason to stop', () => {
    etcFiles(scene, ns, { 'no-such-file-in-etc': '', 'resolv.conf': 'search example\n' });
    const { ip, nsleuth } = both(['cat', '/etc/resolv.conf']);
    expect(nsleuth).toMatchObject({ status: 0, stdout: ip.stdout });
    expect(nsleuth.stdout).toBe('search example\n');
    expect(nsleuth.stderr).toBe(
      `nsleuth: bind /etc/netns/${ns}/no-such-file-in-etc over /etc/no-such-file-in-etc: ENOENT\n`,
    );
  });

  test('a /sys that is read-only stays so', () => {
    const argv = under('mount -o remount,bind,ro /sys; "$@"', [
      ...byNsleuth(ns),
      'grep',
      ' /sys ',
      '/proc/self/mounts',
    ]);
    expect(ended(['unshare', '--mount', ...argv]).stdout).toMatch(new RegExp(`^${ns} /sys sysfs ro[, ]`));
  });

  test('no VRF of the namespace it came from', ({ skip }) => {
    const mount = / - cgroup2 /.exec(readFileSync('/proc/self/mountinfo', 'latin1'));
    if (mount === null) skip('no cgroup2 mounted here');
    const root = /^\d+ \d+ \S+ \/ (\S+) .* - cgroup2 /m.exec(readFileSync('/proc/self/mountinfo', 'latin1'))?.[1] ?? '';
    const cgroup = `${scene.name()}/vrf/red`;
    mkdirSync(join(root, cgroup), { recursive: true });
    for (const part of [cgroup, join(cgroup, '..'), join(cgroup, '../..')].reverse()) {
      scene.defer(() => rmdirSync(join(root, part)));
    }
    const home = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'latin1'))?.[1] ?? '';
    // The shell goes home at the end: a cgroup with a process in it cannot be removed.
    const script = `echo $$ >${root}/${cgroup}/cgroup.procs; "$@"; echo $$ >${root}${home}/cgroup.procs`;
    expect(same(both(['grep', '^0::', '/proc/self/cgroup'], script))).toBe(`0::/${cgroup.slice(0, -4)}\n`);
  });
});
