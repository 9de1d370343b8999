import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';

/**
 * Parts of the kernel that asking for them would load, by a function in each. Looking must not load a module: what is
 * not there is not asked.
 */
const PARTS = {
  inet_diag: 'inet_diag_handler_cmd',
  tcp_diag: 'tcp_diag_dump',
  udp_diag: 'udp_diag_dump',
  raw_diag: 'raw_diag_dump',
  mptcp_diag: 'mptcp_diag_dump',
  unix_diag: 'unix_diag_dump',
  af_packet_diag: 'packet_diag_dump',
  netlink_diag: 'netlink_diag_dump',
  vsock_diag: 'vsock_diag_dump',
  nfnetlink: 'nfnetlink_rcv',
  nf_tables: 'nf_tables_newtable',
  ip_tables: 'ipt_do_table',
  ip6_tables: 'ip6t_do_table',
  arp_tables: 'arpt_do_table',
} as const;

export type KernelPart = keyof typeof PARTS;

/** Parts that are built in; read once, since that needs the whole of the kernel's type information. */
let builtIn: ReadonlySet<KernelPart> | undefined;

function readOrNull(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

function findBuiltIn(sysRoot: string): Set<KernelPart> {
  const modules = readOrNull(`/lib/modules/${release()}/modules.builtin`)?.toString('latin1') ?? '';
  const types = readOrNull(`${sysRoot}/kernel/btf/vmlinux`);
  const isBuiltIn = (part: KernelPart): boolean =>
    modules.includes(`/${part}.ko\n`) || types?.includes(`\0${PARTS[part]}\0`, 0, 'latin1') === true;
  return new Set((Object.keys(PARTS) as KernelPart[]).filter(isBuiltIn));
}

/**
 * Whether a part of the kernel is loaded or built in. A loaded module has a directory in `/sys/module`; what is built
 * in is in `modules.builtin`, or, where that file is not installed, among the functions of the kernel's own type
 * information.
 *
 * @param sysRoot where sysfs is mounted.
 */
export function hasKernelPart(part: KernelPart, sysRoot = '/sys'): boolean {
  builtIn ??= findBuiltIn(sysRoot);
  return builtIn.has(part) || existsSync(`${sysRoot}/module/${part}`);
}
