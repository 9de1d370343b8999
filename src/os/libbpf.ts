/**
 * Loads BPF programs through the system's libbpf (libbpf.h, 1.0 and later). iproute2 depends on that library,
 * so it is there wherever `ip` is.
 */
import { BpfError, BpfPrograms } from './bpf.ts';
import { EPERM, errnoName } from './errors.ts';
import { koffi } from './koffi.ts';
import { errno } from './libc.ts';

/** The name that holds for every libbpf 1.x. */
const LIBRARY = 'libbpf.so.1';
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
  readonly nextMap: (object: Handle, previous: Handle) => Handle;
  readonly mapName: (map: Handle) => string;
  readonly mapFd: (map: Handle) => number;
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
    nextMap: library.func('void *bpf_object__next_map(const void *object, const void *previous)'),
    mapName: library.func('const char *bpf_map__name(const void *map)'),
    mapFd: library.func('int bpf_map__fd(const void *map)'),
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

/** Descriptors of everything an object has of a kind, by name. */
function descriptors(
  object: Handle,
  next: (object: Handle, previous: Handle) => Handle,
  nameOf: (item: Handle) => string,
  fdOf: (item: Handle) => number,
): Map<string, number> {
  const found = new Map<string, number>();
  for (let item = next(object, null); item !== null; item = next(object, item)) found.set(nameOf(item), fdOf(item));
  return found;
}

/**
 * Loads the named programs of an object, on a thread of libuv's pool: the caller goes on meanwhile.
 *
 * @throws BpfError
 */
export async function loadObject(
  bytes: Uint8Array,
  names: readonly string[],
  libraryName: string = LIBRARY,
): Promise<BpfPrograms> {
  let library: Libbpf;
  try {
    library = libbpf(libraryName);
  } catch (error) {
    throw new BpfError('library', `${libraryName}: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return await load(library, bytes, names, null);
  } catch (error) {
    // To look for a type that the kernel itself has not, libbpf lists the modules' types, for which CAP_BPF is not
    // enough; before 1.3 it gives up there. With the kernel's named as the only ones it does not look further.
    if (!(error instanceof BpfError) || error.code !== errnoName(EPERM) || error.log !== '') throw error;
    const options = { size: koffi.sizeof(OPEN_OPTIONS), btf_custom_path: KERNEL_TYPES };
    return load(library, bytes, names, options);
  }
}

async function load(
  library: Libbpf,
  bytes: Uint8Array,
  names: readonly string[],
  options: OpenOptions | null,
): Promise<BpfPrograms> {
  const object = library.open(bytes, bytes.length, options);
  if (object === null) throw new BpfError('open', codeOf(errno()));
  // Written only when the verifier refuses a program, which is the last one it is given.
  const log = Buffer.alloc(LOG_SIZE);
  for (let program = library.nextProgram(object, null); program !== null; ) {
    const wanted = names.includes(library.programName(program));
    library.setAutoload(program, wanted);
    if (wanted) library.setLog(program, log, log.length);
    program = library.nextProgram(object, program);
  }
  const result = await new Promise<number>((resolve, reject) => {
    library.load.async(object, (error, value) => (error ? reject(error) : resolve(value)));
  });
  if (result < 0) {
    library.closeObject(object);
    throw new BpfError('load', codeOf(-result), conclusion(textOf(log)));
  }
  return new BpfPrograms(
    descriptors(object, library.nextProgram, library.programName, library.programFd),
    descriptors(object, library.nextMap, library.mapName, library.mapFd),
    () => library.closeObject(object),
  );
}
