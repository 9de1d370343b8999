import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KernelProbe, type ProbeFiles, type ProbeState } from '../../collectors/kernel/load.ts';
import { kernel } from '../../collectors/kernel.ts';
import type { Coverage, Snapshot } from '../../src/model/index.ts';
import { close, SYS, syscallWithBuffer } from '../../src/os/libc.ts';
import { closeProcfs, openProcfs } from '../../src/os/procfs.ts';
import { type Held, Scene } from './scene.ts';

const DIST = join(import.meta.dirname, '../../dist');
const CLI = join(DIST, 'cli.js');
const OBJECT = new URL('../../collectors/kernel/probe.bpf.o', import.meta.url);
const GOOD = readFileSync(OBJECT);

/** Longer than anything takes here; what hangs is ended and has no exit code. */
const PATIENCE_MS = 20_000;

const scene = new Scene();
/** A namespace that userland finds as long as it may read another process of root. */
let held: Held;
/** libbpf, as the dynamic linker found it. */
let library: string;

beforeAll(async () => {
  held = await scene.hold('process');
  const state = await KernelProbe.load({ object: OBJECT });
  // The whole file is about loading that fails: it must work where nothing is in its way.
  if ('failure' in state) throw new Error(`${state.failure.reason}; ${state.failure.cure}`);
  state.probe.close();
  library = /\S*\/libbpf\.so\S*$/m.exec(readFileSync('/proc/self/maps', 'utf8'))?.[0] ?? '';
});

afterAll(() => scene.end());

interface Looked {
  readonly coverage: Coverage | undefined;
  /** Inodes of the namespaces listed. */
  readonly listed: readonly (number | null)[];
}

