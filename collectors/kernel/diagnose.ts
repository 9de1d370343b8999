import { existsSync, readFileSync } from 'node:fs';
import { BpfError } from '../../src/os/libbpf.ts';
import type { ProbeFailure } from './load.ts';

/** What the host says about itself, as far as it explains why a probe does not load. */
export interface HostFacts {
  readonly release: string;
  readonly btf?: string | undefined;
  readonly lockdown?: string | undefined;
}

/** The first kernel that has BPF_PROG_TYPE_SYSCALL. */
const OLDEST = [5, 14] as const;

/** The mode `/sys/kernel/security/lockdown` has in brackets (kernel_lockdown(7)); null where there is no lockdown. */
export function parseLockdown(text: string): string | null {
  const mode = /\[(\w+)\]/.exec(text)?.[1];
  return mode === undefined || mode === 'none' ? null : mode;
}

function lockdownMode(path: string): string | null {
  try {
    return parseLockdown(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function isOld(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

/** Why the probe did not load, and what would make it load. */
export function diagnose(
  error: unknown,
  { release, btf = '/sys/kernel/btf/vmlinux', lockdown = '/sys/kernel/security/lockdown' }: HostFacts,
): ProbeFailure {
  if (!(error instanceof BpfError)) {
    const reason = error instanceof Error ? error.message : String(error);
    return { reason: `the probe cannot be read: ${reason}`, cure: 'reinstall nsleuth' };
  }
  if (error.step === 'library') {
    return {
      reason: `libbpf: ${error.code}`,
      cure: 'install libbpf1 (Debian; it comes with iproute2) or your libbpf 1.x',
    };
  }
  if (error.step === 'open') {
    return { reason: `the probe is damaged (${error.code})`, cure: 'reinstall nsleuth' };
  }
  const said = `${error.code}${error.log === '' ? '' : `: ${error.log}`}`;
  if (isOld(release)) return { reason: `Linux ${release} is too old (${said})`, cure: 'needs Linux 5.14' };
  if (!existsSync(btf)) {
    return { reason: `this kernel has no BTF, ${btf} is missing`, cure: 'needs a kernel with CONFIG_DEBUG_INFO_BTF' };
  }
  const mode = lockdownMode(lockdown);
  if (mode === 'confidentiality') {
    return {
      reason: `kernel lockdown (${mode}) forbids reading kernel memory (${said})`,
      cure: 'boot without lockdown=confidentiality',
    };
  }
  if (error.code === 'EPERM' || error.code === 'EACCES') {
    return {
      reason: `not permitted (${said})`,
      cure: 'needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, in the initial user namespace: run nsleuth as root',
    };
  }
  return { reason: `the kernel refused the probe (${said})`, cure: 'report it with the kernel version' };
}
