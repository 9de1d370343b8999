import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { Issue } from '../../src/model/index.ts';
import { BpfError, type BpfPrograms } from '../../src/os/bpf.ts';
import { loadObject } from '../../src/os/libbpf.ts';
import {
  decodeDevices,
  decodeNamespaces,
  decodePins,
  decodeStack,
  decodeTasks,
  type KernelDevice,
  type KernelNamespace,
  type KernelPin,
  type KernelStacking,
  type KernelTask,
  RECORD,
  Remembered,
} from './decode.ts';
import { diagnose } from './diagnose.ts';
import { loadLinked } from './linked.ts';
import built from './probe.bpf.json' with { type: 'json' };

/**
 * Programs of every look, the one that a table without devices does without, and those that are only asked where a
 * namespace has no holder anybody sees.
 */
const PROGRAMS = {
  usual: ['list_namespaces', 'list_tasks', 'list_files'],
  devices: ['list_devices'],
  deep: ['list_mappings', 'list_links', 'list_orphans'],
} as const;

type Program = (typeof PROGRAMS)[keyof typeof PROGRAMS][number];

/** What each program is for, as coverage names it when it is missing. */
const PURPOSE: Readonly<Record<Program, string>> = {
  list_namespaces: 'list of namespaces',
  list_devices: 'devices',
  list_tasks: 'tasks',
  list_files: 'descriptors',
  list_mappings: 'mappings',
  list_links: 'BPF links',
  list_orphans: 'TCP connections without a process',
};

/** Records in each map: max_entries in probe.bpf.c. */
const CAPACITY = { namespaces: 4096, devices: 8192, stack: 8192, orphans: 1024 } as const;
/** A list that keeps growing while it is read is not followed for ever. */
const MOST_PAGES = 64;
/**
 * Checksum of the probe that was built. libbpf trusts an object: of 1500 with one damaged byte, 1.1 crashed on 11, took
 * 46 s for one, and loaded half of them as if nothing were wrong. (zlib loads in a third of the time crypto takes.)
 */
const BUILT = built.crc32;

/** Where the probe's parts are: injectable, so that each way it can be missing is tested. */
export interface ProbeFiles {
  /** The built probe.bpf.o. */
  readonly object: string | URL;
  /** What its CRC-32 must be; null for any. Default: that of the one nsleuth was built with. */
  readonly crc32?: number | null;
  /** soname of libbpf. */
  readonly library?: string;
  /** The kernel's own type information. */
  readonly btf?: string;
  readonly lockdown?: string;
  /** What procfs says of this thread's capabilities and seccomp filter. */
  readonly status?: string;
  /** Load what is linked (linked.ts) without libbpf, where that works. Default: libbpf loads everything. */
  readonly linked?: boolean;
  /** Load `list_devices` as well. Default true; `loadDevices` makes up for it. */
  readonly devices?: boolean;
  /** Programs that are wanted as soon as can be, on their own. */
  readonly first?: readonly string[];
}

/** Why there is no kernel view, in words, and what would give it. */
export interface ProbeFailure {
  readonly reason: string;
  readonly cure: string;
}

/** Probe loaded, or the reason there is none. Never throws. */
export type ProbeState = { readonly probe: KernelProbe } | { readonly failure: ProbeFailure };

/** @throws BpfError when it is not the one that is expected. */
function readProbeFile({ object, crc32: expected = BUILT }: ProbeFiles): Uint8Array {
  const bytes = readFileSync(object);
  // Loaded here: it takes a command that needs no libbpf 2 ms.
  const { crc32 } = process.getBuiltinModule('node:zlib');
  if (expected !== null && crc32(bytes) !== expected) throw new BpfError('open', 'its checksum is another');
  return bytes;
}

/** Whether a refusal may be about one program only: one before any program was looked at is about all. */
function concernsOne(error: unknown): boolean {
  return error instanceof BpfError && error.step === 'load' && (error.code !== 'EPERM' || error.log !== '');
}

function inWords(error: unknown): string {
  if (!(error instanceof BpfError)) return String(error);
  return error.log === '' ? error.code : `${error.code}: ${error.log}`;
}

/** What is being loaded. */
export interface Loading {
  readonly probe: Promise<ProbeState>;
  /** The programs that come first; null where they do not load the short way. Whoever takes them closes them. */
  readonly first: Promise<BpfPrograms | null>;
  /** Tasks that were read by one of those, so that the probe only reads what is new. */
  readonly tasks: Remembered<KernelTask>;
}