/** `nsleuth list --json` run by a command, which must work on whatever becomes of the kernel view. */
function look(command: readonly string[], cli: string = CLI): Looked {
  const [file = '', ...args] = [...command, process.execPath, cli, 'list', '--json'];
  const { status, signal, stdout, stderr } = spawnSync(file, args, {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  // Neither a stack trace nor what libbpf would print.
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  const snapshot = JSON.parse(stdout) as Snapshot;
  return {
    coverage: snapshot.coverage.find(({ source }) => source === 'kernel'),
    listed: snapshot.namespaces.map(({ ino }) => ino),
  };
}

/** No kernel view, for that reason, and what to do about it. */
function expectRefusal(coverage: Coverage | undefined, reason: string, cure: string): void {
  expect(coverage).toMatchObject({
    status: 'unavailable',
    seen: 0,
    missed: [{ subject: 'probe', reason: expect.stringContaining(reason) }],
    notes: [{ subject: 'cure', reason: expect.stringContaining(cure) }],
  });
}

/** A copy that an ordinary user may read, wherever this checkout is, with a probe of its own. */
function copy(name: string, object: Uint8Array = GOOD): string {
  const directory = join(scene.directory(), name);
  cpSync(DIST, join(directory, 'dist'), { recursive: true });
  const modules = join(DIST, '../node_modules');
  for (const name of ['koffi', '@koromix']) {
    if (existsSync(join(modules, name)))
      cpSync(join(modules, name), join(directory, 'node_modules', name), { recursive: true });
  }
  writeFileSync(join(directory, 'dist/probe.bpf.o'), object);
  spawnSync('chmod', ['-R', 'a+rX', directory]);
  chmodSync(scene.directory(), 0o755);
  return join(directory, 'dist/cli.js');
}

const own = (): number => statSync('/proc/self/ns/net').ino;
const deny = (errno: string): string[] => [
  process.execPath,
  join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', 'deny-bpf.mjs'),
  errno,
];
/** In a mount namespace of its own, after a script. */
const mounted = (script: string, ...args: readonly string[]): string[] => [
  'unshare',
  '--mount',
  '--propagation',
  'private',
  'sh',
  '-ec',
  `${script}; shift ${args.length}; exec "$@"`,
  'sh',
  ...args,
];
const without = (...capabilities: readonly string[]): string[] => {
  const list = capabilities.map((name) => `-${name}`).join();
  return ['setpriv', `--bounding-set=${list}`, `--inh-caps=${list}`];
};

describe('without the kernel view userland is listed, and coverage says why and what to do', () => {
  test('libbpf that is not there', async () => {
    const state = await KernelProbe.load({ object: OBJECT, library: 'libnothing.so.1' });
    expect(state).toMatchObject({
      failure: {
        reason: expect.stringMatching(/^libnothing\.so\.1: .*cannot open shared object file/),
        cure: expect.stringContaining('install libbpf1'),
      },
    });
  });

  test.each(['/dev/null', '/etc/passwd'])('libbpf that is no library but %s', (file) => {
    const { coverage, listed } = look(mounted('mount --bind "$1" "$2"', file, library));
    expectRefusal(coverage, 'libbpf.so.1: Failed to load shared library', 'install libbpf1');
    expect(listed).toContain(held.ino);
  });

  test('another library by that name', async () => {
    const state = await KernelProbe.load({ object: OBJECT, library: 'libc.so.6' });
    expect(state).toMatchObject({
      failure: { reason: expect.stringContaining('libbpf_set_print'), cure: expect.stringContaining('libbpf 1.x') },
    });
  });

  test('no BTF', () => {
    // Where libbpf looks for it (btf__load_vmlinux_btf).
    const places = '/sys/kernel/btf /boot /lib/modules /usr/lib/debug';
    const { coverage, listed } = look(
      mounted(`for place in ${places}; do [ ! -d $place ] || mount -t tmpfs none $place; done`),
    );
    expectRefusal(coverage, 'no BTF, /sys/kernel/btf/vmlinux is missing', 'CONFIG_DEBUG_INFO_BTF');
    expect(listed).toContain(held.ino);
  });

  test('an ordinary user', () => {
    const { coverage, listed } = look(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'], copy('nobody'));
    expectRefusal(coverage, 'without CAP_BPF and CAP_PERFMON (EPERM)', 'run nsleuth as root');
    // Its own process is all it may read.
    expect(listed).toContain(own());
  });

  test.each([
    [['sys_admin', 'bpf', 'perfmon'], 'CAP_BPF and CAP_PERFMON (EPERM'],
    [['sys_admin', 'perfmon'], 'CAP_PERFMON ('],
    [['sys_admin', 'bpf'], 'CAP_BPF (EPERM'],
  ])('root without %j', (capabilities, reason) => {
    const { coverage, listed } = look(without(...capabilities));
    expectRefusal(coverage, `not permitted without ${reason}`, 'needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN');
    expect(listed).toContain(own());
  });

  test('root of a user namespace, whose capabilities do not count', () => {
    const { coverage, listed } = look(['unshare', '--user', '--map-root-user'], copy('mapped'));
    expectRefusal(coverage, '(EPERM)', 'needs the initial user namespace');
    expect(listed).toContain(own());
  });

  test.each(['EPERM', 'EACCES', 'ENOSYS', 'EINVAL', 'ENOMEM'])('a seccomp filter that says %s', (errno) => {
    const { coverage, listed } = look(deny(errno));
    expectRefusal(coverage, `refused, with a seccomp filter on (${errno})`, 'a seccomp filter that allows bpf(2)');
    expect(listed).toContain(held.ino);
  });

  // Loading is allowed, what comes afterwards is not.
  test.each([
    ['run', 'BPF_PROG_RUN', 10],
    ['attach', 'BPF_LINK_CREATE', 28],
    ['attach', 'BPF_ITER_CREATE', 33],
  ])('a seccomp filter against %s: %s', (step, _, command) => {
    const { coverage, listed } = look(deny(`EPERM:${command}`));
    expect(coverage).toMatchObject({ status: 'unavailable', seen: 0 });
    expect(coverage?.missed[0]?.reason).toMatch(new RegExp(`^(?:${step}: EPERM|.*\\(EPERM\\))$`));
    expect(listed).toContain(held.ino);
  });
});

test('CAP_BPF and CAP_PERFMON are enough', () => {
  // Not so with libbpf before 1.3 left to itself: it asks for the modules' types, which takes CAP_SYS_ADMIN.
  expect(look(without('sys_admin')).coverage).toMatchObject({ status: expect.not.stringMatching('unavailable') });
});

/** A section of an ELF file, as bytes that can be written to. elf(5). */
function section(elf: Buffer, name: string): Buffer {
  const headers = Number(elf.readBigUInt64LE(40));
  const at = (index: number, field: number): number =>
    Number(elf.readBigUInt64LE(headers + index * elf.readUInt16LE(58) + field));
  const names = at(elf.readUInt16LE(62), 24);
  for (let index = 0; index < elf.readUInt16LE(60); index++) {
    const start = names + elf.readUInt32LE(headers + index * elf.readUInt16LE(58));
    if (elf.toString('latin1', start, elf.indexOf(0, start)) !== name) continue;
    return elf.subarray(at(index, 24), at(index, 24) + at(index, 32));
  }
  throw new Error(`no section ${name}`);
}

/** The probe with other bytes somewhere. */
function altered(change: (elf: Buffer) => void): Buffer {
  const elf = Buffer.from(GOOD);
  change(elf);
  return elf;
}

let files = 0;

/** Loads that probe, whatever its checksum. */
function loadBytes(bytes: Uint8Array, more: Partial<ProbeFiles> = {}): Promise<ProbeState> {
  const object = join(scene.directory(), `probe-${files++}.o`);
  writeFileSync(object, bytes);
  return KernelProbe.load({ object, crc32: null, ...more });
}

/** An instruction the verifier cannot know. */
const NONSENSE = 0xff;

describe('a probe that is damaged', () => {
  const flip = (name: string, at: number): Buffer =>
    altered((elf) => {
      const bytes = section(elf, name);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
    });
  const DAMAGES: Readonly<Record<string, () => Uint8Array>> = {
    empty: () => Buffer.alloc(0),
    'cut after its header': () => GOOD.subarray(0, 64),
    'cut in the middle': () => GOOD.subarray(0, GOOD.length / 2),
    'cut by a byte': () => GOOD.subarray(0, -1),
    zeroes: () => Buffer.alloc(GOOD.length),
    'no ELF file': () => readFileSync('/etc/passwd'),
    'another ELF file': () => readFileSync(process.execPath).subarray(0, 1 << 20),
    'a program, altered': () => flip('iter/task', 9),
    'another program, altered': () => flip('syscall', 4),
    'a map, altered': () => flip('.maps', 3),
    'its licence, altered': () => flip('license', 0),
    // Here libbpf 1.1 crashes.
    'its types, altered': () => flip('.BTF', 5601),
    // And here it takes 46 s.
    'its types, altered elsewhere': () => altered((elf) => elf.writeUInt8(elf.readUInt8(32287) ^ 8, 32287)),
    'its relocations, altered': () => flip('.BTF.ext', 400),
  };

  test.each(Object.keys(DAMAGES))('%s', (name) => {
    const { coverage, listed } = look([], copy(name.replaceAll(' ', '-'), DAMAGES[name]?.()));
    expectRefusal(coverage, 'the probe is damaged', 'reinstall nsleuth');
    expect(listed).toContain(held.ino);
  });

  test('every single byte counts', async () => {
    const object = join(scene.directory(), 'flipped.o');
    for (let at = 0; at < GOOD.length; at += 997) {
      const bytes = Buffer.from(GOOD);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (at % 8)), at);
      writeFileSync(object, bytes);
      expect(await KernelProbe.load({ object, crc32: crc32(GOOD) })).toEqual({
        failure: { reason: 'the probe is damaged (its checksum is another)', cure: 'reinstall nsleuth' },
      });
    }
  });

  test('libbpf tells by itself what is no BPF object', async () => {
    const failure = { reason: 'the probe is damaged (LIBBPF_ERRNO__FORMAT)', cure: 'reinstall nsleuth' };
    expect(await loadBytes(GOOD.subarray(0, GOOD.length / 2))).toEqual({ failure });
    expect(await loadBytes(readFileSync('/etc/passwd'))).toEqual({ failure });
    expect(await loadBytes(Buffer.alloc(0))).toEqual({
      failure: { ...failure, reason: 'the probe is damaged (EINVAL)' },
    });
  });

  test('one that is not there, or a directory', async () => {
    expect(await KernelProbe.load({ object: '/no/such/probe.o' })).toMatchObject({
      failure: { reason: expect.stringMatching(/^the probe cannot be read: ENOENT/), cure: 'reinstall nsleuth' },
    });
    expect(await KernelProbe.load({ object: '/tmp' })).toMatchObject({
      failure: { reason: expect.stringMatching(/^the probe cannot be read: EISDIR/) },
    });
  });
});

/** What the kernel collector makes of a probe. */
async function collected(state: ProbeState) {
  const procfs = openProcfs('/proc');
  try {
    return await kernel.collect({
      procfs,
      sysRoot: '/sys',
      netnsDir: '/run/netns',
      passwdFile: '/etc/passwd',
      depth: 'full',
      signal: new AbortController().signal,
      probe: () => Promise.resolve(state),
    });
  } finally {
    closeProcfs(procfs);
  }
}

describe('programs the kernel does not take', () => {
  test('cost what they are for: coverage names it, the others work', async () => {
    const bad = altered((elf) => {
      section(elf, 'iter/task_file').writeUInt8(NONSENSE, 0);
      section(elf, 'iter/bpf_link').writeUInt8(NONSENSE, 0);
    });
    const state = await loadBytes(bad);
    if ('failure' in state) throw new Error(state.failure.reason);
    const { probe } = state;
    try {
      const { data, seen, missed, unavailable } = await collected(state);
      expect({ missed, unavailable }).toEqual({
        missed: [{ subject: 'descriptors', reason: 'EINVAL: unknown opcode ff' }],
        unavailable: undefined,
      });
      expect(seen).toBeGreaterThan(1);
      expect(data.namespaces.map(({ ino }) => ino)).toContain(held.ino);
      expect(data.devices.map(({ netns }) => netns)).toContain(held.ino);
      expect(data.tasks.map(({ pid }) => pid)).toContain(held.pid);
      expect(data.pins).toEqual([]);

      // The deep ones come later, and are asked more than once.
      await probe.deepPins();
      await probe.deepPins();
      expect(probe.missing).toEqual([
        { subject: 'descriptors', reason: 'EINVAL: unknown opcode ff' },
        { subject: 'BPF links', reason: 'EINVAL: unknown opcode ff' },
      ]);
    } finally {
      probe.close();
    }
  });

  test('without the list of namespaces there is no view, and the reason is why that one did not load', async () => {
    // The section has list_devices and list_orphans as well: those are refused for the same.
    const bad = altered((elf) => section(elf, 'syscall').writeUInt8(NONSENSE, 0));
    const before = descriptors().length;
    expect(await loadBytes(bad)).toEqual({
      failure: {
        reason: 'the kernel refused the probe (EINVAL: unknown opcode ff)',
        cure: 'report it with the kernel version',
      },
    });
    expect(descriptors()).toHaveLength(before);
  });

  test('a locked down kernel is named where it refuses', async () => {
    const lockdown = join(scene.directory(), 'lockdown');
    writeFileSync(lockdown, 'none integrity [confidentiality]\n');
    // What lockdown does: a helper that reads kernel memory is not there. Every program calls it, so none loads.
    const bad = altered(withoutProbeRead);
    expect(await loadBytes(bad, { lockdown })).toEqual({
      failure: {
        reason: expect.stringMatching(
          /^kernel lockdown \(confidentiality\) forbids reading kernel memory \(EINVAL: .*#9999\)$/,
        ),
        cure: 'boot without lockdown=confidentiality',
      },
    });
    // Without a reason to refuse anything, lockdown is none.
    const state = await KernelProbe.load({ object: OBJECT, lockdown });
    expect(state).toHaveProperty('probe');
    if ('probe' in state) state.probe.close();
  });

  test('too few open files for all of them: what loads works, what does not is named', () => {
    const statuses = new Set<string | undefined>();
    for (let limit = 22; limit <= 58; limit += 2) {
      const { coverage } = look(['prlimit', `--nofile=${limit}`]);
      statuses.add(coverage?.status);
      // Out of descriptors while it finds out what the kernel can, libbpf takes the kernel for one without global data.
      for (const { reason } of coverage?.missed ?? []) expect(reason).toMatch(/EMFILE|referenced but wasn't created/);
    }
    expect(statuses).toContain('unavailable');
    expect(statuses).toContain('partial');
  });
});

/** Makes calls of bpf_probe_read_kernel (and of what libbpf puts in its place) calls of a helper that is not there. */
function withoutProbeRead(elf: Buffer): void {
  const CALL = 0x85;
  const BPF_FUNC_probe_read_kernel = 113;
  for (const name of ['.text', 'syscall', 'iter/task', 'iter/task_file']) {
    const code = section(elf, name);
    for (let at = 0; at < code.length; at += 8) {
      if (code.readUInt16LE(at) === CALL && code.readInt32LE(at + 4) === BPF_FUNC_probe_read_kernel)
        code.writeInt32LE(9999, at + 4);
    }
  }
}

/** Descriptors of this process that are of BPF. */
function descriptors(): { readonly fd: string; readonly what: string }[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const what = readlinkSync(`/proc/self/fd/${fd}`);
      return /bpf|btf/.test(what) ? [{ fd, what }] : [];
    } catch {
      return []; // the directory's own
    }
  });
}

