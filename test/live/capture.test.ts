import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { byNsleuth, type Ended, ended } from './exec.ts';
import { addNetns, CLI, run, Scene } from './scene.ts';

let scene: Scene;
let ns: string;

beforeEach(() => {
  scene = new Scene();
  ns = addNetns(scene).name;
  run('ip', '-n', ns, 'link', 'set', 'lo', 'up');
});

afterEach(() => scene.end());

function capture(...args: readonly string[]): Ended {
  return ended([process.execPath, CLI, 'capture', ...args]);
}

/** Datagrams to a port nobody listens on, sent until `end` is called. */
function chatter(port: number): () => void {
  const script = `while :; do echo x >/dev/udp/127.0.0.1/${port}; sleep 0.02; done 2>/dev/null`;
  const [command = '', ...args] = [...byNsleuth(ns), 'bash', '-c', script];
  const child = spawn(command, args, { stdio: 'ignore' });
  const end = () => void child.kill('SIGKILL');
  scene.defer(end);
  return end;
}

test('shows what passes on a device of the namespace, numbers for names, as it comes', () => {
  chatter(5353);
  const { status, stdout } = capture(ns, 'lo', '--', '-c', '2', 'udp', 'and', 'dst', 'port', '5353');
  expect(status).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line).toMatch(/IP 127\.0\.0\.1\.\d+ > 127\.0\.0\.1\.5353: /);
});

test('any is all devices, options behind DEV are tcpdump’s also without --, and a file is a file', () => {
  chatter(5354);
  const file = join(scene.directory(), 'file.pcap');
  const { status, stdout } = capture(ns, 'any', '-c', '3', '-w', '-', 'udp port 5354');
  expect(status).toBe(0);
  const header = Buffer.from(stdout, 'latin1').readUInt32LE(0);
  expect(header).toBe(0xa1b2c3d4); // pcap-savefile(5)
  expect(stdout.split('\x7f\x00\x00\x01\x7f\x00\x00\x01')).toHaveLength(4);
  expect(capture(ns, 'lo', '-c', '1', '-w', file, '-Z', 'root').status).toBe(0);
  expect(readFileSync(file).readUInt32LE(0)).toBe(0xa1b2c3d4);
});

test('lines come one by one through a pipe, and an interrupt ends it with its summary', async () => {
  chatter(5355);
  const child = spawn(process.execPath, [CLI, 'capture', ns, 'lo', 'udp', 'dst', 'port', '5355'], { stdio: 'pipe' });
  scene.defer(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (bytes) => {
    said += bytes;
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  // 4 KiB of lines, what a pipe gets at once otherwise, would take longer than this test may.
  const first = await new Promise<Buffer>((resolve) => child.stdout.once('data', resolve));
  expect(first.length).toBeLessThan(1000);
  child.kill('SIGINT');
  expect(await closed).toBe(0);
  expect(said).toMatch(/^\d+ packets? captured$/m);
});

test('a device that is not there is an error that names those that are', () => {
  run('ip', '-n', ns, 'link', 'add', 'uplink0', 'type', 'veth', 'peer', 'name', 'uplink1');
  run('ip', '-n', ns, 'link', 'property', 'add', 'dev', 'uplink0', 'altname', 'wan');
  expect(capture(ns, 'uplink')).toMatchObject({
    status: 1,
    stdout: '',
    stderr: `nsleuth: no device "uplink" in ${ns}; did you mean uplink1, uplink0?\n`,
  });
  expect(capture(ns, 'eth7').stderr).toBe(`nsleuth: no device "eth7" in ${ns}; it has lo, uplink1, uplink0\n`);
  expect(capture(ns, '\x1b[2J').stderr).toContain('no device "\\x1b[2J"');
  // tcpdump gets as far as the device being down, which it would not say of one that is not there.
  expect(capture(ns, 'wan', '-c', '1').stderr).toContain('wan: That device is not up');
  expect(capture(`${ns}x`, 'lo').stderr).toContain('no network namespace');
});

test('without tcpdump and tshark it says what to install', () => {
  const script = `for file in /usr/sbin/tcpdump /usr/bin/tcpdump /usr/bin/tshark; do test -e $file && mount --bind /dev/null $file; done; "$@"`;
  const without = ended(['unshare', '--mount', 'sh', '-c', script, 'sh', process.execPath, CLI, 'capture', ns, 'lo']);
  expect(without).toMatchObject({ status: 1, stdout: '' });
  expect(without.stderr).toContain('neither tcpdump nor tshark is installed: apt-get install tcpdump, or tshark');
});

test('needs a namespace and a device', () => {
  expect(() => execFileSync(process.execPath, [CLI, 'capture', ns], { stdio: 'pipe' })).toThrow('DEV');
});
