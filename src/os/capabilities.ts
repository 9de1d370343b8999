import type { Capability } from '../model/plan.ts';
import { AT_FDCWD } from './libc.ts';
import { readSmall } from './procfs.ts';

/** Bits of `CapEff`: capabilities(7), include/uapi/linux/capability.h. */
const BITS: Readonly<Record<Capability, number>> = {
  CAP_KILL: 5,
  CAP_NET_ADMIN: 12,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
};

/** Whether a capability is effective, by the `status` of a process; that of this one when left out. */
export function hasCapability(
  capability: Capability,
  status: string = readSmall(AT_FDCWD, '/proc/self/status') ?? '',
): boolean {
  const effective = BigInt(`0x${/^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return ((effective >> BigInt(BITS[capability])) & 1n) === 1n;
}

/** All those that are effective, by the `status` of a process. */
export function effectiveCapabilities(status: string): Capability[] {
  return (Object.keys(BITS) as Capability[]).filter((capability) => hasCapability(capability, status));
}
