/**
 * BTF, the kernel's description of its own types (Documentation/bpf/btf.rst): only what it takes to find a few of its
 * hundred thousand types by name and to tell where their fields are. Reading all of it as libbpf does takes 35 ms.
 */

const MAGIC = 0xeb9f;
const VERSION = 1;
/** Bytes of `struct btf_header` that are used; its own length says where it ends. */
const HEADER = 24;

/** BTF_KIND_…, include/uapi/linux/btf.h. */
export const BTF = {
  int: 1,
  ptr: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  func: 12,
  typeTag: 18,
  enum64: 19,
} as const;

/** Kinds as a set: a bit each. */
function bits(...kinds: readonly number[]): number {
  return kinds.reduce((set, kind) => set | (1 << kind), 0);
}

/** Leads beyond the end: what a type of unknown kind takes. */
const UNKNOWN = 0x3000_0000;
/** Words of a type, by kind: those it always has, and so many for each of its parts. */
const FIXED = new Uint32Array(32).fill(UNKNOWN);
FIXED.set([UNKNOWN, 4, 3, 6, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 3, 3, 4, 3, 3]);
const EACH = new Uint8Array(32);
EACH.set([0, 0, 0, 0, 3, 3, 2, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 3]);

/** Kinds that are looked for by name. */
const NAMED = bits(BTF.struct, BTF.union, BTF.enum, BTF.enum64);
/** Kinds that only stand before another type. */
const MODIFIERS = bits(BTF.typedef, BTF.volatile, BTF.const, BTF.restrict, BTF.typeTag);

/** Bits of a member's offset that are its width, where the struct has bit-fields (kind_flag). */
const BIT_FIELD_SHIFT = 24;
const FILTER_SIZE = 4096;

/** What cannot be made sense of. */
export class BtfError extends Error {
  override readonly name = 'BtfError';
}

/** A member of a struct or union. */
export interface BtfMember {
  readonly nameAt: number;
  readonly type: number;
  /** In bits from the beginning. */
  readonly offset: number;
  readonly isBitField: boolean;
}

/** Types by their number; those of a module go on counting where the kernel's own end. */
export class Btf {
  readonly #base: Btf | undefined;
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  /** Where each type begins, in words. */
  readonly #starts: Uint32Array;
  /** Number of its first type and of the one behind its last. */
  readonly #first: number;
  readonly #end: number;
  /** Byte at which its strings begin, and the offset that this byte has. */
  readonly #strings: number;
  readonly #firstString: number;
  readonly #endString: number;
  readonly #found = new Map<string, number[]>();

  /**
   * Reads where each type is, and on the way finds those that are asked for.
   *
   * @param names of structs, unions and enums.
   * @param functions of functions.
   * @param base what a module's types build on.
   * @throws BtfError
   */
  constructor(bytes: Buffer, names: Iterable<string>, functions: readonly string[] = [], base?: Btf) {
    if (bytes.length < HEADER || bytes.readUInt16LE(0) !== MAGIC || bytes[2] !== VERSION) {
      throw new BtfError('no BTF of version 1');
    }
    if (bytes.byteOffset % 4 !== 0) throw new BtfError('not aligned');
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
    const [, header = 0, typesAt = 0, typesSize = 0, stringsAt = 0, stringsSize = 0] = words;
    if (header + typesAt + typesSize > bytes.length || header + stringsAt + stringsSize > bytes.length) {
      throw new BtfError('truncated');
    }
    const strings = header + stringsAt;
    const firstString = base === undefined ? 0 : base.#endString;
    this.#base = base;
    this.#bytes = bytes;
    this.#words = words;
    this.#first = base === undefined ? 1 : base.#end;
    this.#strings = strings;
    this.#firstString = firstString;
    this.#endString = firstString + stringsSize;

    const start = (header + typesAt) >>> 2;
    // A type takes three words at least.
    const starts = new Uint32Array(Math.ceil(typesSize / 12) + 1);
    const named = new Uint32Array(starts.length);
    const functionNames = this.#namesAt(functions);
    const wanted = new Uint8Array(FILTER_SIZE);
    for (const at of functionNames.keys()) wanted[at & (FILTER_SIZE - 1)] = 1;
    const counts = findStarts(words, start, (header + typesAt + typesSize) >>> 2, starts, named, wanted);
    this.#starts = starts;
    this.#end = this.#first + counts.types;
    this.#findTypes(names, named.subarray(0, counts.named));
    for (const index of counts.functions) {
      const name = functionNames.get(words[starts[index] ?? 0] ?? 0);
      if (name !== undefined) this.#note(name, this.#first + index);
    }
  }

  /** Where names are among the strings: there are five times as many functions as structs, and so they are known by that. */
  #namesAt(names: readonly string[]): Map<number, string> {
    const found = new Map<number, string>();
    for (const name of names) {
      const at = this.#bytes.indexOf(`\0${name}\0`, this.#strings, 'latin1');
      if (at >= 0) found.set(at + 1 - this.#strings + this.#firstString, name);
    }
    return found;
  }

  /** @param named those that have names worth looking at, counted from the first type. */
  #findTypes(names: Iterable<string>, named: Uint32Array): void {
    const wanted = new Map<number, string[]>();
    const filter = new Uint8Array(FILTER_SIZE);
    for (const name of names) {
      const [a = 0, b = 0, c = 0, d = 0] = Buffer.from(`${name}\0\0`, 'latin1');
      const code = hash(a, b, c, d);
      filter[code] = 1;
      wanted.set(code, [...(wanted.get(code) ?? []), name]);
    }
    const words = this.#words;
    const bytes = this.#bytes;
    const starts = this.#starts;
    const shift = this.#strings - this.#firstString;
    for (let each = 0; each < named.length; each++) {
      const index = named[each] ?? 0;
      const nameAt = words[starts[index] ?? 0] ?? 0;
      const at = nameAt + shift;
      const c = bytes[at + 2] ?? 0;
      const code = hash(bytes[at] ?? 0, bytes[at + 1] ?? 0, c, c === 0 ? 0 : (bytes[at + 3] ?? 0));
      if (filter[code] === 0 || nameAt < this.#firstString) continue;
      for (const name of wanted.get(code) ?? []) if (this.isNamed(nameAt, name)) this.#note(name, this.#first + index);
    }
  }

