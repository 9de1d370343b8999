/**
 * Loads and runs BPF programs through the system's libbpf (libbpf.h, 1.0 and later). iproute2 depends on that library,
 * so it is there wherever `ip` is.
 */
import { EAGAIN, ENOENT, EPERM, errnoName } from './errors.ts';
import { koffi } from './koffi.ts';
import { close, errno, mmap, munmap, read, SYS, syscallWithBuffer } from './libc.ts';

/** The name that holds for every libbpf 1.x. */
const LIBRARY = 'libbpf.so.1';
const BPF_PROG_RUN = 10;
const PROT_READ = 1;
const MAP_SHARED = 1;
const MAP_FAILED = -1;
const REQUEST_WORDS = 4;
/** What one read of an iterator may bring; the kernel fills 8 pages at a time (bpf_seq_read, kernel/bpf/bpf_iter.c). */
const ITERATOR_BUFFER = 256 * 1024;

/**
 * For a whole verifier log, in memory that is not there until it is written to. Where a log does not fit, the kernel
 * answers ENOSPC in place of what was wrong; more than this it does not take (bpf_verifier_log_attr_valid).
 */
const LOG_SIZE = 16 * 1024 * 1024 - 1;
/** The kernel's own types, where the kernel puts them. */
const KERNEL_TYPES = '/sys/kernel/btf/vmlinux';

/** A libbpf object, program or link: an address. */
type Handle = object | null;

/** struct bpf_object_open_opts (libbpf.h), up to what is used of it; its size tells libbpf that. */
const OPEN_OPTIONS = koffi.struct({
  size: 'size_t',
  object_name: 'const char *',
  relaxed_maps: 'bool',
  pin_root_path: 'const char *',
  unused: 'uint32_t',
  kconfig: 'const char *',
  btf_custom_path: 'const char *',
});

/** Those of them that are not left zero. */
interface OpenOptions {
  readonly size: number;
  readonly btf_custom_path: string;
}

interface Libbpf {
  readonly open: (object: Uint8Array, size: number, options: OpenOptions | null) => Handle;
  readonly load: {
    (object: Handle): number;
    async: (object: Handle, done: (error: unknown, result: number) => void) => void;
  };
  readonly closeObject: (object: Handle) => void;
  readonly nextProgram: (object: Handle, previous: Handle) => Handle;
  readonly programName: (program: Handle) => string;
  readonly setAutoload: (program: Handle, load: boolean) => number;
  readonly setLog: (program: Handle, buffer: Uint8Array, size: number) => number;
  readonly programFd: (program: Handle) => number;
  readonly findMap: (object: Handle, name: string) => Handle;
  readonly mapFd: (map: Handle) => number;
  readonly attachIterator: (program: Handle, options: null) => Handle;
  readonly linkFd: (link: Handle) => number;
  readonly destroyLink: (link: Handle) => number;
  readonly createIterator: (linkFd: number) => number;
}

function bind(name: string): Libbpf {
  const library = koffi.load(name);
  const silence = library.func('void *libbpf_set_print(void *print)') as (print: null) => unknown;
  // What goes wrong is told by errno and the verifier's log; libbpf itself would write on the terminal.
  silence(null);
  return {
    open: library.func('bpf_object__open_mem', 'void *', ['const void *', 'size_t', koffi.pointer(OPEN_OPTIONS)]),
    load: library.func('int bpf_object__load(void *object)') as unknown as Libbpf['load'],
    closeObject: library.func('void bpf_object__close(void *object)'),
    nextProgram: library.func('void *bpf_object__next_program(const void *object, void *previous)'),
    programName: library.func('const char *bpf_program__name(const void *program)'),
    setAutoload: library.func('int bpf_program__set_autoload(void *program, bool load)'),
    setLog: library.func('int bpf_program__set_log_buf(void *program, void *buffer, size_t size)'),
    programFd: library.func('int bpf_program__fd(const void *program)'),
    findMap: library.func('void *bpf_object__find_map_by_name(const void *object, const char *name)'),
    mapFd: library.func('int bpf_map__fd(const void *map)'),
    attachIterator: library.func('void *bpf_program__attach_iter(const void *program, const void *options)'),
    linkFd: library.func('int bpf_link__fd(const void *link)'),
    destroyLink: library.func('int bpf_link__destroy(void *link)'),
    createIterator: library.func('int bpf_iter_create(int link)'),
  };
}

const libraries = new Map<string, Libbpf>();

function libbpf(name: string): Libbpf {
  let library = libraries.get(name);
  if (library === undefined) {
    library = bind(name);
    libraries.set(name, library);
  }
  return library;
}

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

/** libbpf's own numbers, from 4000 on (`enum libbpf_errno`, libbpf.h), by what comes behind LIBBPF_ERRNO__. */
const LIBBPF_ERRORS = 'LIBELF FORMAT KVERSION ENDIAN INTERNAL RELOC LOAD VERIFY PROG2BIG KVER PROGTYPE'.split(' ');

function codeOf(number: number): string {
  const own = LIBBPF_ERRORS[number - 4000];
  return own === undefined ? errnoName(number) : `LIBBPF_ERRNO__${own}`;
}

/**
 * What a verifier's log ends in, but for its statistics, and for the advice that recent kernels (seen in 7.3) give below
 * it at length.
 */
