/**
 * bpf(2): loads programs that are ready but for the descriptors of their maps. Every union bpf_attr
 * (include/uapi/linux/bpf.h) and what it points to lies in one piece of memory that does not move.
 */
import { BpfError, BpfPrograms } from './bpf.ts';
import { errnoName } from './errors.ts';
import { koffi } from './koffi.ts';
import { close, errno, SYS, syscallNumbers, syscallNumbersAsync } from './libc.ts';

const BPF_MAP_CREATE = 0;
const BPF_MAP_UPDATE_ELEM = 2;
const BPF_PROG_LOAD = 5;
const BPF_BTF_LOAD = 18;
const BPF_MAP_FREEZE = 22;
const BPF_PROG_TYPE_TRACING = 26;
const BPF_PROG_TYPE_SYSCALL = 31;
const BPF_TRACE_ITER = 28;
/** What programs of type SYSCALL need to be. */
const BPF_F_SLEEPABLE = 1 << 4;
/** In a 64-bit load: the number is a map's descriptor, or also an offset into its only value. */
const PSEUDO_MAP_FD = 1;
const PSEUDO_MAP_VALUE = 2;
const INSTRUCTION = 8;
const ATTRIBUTES = 128;
/** struct bpf_func_info: instruction and type. */
const FUNCTION_INFO = 8;
const NAME_LENGTH = 15;

/** A map that programs use. */
export interface MapPlan {
  readonly name: string;
  /** BPF_MAP_TYPE_… */
  readonly type: number;
  /** Sizes in bytes. */
  readonly key: number;
  readonly value: number;
  readonly entries: number;
  readonly flags: number;
  /** The only value of a map nobody changes any more, base64. */
  readonly data?: string;
}

/** A program, fitted to this kernel. */
export interface ProgramPlan {
  readonly name: string;
  readonly instructions: Buffer;
  /** Type number of the kernel's function it is an iterator of (`bpf_iter_task`); null for a SEC("syscall") one. */
  readonly attachTo: number | null;
  /** Where each of its functions begins, and its type in `types`. */
  readonly functions: readonly (readonly [instruction: number, type: number])[];
  /** Instructions that take a map, its index, and the offset into its value where they want that. */
  readonly maps: readonly (readonly [instruction: number, map: number, offset?: number])[];
}

/** Memory that stays where it is. Never freed: a load may still read it when its caller has given up. */
class Arena {
  readonly #address: number;
  readonly #bytes: Buffer;
  #used = 0;

  constructor(size: number) {
    const memory = koffi.alloc('uint8_t', size) as object;
    // User addresses fit into 47 bits, and so into a number.
    this.#address = Number(koffi.address(memory));
    this.#bytes = Buffer.from(koffi.view(memory, size));
  }

