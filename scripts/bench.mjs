// Measures nsleuth on a host with many namespaces. Needs root. Numbers to look at, never a test.
//
//   npm run bench -- [--count N] [--shape anonymous|named|none] [--soak MINUTES] [--write]
//
// --shape none measures only what looking into namespaces takes, and releasing them.
// --soak also watches the screen's memory for that long; --write puts the report into docs/benchmarks.md.

import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { actingSection, measureActing } from './bench/acting.mjs';
import { insideRows, measureInside } from './bench/inside.mjs';
import { countNamespaces, makeScene, SHAPES } from './bench/scene.mjs';
import { measureCpu, measureKeys, measureMemory, measureStart } from './bench/screen.mjs';
import { COMMONJS, loadEsbuild, ROOT } from './lib/bundle.mjs';

/** What the program promises at 1000 namespaces and 1000 processes. */
const TARGET = {
  scanMs: 150,
  kernelMs: 10,
  loadMs: 120,
  livePercent: 8,
  lsnsRatio: 2,
  frameMs: 350,
  keyMs: 50,
  memoryMib: 160,
};

/** The stages that see namespaces; the others add to what is known of them. */
const SEEING_STAGES = ['tasks', 'mounts', 'descriptors'];

const STARTS = 7;
const LOADS = 5;
const LIVE_SECONDS = 40;
const MEMORY_SECONDS = 30;
const SOAK_STEP_SECONDS = 10;

// Parsing the certificates it names takes node ~70 ms at every start, needed or not.
const { NODE_EXTRA_CA_CERTS: _, ...ENV } = process.env;

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

async function bundle(name, directory) {
  const esbuild = await loadEsbuild();
  const outfile = join(directory, `${name}.cjs`);
  await esbuild.build({ ...COMMONJS, entryPoints: [`test/bench/${name}.ts`], outfile });
  // Beside the bundle, where the program looks for it.
  copyFileSync(join(ROOT, 'collectors/kernel/probe.bpf.o'), join(directory, 'probe.bpf.o'));
  return outfile;
}

/** Several processes: loading is done once in each. */
function measureKernel(program) {
  const runs = Array.from({ length: LOADS }, () =>
    JSON.parse(execFileSync(process.execPath, [program], { env: ENV, encoding: 'utf8' })),
  );
  const of = (pick) => median(runs.map(pick));
  return {
    load: of(({ load }) => load),
    first: of(({ first }) => first),
    warm: of(({ warm }) => median(warm)),
    deep: of(({ deep }) => deep),
    parts: Object.fromEntries(Object.keys(runs[0].parts).map((part) => [part, of(({ parts }) => parts[part])])),
  };
}

function measureScan(program) {
  const { cold, warm } = JSON.parse(execFileSync(process.execPath, [program], { env: ENV, encoding: 'utf8' }));
  const seeing = ({ stages }) => SEEING_STAGES.reduce((sum, stage) => sum + (stages[stage] ?? 0), 0);
  return {
    namespaces: cold.namespaces,
    cold: seeing(cold),
    warm: median(warm.map(seeing)),
    coldTotal: cold.total,
    warmTotal: median(warm.map(({ total }) => total)),
    stages: Object.fromEntries(
      Object.keys(cold.stages).map((stage) => [stage, median(warm.map((run) => run.stages[stage]))]),
    ),
  };
}

function measureCommands(directory) {
  const output = join(directory, 'hyperfine.json');
  const commands = [`${process.execPath} dist/cli.js list`, 'lsns -t net', `${process.execPath} dist/cli.js --version`];
  const { status, stderr } = spawnSync(
    'hyperfine',
    ['-N', '--warmup', '3', '--runs', '20', '--export-json', output, ...commands],
    { cwd: ROOT, env: ENV, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] },
  );
  if (status !== 0) throw new Error(`hyperfine: ${stderr.trim()}`);
  const { results } = JSON.parse(readFileSync(output, 'utf8'));
  const [list, lsns, version] = results.map((result) => result.median * 1000);
  return { list, lsns, version };
}

