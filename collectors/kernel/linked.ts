/**
 * The short way to load a program: linked when it was built (scripts/lib/bpf-link.mjs), fitted to the kernel here, loaded
 * by bpf(2). libbpf takes four times as long, nearly all of it for the kernel's type information, of which this reads
 * only what the programs ask for. What does not go this way goes libbpf's.
 */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BpfPrograms } from '../../src/os/bpf.ts';
import { loadPlanned, type MapPlan, type ProgramPlan } from '../../src/os/bpf-load.ts';
import { BTF, Btf, BtfError } from '../../src/os/btf.ts';
import { read } from '../../src/os/libc.ts';
import { mapFile } from '../../src/os/map-file.ts';
import linked from './probe.linked.json' with { type: 'json' };
import { answer, patch, type Question } from './relocate.ts';

/** What scripts/lib/bpf-link.mjs writes. */
interface Linked {
  readonly license: string;
  /** BTF of the programs' functions, base64. */
  readonly types: string;
  readonly maps: readonly MapPlan[];
  readonly questions: readonly Question[];
  readonly programs: Readonly<Record<string, LinkedProgram>>;
}

interface LinkedProgram {
  /** The kernel's function that it is an iterator of. */
  readonly iterator: string | null;
  /** base64 */
  readonly instructions: string;
  readonly functions: ProgramPlan['functions'];
  readonly maps: ProgramPlan['maps'];
  /** Instructions that depend on the kernel, and the question each asks. */
  readonly places: readonly (readonly [instruction: number, question: number])[];
}

// JSON has no tuples.
const LINKED = linked as unknown as Linked;

/** Programs that are linked. */
export const LINKED_PROGRAMS: ReadonlySet<string> = new Set(Object.keys(LINKED.programs));

type MutableCandidates = Map<string, { readonly types: Btf; readonly ids: readonly number[] }>;

function questionAt(index: number): Question {
  const question = LINKED.questions[index];
  if (question === undefined) throw new BtfError(`no question ${index}`);
  return question;
}

/** Where the kernel shows its type information, and that of its modules. */
const TYPES = '/sys/kernel/btf';
const KERNEL = 'vmlinux';

/**
 * The kernel's type information: mapped (Linux 6.16), else read, which sysfs hands out by the page.
 *
 * @param use looks into it; it is gone afterwards.
 */
function withTypes<Result>(path: string, use: (bytes: Buffer) => Result): Result {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const mapped = mapFile(fd, size, 'private');
    if (mapped === null) return use(readWhole(fd, size));
    try {
      return use(mapped.bytes);
    } finally {
      mapped.unmap();
    }
  } finally {
    closeSync(fd);
  }
}

function readWhole(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  while (filled < size) {
    const count = read(fd, bytes.subarray(filled), size - filled);
    if (count <= 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

/** Types of these names that the kernel itself has not: a module's. */
function addModules(candidates: MutableCandidates, kernel: Btf, names: readonly string[], directory: string): void {
  const missing = new Set(names.filter((name) => !candidates.has(name)));
  for (const module_ of missing.size === 0 ? [] : readdirSync(directory)) {
    if (module_ === KERNEL) continue;
    const bytes = readFileSync(join(directory, module_));
    const mentioned = [...missing].filter((name) => bytes.includes(`\0${name}\0`, 0, 'latin1'));
    if (mentioned.length === 0) continue;
    // Of its own piece of memory: words are read from it.
    const types = new Btf(Buffer.from(new Uint8Array(bytes).buffer), mentioned, [], kernel);
    for (const [name, ids] of types.found) {
      candidates.set(name, { types, ids });
      missing.delete(name);
    }
  }
}

/**
 * Fits programs to the kernel.
 *
 * @throws BtfError where that takes more than is known here; an error of node:fs where there is no type information.
 */
export function fitPrograms(names: readonly string[], directory: string = TYPES): ProgramPlan[] {
  const programs = names.map((name) => {
    const program = LINKED.programs[name];
    if (program === undefined) throw new BtfError(`${name} is not linked`);
    return { name, ...program };
  });
  const asked = new Set(programs.flatMap(({ places }) => places.map(([, question]) => question)));
  const iterators = programs.flatMap(({ iterator }) => iterator ?? []);
  const roots = [...asked].map((index) => questionAt(index).root);
  return withTypes(join(directory, KERNEL), (bytes) => {
    const kernel = new Btf(bytes, new Set(roots), iterators);
    const candidates: MutableCandidates = new Map();
    for (const [name, ids] of kernel.found) candidates.set(name, { types: kernel, ids });
    addModules(candidates, kernel, roots, directory);
    const answers = new Map([...asked].map((index) => [index, answer(questionAt(index), candidates)] as const));
    return programs.map(({ name, iterator, instructions: text, functions, maps, places }) => {
      const instructions = Buffer.from(text, 'base64');
      for (const [at, index] of places) patch(instructions, at, questionAt(index), answers.get(index) ?? null);
      const attachTo =
        iterator === null ? null : kernel.found.get(iterator)?.find((id) => kernel.kind(id) === BTF.func);
      if (attachTo === undefined) throw new BtfError(`no ${iterator}`);
      return { name, instructions, attachTo, functions, maps };
    });
  });
}

/**
 * Loads groups of programs that are linked, the first one first. Where that fails it is libbpf's turn.
 *
 * @throws BtfError, or an error of node:fs; each group with a BpfError of its own.
 */
export function loadLinked(groups: readonly (readonly string[])[]): Promise<BpfPrograms>[] {
  const fitted = fitPrograms(groups.flat());
  const types = Buffer.from(LINKED.types, 'base64');
  // One after the other: whoever waits for the first has the processor to himself.
  let before: Promise<unknown> = Promise.resolve();
  return groups.map((names) => {
    const programs = fitted.filter(({ name }) => names.includes(name));
    const load = (): Promise<BpfPrograms> => loadPlanned(programs, LINKED.maps, types, LINKED.license);
    const loading = before.then(load, load);
    before = loading;
    return loading;
  });
}