  /** Takes a zeroed piece, aligned to 8. */
  take(size: number): { readonly address: number; readonly bytes: Buffer } {
    const at = this.#used;
    this.#used += Math.ceil(size / 8) * 8;
    return { address: this.#address + at, bytes: this.#bytes.fill(0, at, at + size).subarray(at, at + size) };
  }

  copy(data: Buffer): number {
    const { address, bytes } = this.take(data.length);
    data.copy(bytes);
    return address;
  }

  /** A union bpf_attr: 32-bit words by their offset, addresses by theirs. */
  attributes(words: Readonly<Record<number, number>>, addresses: Readonly<Record<number, number>>): number {
    const { address, bytes } = this.take(ATTRIBUTES);
    for (const [at, word] of Object.entries(words)) bytes.writeUInt32LE(word >>> 0, Number(at));
    for (const [at, pointer] of Object.entries(addresses)) bytes.writeBigUInt64LE(BigInt(pointer), Number(at));
    return address;
  }

  /** The name of a map or program, as the kernel lists it: letters, digits, `_` and `.`. */
  named(attributes: number, at: number, name: string): void {
    this.#bytes.write(name.slice(0, NAME_LENGTH), attributes - this.#address + at, 'latin1');
  }
}

/** @throws BpfError */
function bpf(command: number, attributes: number): number {
  const result = syscallNumbers(SYS.bpf, command, attributes, ATTRIBUTES, 0, 0);
  if (result < 0) throw new BpfError('load', errnoName(errno()));
  return result;
}

function makeMap(arena: Arena, { name, type, key, value, entries, flags, data }: MapPlan): number {
  const attributes = arena.attributes({ 0: type, 4: key, 8: value, 12: entries, 16: flags }, {});
  arena.named(attributes, 28, name);
  const fd = bpf(BPF_MAP_CREATE, attributes);
  if (data === undefined) return fd;
  try {
    const pointers = { 8: arena.copy(Buffer.alloc(key)), 16: arena.copy(Buffer.from(data, 'base64')) };
    bpf(BPF_MAP_UPDATE_ELEM, arena.attributes({ 0: fd }, pointers));
    bpf(BPF_MAP_FREEZE, arena.attributes({ 0: fd }, {}));
  } catch (error) {
    close(fd);
    throw error;
  }
  return fd;
}

/** BPF_PROG_LOAD, on a thread of libuv's pool. Its errno is lost there. @throws BpfError */
async function loadProgram(
  arena: Arena,
  { name, instructions, attachTo, functions, maps }: ProgramPlan,
  mapFds: readonly number[],
  types: number,
  license: number,
): Promise<number> {
  for (const [instruction, map, offset] of maps) {
    const at = instruction * INSTRUCTION;
    const source = offset === undefined ? PSEUDO_MAP_FD : PSEUDO_MAP_VALUE;
    instructions[at + 1] = ((instructions[at + 1] ?? 0) & 0xf) | (source << 4);
    instructions.writeInt32LE(mapFds[map] ?? -1, at + 4);
    instructions.writeInt32LE(offset ?? 0, at + INSTRUCTION + 4);
  }
  const infos = arena.take(functions.length * FUNCTION_INFO);
  for (const [index, [instruction, type]] of functions.entries()) {
    infos.bytes.writeUInt32LE(instruction, index * FUNCTION_INFO);
    infos.bytes.writeUInt32LE(type, index * FUNCTION_INFO + 4);
  }
  const iterator = attachTo !== null;
  const attributes = arena.attributes(
    {
      0: iterator ? BPF_PROG_TYPE_TRACING : BPF_PROG_TYPE_SYSCALL,
      4: instructions.length / INSTRUCTION,
      44: iterator ? 0 : BPF_F_SLEEPABLE,
      68: iterator ? BPF_TRACE_ITER : 0,
      72: types,
      76: FUNCTION_INFO,
      88: functions.length,
      108: attachTo ?? 0,
    },
    { 8: arena.copy(instructions), 16: license, 80: infos.address },
  );
  arena.named(attributes, 48, name);
  const fd = await syscallNumbersAsync(SYS.bpf, BPF_PROG_LOAD, attributes, ATTRIBUTES, 0, 0);
  if (fd < 0) throw new BpfError('load', name);
  return fd;
}

/**
 * Loads programs, all at the same time.
 *
 * @param types BTF that describes their functions: callbacks need it.
 * @throws BpfError without saying why the kernel refused: libbpf finds that out.
 */
export async function loadPlanned(
  programs: readonly ProgramPlan[],
  maps: readonly MapPlan[],
  types: Buffer,
  license: string,
): Promise<BpfPrograms> {
  const size = (sizes: readonly number[]): number => sizes.reduce((sum, each) => sum + each + 2 * ATTRIBUTES, 0);
  const arena = new Arena(
    size(programs.map(({ instructions, functions }) => instructions.length + functions.length * FUNCTION_INFO)) +
      size(maps.map(({ key, value, data }) => 2 * ATTRIBUTES + (data === undefined ? 0 : key + value + 16))) +
      size([types.length, license.length]),
  );
  const fds: number[] = [];
  const unload = (): void => {
    for (const fd of fds.splice(0)) close(fd);
  };
  try {
    const used = new Set(programs.flatMap((program) => program.maps.map(([, map]) => map)));
    const mapFds = maps.map((map, index) => {
      if (!used.has(index)) return -1;
      const fd = makeMap(arena, map);
      fds.push(fd);
      return fd;
    });
    const typesFd = bpf(BPF_BTF_LOAD, arena.attributes({ 16: types.length }, { 0: arena.copy(types) }));
    fds.push(typesFd);
    const licensed = arena.copy(Buffer.from(`${license}\0`, 'latin1'));
    // All are waited for, whatever becomes of one: their descriptors are to be closed.
    const loaded = await Promise.allSettled(
      programs.map((program) => loadProgram(arena, program, mapFds, typesFd, licensed)),
    );
    for (const result of loaded) if (result.status === 'fulfilled') fds.push(result.value);
    const byName = new Map<string, number>();
    for (const [index, result] of loaded.entries()) {
      if (result.status === 'rejected') throw result.reason;
      byName.set(programs[index]?.name ?? '', result.value);
    }
    return new BpfPrograms(byName, new Map(maps.map(({ name }, index) => [name, mapFds[index] ?? -1])), unload);
  } catch (error) {
    unload();
    throw error;
  }
}