async function measure(shape, count, directory, soakMinutes) {
  console.error(`bench: making ${count} namespaces, ${SHAPES[shape]}`);
  const scene = await makeScene(shape, count);
  const interrupted = async () => {
    await scene.remove();
    process.exit(130);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    console.error('bench: scan');
    const scan = measureScan(await bundle('scan', directory));
    console.error('bench: the kernel view');
    const kernel = measureKernel(await bundle('kernel', directory));
    console.error('bench: list and lsns');
    const commands = measureCommands(directory);
    console.error('bench: the screen');
    const start = await measureStart(ENV, STARTS);
    const keys = await measureKeys(ENV);
    const live = await measureCpu(ENV, LIVE_SECONDS);
    const memory = await measureMemory(ENV, MEMORY_SECONDS, MEMORY_SECONDS);
    if (soakMinutes > 0) console.error(`bench: soaking for ${soakMinutes} min`);
    const soak = soakMinutes > 0 ? await measureMemory(ENV, soakMinutes * 60, SOAK_STEP_SECONDS) : [];
    return { shape, scan, kernel, commands, start, keys, live, memory: memory.at(-1), soak };
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await scene.remove();
  }
}

const ms = (value) => `${value.toFixed(1)} ms`;
const mib = (value) => `${value.toFixed(0)} MiB`;
const verdict = (value, target) => (value <= target ? 'met' : 'missed');

function resultTable({ scan, kernel, commands, start, keys, live, memory, soak }) {
  const ratio = commands.list / commands.lsns;
  const frame = median(start.frames);
  const key = median(keys);
  const peak = Math.max(...soak);
  const rows = [
    [
      'scan, warm: tasks + mounts + descriptors',
      ms(scan.warm),
      `≤ ${TARGET.scanMs} ms`,
      verdict(scan.warm, TARGET.scanMs),
    ],
    ['scan, first in its process', ms(scan.cold), '', ''],
    [
      'kernel view, a refresh in the process',
      ms(kernel.warm),
      `≤ ${TARGET.kernelMs} ms`,
      verdict(kernel.warm, TARGET.kernelMs),
    ],
    ['kernel view, first refresh', ms(kernel.first), '', ''],
    ['kernel view, loading', ms(kernel.load), `≤ ${TARGET.loadMs} ms`, verdict(kernel.load, TARGET.loadMs)],
    ['kernel view, a deeper look', ms(kernel.deep), '', ''],
    ['kernel view to `lsns`', `${(kernel.warm / commands.lsns).toFixed(2)}×`, '', ''],
    ['whole collection, warm / first', `${ms(scan.warmTotal)} / ${ms(scan.coldTotal)}`, '', ''],
    ['`nsleuth list`, the whole process', ms(commands.list), '', ''],
    ['`lsns -t net`, the whole process', ms(commands.lsns), '', ''],
    ['`list` to `lsns`', `${ratio.toFixed(2)}×`, `≤ ${TARGET.lsnsRatio}×`, verdict(ratio, TARGET.lsnsRatio)],
    ['`nsleuth --version`', ms(commands.version), '', ''],
    ['screen: head and footer', ms(median(start.begun)), '', ''],
    ['screen: first full frame', ms(frame), `≤ ${TARGET.frameMs} ms`, verdict(frame, TARGET.frameMs)],
    ['screen: first row of data', ms(median(start.rows)), '', ''],
    ['screen: key to frame during a scan', ms(key), `≤ ${TARGET.keyMs} ms`, verdict(key, TARGET.keyMs)],
    ['screen: slowest of those keys', ms(Math.max(...keys)), '', ''],
    [
      `screen: CPU at 1 s, over ${LIVE_SECONDS} s`,
      `${live.toFixed(1)} %`,
      `≤ ${TARGET.livePercent} %`,
      verdict(live, TARGET.livePercent),
    ],
    [
      `screen: memory after ${MEMORY_SECONDS} s`,
      mib(memory),
      `≤ ${TARGET.memoryMib} MiB`,
      verdict(memory, TARGET.memoryMib),
    ],
    ...(soak.length === 0
      ? []
      : [
          [
            `screen: memory over ${((soak.length * SOAK_STEP_SECONDS) / 60).toFixed(0)} min: first, last, peak`,
            [soak[0], soak.at(-1), peak].map(mib).join(', '),
            `≤ ${TARGET.memoryMib} MiB`,
            verdict(peak, TARGET.memoryMib),
          ],
        ]),
  ];
  return table(rows);
}

