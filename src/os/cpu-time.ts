import { getrusage } from './libc.ts';

const RUSAGE_THREAD = 1;
/** struct rusage: user and system time as two struct timeval, and what is not read here. */
const usage = Buffer.alloc(144);

function milliseconds(at: number): number {
  return Number(usage.readBigInt64LE(at)) * 1000 + Number(usage.readBigInt64LE(at + 8)) / 1000;
}

/** CPU time this thread has used, in milliseconds (getrusage(2)): unlike a clock, it does not count waiting for a core. */
export function threadCpuMs(): number {
  getrusage(RUSAGE_THREAD, usage);
  return milliseconds(0) + milliseconds(16);
}
