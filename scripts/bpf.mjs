// Builds collectors/kernel/probe.bpf.c into the object that is committed, so that users need no compiler.
//
//   node scripts/bpf.mjs           compiles and writes probe.bpf.o, probe.bpf.json: what it was made from and with, and
//                                  probe.linked.json: the programs of it that load without libbpf (lib/bpf-link.mjs)
//   node scripts/bpf.mjs --check   compiles and fails when the committed object is not what the sources give
//
// Compilers differ in what they make of the same source, so bytes are compared only where the compiler is the one that
// probe.bpf.json names; elsewhere the sources must be those the object was made from, and must compile.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { link } from './lib/bpf-link.mjs';
import { ROOT } from './lib/bundle.mjs';

const KERNEL = join(ROOT, 'collectors/kernel');
const SOURCES = ['probe.bpf.c', 'types.bpf.h', 'records.h'];
const OBJECT = join(KERNEL, 'probe.bpf.o');
const RECORD = join(KERNEL, 'probe.bpf.json');
/** Programs every table needs: they are linked, so that loading them need not wait for libbpf. */
const LINKED = join(KERNEL, 'probe.linked.json');
const LINKED_PROGRAMS = ['list_tasks', 'list_open', 'list_namespaces', 'list_files'];

/** v3 of the instruction set is what every kernel with bpf_iter has. -g makes BTF, the strip takes DWARF away again. */
const FLAGS = [
  '-fdebug-compilation-dir=.',
  '--target=bpfel',
  '-mcpu=v3',
  '-g',
  '-O2',
  '-Wall',
  '-Wextra',
  '-Wno-unused-parameter',
  '-Werror',
];

function compile() {
  const directory = mkdtempSync(join(tmpdir(), 'nsleuth-bpf-'));
  try {
    const object = join(directory, 'probe.bpf.o');
    // In its own directory: paths end up in the object.
    execFileSync('clang', [...FLAGS, '-c', 'probe.bpf.c', '-o', object], { cwd: KERNEL, stdio: 'inherit' });
    execFileSync('llvm-strip', ['-g', object], { stdio: 'inherit' });
    return readFileSync(object);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function facts(object) {
  const hash = createHash('sha256');
  for (const source of SOURCES) hash.update(readFileSync(join(KERNEL, source)));
  // libbpf's headers are part of the source.
  const libbpf = readFileSync('/usr/include/bpf/libbpf_version.h', 'utf8').match(/(?:MAJOR|MINOR)_VERSION \d+/g);
  return {
    sources: hash.digest('hex'),
    compiler: execFileSync('clang', ['--version'], { encoding: 'utf8' }).split('\n')[0],
    headers: `libbpf ${libbpf.map((line) => line.split(' ')[1]).join('.')}`,
    // load.ts hands libbpf no other object.
    crc32: crc32(object),
  };
}

function linkedText(object) {
  return `${JSON.stringify(link(object, LINKED_PROGRAMS))}\n`;
}

/** Returns what is wrong, or nothing. */
function check(object, { sources, compiler, headers }) {
  const record = JSON.parse(readFileSync(RECORD, 'utf8'));
  if (record.crc32 !== crc32(readFileSync(OBJECT))) return 'probe.bpf.o is not the one probe.bpf.json tells of';
  if (linkedText(readFileSync(OBJECT)) !== readFileSync(LINKED, 'utf8')) {
    return 'probe.linked.json is not what probe.bpf.o gives: run npm run build:bpf';
  }
  if (record.sources !== sources) return 'the sources are newer than probe.bpf.o: run npm run build:bpf';
  if (record.compiler !== compiler || record.headers !== headers) {
    console.log(`bpf: compiles with ${compiler}; made with ${record.compiler}, so bytes are not compared`);
    return '';
  }
  return object.equals(readFileSync(OBJECT)) ? '' : 'probe.bpf.o is not what the sources give: run npm run build:bpf';
}

const object = compile();
if (process.argv.includes('--check')) {
  const complaint = check(object, facts(object));
  if (complaint !== '') {
    console.error(`bpf: ${complaint}`);
    process.exitCode = 1;
  }
} else {
  writeFileSync(OBJECT, object);
  writeFileSync(LINKED, linkedText(object));
  writeFileSync(RECORD, `${JSON.stringify(facts(object), null, 2)}\n`);
}
