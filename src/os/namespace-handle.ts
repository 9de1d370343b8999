import { ENOENT, ENOSYS } from './errors.ts';
import { errno, O_CLOEXEC, SYS, syscallNumbers, syscallOnBuffers, syscallWithBuffer } from './libc.ts';
import { CLONE_NEWNET } from './nsfs.ts';

/** FD_NSFS_ROOT (include/uapi/linux/fcntl.h, 6.18): stands for the root of nsfs, which is mounted nowhere. */
const FD_NSFS_ROOT = -10003;
/** FILEID_NSFS, include/linux/exportfs.h. */
const FILEID_NSFS = 0xf1;
const NAMESPACE_IDS = 512;

/** struct file_handle with a struct nsfs_file_handle in it (include/uapi/linux/nsfs.h). */
const handle = Buffer.alloc(24);

/**
 * Opens a network namespace by its nsfs file handle (open_by_handle_at(2), Linux 6.18). Needs CAP_SYS_ADMIN in the
 * initial pid namespace for namespaces that are not ours. From 6.19 only an active one can be opened: one that a task,
 * an open nsfs file or a child keeps; ESTALE for the others. Opening an active one activates nothing.
 *
 * @param id namespace id, what NS_GET_ID says.
 * @param ino null where it is not known: from 6.19 the id alone will do, with neither type nor number (tried on 6.19
 * and 7.3).
 * @returns a descriptor the caller closes, or -1 with errno set.
 */
export function openByHandle(id: bigint, ino: number | null): number {
  handle.writeUInt32LE(16, 0);
  handle.writeInt32LE(FILEID_NSFS, 4);
  handle.writeBigUInt64LE(id, 8);
  handle.writeUInt32LE(ino === null ? 0 : CLONE_NEWNET, 16);
  handle.writeUInt32LE(ino ?? 0, 20);
  return syscallWithBuffer(SYS.open_by_handle_at, FD_NSFS_ROOT, handle, O_CLOEXEC, 0, 0);
}

/**
 * Ids of all active network namespaces (listns(2), Linux 6.19). One that only a socket, a tun or a file under
 * `/proc/<pid>/net` holds is not active.
 *
 * @returns the ids, or the errno of the failure (ENOSYS before 6.19).
 */
export function listNamespaceIds(): bigint[] | { readonly errno: number } {
  const request = Buffer.alloc(32); // struct ns_id_req: size, spare, ns_id, ns_type, spare2, user_ns_id
  const page = Buffer.alloc(NAMESPACE_IDS * 8);
  const ids: bigint[] = [];
  request.writeUInt32LE(request.length, 0);
  request.writeUInt32LE(CLONE_NEWNET, 16);
  for (;;) {
    const count = syscallOnBuffers(SYS.listns, request, page, NAMESPACE_IDS, 0);
    if (count < 0) {
      const failure = errno();
      // Past the end there is no namespace any more, and it says so.
      return failure === ENOENT && ids.length > 0 ? ids : { errno: failure };
    }
    for (let index = 0; index < count; index++) ids.push(page.readBigUInt64LE(index * 8));
    if (count < NAMESPACE_IDS) return ids;
    request.writeBigUInt64LE(ids.at(-1) ?? 0n, 8);
  }
}

/** Whether this kernel knows active and inactive namespaces: those with listns(2) do (6.19). */
export function hasInactiveNamespaces(): boolean {
  return syscallNumbers(SYS.listns, 0, 0, 0, 0, 0) >= 0 || errno() !== ENOSYS;
}