  /** Numbers of the types that were asked for, by name. Not those of the base. */
  get found(): ReadonlyMap<string, readonly number[]> {
    return this.#found;
  }

  #note(name: string, id: number): void {
    const known = this.#found.get(name);
    if (known === undefined) this.#found.set(name, [id]);
    else known.push(id);
  }

  kind(id: number): number {
    return (this.#word(id, 1) >>> 24) & 0x1f;
  }

  /** Size in bytes of a struct, union, enum or int; what a pointer, function or modifier is of. */
  sizeOrType(id: number): number {
    return this.#word(id, 2);
  }

  /** What is left of a type without typedefs and qualifiers. @throws BtfError where they go round in a circle. */
  plain(id: number): number {
    let at = id;
    for (let turns = 0; turns < 64; turns++) {
      if (at === 0 || ((MODIFIERS >>> this.kind(at)) & 1) === 0) return at;
      at = this.sizeOrType(at);
    }
    throw new BtfError('modifiers without end');
  }

  /** Size in bytes; 0 for what has none. */
  size(id: number): number {
    const plain = this.plain(id);
    if (plain === 0) return 0;
    switch (this.kind(plain)) {
      case BTF.ptr:
        return 8;
      case BTF.array: {
        const { element, length } = this.array(plain);
        return length * this.size(element);
      }
      case BTF.func:
        return 0;
      default:
        return this.sizeOrType(plain);
    }
  }

  /** An array's element type and length. */
  array(id: number): { readonly element: number; readonly length: number } {
    return { element: this.#word(id, 3), length: this.#word(id, 5) };
  }

  /** How many members a struct or union has. */
  memberCount(id: number): number {
    return this.#word(id, 1) & 0xffff;
  }

  member(id: number, index: number): BtfMember {
    const hasBitFields = this.#word(id, 1) >>> 31 === 1;
    const offset = this.#word(id, 3 + index * 3 + 2);
    return {
      nameAt: this.#word(id, 3 + index * 3),
      type: this.#word(id, 3 + index * 3 + 1),
      offset: hasBitFields ? offset & ((1 << BIT_FIELD_SHIFT) - 1) : offset,
      isBitField: hasBitFields && offset >>> BIT_FIELD_SHIFT !== 0,
    };
  }

  /** Offset of a member's name among the strings. */
  memberName(id: number, index: number): number {
    return this.#word(id, 3 + index * 3);
  }

  /** Whether an enum has a value of this name. */
  hasValue(id: number, name: string): boolean {
    const width = this.kind(id) === BTF.enum64 ? 3 : 2;
    const length = this.#word(id, 1) & 0xffff;
    for (let index = 0; index < length; index++) if (this.isNamed(this.#word(id, 3 + index * width), name)) return true;
    return false;
  }

  /** Whether the string at an offset is this one. */
  isNamed(nameAt: number, name: string): boolean {
    if (this.#base !== undefined && nameAt < this.#firstString) return this.#base.isNamed(nameAt, name);
    const start = nameAt - this.#firstString + this.#strings;
    for (let index = 0; index < name.length; index++) {
      if (this.#bytes[start + index] !== name.charCodeAt(index)) return false;
    }
    return this.#bytes[start + name.length] === 0;
  }

  #word(id: number, index: number): number {
    if (id < this.#first && this.#base !== undefined) return this.#base.#word(id, index);
    if (id < this.#first || id >= this.#end) throw new BtfError(`no type ${id}`);
    return this.#words[(this.#starts[id - this.#first] ?? 0) + index] ?? 0;
  }
}

/**
 * Where each type begins; which of them are structs, unions and enums, and which functions whose names pass a filter of
 * the low bits of where they are, counted from the first. It runs once in a process, half of it before anything is
 * compiled: a function of its own, with few steps for each of the many, is compiled sooner and takes 3 ms instead of 10.
 *
 * @throws BtfError
 */
function findStarts(
  words: Uint32Array,
  start: number,
  end: number,
  starts: Uint32Array,
  named: Uint32Array,
  wanted: Uint8Array,
): { readonly types: number; readonly named: number; readonly functions: readonly number[] } {
  let types = 0;
  let names = 0;
  const functions: number[] = [];
  let at = start;
  for (; at < end; types++) {
    const info = words[at + 1] as number;
    const kind = (info >>> 24) & 0x1f;
    starts[types] = at;
    if (kind >= BTF.struct && ((NAMED >>> kind) & 1) === 1) named[names++] = types;
    else if (kind === BTF.func && wanted[(words[at] as number) & (FILTER_SIZE - 1)] === 1) functions.push(types);
    const each = EACH[kind] as number;
    at += FIXED[kind] as number;
    if (each !== 0) at += (info & 0xffff) * each;
  }
  if (at !== end) throw new BtfError('a type of unknown kind, or half a type');
  return { types, named: names, functions };
}

/** Of the first four bytes of a name. */
function hash(a: number, b: number, c: number, d: number): number {
  return (a * 7 + b * 61 + c * 509 + d * 1031) & (FILTER_SIZE - 1);
}