/** The BPF programs, loaded. */
export class KernelProbe {
  /** Programs this kernel would not take, and why. */
  readonly #refused = new Map<Program, unknown>();
  /** The object, once libbpf was needed. */
  #bytes: Uint8Array | undefined;
  readonly #files: ProbeFiles;
  readonly #objects = new Map<Program, BpfPrograms>();
  /** What each program said the last time. */
  readonly #last = {
    namespaces: new Remembered<KernelNamespace>(),
    devices: new Remembered<KernelDevice>(),
    tasks: new Remembered<KernelTask>(),
    files: new Remembered<KernelPin>(),
  };
  #deep: Promise<void> | undefined;
  #devices: Promise<void> | undefined;
  #walks = 0;

  /** A probe with nothing loaded, which lists nothing. */
  constructor(files: ProbeFiles) {
    this.#files = files;
  }

  /** Loads the usual programs. Takes 50 to 120 ms by libbpf, half of that where they are linked. */
  static load(files: ProbeFiles): Promise<ProbeState> {
    return KernelProbe.begin(files).probe;
  }

  /** Begins to load the usual programs, nearly all of it on other threads, and before them those that come first. */
  static begin(files: ProbeFiles): Loading {
    const { linked = false, first = [] } = files;
    let short: Promise<BpfPrograms>[] = [];
    try {
      if (linked) short = loadLinked(first.length === 0 ? [PROGRAMS.usual] : [first, PROGRAMS.usual]);
    } catch {
      // Why it does not work, or that it does another way, libbpf finds out.
    }
    // A refusal counts when somebody waits for it.
    for (const loading of short) loading.catch(() => {});
    const probe = new KernelProbe(files);
    return {
      tasks: probe.#last.tasks,
      first: first.length === 0 ? Promise.resolve(null) : (short[0]?.catch(() => null) ?? Promise.resolve(null)),
      probe: probe.#loadUsual(short.at(-1)).then(
        () => ({ probe }),
        (error: unknown) => {
          probe.close();
          return { failure: diagnose(error, { release: release(), ...files }) };
        },
      ),
    };
  }

  async #loadUsual(short: Promise<BpfPrograms> | undefined): Promise<void> {
    const rest = (this.#files.devices ?? true) ? PROGRAMS.devices : [];
    if (short === undefined) await this.#load([...PROGRAMS.usual, ...rest]);
    else {
      const [loaded, others] = await Promise.allSettled([short, rest.length === 0 ? undefined : this.#load(rest)]);
      if (loaded.status === 'fulfilled') for (const name of PROGRAMS.usual) this.#objects.set(name, loaded.value);
      if (others.status === 'rejected') throw others.reason;
      if (loaded.status === 'rejected') await this.#load(PROGRAMS.usual);
    }
    // Without the list of namespaces there is no view.
    if (this.#refused.has('list_namespaces')) throw this.#refused.get('list_namespaces');
  }

  /**
   * Loads programs into one object; where the kernel refuses that, each into its own, so that one it cannot run does
   * not cost the others.
   */
  async #load(names: readonly Program[]): Promise<void> {
    this.#bytes ??= readProbeFile(this.#files);
    try {
      const object = await loadObject(this.#bytes, names, this.#files.library);
      for (const name of names) this.#objects.set(name, object);
    } catch (error) {
      if (!concernsOne(error)) throw error;
      for (const name of names) {
        try {
          this.#objects.set(name, await loadObject(this.#bytes, [name], this.#files.library));
        } catch (alone) {
          this.#refused.set(name, alone);
        }
      }
    }
  }

  /** Programs this kernel would not take, as coverage names them. */
  get missing(): Issue[] {
    return [...this.#refused].map(([name, error]) => ({ subject: PURPOSE[name], reason: inWords(error) }));
  }

  /** Whether `devices` has an answer. */
  get hasDevices(): boolean {
    return this.#objects.has('list_devices');
  }

  /** Loads the program that lists devices if it is not loaded. One that does not load is in `missing`. */
  loadDevices(): Promise<void> {
    if (this.#objects.has('list_devices') || this.#refused.has('list_devices')) return Promise.resolve();
    this.#devices ??= this.#load(PROGRAMS.devices).catch((error: unknown) => {
      for (const name of PROGRAMS.devices) this.#refused.set(name, error);
    });
    return this.#devices;
  }

  /** Loads the deep programs, once. What does not load is in `missing`. */
  loadDeep(): Promise<void> {
    this.#deep ??= this.#load(PROGRAMS.deep).catch((error: unknown) => {
      for (const name of PROGRAMS.deep) this.#refused.set(name, error);
    });
    return this.#deep;
  }

  /** Walks net_namespace_list. */
  namespaces(): KernelNamespace[] {
    const walk = ++this.#walks;
    return this.#pages(
      'list_namespaces',
      'namespaces',
      RECORD.namespace,
      decodeNamespaces,
      walk,
      this.#last.namespaces,
    );
  }

  /** Every device of every namespace, and which is stacked on which. */
  devices(): { readonly devices: KernelDevice[]; readonly stack: KernelStacking[] } {
    const stack: KernelStacking[] = [];
    const object = this.#objects.get('list_devices');
    if (object === undefined) return { devices: [], stack };
    const pairs = object.view('stack', CAPACITY.stack * RECORD.stack);
    const more = (skip: number, request: Uint32Array): number => {
      stack.push(...decodeStack(pairs, Math.max(0, (request[2] ?? 0) - skip)));
      return request[2] ?? 0;
    };
    const { devices: last } = this.#last;
    const devices = this.#pages('list_devices', 'devices', RECORD.device, decodeDevices, 0, last, more);
    return { devices, stack };
  }

  tasks(): KernelTask[] {
    return decodeTasks(this.#objects.get('list_tasks')?.iterate('list_tasks') ?? Buffer.alloc(0), this.#last.tasks);
  }

  /** Descriptors that pin a namespace, and what waits behind them: in flight, not accepted, registered. */
  files(): KernelPin[] {
    return this.#pins('list_files', this.#last.files);
  }

  /** Mapped packet rings, files of io_urings that are only mapped, BPF links, TCP connections nobody has. */
  async deepPins(): Promise<KernelPin[]> {
    await this.loadDeep();
    const mapped = this.#ask('list_mappings', () => this.#pins('list_mappings'));
    return [
      ...new Map(mapped.map((pin) => [`${pin.pid} ${pin.inode} ${pin.slot}`, pin])).values(),
      ...this.#ask('list_links', () => this.#pins('list_links')),
      ...this.#ask('list_orphans', () => this.#pages('list_orphans', 'orphans', RECORD.file, decodePins, 0)),
    ];
  }

  /** What a deep program answers: nothing, where it does not run, and it is in `missing` until it does. */
  #ask(name: Program, read: () => KernelPin[]): KernelPin[] {
    if (!this.#objects.has(name)) return [];
    try {
      const pins = read();
      this.#refused.delete(name);
      return pins;
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
      this.#refused.set(name, error);
      return [];
    }
  }

  #pins(name: Program, last?: Remembered<KernelPin>): KernelPin[] {
    const bytes = this.#objects.get(name)?.iterate(name) ?? Buffer.alloc(0);
    return decodePins(bytes, Number.POSITIVE_INFINITY, last);
  }

  /** Runs a program until all its records were read: a map holds no more than one page of them. */
  #pages<Item>(
    name: Program,
    map: keyof typeof CAPACITY,
    size: number,
    decode: (bytes: Buffer, count: number, last?: Remembered<Item>) => Item[],
    walk: number,
    last?: Remembered<Item>,
    more: (skip: number, request: Uint32Array) => number = () => 0,
  ): Item[] {
    const object = this.#objects.get(name);
    if (object === undefined) return [];
    const capacity = CAPACITY[map];
    const bytes = object.view(map, capacity * size);
    const items: Item[] = [];
    for (let page = 0; page < MOST_PAGES; page++) {
      const skip = page * capacity;
      const request = object.run(name, [skip, 0, 0, walk]);
      const total = request[1] ?? 0;
      const rest = more(skip, request);
      if (total > skip) items.push(...decode(bytes, Math.min(capacity, total - skip), page === 0 ? last : undefined));
      if (Math.max(total, rest) <= skip + capacity) break;
    }
    return items;
  }

  /** Unloads everything. */
  close(): void {
    for (const object of new Set(this.#objects.values())) object.close();
    this.#objects.clear();
  }
}
