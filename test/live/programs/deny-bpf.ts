/**
 * Runs a command that may not call bpf(2): `node deny-bpf.mjs ERRNO[:COMMAND] PROGRAM ARGUMENTS…`.
 *
 * A seccomp filter answers ERRNO (a name such as `EPERM`) in the kernel's place, with COMMAND to that bpf command
 * alone (a number, `enum bpf_cmd`). The program replaces this one, so that the filter holds for all of its threads.
 */
import { constants } from 'node:os';
import { koffi } from '../../../src/os/koffi.ts';
import { SYS } from '../../../src/os/libc.ts';
import { must } from './lib/hold.ts';

const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2;

// Classic BPF over struct seccomp_data (include/uapi/linux/{filter,seccomp}.h): number, architecture, arguments.
const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const NUMBER_AT = 0;
const ARCHITECTURE_AT = 4;
const FIRST_ARGUMENT_AT = 16;
const SECCOMP_RET_ERRNO = 0x0005_0000;
const SECCOMP_RET_ALLOW = 0x7fff_0000;
const AUDIT_ARCH = process.arch === 'arm64' ? 0xc000_00b7 : 0xc000_003e;

const libc = koffi.load(null);
const prctl = libc.func('int prctl(int option, long mode, const void *program)') as (
  option: number, mode: number, program: object,
) => number; // biome-ignore format: a prototype
const execvp = libc.func('int execvp(const char *file, const char **arguments)') as (
  file: string, args: readonly (string | null)[],
) => number; // biome-ignore format: a prototype

const fcntl = libc.func('int fcntl(int fd, int command, long argument)') as (
  fd: number, command: number, argument: number,
) => number; // biome-ignore format: a prototype
const F_SETFD = 2;

/** struct sock_filter and struct sock_fprog. */
const INSTRUCTION = koffi.struct({ code: 'uint16_t', jt: 'uint8_t', jf: 'uint8_t', k: 'uint32_t' });
const PROGRAM = koffi.struct({ length: 'uint16_t', filter: koffi.pointer(INSTRUCTION) });

function deny(errno: number, command: number | null): object {
  const tests: readonly (readonly [at: number, value: number])[] = [
    [ARCHITECTURE_AT, AUDIT_ARCH],
    [NUMBER_AT, SYS.bpf],
    ...(command === null ? [] : [[FIRST_ARGUMENT_AT, command] as const]),
  ];
  const filter = tests.flatMap(([at, value], index) => [
    { code: LOAD_WORD, jt: 0, jf: 0, k: at },
    // Where it is something else: over the remaining tests and the refusal.
    { code: JUMP_IF_EQUAL, jt: 0, jf: 2 * (tests.length - index) - 1, k: value },
  ]);
  filter.push({ code: RETURN, jt: 0, jf: 0, k: SECCOMP_RET_ERRNO | errno });
  filter.push({ code: RETURN, jt: 0, jf: 0, k: SECCOMP_RET_ALLOW });
  return koffi.as({ length: filter.length, filter }, koffi.pointer(PROGRAM));
}

const [, , refusal = '', file = '', ...args] = process.argv;
const [name = '', command] = refusal.split(':');
const errno = constants.errno[name as keyof typeof constants.errno];
if (errno === undefined) throw new Error(`no errno ${name}`);
must(
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, deny(errno, command === undefined ? null : Number(command))),
  'PR_SET_SECCOMP',
);
// Node marks its own standard streams to be closed at exec.
for (const fd of [0, 1, 2]) must(fcntl(fd, F_SETFD, 0), 'F_SETFD');
must(execvp(file, [file, ...args, null]), `exec ${file}`);
