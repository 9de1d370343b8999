import { createNetworkNamespace } from '../../os/create-namespace.ts';
import { close } from '../../os/libc.ts';
import { inodeOf } from '../../os/nsfs.ts';
import { type Perform, trying } from '../contract.ts';
import { giveName } from '../names.ts';

const EXPLAINED = { ENOSPC: 'the limit of network namespaces is reached (user.max_net_namespaces)' } as const;

/** Makes a namespace and gives it its name: without the name it would be gone again at once. */
export const create: Perform<'create'> = ({ name }, { procfs, netnsDir }) => {
  const fd = trying('CAP_SYS_ADMIN', () => createNetworkNamespace(procfs.fd), EXPLAINED);
  try {
    giveName(netnsDir, name, fd);
    return { status: 'done', message: `net:[${inodeOf(fd)}] is ${name}` };
  } finally {
    close(fd);
  }
};