function table(rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(['what', 'median', 'target', '']), '| --- | ---: | ---: | --- |', ...rows.map(line)].join('\n');
}

function list(parts) {
  return Object.entries(parts)
    .map(([part, duration]) => `${part} ${duration.toFixed(1)}`)
    .join(', ');
}

function insideSection(inside, count) {
  return [
    `## Inside ${count} namespaces`,
    `Each made by ip netns add, with a veth pair that is up and an address; ${inside.namespaces} namespaces on the host in all. The 10,000 sockets listen on TCP.`,
    table(insideRows(inside)),
    `Sources, median ms over all namespaces, without entering them: ${list(inside.parts)}.`,
  ].join('\n\n');
}

function section(result, count) {
  const { scan, kernel, shape } = result;
  return [
    `## ${count} ${shape} namespaces`,
    `Each ${SHAPES[shape]}, with one \`sleep\` in it; ${scan.namespaces} namespaces on the host in all.`,
    resultTable(result),
    `Warm stages, median ms: ${list(scan.stages)}. Parts of the kernel view: ${list(kernel.parts)}.`,
  ].join('\n\n');
}

function machine() {
  const [cpu] = cpus();
  const lsns = execFileSync('lsns', ['--version'], { encoding: 'utf8' }).trim();
  return [
    `${cpus().length} × ${cpu?.model.trim() || arch()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB memory`,
    `Linux ${release()}, Node.js ${process.version}, ${lsns}`,
    new Date().toISOString().slice(0, 10),
  ];
}

function actingText(acting) {
  const { title, what, rows } = actingSection(acting);
  return [title, what, table(rows)].join('\n\n');
}

function report(results, inside, acting, count, others) {
  return `${[
    '<!-- Written by npm run bench -- --write. Do not edit. -->',
    '# Benchmarks',
    'Medians, measured by `npm run bench` as root. They are for comparing one state of the program with another on one machine, and are no test.',
    machine()
      .map((line) => `- ${line}`)
      .join('\n'),
    `Before the measurement the host's processes were in ${others} network ${others === 1 ? 'namespace' : 'namespaces'}. The commands ran without NODE_EXTRA_CA_CERTS in their environment: with it node reads a bundle of certificates at every start, which takes about 70 ms. \`lsns\` sees namespaces with processes only.`,
    ...results.map((result) => section(result, count)),
    insideSection(inside, count),
    actingText(acting),
  ].join('\n\n')}\n`;
}

async function main() {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '1000' },
      shape: { type: 'string' },
      soak: { type: 'string', default: '0' },
      write: { type: 'boolean', default: false },
    },
  });
  if (process.getuid() !== 0) throw new Error('making namespaces needs root');
  if (values.shape !== undefined && values.shape !== 'none' && !(values.shape in SHAPES)) {
    throw new Error(`--shape is one of ${Object.keys(SHAPES).join(', ')}, none`);
  }
  const count = Number(values.count);
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs')], { stdio: 'inherit' });

  const cache = join(ROOT, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, 'bench-'));
  try {
    const others = countNamespaces();
    const results = [];
    const shapes = values.shape === 'none' ? [] : values.shape ? [values.shape] : Object.keys(SHAPES);
    for (const shape of shapes) {
      // Memory does not depend on the shape: the long watch is kept for the last one.
      results.push(await measure(shape, count, directory, shape === shapes.at(-1) ? Number(values.soak) : 0));
    }
    console.error(`bench: looking into ${count} namespaces`);
    const inside = measureInside(await bundle('inside', directory), count, ENV, median);
    console.error('bench: releasing namespaces');
    const acting = await measureActing(ENV, median);
    const text = report(results, inside, acting, count, others);
    console.log(text);
    if (values.write) writeFileSync(join(ROOT, 'docs/benchmarks.md'), text);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}
