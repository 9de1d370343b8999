// What libbpf does to an object before it knows the kernel, done once when the object is built: each program with the
// functions it calls behind it, where it refers to maps, and by what names the places are found that depend on the
// kernel (CO-RE). collectors/kernel/linked.ts does the rest. The order is libbpf's (bpf_object__reloc_code, libbpf.c), so
// that a test can compare instructions.

/** Bytes of an instruction. */
const INSTRUCTION = 8;
/** ELF: section types, special sections and relocations of BPF (elf.h). */
const SHT_SYMTAB = 2;
const SHT_REL = 9;
const STT_FUNC = 2;
/** BTF kinds (include/uapi/linux/btf.h). */
const KIND = {
  int: 1,
  ptr: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  fwd: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  func: 12,
  proto: 13,
  variable: 14,
  section: 15,
  float: 16,
  declTag: 17,
  typeTag: 18,
  enum64: 19,
};
/** enum bpf_core_relo_kind (include/uapi/linux/bpf.h): those that collectors/kernel/linked.ts resolves. */
const RELOCATIONS = {
  0: 'offset',
  2: 'field-exists',
  8: 'type-exists',
  9: 'type-size',
  10: 'value-exists',
};
const PSEUDO_CALL = 1;
const PSEUDO_FUNC = 4;
const CALL = 0x85;
const LOAD_64 = 0x18;

function text(bytes, at) {
  return bytes.toString('latin1', at, bytes.indexOf(0, at));
}

/** Sections by name, and symbols. */
function parseElf(file) {
  const table = Number(file.readBigUInt64LE(0x28));
  const [size, count, names] = [0x3a, 0x3c, 0x3e].map((at) => file.readUInt16LE(at));
  const sections = Array.from({ length: count }, (_, index) => {
    const at = table + index * size;
    const [offset, length] = [24, 32].map((field) => Number(file.readBigUInt64LE(at + field)));
    const type = file.readUInt32LE(at + 4);
    return {
      index,
      nameAt: file.readUInt32LE(at),
      type,
      link: file.readUInt32LE(at + 40),
      info: file.readUInt32LE(at + 44),
      // SHT_NOBITS takes no room in the file.
      bytes: type === 8 ? Buffer.alloc(length) : file.subarray(offset, offset + length),
    };
  });
  for (const section of sections) section.name = text(sections[names].bytes, section.nameAt);
  const symtab = sections.find(({ type }) => type === SHT_SYMTAB);
  const symbols = Array.from({ length: symtab.bytes.length / 24 }, (_, index) => {
    const at = index * 24;
    return {
      name: text(sections[symtab.link].bytes, symtab.bytes.readUInt32LE(at)),
      type: symtab.bytes[at + 4] & 0xf,
      section: symtab.bytes.readUInt16LE(at + 6),
      value: Number(symtab.bytes.readBigUInt64LE(at + 8)),
      size: Number(symtab.bytes.readBigUInt64LE(at + 16)),
    };
  });
  const relocations = new Map();
  for (const { info, bytes } of sections.filter(({ type }) => type === SHT_REL)) {
    const entries = new Map();
    for (let at = 0; at < bytes.length; at += 16) {
      entries.set(Number(bytes.readBigUInt64LE(at)), symbols[bytes.readUInt32LE(at + 12)]);
    }
    relocations.set(info, entries);
  }
  return { sections, symbols, relocations, byName: new Map(sections.map((section) => [section.name, section])) };
}

/** The object's own types, in order, the one without a number first. */
function parseBtf(bytes) {
  const [header, typesAt, typesSize, stringsAt] = [4, 8, 12, 16].map((at) => bytes.readUInt32LE(at));
  const name = (offset) => text(bytes, header + stringsAt + offset);
  const types = [{ kind: 0, name: 'void' }];
  for (let at = header + typesAt; at < header + typesAt + typesSize; ) {
    const info = bytes.readUInt32LE(at + 4);
    const kind = (info >>> 24) & 0x1f;
    const length = info & 0xffff;
    const type = { kind, name: name(bytes.readUInt32LE(at)), size: bytes.readUInt32LE(at + 8), flag: info >>> 31 };
    at += 12;
    const words = (count) => Array.from({ length: count }, (_, index) => bytes.readUInt32LE(at + index * 4));
    const rows = (width) => {
      const all = words(length * width);
      at += all.length * 4;
      return Array.from({ length }, (_, index) => all.slice(index * width, (index + 1) * width));
    };
    switch (kind) {
      case KIND.int:
        type.encoding = bytes.readUInt32LE(at);
        at += 4;
        break;
      case KIND.variable:
      case KIND.declTag:
        at += 4;
        break;
      case KIND.array:
        [type.element, type.index, type.length] = words(3);
        at += 12;
        break;
      case KIND.struct:
      case KIND.union:
        type.members = rows(3).map(([nameAt, of, offset]) => ({ name: name(nameAt), of, offset }));
        break;
      case KIND.enum:
        type.values = rows(2).map(([nameAt]) => name(nameAt));
        break;
      case KIND.enum64:
        type.values = rows(3).map(([nameAt]) => name(nameAt));
        break;
      case KIND.proto:
        type.parameters = rows(2).map(([nameAt, of]) => ({ name: name(nameAt), of }));
        break;
      case KIND.section:
        type.variables = rows(3).map(([of, offset, size]) => ({ of, offset, size }));
        break;
      default:
    }
    types.push(type);
  }
  return { types, name };
}

