import { COLLECTORS, INSIDE } from '../../collectors/index.ts';
import { EXIT } from '../errors.ts';
import { cureOf, isCure } from '../model/cure.ts';
import { describeConcealedTask, describeDisagreement } from '../model/describe.ts';
import type { ConcealedTask, Coverage } from '../model/index.ts';
import { namespaceLink } from '../os/nsfs.ts';
import { type Probe, probeHost } from '../os/probes.ts';
import { closeProcfs, openProcfs } from '../os/procfs.ts';
import { toJson } from '../report/json.ts';
import { toTable } from '../report/table.ts';
import { type CommandOptions, type Streams, summariseIssues, takeSnapshot } from './command.ts';

function probe(procRoot: string): Probe[] {
  const procfs = openProcfs(procRoot);
  try {
    return probeHost(procfs, {
      user: namespaceLink(procfs.fd, 'self/ns/user'),
      pid: namespaceLink(procfs.fd, 'self/ns/pid'),
    });
  } finally {
    closeProcfs(procfs);
  }
}

/** Gaps with the same reason are one line: a thousand refused processes have one cure. */
function groupByReason({ missed }: Coverage): string[] {
  const byReason = new Map<string, number>();
  for (const { reason } of missed) byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
  return [...byReason].map(([reason, count]) => {
    const subjects = missed.filter((issue) => issue.reason === reason);
    return count === 1
      ? summariseIssues(subjects)
      : `${count} × ${reason}: ${subjects
          .slice(0, 3)
          .map(({ subject }) => subject)
          .join(', ')}…`;
  });
}

const PROBE_COLUMNS = [
  { header: '', align: 'left' },
  { header: 'CHECK', align: 'left' },
  { header: 'SEEN', align: 'left' },
  { header: 'CURE', align: 'left' },
] as const;

/** Whether the kernel's own view works here: what the source found out when it was asked for a snapshot. */
export function probeKernelView(coverage: readonly Coverage[]): Probe {
  const title = "the kernel's own view";
  const kernel = coverage.find(({ source }) => source === 'kernel');
  if (kernel === undefined || kernel.status === 'off') {
    return { title, works: false, detail: 'switched off', cure: 'leave out --no-kernel-view, --without kernel' };
  }
  const [gap] = kernel.missed;
  if (kernel.status === 'unavailable') {
    const reason = gap?.reason ?? kernel.notes.find((note) => !isCure(note))?.reason ?? 'unavailable';
    const cure = cureOf(kernel) ?? (gap === undefined ? 'leave out --proc' : 'report it with the kernel version');
    return { title, works: false, detail: reason, cure };
  }
  const gaps = gap === undefined ? '' : `, without ${summariseIssues(kernel.missed)}`;
  return { title, works: true, detail: `BPF probe: ${kernel.seen} namespaces${gaps}`, cure: cureOf(kernel) ?? '' };
}

const GLYPH = { complete: '●', partial: '◐', unavailable: '×', off: '○' } as const;

/** Its shape tells what this host has not, and nothing is unknown without, from what failed. */
function glyphOf({ status, missed }: Coverage): string {
  return status === 'unavailable' && missed.length === 0 ? GLYPH.off : GLYPH[status];
}

function sourceText(coverage: Coverage): string {
  const stage = [...COLLECTORS, ...INSIDE].find(({ name }) => name === coverage.source);
  const lines = [
    `${glyphOf(coverage)} ${coverage.source}: ${coverage.status}, ${coverage.seen} read in ${coverage.durationMs.toFixed(1)} ms`,
    ...(stage === undefined ? [] : [`    reads   ${stage.reads}`]),
    ...(stage === undefined || coverage.status === 'complete' ? [] : [`    needs   ${stage.needs}`]),
    ...groupByReason(coverage).map((text) => `    missed  ${text}`),
    ...coverage.notes.filter(isCure).map(({ reason }) => `    cure    ${reason}`),
    ...coverage.notes
      .filter((note) => !isCure(note))
      .slice(0, 10)
      .map(({ subject, reason }) => `    note    ${subject}: ${reason}`),
  ];
  return `${lines.join('\n')}\n`;
}

function concealedText(tasks: readonly ConcealedTask[]): string {
  if (tasks.length === 0) return '';
  const lines = tasks.map((task) => `    ${describeConcealedTask(task)}: ${describeDisagreement(task)}\n`);
  return `! ${tasks.length} concealed ${tasks.length === 1 ? 'task' : 'tasks'}\n${lines.join('')}\n`;
}

/** `nsleuth doctor`: which sources work on this host, which do not, why, and what would fix it. */
export async function doctor(options: CommandOptions, { out, width }: Streams): Promise<number> {
  const snapshot = await takeSnapshot(options, { inside: 'all' });
  const { coverage, host, concealedTasks } = snapshot;
  const probes = [...probe(options.proc), probeKernelView(coverage)];
  if (options.json) {
    out(toJson({ host, probes, coverage, concealedTasks }));
    return EXIT.done;
  }
  const rows = probes.map(({ works, title, detail, cure }) => [works ? '●' : '○', title, detail, cure || '—']);
  out(
    `${host.hostname}, Linux ${host.kernel}\n\n${toTable(PROBE_COLUMNS, rows, width)}\n${concealedText(concealedTasks)}${coverage.map(sourceText).join('')}`,
  );
  return EXIT.done;
}