export function conclusion(log: string): string {
  const [said = ''] = log.split(/^Verification failed:/m);
  const lines = said
    .split('\n')
    .filter((line) => line !== '' && !/^(?:processed|verification time|stack depth)/.test(line));
  return lines.at(-1) ?? '';
}

/** Up to the NUL that ends it. */
function textOf(memory: Buffer): string {
  return memory.toString('latin1', 0, Math.max(0, memory.indexOf(0)));
}

interface Iterator {
  readonly link: Handle;
  readonly fd: number;
}

/** A loaded BPF object. Nothing of it outlives `close` or the process: nothing is pinned. */
export class BpfObject {
  readonly #library: Libbpf;
  readonly #object: Handle;
  readonly #programs: ReadonlyMap<string, Handle>;
  readonly #iterators = new Map<string, Iterator>();
  readonly #views = new Map<string, { readonly address: object; readonly size: number; readonly bytes: Buffer }>();
  /** union bpf_attr of BPF_PROG_RUN, include/uapi/linux/bpf.h. */
  readonly #attributes = Buffer.alloc(80);
  /** Not a Buffer, which may move: the kernel is told where it is. */
  readonly #requestMemory = koffi.alloc('uint32_t', REQUEST_WORDS) as object;
  readonly #request = new Uint32Array(koffi.view(this.#requestMemory, REQUEST_WORDS * 4));
  #buffer = Buffer.alloc(ITERATOR_BUFFER);

  private constructor(library: Libbpf, object: Handle, programs: ReadonlyMap<string, Handle>) {
    this.#library = library;
    this.#object = object;
    this.#programs = programs;
  }

  /**
   * Loads the named programs of an object, on a thread of libuv's pool: the caller goes on meanwhile.
   *
   * @throws BpfError
   */
  static async load(bytes: Uint8Array, names: readonly string[], libraryName: string = LIBRARY): Promise<BpfObject> {
    let library: Libbpf;
    try {
      library = libbpf(libraryName);
    } catch (error) {
      throw new BpfError('library', `${libraryName}: ${error instanceof Error ? error.message : String(error)}`);
    }
    try {
      return await BpfObject.#load(library, bytes, names, null);
    } catch (error) {
      // To look for a type that the kernel itself has not, libbpf lists the modules' types, for which CAP_BPF is not
      // enough; before 1.3 it gives up there. With the kernel's named as the only ones it does not look further.
      if (!(error instanceof BpfError) || error.code !== errnoName(EPERM) || error.log !== '') throw error;
      const options = { size: koffi.sizeof(OPEN_OPTIONS), btf_custom_path: KERNEL_TYPES };
      return BpfObject.#load(library, bytes, names, options);
    }
  }

  static async #load(
    library: Libbpf,
    bytes: Uint8Array,
    names: readonly string[],
    options: OpenOptions | null,
  ): Promise<BpfObject> {
    const object = library.open(bytes, bytes.length, options);
    if (object === null) throw new BpfError('open', codeOf(errno()));
    const programs = new Map<string, Handle>();
    // Written only when the verifier refuses a program, which is the last one it is given.
    const log = Buffer.alloc(LOG_SIZE);
    for (let program = library.nextProgram(object, null); program !== null; ) {
      const name = library.programName(program);
      const wanted = names.includes(name);
      library.setAutoload(program, wanted);
      if (wanted) {
        programs.set(name, program);
        library.setLog(program, log, log.length);
      }
      program = library.nextProgram(object, program);
    }
    const result = await new Promise<number>((resolve, reject) => {
      library.load.async(object, (error, value) => (error ? reject(error) : resolve(value)));
    });
    if (result < 0) {
      library.closeObject(object);
      throw new BpfError('load', codeOf(-result), conclusion(textOf(log)));
    }
    return new BpfObject(library, object, programs);
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
    attributes.writeInt32LE(this.#library.programFd(this.#program(name)), 0);
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
    let iterator = this.#iterators.get(name);
    if (iterator === undefined) {
      const link = this.#library.attachIterator(this.#program(name), null);
      if (link === null) throw new BpfError('attach', errnoName(errno()));
      iterator = { link, fd: this.#library.linkFd(link) };
      this.#iterators.set(name, iterator);
    }
    const fd = this.#library.createIterator(iterator.fd);
    if (fd < 0) throw new BpfError('attach', errnoName(errno()));
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
      const found = this.#library.findMap(this.#object, map);
      if (found === null) throw new BpfError('open', errnoName(ENOENT));
      const address = mmap(null, size, PROT_READ, MAP_SHARED, this.#library.mapFd(found), 0);
      if (address === null || BigInt.asIntN(64, koffi.address(address)) === BigInt(MAP_FAILED)) {
        throw new BpfError('open', errnoName(errno()));
      }
      view = { address, size, bytes: Buffer.from(koffi.view(address, size)) };
      this.#views.set(map, view);
    }
    return view.bytes;
  }

  /** Unloads everything. */
  close(): void {
    for (const { link } of this.#iterators.values()) this.#library.destroyLink(link);
    this.#iterators.clear();
    for (const { address, size } of this.#views.values()) munmap(address, size);
    this.#views.clear();
    this.#library.closeObject(this.#object);
  }

  #program(name: string): Handle {
    const program = this.#programs.get(name);
    if (program === undefined) throw new BpfError('run', `no program ${name}`);
    return program;
  }
}
