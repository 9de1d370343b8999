import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { Issue } from '../../src/model/index.ts';
import { BpfError, BpfObject } from '../../src/os/libbpf.ts';
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
} from './decode.ts';
import { diagnose } from './diagnose.ts';

/** Programs of every look, and those that are only asked where a namespace has no holder anybody sees. */
const PROGRAMS = {
  usual: ['list_namespaces', 'list_devices', 'list_tasks', 'list_files'],
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

/** Where the probe's parts are: injectable, so that each way it can be missing is tested. */
export interface ProbeFiles {
  /** The built probe.bpf.o. */
  readonly object: string | URL;
  /** soname of libbpf. */
  readonly library?: string;
  /** The kernel's own type information. */
  readonly btf?: string;
  readonly lockdown?: string;
}

/** Why there is no kernel view, in words, and what would give it. */
export interface ProbeFailure {
  readonly reason: string;
  readonly cure: string;
}

/** Probe loaded, or the reason there is none. Never throws. */
export type ProbeState = { readonly probe: KernelProbe } | { readonly failure: ProbeFailure };

/** The BPF programs, loaded. */
export class KernelProbe {
  /** Programs this kernel would not take, as coverage names them. */
  readonly missing: Issue[] = [];
  readonly #bytes: Uint8Array;
  readonly #files: ProbeFiles;
  readonly #objects = new Map<Program, BpfObject>();
  #deep: Promise<void> | undefined;
  #walks = 0;

  private constructor(bytes: Uint8Array, files: ProbeFiles) {
    this.#bytes = bytes;
    this.#files = files;
  }

  /** Loads the usual programs. Takes 50 to 120 ms, nearly all of it on another thread. */
  static async load(files: ProbeFiles): Promise<ProbeState> {
    try {
      const probe = new KernelProbe(readFileSync(files.object), files);
      await probe.#load(PROGRAMS.usual);
      if (!probe.#objects.has('list_namespaces')) {
        probe.close();
        return { failure: { reason: probe.missing[0]?.reason ?? 'the probe did not load', cure: '' } };
      }
      return { probe };
    } catch (error) {
      return { failure: diagnose(error, { release: release(), btf: files.btf, lockdown: files.lockdown }) };
    }
  }

  /**
   * Loads programs into one object; where the kernel refuses that, each into its own, so that one it cannot run does
   * not cost the others.
   */
  async #load(names: readonly Program[]): Promise<void> {
    try {
      const object = await BpfObject.load(this.#bytes, names, this.#files.library);
      for (const name of names) this.#objects.set(name, object);
      return;
    } catch (error) {
      if (!(error instanceof BpfError) || error.step !== 'load' || names.length === 1) throw error;
      const refused: unknown[] = [];
      for (const name of names) {
        try {
          this.#objects.set(name, await BpfObject.load(this.#bytes, [name], this.#files.library));
        } catch (alone) {
          refused.push(alone);
          this.#miss(name, alone);
        }
      }
      // Nothing at all was let in: the first refusal speaks for all.
      if (refused.length === names.length) throw error;
    }
  }

  #miss(name: Program, error: unknown): void {
    const reason =
      error instanceof BpfError ? `${error.code}${error.log === '' ? '' : `: ${error.log}`}` : String(error);
    this.missing.push({ subject: PURPOSE[name], reason });
  }

  /** Loads the deep programs, once. What does not load is in `missing`. */
  loadDeep(): Promise<void> {
    this.#deep ??= this.#load(PROGRAMS.deep).catch((error: unknown) => {
      for (const name of PROGRAMS.deep) this.#miss(name, error);
    });
    return this.#deep;
  }

  /** Walks net_namespace_list. */
  namespaces(): KernelNamespace[] {
    const walk = ++this.#walks;
    return this.#pages('list_namespaces', 'namespaces', RECORD.namespace, decodeNamespaces, walk);
  }

  /** Every device of every namespace, and which is stacked on which. */
  devices(): { readonly devices: KernelDevice[]; readonly stack: KernelStacking[] } {
    const stack: KernelStacking[] = [];
    const object = this.#objects.get('list_devices');
    if (object === undefined) return { devices: [], stack };
    const pairs = object.view('stack', CAPACITY.stack * RECORD.stack);
    const devices = this.#pages('list_devices', 'devices', RECORD.device, decodeDevices, 0, (skip, request) => {
      stack.push(...decodeStack(pairs, Math.max(0, (request[2] ?? 0) - skip)));
      return request[2] ?? 0;
    });
    return { devices, stack };
  }

  tasks(): KernelTask[] {
    return decodeTasks(this.#objects.get('list_tasks')?.iterate('list_tasks') ?? Buffer.alloc(0));
  }

  /** Descriptors that pin a namespace, and what waits behind them: in flight, not accepted, registered. */
  files(): KernelPin[] {
    return this.#pins('list_files');
  }

  /** Mapped packet rings, files of io_urings that are only mapped, BPF links, TCP connections nobody has. */
  async deepPins(): Promise<KernelPin[]> {
    await this.loadDeep();
    const mapped = new Map(this.#pins('list_mappings').map((pin) => [`${pin.pid} ${pin.inode} ${pin.slot}`, pin]));
    return [
      ...mapped.values(),
      ...this.#pins('list_links'),
      ...this.#pages('list_orphans', 'orphans', RECORD.file, decodePins, 0),
    ];
  }

  #pins(name: Program): KernelPin[] {
    return decodePins(this.#objects.get(name)?.iterate(name) ?? Buffer.alloc(0));
  }

  /** Runs a program until all its records were read: a map holds no more than one page of them. */
  #pages<Item>(
    name: Program,
    map: keyof typeof CAPACITY,
    size: number,
    decode: (bytes: Buffer, count: number) => Item[],
    walk: number,
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
      if (total > skip) items.push(...decode(bytes, Math.min(capacity, total - skip)));
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
