import type { Host } from '../src/model/index.ts';
import { type Procfs, readSmall } from '../src/os/procfs.ts';
import { sanitise } from '../src/terminal/sanitise.ts';
import type { CollectContext, Collected, Collector } from './contract.ts';

export type HostData = Host;

function line(procfs: Procfs, path: string): string | null {
  const text = readSmall(procfs.fd, path);
  return text === null ? null : sanitise(text.replace(/\n$/, '')).text;
}

/** The leading numbers of a line such as `/proc/loadavg` or `/proc/uptime`. */
export function parseNumbers(content: string, count: number): number[] {
  const words = content.split(' ').slice(0, count);
  return words.length === count && words.every((word) => /^\d+(?:\.\d+)?$/.test(word)) ? words.map(Number) : [];
}

function collectHost({ procfs }: CollectContext): Collected<HostData> {
  const files = {
    hostname: line(procfs, 'sys/kernel/hostname'),
    kernel: line(procfs, 'sys/kernel/osrelease'),
    bootId: line(procfs, 'sys/kernel/random/boot_id'),
    uptime: line(procfs, 'uptime'),
    load: line(procfs, 'loadavg'),
  };
  const missed = Object.entries(files)
    .filter(([, value]) => value === null)
    .map(([subject]) => ({ subject, reason: `not readable under ${procfs.name}` }));
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
