import { COLLECTORS } from '../../collectors/index.ts';
import { EXIT } from '../errors.ts';
import type { Coverage } from '../model/index.ts';
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

const GLYPH = { complete: '●', partial: '◐', unavailable: '○', off: '○' } as const;

function sourceText(coverage: Coverage): string {
  const stage = COLLECTORS.find(({ name }) => name === coverage.source);
  const lines = [
    `${GLYPH[coverage.status]} ${coverage.source}: ${coverage.status}, ${coverage.seen} read in ${coverage.durationMs.toFixed(1)} ms`,
    ...(stage === undefined ? [] : [`    reads   ${stage.reads}`]),
    ...(stage === undefined || coverage.status === 'complete' ? [] : [`    needs   ${stage.needs}`]),
    ...groupByReason(coverage).map((text) => `    missed  ${text}`),
    ...coverage.notes.slice(0, 10).map(({ subject, reason }) => `    note    ${subject}: ${reason}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** `nsleuth doctor`: which sources work on this host, which do not, why, and what would fix it. */
export async function doctor(options: CommandOptions, { out, width }: Streams): Promise<number> {
  const snapshot = await takeSnapshot(options);
  const probes = probe(options.proc);
  const { coverage, host } = snapshot;
  if (options.json) {
    out(toJson({ host, probes, coverage }));
    return EXIT.done;
  }
  const rows = probes.map(({ works, title, detail, cure }) => [works ? '●' : '○', title, detail, cure || '—']);
  out(
    `${host.hostname}, Linux ${host.kernel}\n\n${toTable(PROBE_COLUMNS, rows, width)}\n${coverage.map(sourceText).join('')}`,
  );
  return EXIT.done;
}