/** `ns_common` of `ns_common___6_18`, the part of a name that counts. */
const essential = (name) => name.replace(/___.*$/, '');

/** Byte size of a type. */
function sizeOf(types, id) {
  const type = types[id];
  switch (type.kind) {
    case KIND.ptr:
      return 8;
    case KIND.array:
      return type.length * sizeOf(types, type.element);
    case KIND.typedef:
    case KIND.volatile:
    case KIND.const:
    case KIND.restrict:
    case KIND.typeTag:
      return sizeOf(types, type.size);
    default:
      return type.size;
  }
}

function plain(types, id) {
  let type = types[id];
  while ([KIND.typedef, KIND.volatile, KIND.const, KIND.restrict, KIND.typeTag].includes(type.kind))
    type = types[type.size];
  return type;
}

/** What a CO-RE record asks, by names: of which type, which way to the field, and how large the field is here. */
function question(types, typeId, access, kind) {
  const ask = RELOCATIONS[kind];
  if (ask === undefined) return null;
  const root = plain(types, typeId);
  const of = { ask, kind: root.kind, root: essential(root.name) };
  if (ask === 'type-exists' || ask === 'type-size') return of;
  if (ask === 'value-exists') return { ...of, value: essential(root.values[Number(access)]) };
  const [first, ...steps] = access.split(':').map(Number);
  if (first !== 0) return null;
  const path = [];
  let id = typeId;
  for (const step of steps) {
    const type = plain(types, id);
    if (type.kind === KIND.array) {
      path.push(step);
      id = type.element;
      continue;
    }
    const member = type.members[step];
    // A member without a name is only on the way.
    if (member.name !== '') path.push(member.name);
    id = member.of;
    // A bit-field, whose offset holds its width as well.
    if (type.flag === 1 && member.offset >>> 24 !== 0) return null;
  }
  const { kind: leaf } = plain(types, id);
  return { ...of, path, leaf, size: sizeOf(types, id) };
}

/** Records of .BTF.ext by section and instruction; `width` words of each. */
function extension(bytes, name, offsetAt, width) {
  const header = bytes.readUInt32LE(4);
  const start = header + bytes.readUInt32LE(offsetAt);
  const end = start + bytes.readUInt32LE(offsetAt + 4);
  const size = bytes.readUInt32LE(start);
  const sections = new Map();
  for (let at = start + 4; at < end; ) {
    const records = new Map();
    const count = bytes.readUInt32LE(at + 4);
    sections.set(name(bytes.readUInt32LE(at)), records);
    at += 8;
    for (let index = 0; index < count; index++, at += size) {
      const [instruction, ...rest] = Array.from({ length: width }, (_, word) => bytes.readUInt32LE(at + word * 4));
      records.set(instruction / INSTRUCTION, rest);
    }
  }
  return sections;
}

/** The types of the functions, and nothing else: a pointer's target only by its name. */
class FunctionTypes {
  #types;
  #strings = [''];
  #records = [];
  #known = new Map();

  constructor(types) {
    this.#types = types;
  }

  #string(value) {
    if (!this.#strings.includes(value)) this.#strings.push(value);
    return value;
  }

