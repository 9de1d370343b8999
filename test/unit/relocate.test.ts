import { describe, expect, test } from 'vitest';
import { answer, type Candidates, patch, type Question } from '../../collectors/kernel/relocate.ts';
import { BTF, Btf, BtfError } from '../../src/os/btf.ts';

/** Puts BTF together, as the kernel shows it in /sys/kernel/btf. */
class Builder {
  #words: number[] = [];
  #strings: string;
  readonly #shift: number;

  /** @param shift bytes of strings that the kernel's own types have, for a module's. */
  constructor(shift = 0) {
    this.#shift = shift;
    this.#strings = shift === 0 ? '\0' : '';
  }

  #name(name: string): number {
    if (name === '') return 0;
    const known = this.#strings.indexOf(`\0${name}\0`);
    if (known >= 0) return known + 1 + this.#shift;
    const at = this.#strings.length + this.#shift;
    this.#strings += `${name}\0`;
    return at;
  }

  type(kind: number, name: string, sizeOrType: number, ...rest: readonly number[]): this {
    this.#words.push(this.#name(name), kind << 24, sizeOrType, ...rest);
    return this;
  }

  struct(name: string, size: number, ...members: readonly (readonly [string, number, number])[]): this {
    const words = members.flatMap(([member, type, bits]) => [this.#name(member), type, bits]);
    this.#words.push(this.#name(name), (BTF.struct << 24) | members.length, size, ...words);
    return this;
  }

  /** Members with a width each, in bits; 0 for a whole one. */
  bitFields(name: string, size: number, ...members: readonly (readonly [string, number, number, number])[]): this {
    const words = members.flatMap(([member, type, bits, width]) => [this.#name(member), type, (width << 24) | bits]);
    const info = (0x8000_0000 | (BTF.struct << 24) | members.length) >>> 0;
    this.#words.push(this.#name(name), info, size, ...words);
    return this;
  }

  enum(name: string, ...values: readonly string[]): this {
    const words = values.flatMap((value, index) => [this.#name(value), index]);
    this.#words.push(this.#name(name), (BTF.enum << 24) | values.length, 4, ...words);
    return this;
  }

  get stringsSize(): number {
    return this.#strings.length;
  }

  bytes(): Buffer {
    const types = this.#words.length * 4;
    const bytes = Buffer.from(new ArrayBuffer(24 + types + this.#strings.length));
    bytes.writeUInt16LE(0xeb9f, 0);
    bytes[2] = 1;
    [24, 0, types, types, this.#strings.length].forEach((word, index) => {
      bytes.writeUInt32LE(word, 4 + index * 4);
    });
    this.#words.forEach((word, index) => {
      bytes.writeUInt32LE(word >>> 0, 24 + index * 4);
    });
    bytes.write(this.#strings, 24 + types, 'latin1');
    return bytes;
  }
}

/** 1 int · 2 pointer to it · 3 inner · 4 const · 5 nameless · 6 array of inner · 7 net · 8 enum · 9 proto · 10 function */
const kernel = () =>
  new Builder()
    .type(BTF.int, 'int', 4, 0x20)
    .type(BTF.ptr, '', 1)
    .struct('inner', 8, ['a', 1, 0], ['b', 1, 32])
    .type(BTF.const, '', 3)
    .struct('', 16, ['hidden', 1, 32], ['deep', 4, 64])
    .type(BTF.array, '', 0, 3, 1, 4)
    .struct('net', 64, ['count', 1, 0], ['inner', 4, 64], ['', 5, 128], ['list', 6, 256], ['pointer', 2, 512 - 64])
    .enum('bpf_func_id', 'BPF_FUNC_loop', 'BPF_FUNC_other')
    .type(13, '', 1)
    .type(BTF.func, 'bpf_iter_task', 9);

const NAMES = ['net', 'inner', 'bpf_func_id', 'absent'];

function candidates(types: Btf): Candidates {
  return new Map([...types.found].map(([name, ids]) => [name, { types, ids }]));
}

const at = (path: Question['path'], leaf: number = BTF.int): Question => ({
  ask: 'offset',
  kind: BTF.struct,
  root: 'net',
  path: path ?? [],
  leaf,
  size: 4,
});

describe('Btf', () => {
  test('finds types and functions by name', () => {
    const types = new Btf(kernel().bytes(), NAMES, ['bpf_iter_task', 'bpf_iter_file']);
    expect(Object.fromEntries(types.found)).toEqual({ inner: [3], net: [7], bpf_func_id: [8], bpf_iter_task: [10] });
    expect(types.kind(10)).toBe(BTF.func);
    expect([types.size(1), types.size(2), types.size(4), types.size(6), types.size(7)]).toEqual([4, 8, 8, 32, 64]);
  });

  test("goes on counting in a module's types, whose members may be the kernel's", () => {
    const builder = kernel();
    const base = new Btf(builder.bytes(), NAMES);
    const module_ = new Builder(builder.stringsSize).struct('tun_file', 24, ['first', 3, 64]).bytes();
    const types = new Btf(module_, ['tun_file'], [], base);
    expect(types.found.get('tun_file')).toEqual([11]);
    const question = {
      ask: 'offset',
      kind: BTF.struct,
      root: 'tun_file',
      path: ['first', 'b'],
      leaf: BTF.int,
    } as const;
    expect(answer(question, candidates(types))).toEqual({ value: 12, size: 4 });
  });

  test('refuses what it does not know', () => {
    const bytes = kernel().bytes();
    expect(() => new Btf(bytes.subarray(0, 20), [])).toThrow(BtfError);
    const older = kernel().bytes();
    older[2] = 2;
    expect(() => new Btf(older, [])).toThrow(BtfError);
    const cut = kernel().bytes();
    cut.writeUInt32LE(cut.length, 8 + 4);
    expect(() => new Btf(cut, [])).toThrow('truncated');
    expect(() => new Btf(new Builder().type(31, 'new', 0).bytes(), [])).toThrow('unknown kind');
    expect(() => new Btf(new Builder().type(BTF.const, '', 1).bytes(), []).plain(1)).toThrow('without end');
    expect(() => new Btf(kernel().bytes(), []).kind(99)).toThrow('no type 99');
  });
});

describe('answer', () => {
  const known = candidates(new Btf(kernel().bytes(), NAMES));

  test('tells where fields are, through nested, nameless and repeated ones', () => {
    expect(answer(at(['count']), known)).toEqual({ value: 0, size: 4 });
    expect(answer(at(['inner', 'b']), known)).toEqual({ value: 12, size: 4 });
    expect(answer(at(['hidden']), known)).toEqual({ value: 20, size: 4 });
    expect(answer(at(['deep', 'a']), known)).toEqual({ value: 24, size: 4 });
    expect(answer(at(['list', 2, 'b']), known)).toEqual({ value: 52, size: 4 });
    expect(answer(at(['pointer'], BTF.ptr), known)).toEqual({ value: 56, size: 8 });
    expect(answer(at(['inner'], BTF.union), known)).toEqual({ value: 8, size: 8 });
  });

  test('says no where there is no such field, or one of another kind', () => {
    for (const question of [
      at(['absent']),
      at(['count', 'x']),
      at(['pointer', 'a']),
      at(['count', 0]),
      at(['list', 4, 'a']),
      at(['pointer']),
      { ...at(['count']), root: 'absent' },
      { ...at(['count']), kind: BTF.union },
    ]) {
      expect(answer(question, known)).toBeNull();
      expect(answer({ ...question, ask: 'field-exists' }, known)).toEqual({ value: 0 });
    }
    expect(answer({ ...at(['inner', 'b']), ask: 'field-exists' }, known)).toEqual({ value: 1 });
  });

  test('tells types, their sizes and the values of enums', () => {
    const of = (ask: Question['ask'], root: string, value = ''): Question => {
      const kind = root === 'bpf_func_id' ? BTF.enum64 : BTF.struct;
      return { ask, kind, root, value };
    };
    expect(answer(of('type-exists', 'net'), known)).toEqual({ value: 1 });
    expect(answer(of('type-exists', 'absent'), known)).toEqual({ value: 0 });
    expect(answer(of('type-size', 'inner'), known)).toEqual({ value: 8 });
    expect(answer(of('type-size', 'absent'), known)).toBeNull();
    expect(answer(of('value-exists', 'bpf_func_id', 'BPF_FUNC_other'), known)).toEqual({ value: 1 });
    expect(answer(of('value-exists', 'bpf_func_id', 'BPF_FUNC_none'), known)).toEqual({ value: 0 });
  });

  test('leaves to libbpf what is not certain', () => {
    const twice = kernel().struct('net', 8, ['count', 1, 32]).bytes();
    expect(() => answer(at(['count']), candidates(new Btf(twice, NAMES)))).toThrow('several types net');
    const narrow = new Builder().type(BTF.int, 'int', 4, 0x20).bitFields('net', 4, ['count', 1, 3, 5]).bytes();
    expect(() => answer(at(['count']), candidates(new Btf(narrow, NAMES)))).toThrow('bit-field');
    const whole = new Builder().type(BTF.int, 'int', 4, 0x20).bitFields('net', 8, ['count', 1, 32, 0]).bytes();
    expect(answer(at(['count']), candidates(new Btf(whole, NAMES)))).toEqual({ value: 4, size: 4 });
  });
});

describe('patch', () => {
  const ask = { ...at(['count']), size: 4 };
  const patched = (code: number, given: Parameters<typeof patch>[3], length = 1): string => {
    const instructions = Buffer.alloc(8 * length);
    instructions[0] = code;
    patch(instructions, 0, ask, given);
    return instructions.toString('hex');
  };

  test('puts the answer where the instruction has room for it', () => {
    expect(patched(0x61, { value: 20, size: 4 })).toBe('6100140000000000'); // load
    expect(patched(0x07, { value: 300 })).toBe('070000002c010000'); // add
    expect(patched(0x18, { value: 7 }, 2)).toBe('18000000070000000000000000000000');
  });

  test('makes an instruction that must not run a call that the verifier refuses', () => {
    expect(patched(0xb7, null)).toBe('850000001023ad0b');
    expect(patched(0x18, null, 2)).toBe('850000001023ad0b'.repeat(2));
  });

  test('refuses what does not fit', () => {
    expect(() => patched(0x61, { value: 20, size: 8 })).toThrow('another size');
    expect(() => patched(0x61, { value: 40_000, size: 4 })).toThrow('another size');
    expect(() => patched(0x0f, { value: 1 })).toThrow('register');
    expect(() => patched(0x85, { value: 1 })).toThrow('instruction 133');
  });
});