const mappings = (): number => readFileSync('/proc/self/maps', 'utf8').match(/bpf-map/g)?.length ?? 0;

const ID_LINE = /^(prog|map|link)_id:\s+(\d+)$/gm;
/** BPF_…_GET_FD_BY_ID, enum bpf_cmd. */
const BY_ID = { prog: 13, map: 14, link: 30 } as const;

/** Kernel-wide ids of everything that those descriptors are of. */
function identities(): { readonly type: keyof typeof BY_ID; readonly id: number }[] {
  return descriptors().flatMap(({ fd }) =>
    [...readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').matchAll(ID_LINE)].map(([, type, id]) => {
      return { type: type as keyof typeof BY_ID, id: Number(id) };
    }),
  );
}

function exists({ type, id }: { readonly type: keyof typeof BY_ID; readonly id: number }): boolean {
  const attributes = Buffer.alloc(16);
  attributes.writeUInt32LE(id, 0);
  const fd = syscallWithBuffer(SYS.bpf, BY_ID[type], attributes, attributes.length, 0, 0);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

/** Loads the probe and has every program of it run. */
async function loadAndRun(): Promise<KernelProbe> {
  const state = await KernelProbe.load({ object: OBJECT });
  if ('failure' in state) throw new Error(state.failure.reason);
  const { probe } = state;
  expect(probe.namespaces().map(({ ino }) => ino)).toContain(held.ino);
  expect(probe.devices().devices.length).toBeGreaterThan(0);
  expect(probe.tasks().length).toBeGreaterThan(1);
  probe.files();
  await probe.deepPins();
  return probe;
}

describe('close', () => {
  test('leaves nothing behind: no descriptor, no mapping, no program, map or link in the kernel', async () => {
    const before = { descriptors: descriptors(), mappings: mappings() };
    const probe = await loadAndRun();
    const ids = identities();
    expect(new Set(ids.map(({ type }) => type))).toEqual(new Set(['prog', 'map', 'link']));
    expect(ids.filter(exists)).toEqual(ids);
    expect(mappings()).toBeGreaterThan(before.mappings);
    probe.close();
    expect({ descriptors: descriptors(), mappings: mappings() }).toEqual(before);
    // They are freed after a grace period.
    for (let wait = 0; wait < 100 && ids.some(exists); wait++) await sleep(50);
    expect(ids.filter(exists)).toEqual([]);
  });

  test('nor memory, 20 times over', async () => {
    const rss: number[] = [];
    for (let round = 0; round < 20; round++) {
      (await loadAndRun()).close();
      rss.push(process.memoryUsage.rss() / 1e6);
    }
    // The first rounds fill the allocators; one probe's parsed types, maps and buffers take 20 to 30 MB.
    expect((rss.at(-1) ?? 0) - (rss[9] ?? 0)).toBeLessThan(60);
    expect(descriptors()).toEqual([]);
  });

  test('nor does loading that fails', async () => {
    const bad = altered((elf) => section(elf, 'syscall').writeUInt8(NONSENSE, 0));
    for (let round = 0; round < 5; round++) expect(await loadBytes(bad)).toHaveProperty('failure');
    expect({ descriptors: descriptors(), mappings: mappings() }).toEqual({ descriptors: [], mappings: 0 });
  });
});

test('loading works after loading that failed, and twice at once', async () => {
  expect(await KernelProbe.load({ object: OBJECT, library: 'libnothing.so.1' })).toHaveProperty('failure');
  expect(await loadBytes(Buffer.alloc(0))).toHaveProperty('failure');
  const probes = await Promise.all([loadAndRun(), loadAndRun()]);
  for (const probe of probes) probe.close();
});

describe('in the collector thread', () => {
  const worker = () => new Worker(join(DIST, 'worker.js'), { workerData: { procRoot: '/proc', without: [] } });

  test('it loads', async () => {
    const thread = worker();
    const answer = new Promise<{ readonly snapshot: Snapshot }>((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
    });
    thread.postMessage({ type: 'collect', whole: true });
    const { snapshot } = await answer;
    await thread.terminate();
    expect(snapshot.coverage.find(({ source }) => source === 'kernel')).toMatchObject({ view: 'kernel', missed: [] });
  });

  test('a thread that ends meanwhile takes nothing with it', async () => {
    for (let wait = 20; wait <= 160; wait += 20) {
      const thread = worker();
      thread.postMessage({ type: 'collect', whole: true });
      await sleep(wait);
      await thread.terminate();
    }
    (await loadAndRun()).close();
  });
});
