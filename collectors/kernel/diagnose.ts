import { existsSync, readFileSync } from 'node:fs';
import { BpfError } from '../../src/os/bpf.ts';
import type { ProbeFailure } from './load.ts';

/** What the host says about itself, as far as it explains why a probe does not load. */
export interface HostFacts {
  readonly release: string;
  readonly btf?: string | undefined;
  readonly lockdown?: string | undefined;
  readonly status?: string | undefined;
}

/** The first kernel that has BPF_PROG_TYPE_SYSCALL. */
const OLDEST = [5, 14] as const;

/** The mode `/sys/kernel/security/lockdown` has in brackets (kernel_lockdown(7)); null where there is no lockdown. */
export function parseLockdown(text: string): string | null {
  const mode = /\[(\w+)\]/.exec(text)?.[1];
  return mode === undefined || mode === 'none' ? null : mode;
}

/** Bits of `CapEff` (include/uapi/linux/capability.h). CAP_SYS_ADMIN stands for the other two. */
const CAP_SYS_ADMIN = 21;
const REQUIRED = [
  { bit: 39, name: 'CAP_BPF' },
  { bit: 38, name: 'CAP_PERFMON' },
] as const;

/** What stands between a process and bpf(2). */
export interface Confinement {
  /** Capabilities it lacks. */
  readonly lacks: readonly string[];
  /** It has a seccomp filter: mode 2 (seccomp(2)). */
  readonly filtered: boolean;
}

/** `/proc/<pid>/status`. A line that is not there says nothing. */
export function parseConfinement(status: string): Confinement {
  const effective = /^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1];
  const has = (bit: number): boolean =>
    effective === undefined || ((BigInt(`0x${effective}`) >> BigInt(bit)) & 1n) === 1n;
  return {
    lacks: has(CAP_SYS_ADMIN) ? [] : REQUIRED.filter(({ bit }) => !has(bit)).map(({ name }) => name),
    filtered: /^Seccomp:\s+2$/m.test(status),
  };
}

/** Empty where it cannot be read: then it explains nothing. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function isOld(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

const CAPABILITIES_CURE =
  'needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, in the initial user namespace: run nsleuth as root';
const FILTER_CURE = 'needs a seccomp filter that allows bpf(2)';

/** What to do about an errno that the host's facts do not explain. */
const CURES: Readonly<Record<string, string>> = {
  // Capabilities of another user namespace do not count, and a security module may refuse (security_bpf).
  EPERM: 'needs the initial user namespace, and leave from security modules (SELinux, AppArmor) to call bpf(2)',
  EACCES: 'needs leave from security modules (SELinux, AppArmor) to call bpf(2)',
  ENOSYS: 'needs a kernel with CONFIG_BPF_SYSCALL',
  EMFILE: 'needs more open files: raise ulimit -n',
  ENOMEM: 'needs more memory',
};

/** Why the kernel does not take a probe that is in order. */
function diagnoseRefusal({ code, log }: BpfError, facts: HostFacts): ProbeFailure {
  const { btf = '/sys/kernel/btf/vmlinux', lockdown = '/sys/kernel/security/lockdown' } = facts;
  const said = log === '' ? code : `${code}: ${log}`;
  if (isOld(facts.release)) return { reason: `Linux ${facts.release} is too old (${said})`, cure: 'needs Linux 5.14' };
  if (!existsSync(btf)) {
    return { reason: `this kernel has no BTF, ${btf} is missing`, cure: 'needs a kernel with CONFIG_DEBUG_INFO_BTF' };
  }
  // The helpers that read kernel memory are then withheld (bpf_base_func_proto, kernel/bpf/helpers.c), so the verifier
  // says EINVAL, "program of this type cannot use helper bpf_probe_read#4"; before 6.8 "unknown func". No. 4 is what
  // libbpf falls back to when bpf_probe_read_kernel is refused.
  const mode = parseLockdown(textOf(lockdown));
  if (mode === 'confidentiality') {
    return {
      reason: `kernel lockdown (${mode}) forbids reading kernel memory (${said})`,
      cure: 'boot without lockdown=confidentiality',
    };
  }
  const { lacks, filtered } = parseConfinement(textOf(facts.status ?? '/proc/thread-self/status'));
  if (lacks.length > 0)
    return { reason: `not permitted without ${lacks.join(' and ')} (${said})`, cure: CAPABILITIES_CURE };
  // The verifier's word is the kernel's own; without one, the errno may be the filter's.
  if (filtered && log === '') return { reason: `refused, with a seccomp filter on (${said})`, cure: FILTER_CURE };
  return { reason: `the kernel refused the probe (${said})`, cure: CURES[code] ?? 'report it with the kernel version' };
}

/** Why the probe did not load, and what would make it load. */
export function diagnose(error: unknown, facts: HostFacts): ProbeFailure {
  if (!(error instanceof BpfError)) {
    const reason = error instanceof Error ? error.message : String(error);
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return { reason: `the probe cannot be read: ${reason}`, cure: CURES[code] ?? 'reinstall nsleuth' };
  }
  if (error.step === 'library') {
    return {
      reason: error.code,
      cure: 'install libbpf1 (Debian; it comes with iproute2) or your libbpf 1.x',
    };
  }
  if (error.step === 'open') {
    return { reason: `the probe is damaged (${error.code})`, cure: 'reinstall nsleuth' };
  }
  return diagnoseRefusal(error, facts);
}
