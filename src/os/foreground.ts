import { koffi } from './koffi.ts';

const libc = koffi.load(null);
const tcsetpgrp = libc.func('int tcsetpgrp(int fd, int group)') as (fd: number, group: number) => number;
const getpgrp = libc.func('int getpgrp()') as () => number;
const signal = libc.func('void *signal(int number, intptr_t disposition)') as (
  number: number,
  disposition: number,
) => unknown;

const SIGTTOU = 22;
const SIG_DFL = 0;
const SIG_IGN = 1;

/**
 * Makes this process's job the terminal's foreground job again (tcsetpgrp(3)): a shell that was killed leaves its own
 * one there, and whoever uses the terminal from the background is stopped.
 */
export function takeForeground(fd: number): void {
  // A process in the background may do this only while it ignores the signal that would stop it.
  signal(SIGTTOU, SIG_IGN);
  tcsetpgrp(fd, getpgrp());
  signal(SIGTTOU, SIG_DFL);
}
