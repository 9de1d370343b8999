/**
 * bpf(2): runs programs that are loaded, by whatever way they were.
 */
import { EAGAIN, ENOENT, errnoName } from './errors.ts';
import { koffi } from './koffi.ts';
import { close, errno, read, SYS, syscallWithBuffer } from './libc.ts';
import { type Mapped, mapFile } from './map-file.ts';

/** enum bpf_cmd, include/uapi/linux/bpf.h. */
const BPF_PROG_RUN = 10;
const BPF_LINK_CREATE = 28;
const BPF_ITER_CREATE = 33;
/** enum bpf_attach_type */
const BPF_TRACE_ITER = 28;
const REQUEST_WORDS = 4;
/** What one read of an iterator may bring; the kernel fills 8 pages at a time (bpf_seq_read, kernel/bpf/bpf_iter.c). */
const ITERATOR_BUFFER = 256 * 1024;

/** Why a BPF object could not be used: which step failed and with what errno (an errno name), or what the loader said. */
export class BpfError extends Error {
  override readonly name = 'BpfError';
  readonly step: 'library' | 'open' | 'load' | 'attach' | 'run' | 'read';
  readonly code: string;
  /** The end of the verifier's log, where there is one. */
  readonly log: string;

  constructor(step: BpfError['step'], code: string, log = '') {
    super(`${step}: ${code}`);
    this.step = step;
    this.code = code;
    this.log = log;
  }
}

/** Makes a link or an iterator. @throws BpfError */
function command(number: number, words: readonly number[]): number {
  const attributes = Buffer.alloc(48);
  for (const [index, word] of words.entries()) attributes.writeInt32LE(word, index * 4);
  const fd = syscallWithBuffer(SYS.bpf, number, attributes, attributes.length, 0, 0);
  if (fd < 0) throw new BpfError('attach', errnoName(errno()));
  return fd;
}

/** Loaded programs and their maps. Nothing of them outlives `close` or the process: nothing is pinned. */
export class BpfPrograms {
  /** Descriptors, by name. */
  readonly #programs: ReadonlyMap<string, number>;
  readonly #maps: ReadonlyMap<string, number>;
  readonly #unload: () => void;
  /** Descriptors of links to iterators. */
  readonly #iterators = new Map<string, number>();
  readonly #views = new Map<string, Mapped>();
  /** union bpf_attr of BPF_PROG_RUN, include/uapi/linux/bpf.h. */
  readonly #attributes = Buffer.alloc(80);
  /** Not a Buffer, which may move: the kernel is told where it is. */
  readonly #requestMemory = koffi.alloc('uint32_t', REQUEST_WORDS) as object;
  readonly #request = new Uint32Array(koffi.view(this.#requestMemory, REQUEST_WORDS * 4));
  #buffer = Buffer.alloc(ITERATOR_BUFFER);

  /** @param unload closes the descriptors, or has whoever made them close them. */
  constructor(programs: ReadonlyMap<string, number>, maps: ReadonlyMap<string, number>, unload: () => void) {
    this.#programs = programs;
    this.#maps = maps;
    this.#unload = unload;
  }

  /**
   * Runs a `SEC("syscall")` program once with a few 32-bit words of input.
   *
   * @returns the words as the program left them, until the next `run`.
   * @throws BpfError
   */
  run(name: string, input: readonly number[]): Uint32Array {
    const attributes = this.#attributes.fill(0);
    this.#request.set(input);
    attributes.writeInt32LE(this.#program(name), 0);
    attributes.writeUInt32LE(input.length * 4, 40); // ctx_size_in
    attributes.writeBigUInt64LE(koffi.address(this.#requestMemory), 48); // ctx_in
    if (syscallWithBuffer(SYS.bpf, BPF_PROG_RUN, attributes, attributes.length, 0, 0) < 0) {
      throw new BpfError('run', errnoName(errno()));
    }
    return this.#request;
  }

  /**
   * Reads everything an iterator program writes.
   *
   * @returns a view of a buffer that the next `iterate` overwrites.
   * @throws BpfError
   */
  iterate(name: string): Buffer {
    let link = this.#iterators.get(name);
    if (link === undefined) {
      // prog_fd, target_fd, attach_type, flags
      link = command(BPF_LINK_CREATE, [this.#program(name), 0, BPF_TRACE_ITER, 0]);
      this.#iterators.set(name, link);
    }
    const fd = command(BPF_ITER_CREATE, [link, 0]);
    try {
      let size = 0;
      for (;;) {
        if (size === this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer], size * 2);
        const count = read(fd, this.#buffer.subarray(size), this.#buffer.length - size);
        if (count < 0) {
          // A million things without one to tell (MAX_ITER_OBJECTS, kernel/bpf/bpf_iter.c): the next read goes on there.
          if (errno() === EAGAIN) continue;
          throw new BpfError('read', errnoName(errno()));
        }
        if (count === 0) return this.#buffer.subarray(0, size);
        size += count;
      }
    } finally {
      close(fd);
    }
  }

  /**
   * The memory of an array map that was made to be mapped (BPF_F_MMAPABLE, 5.5): it changes under the reader when a
   * program writes to it.
   *
   * @throws BpfError
   */
  view(map: string, size: number): Buffer {
    let view = this.#views.get(map);
    if (view === undefined) {
      const found = this.#maps.get(map);
      if (found === undefined) throw new BpfError('open', errnoName(ENOENT));
      const mapped = mapFile(found, size);
      if (mapped === null) throw new BpfError('open', errnoName(errno()));
      view = mapped;
      this.#views.set(map, view);
    }
    return view.bytes;
  }

  /** Unloads everything. */
  close(): void {
    for (const link of this.#iterators.values()) close(link);
    this.#iterators.clear();
    for (const { unmap } of this.#views.values()) unmap();
    this.#views.clear();
    this.#unload();
  }

  #program(name: string): number {
    const program = this.#programs.get(name) ?? -1;
    if (program < 0) throw new BpfError('run', `no program ${name}`);
    return program;
  }
}
