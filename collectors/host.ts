import type { Host } from '../src/model/index.ts';
import { type Procfs, readSmall } from '../src/os/procfs.ts';
import { sanitise } from '../src/terminal/sanitise.ts';
import type { CollectContext, Collected, Collector } from './contract.ts';

export type HostData = Host;

function line(procfs: Procfs, path: string): Buffer | null {
  const bytes = readSmall(procfs.fd, path);
  if (bytes === null) return null;
  return Buffer.from(bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes);
}

function text(procfs: Procfs, path: string): string | null {
  const bytes = line(procfs, path);
  return bytes === null ? null : sanitise(bytes).text;
}

/** The leading numbers of a line such as `/proc/loadavg` or `/proc/uptime`. */
export function parseNumbers(content: string, count: number): number[] {
  const numbers = content.split(' ').slice(0, count).map(Number);
  return numbers.length === count && numbers.every(Number.isFinite) ? numbers : [];
}

function collectHost({ procfs }: CollectContext): Collected<HostData> {
  const files = {
    hostname: text(procfs, 'sys/kernel/hostname'),
    kernel: text(procfs, 'sys/kernel/osrelease'),
    bootId: text(procfs, 'sys/kernel/random/boot_id'),
    uptime: text(procfs, 'uptime'),
    load: text(procfs, 'loadavg'),
  };
  const missed = Object.entries(files)
    .filter(([, value]) => value === null)
    .map(([subject]) => ({ subject, reason: `not readable under ${procfs.root}` }));
  const [uptimeSeconds] = parseNumbers(files.uptime ?? '', 1);
  return {
    data: {
      hostname: files.hostname ?? '?',
      kernel: files.kernel ?? '?',
      bootId: files.bootId,
      uptimeSeconds: uptimeSeconds ?? null,
      load: parseNumbers(files.load ?? '', 3),
    },
    seen: Object.keys(files).length - missed.length,
    missed,
    notes: [],
  };
}

/** Which host this is. Read from procfs, so that it is the host of `--proc` too. */
export const host = {
  name: 'host',
  view: 'userland',
  reads: '/proc/sys/kernel/{hostname,osrelease,random/boot_id}, /proc/uptime, /proc/loadavg',
  needs: 'nothing',
  collect: collectHost,
} as const satisfies Collector<'host', HostData>;