  #add(words, name = '') {
    this.#records.push({ words, names: new Map([[0, this.#string(name)]]) });
    return this.#records.length;
  }

  /** Number of a type in the reduced set. */
  number(id, pointed = false) {
    if (id === 0) return 0;
    const key = `${id} ${pointed}`;
    if (this.#known.has(key)) return this.#known.get(key);
    const type = this.#types[id];
    const info = (kind, length = 0) => ((kind << 24) | length) >>> 0;
    let number;
    switch (type.kind) {
      case KIND.int:
        number = this.#add([0, info(KIND.int), type.size, type.encoding], type.name);
        break;
      case KIND.ptr:
        number = this.#add([0, info(KIND.ptr), this.number(type.size, true)]);
        break;
      case KIND.struct:
      case KIND.fwd:
        if (!pointed) throw new Error(`a function takes a whole struct ${type.name}`);
        number = this.#add([0, info(KIND.fwd), 0], type.name);
        break;
      case KIND.typedef:
      case KIND.const:
      case KIND.volatile:
        number = this.number(type.size, pointed);
        break;
      case KIND.proto: {
        const parameters = type.parameters.map(({ of }) => this.number(of));
        const result = this.number(type.size);
        number = this.#add([0, info(KIND.proto, parameters.length), result, ...parameters.flatMap((of) => [0, of])]);
        type.parameters.forEach(({ name }, index) => {
          this.#records[number - 1].names.set(3 + index * 2, this.#string(name));
        });
        break;
      }
      case KIND.func: {
        const proto = this.number(type.size);
        // What linkage the function has: static and global are told apart.
        number = this.#add([0, info(KIND.func, type.linkage), proto], type.name);
        break;
      }
      default:
        throw new Error(`type kind ${type.kind} in a function's parameters`);
    }
    this.#known.set(key, number);
    return number;
  }

  bytes() {
    const at = new Map();
    let strings = '';
    for (const string of this.#strings) {
      at.set(string, strings.length);
      strings += `${string}\0`;
    }
    const words = this.#records.flatMap(({ words: record, names }) =>
      record.map((word, index) => (names.has(index) ? at.get(names.get(index)) : word)),
    );
    const header = Buffer.alloc(24);
    header.writeUInt16LE(0xeb9f, 0);
    header.writeUInt8(1, 2);
    [24, 0, words.length * 4, words.length * 4, strings.length].forEach((word, index) => {
      header.writeUInt32LE(word, 4 + index * 4);
    });
    return Buffer.concat([header, Buffer.from(Uint32Array.from(words).buffer), Buffer.from(strings, 'latin1')]);
  }
}

/** Maps of SEC(".maps"), as their types describe them: a number is the length of an array (`__uint`). */
function parseMaps(elf, { types }) {
  const maps = {};
  const section = types.find(({ kind, name }) => kind === KIND.section && name === '.maps');
  for (const { of } of section.variables) {
    const variable = types[of];
    const facts = {};
    for (const member of plain(types, variable.size).members) {
      const pointed = types[types[member.of].size];
      if (member.name === 'key' || member.name === 'value')
        facts[`${member.name}_size`] = sizeOf(types, types[member.of].size);
      else facts[member.name] = pointed.length;
    }
    const { type, key_size: key, value_size: value, max_entries: entries, map_flags: flags = 0 } = facts;
    maps[variable.name] = { type, key, value, entries, flags };
  }
  for (const { name, bytes } of elf.sections) {
    const array = { type: 2, key: 4, value: bytes.length, entries: 1 };
    if (name === '.bss') maps[name] = { ...array, flags: 0 };
    // BPF_F_RDONLY_PROG: the verifier takes what is in there, once frozen, for known.
    if (name.startsWith('.rodata')) maps[name] = { ...array, flags: 1 << 7, data: bytes.toString('base64') };
  }
  return maps;
}

