import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GUIDE_PROGRAMS, readGuide } from '../../collectors/guide.ts';
import { fitPrograms, LINKED_PROGRAMS } from '../../collectors/kernel/linked.ts';
import { KernelProbe } from '../../collectors/kernel/load.ts';
import { BtfError } from '../../src/os/btf.ts';
import { Session } from '../../src/session.ts';
import { type Held, Scene } from './scene.ts';

const OBJECT = new URL('../../collectors/kernel/probe.bpf.o', import.meta.url);

const scene = new Scene();
let held: Held;

beforeAll(async () => {
  held = await scene.hold('descriptor');
  await scene.hold('private-table');
});

afterAll(() => scene.end());

async function load(linked: boolean): Promise<KernelProbe> {
  // Nothing but the linked programs, and no libbpf that could load them instead.
  const state = await KernelProbe.load({ object: OBJECT, ...(linked ? SHORT : { devices: false }) });
  if ('failure' in state) throw new Error(state.failure.reason);
  return state.probe;
}

const SHORT = { linked: true, devices: false, library: 'libnothing.so.1' } as const;

test('programs that are linked load without libbpf, and say what they say when it loads them', async () => {
  const [short, long] = await Promise.all([load(true), load(false)]);
  try {
    expect(short.missing).toEqual([]);
    const ours = (probe: KernelProbe) => ({
      namespaces: probe.namespaces().filter(({ ino }) => ino === held.ino),
      tasks: probe.tasks().filter(({ pid }) => pid === held.pid),
      files: probe.files().filter(({ pid }) => pid === held.pid),
    });
    const seen = ours(short);
    expect(seen).toEqual(ours(long));
    expect(seen.namespaces).toHaveLength(1);
    expect(seen.tasks.length).toBeGreaterThan(0);
    expect(seen.files).toContainEqual(expect.objectContaining({ fd: held.fd, netns: held.ino, kind: 'nsfs' }));
  } finally {
    short.close();
    long.close();
  }
});

test('the programs that come first name every descriptor that pins a namespace', async () => {
  const { first, probe, tasks } = KernelProbe.begin({ object: OBJECT, ...SHORT, first: GUIDE_PROGRAMS });
  const programs = await first;
  const state = await probe;
  if (programs === null || 'failure' in state) throw new Error('did not load');
  try {
    const { pids, alone, tables } = readGuide(programs, tasks);
    const pins = state.probe.files().filter(({ place }) => place === 'descriptor');
    for (const { pid, tid, fd } of pins.filter((pin) => pids.has(pin.pid))) {
      expect(tables.get(pid)?.get(tid)).toContain(fd);
    }
    expect(tables.get(held.pid)?.get(held.pid)).toContain(held.fd);
    // Node has many threads.
    expect([pids.has(process.pid), alone.has(process.pid)]).toEqual([true, false]);
  } finally {
    programs.close();
    state.probe.close();
  }
});

test('without the type information there is libbpf, and where that is missing too it is named', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nsleuth-test-'));
  try {
    expect(() => fitPrograms([...LINKED_PROGRAMS], directory)).toThrow('ENOENT');
    writeFileSync(join(directory, 'vmlinux'), 'no BTF at all, but some text of more than a header');
    expect(() => fitPrograms([...LINKED_PROGRAMS], directory)).toThrow(BtfError);
  } finally {
    rmSync(directory, { recursive: true });
  }
  const { probe } = KernelProbe.begin({ object: OBJECT, linked: true, library: 'libnothing.so.1' });
  expect(await probe).toMatchObject({ failure: { reason: expect.stringContaining('libnothing.so.1') } });
});

test('programs leave nothing behind, whether somebody took the guide or not', async () => {
  const count = () => readdirSync('/proc/self/fd').length;
  const guided = async (take: boolean) => {
    const session = new Session({ devices: false, guided: true });
    expect(take ? await session.takeGuide() : await session.probe()).not.toBeNull();
    await session.close();
  };
  (await load(true)).close();
  await guided(true);
  const before = count();
  for (let round = 0; round < 5; round++) {
    (await load(true)).close();
    await guided(true);
    await guided(false);
  }
  expect(count()).toBe(before);
});
