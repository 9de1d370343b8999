/** A collector thread that cannot come home: what it entered a namespace with is closed before it returns. */
import { isMainThread, Worker } from 'node:worker_threads';
import { AT_FDCWD, close, O_DIRECTORY, O_RDONLY, openat } from '../../../src/os/libc.ts';
import { inNetworkNamespace } from '../../../src/os/network-namespace.ts';

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
  worker.on('error', () => process.stdout.write('went on\n'));
  worker.on('exit', () => setTimeout(() => process.exit(0), 3000));
} else {
  const procfs = openat(AT_FDCWD, '/proc', O_RDONLY | O_DIRECTORY);
  const there = openat(AT_FDCWD, process.argv[2] ?? '', O_RDONLY);
  const next = openat(AT_FDCWD, '/dev/null', O_RDONLY);
  close(next); // the lowest free number: the way home will get it
  inNetworkNamespace(procfs, there, 'a test', () => close(next));
  process.stdout.write('went on\n');
}