/** Programs that can be made ready without libbpf: everything their places depend on is of a kind known here. */
export function link(object, names) {
  const elf = parseElf(object);
  const btf = parseBtf(elf.byName.get('.BTF').bytes);
  const ext = elf.byName.get('.BTF.ext').bytes;
  const infos = extension(ext, btf.name, 8, 2);
  const places = extension(ext, btf.name, 24, 4);
  const allMaps = parseMaps(elf, btf);
  const functionTypes = new FunctionTypes(btf.types);
  const functions = elf.symbols.filter(({ type }) => type === STT_FUNC);
  const questions = [];
  const mapNames = [];
  const indexOf = (list, item) => {
    const text_ = JSON.stringify(item);
    const at = list.findIndex((each) => JSON.stringify(each) === text_);
    return at >= 0 ? at : list.push(item) - 1;
  };
  // BTF_FUNC_STATIC 0, BTF_FUNC_GLOBAL 1: kept in the length field.
  const raw = elf.byName.get('.BTF').bytes;
  readLinkage(raw, btf.types);

  const linkOne = (main) => {
    const parts = [];
    const offsets = new Map();
    let total = 0;
    const place = (symbol) => {
      const section = elf.sections[symbol.section];
      const part = {
        symbol,
        section,
        at: total,
        bytes: Buffer.from(section.bytes.subarray(symbol.value, symbol.value + symbol.size)),
      };
      offsets.set(symbol, total);
      parts.push(part);
      total += symbol.size / INSTRUCTION;
      return part;
    };
    const refer = { maps: [], places: [] };
    const functionAt = (section, value) => {
      const symbol = functions.find((each) => each.section === section && each.value === value);
      if (symbol === undefined) throw new Error(`no function at ${value} of section ${section}`);
      return symbol;
    };
    const visit = (part) => {
      const { section, symbol, bytes } = part;
      const relocations = elf.relocations.get(section.index) ?? new Map();
      for (let index = 0; index < bytes.length / INSTRUCTION; index++) {
        const at = index * INSTRUCTION;
        const target = relocations.get(symbol.value + at);
        const code = bytes[at];
        const source = bytes[at + 1] >>> 4;
        const imm = bytes.readInt32LE(at + 4);
        let callee;
        if (code === CALL && (source === PSEUDO_CALL || target !== undefined)) {
          callee =
            target === undefined
              ? functionAt(section.index, symbol.value + (index + imm + 1) * INSTRUCTION)
              : functionAt(target.section, target.value + (imm + 1) * INSTRUCTION);
        } else if (code === LOAD_64 && target !== undefined) {
          const targetSection = elf.sections[target.section];
          if (targetSection.name === '.maps') refer.maps.push([part.at + index, indexOf(mapNames, target.name)]);
          else if (targetSection.name in allMaps) {
            refer.maps.push([part.at + index, indexOf(mapNames, targetSection.name), target.value + imm]);
          } else callee = functionAt(target.section, target.value + imm);
        }
        if (callee === undefined) continue;
        if (!offsets.has(callee)) visit(place(callee));
        part.calls ??= [];
        part.calls.push([index, code, callee]);
      }
    };
    visit(place(main));
    const instructions = Buffer.concat(parts.map(({ bytes }) => bytes));
    for (const { at, calls = [], section, symbol } of parts) {
      for (const [index, code, callee] of calls) {
        const here = (at + index) * INSTRUCTION;
        instructions[here + 1] = (instructions[here + 1] & 0xf) | ((code === CALL ? PSEUDO_CALL : PSEUDO_FUNC) << 4);
        instructions.writeInt32LE(offsets.get(callee) - (at + index) - 1, here + 4);
      }
      for (const [instruction, [typeId, accessAt, kind]] of places.get(section.name) ?? []) {
        const index = instruction - symbol.value / INSTRUCTION;
        if (index < 0 || index >= symbol.size / INSTRUCTION) continue;
        const asked = question(btf.types, typeId, btf.name(accessAt), kind);
        if (asked === null) throw new Error(`${main.name}: CO-RE kind ${kind} is not known here`);
        refer.places.push([at + index, indexOf(questions, asked)]);
      }
    }
    const types = parts.map(({ at, section, symbol }) => {
      const [typeId] = infos.get(section.name).get(symbol.value / INSTRUCTION);
      return [at, functionTypes.number(typeId)];
    });
    const kind = elf.sections[main.section].name;
    return {
      // BPF_PROG_TYPE_SYSCALL, which may sleep; BPF_PROG_TYPE_TRACING of an iterator.
      iterator: kind.startsWith('iter/') ? `bpf_iter_${kind.slice('iter/'.length)}` : null,
      instructions: instructions.toString('base64'),
      functions: types,
      maps: refer.maps,
      places: refer.places.sort(([a], [b]) => a - b),
    };
  };

  const programs = Object.fromEntries(
    names.map((name) => [name, linkOne(functions.find((symbol) => symbol.name === name))]),
  );
  return {
    license: text(elf.byName.get('license').bytes, 0),
    types: functionTypes.bytes().toString('base64'),
    maps: mapNames.map((name) => ({ name, ...allMaps[name] })),
    questions,
    programs,
  };
}

/** Whether each function is static. */
function readLinkage(bytes, types) {
  const [header, typesAt] = [4, 8].map((at) => bytes.readUInt32LE(at));
  let at = header + typesAt;
  for (const type of types.slice(1)) {
    const info = bytes.readUInt32LE(at + 4);
    if (type.kind === KIND.func) type.linkage = info & 0xffff;
    const length = info & 0xffff;
    const extra = {
      [KIND.int]: 4,
      [KIND.array]: 12,
      [KIND.struct]: 12 * length,
      [KIND.union]: 12 * length,
      [KIND.enum]: 8 * length,
      [KIND.enum64]: 12 * length,
      [KIND.proto]: 8 * length,
      [KIND.variable]: 4,
      [KIND.section]: 12 * length,
      [KIND.declTag]: 4,
    };
    at += 12 + (extra[type.kind] ?? 0);
  }
}
