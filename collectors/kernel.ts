import { release } from 'node:os';
import { monotonic } from '../src/clock.ts';
import type { Issue } from '../src/model/index.ts';
import { BpfError } from '../src/os/bpf.ts';
import { namespaceLink } from '../src/os/nsfs.ts';
import type { CollectContext, Collected, Collector } from './contract.ts';
import type { KernelDevice, KernelNamespace, KernelPin, KernelStacking, KernelTask } from './kernel/decode.ts';
import { diagnose } from './kernel/diagnose.ts';
import type { KernelProbe, ProbeFailure } from './kernel/load.ts';
import { INITIAL_PID_NAMESPACE } from './tasks.ts';

export type { KernelDevice, KernelNamespace, KernelPin, KernelStacking, KernelTask } from './kernel/decode.ts';

/** Everything the probe says, at about one moment. */
export interface KernelData {
  readonly namespaces: readonly KernelNamespace[];
  readonly devices: readonly KernelDevice[];
  readonly stack: readonly KernelStacking[];
  readonly tasks: readonly KernelTask[];
  readonly pins: readonly KernelPin[];
  /**
   * We are in the initial pid namespace, so the tasks and descriptors listed are all there are. From inside another one
   * the list of namespaces is still the whole host's.
   */
  readonly hostWide: boolean;
  /** `monotonic()` of the collecting thread when it was read. */
  readonly at: number;
}

/** Reads the probe once. @throws BpfError */
export function readProbe(probe: KernelProbe, hostWide: boolean): KernelData {
  const { devices, stack } = probe.devices();
  return {
    namespaces: probe.namespaces(),
    devices,
    stack,
    tasks: probe.tasks(),
    pins: probe.files(),
    hostWide,
    at: monotonic(),
  };
}

/** What more files wait behind than a reading can list: records that say so instead of naming a namespace. */
export function overflows(pins: readonly KernelPin[]): Issue[] {
  return pins
    .filter(({ netns }) => netns === 0)
    .map(({ pid, fd }) => ({ subject: `pid ${pid} fd ${fd}`, reason: 'more waits in it than is listed' }));
}

/** Fields this kernel does not have, or keeps where the probe does not find them: they are unknown, not zero. */
export function absentFields({ namespaces, devices }: Pick<KernelData, 'namespaces' | 'devices'>): Issue[] {
  const notes: Issue[] = [];
  const note = (absent: boolean, subject: string, reason: string) => {
    if (absent) notes.push({ subject, reason });
  };
  note(
    namespaces.some(({ count }) => count === null),
    'reference counts of namespaces',
    'in no field the probe knows; dying namespaces are not told from others',
  );
  note(
    namespaces.some(({ cookie }) => cookie === null),
    'cookies',
    'need Linux 5.12: namespaces are told apart by number',
  );
  note(
    namespaces.some(({ id }) => id === null),
    'namespace ids',
    'need Linux 6.18: nothing is opened by its handle',
  );
  note(
    devices.some(({ references }) => references === null),
    'reference counts of devices',
    'need Linux 5.19',
  );
  note(
    devices.some(({ kind, peer }) => (kind === 'veth' || kind === 'netkit') && peer === null),
    'peers of veth and netkit devices',
    "unknown where the driver's type information cannot be read (a module, without CAP_SYS_ADMIN)",
  );
  return notes;
}

const NOTHING: KernelData = { namespaces: [], devices: [], stack: [], tasks: [], pins: [], hostWide: false, at: 0 };

function unusable({ reason, cure }: ProbeFailure): Collected<KernelData> {
  const notes = cure === '' ? [] : [{ subject: 'cure', reason: cure }];
  return { data: NOTHING, seen: 0, missed: [{ subject: 'probe', reason }], notes, unavailable: true };
}

async function collectKernel({ procfs, probe }: CollectContext): Promise<Collected<KernelData>> {
  if (!procfs.ofThisKernel) {
    const notes = [{ subject: procfs.name, reason: 'no procfs of the running kernel: it has nothing to say about it' }];
    return { data: NOTHING, seen: 0, missed: [], notes, unavailable: true };
  }
  const state = await probe();
  if ('failure' in state) return unusable(state.failure);
  const own = procfs.live ? namespaceLink(procfs.fd, 'self/ns/pid') : 0;
  const hostWide = own === INITIAL_PID_NAMESPACE;
  const missed: Issue[] = [];
  if (!procfs.live)
    missed.push({ subject: procfs.name, reason: 'another pid namespace: its tasks cannot be compared' });
  else if (!hostWide) {
    missed.push({ subject: `pid:[${own}]`, reason: 'tasks outside this pid namespace are not visible' });
  }
  try {
    let data = readProbe(state.probe, hostWide);
    // Only a device's name tells one tun from another.
    if (!state.probe.hasDevices && data.pins.some(({ kind }) => kind === 'tun' || kind === 'tap')) {
      await state.probe.loadDevices();
      data = { ...data, ...state.probe.devices() };
    }
    const gaps = [...state.probe.missing, ...missed, ...overflows(data.pins)];
    return { data, seen: data.namespaces.length, missed: gaps, notes: absentFields(data) };
  } catch (error) {
    if (!(error instanceof BpfError)) throw error;
    return unusable(diagnose(error, { release: release() }));
  }
}

/** The kernel's own list of namespaces, their devices, every task and what its descriptors pin. */
export const kernel = {
  name: 'kernel',
  view: 'kernel',
  reads: 'net_namespace_list, devices, tasks and descriptors, by a BPF program (collectors/kernel/probe.bpf.c)',
  needs: 'CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN; Linux 5.14 with BTF; libbpf.so.1',
  collect: collectKernel,
} as const satisfies Collector<'kernel', KernelData>;
