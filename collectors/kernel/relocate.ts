/**
 * CO-RE: fits a linked program (scripts/lib/bpf-link.mjs) to the kernel it is to run on. Where a field lies is told by the
 * kernel's own type information; the rules are libbpf's (relo_core.c). Pure. What it does not know for sure it refuses,
 * and libbpf takes over.
 */
import { BTF, type Btf, BtfError } from '../../src/os/btf.ts';

/** What an instruction has to know of the kernel. */
export interface Question {
  readonly ask: 'offset' | 'field-exists' | 'type-exists' | 'type-size' | 'value-exists';
  /** Of which type: BTF_KIND_… and name. */
  readonly kind: number;
  readonly root: string;
  /** To the field: names of members, indices into arrays. */
  readonly path?: readonly (string | number)[];
  /** BTF_KIND_… and size in bytes that the program expects of the field. */
  readonly leaf?: number;
  readonly size?: number;
  /** Name in an enum. */
  readonly value?: string;
}

/** A number; with `size`, that of the field it is the offset of. Null where the kernel has no such thing. */
export type Answer = { readonly value: number; readonly size?: number } | null;

/** Types of one name, in whichever of the kernel's sets of types they are. */
export type Candidates = ReadonlyMap<string, { readonly types: Btf; readonly ids: readonly number[] }>;

const INSTRUCTION = 8;
/** Classes of instructions, and the mode bit of one that takes a register (include/uapi/linux/bpf_common.h). */
const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, alu64: 7 } as const;
const REGISTER_OPERAND = 0x08;
const LOAD_64 = 0x18;
const CALL = 0x85;
/** What libbpf puts in place of an instruction that must not run: a call of no helper (bpf_core_poison_insn). */
const POISON = 195_896_080;
const BITS = 8;
/** How deep members without a name may be nested. */
const DEEPEST = 16;

const isComposite = (kind: number): boolean => kind === BTF.struct || kind === BTF.union;
const isEnum = (kind: number): boolean => kind === BTF.enum || kind === BTF.enum64;

/** bpf_core_fields_are_compat, as far as kinds tell. */
function compatible(a: number, b: number): boolean {
  return a === b || (isComposite(a) && isComposite(b)) || (isEnum(a) && isEnum(b));
}

/** A field: its type and place. Null when there is none of that name. */
function member(types: Btf, id: number, name: string, deep = 0): { type: number; bits: number } | null {
  if (deep > DEEPEST || !isComposite(types.kind(id))) return null;
  for (let index = 0, count = types.memberCount(id); index < count; index++) {
    const nameAt = types.memberName(id, index);
    if (nameAt !== 0 && !types.isNamed(nameAt, name)) continue;
    const { type, offset, isBitField } = types.member(id, index);
    if (nameAt !== 0) {
      if (isBitField) throw new BtfError(`${name} is a bit-field`);
      return { type, bits: offset };
    }
    const inner = member(types, types.plain(type), name, deep + 1);
    if (inner !== null) return { type: inner.type, bits: offset + inner.bits };
  }
  return null;
}

function field(types: Btf, root: number, { path = [], leaf = 0 }: Question): Answer {
  let type = root;
  let bits = 0;
  for (const step of path) {
    const plain = types.plain(type);
    if (typeof step === 'string') {
      const found = member(types, plain, step);
      if (found === null) return null;
      type = found.type;
      bits += found.bits;
      continue;
    }
    if (types.kind(plain) !== BTF.array) return null;
    const { element, length } = types.array(plain);
    // An array of no length at the end of a struct has as many as there is memory for.
    if (length !== 0 && step >= length) return null;
    type = element;
    bits += step * types.size(element) * BITS;
  }
  const plain = types.plain(type);
  if (plain === 0 || !compatible(types.kind(plain), leaf)) return null;
  return { value: bits / BITS, size: types.size(plain) };
}

function answerOf(types: Btf, id: number, question: Question): Answer {
  switch (question.ask) {
    case 'type-exists':
      return { value: 1 };
    case 'type-size':
      return { value: types.size(id) };
    case 'value-exists':
      return types.hasValue(id, question.value ?? '') ? { value: 1 } : null;
    case 'field-exists':
      return field(types, id, question) === null ? null : { value: 1 };
    case 'offset':
      return field(types, id, question);
  }
}

/**
 * Answers a question.
 *
 * @throws BtfError where several types of that name give different answers, or the answer takes more than is known here.
 */
export function answer(question: Question, candidates: Candidates): Answer {
  const { types, ids } = candidates.get(question.root) ?? { types: undefined, ids: [] };
  let answered: Answer = null;
  for (const id of types === undefined ? [] : ids) {
    if (types === undefined) break;
    const kind = types.kind(id);
    if (kind !== question.kind && !(isEnum(kind) && isEnum(question.kind))) continue;
    const each = answerOf(types, id, question);
    if (each === null) continue;
    if (answered !== null && answered.value !== each.value) throw new BtfError(`several types ${question.root}`);
    answered = each;
  }
  // What does not exist is an answer too.
  return answered ?? (question.ask.endsWith('-exists') ? { value: 0 } : null);
}

/** Puts an answer into the instruction that needs it. @throws BtfError where it does not fit. */
export function patch(instructions: Buffer, index: number, { size }: Question, given: Answer): void {
  const at = index * INSTRUCTION;
  const code = instructions[at] ?? 0;
  if (given === null) {
    for (const each of code === LOAD_64 ? [at, at + INSTRUCTION] : [at]) {
      instructions.fill(0, each, each + INSTRUCTION);
      instructions[each] = CALL;
      instructions.writeInt32LE(POISON, each + 4);
    }
    return;
  }
  switch (code & 7) {
    case CLASS.ldx:
    case CLASS.st:
    case CLASS.stx:
      if (given.size !== size || given.value > 0x7fff) throw new BtfError('a field of another size');
      instructions.writeInt16LE(given.value, at + 2);
      return;
    case CLASS.alu:
    case CLASS.alu64:
      if ((code & REGISTER_OPERAND) !== 0) throw new BtfError('an operand in a register');
      instructions.writeInt32LE(given.value, at + 4);
      return;
    default:
      if (code !== LOAD_64) throw new BtfError(`instruction ${code}`);
      instructions.writeInt32LE(given.value, at + 4);
      instructions.writeInt32LE(0, at + INSTRUCTION + 4);
  }
}
