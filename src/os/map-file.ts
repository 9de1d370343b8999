import { koffi } from './koffi.ts';
import { mmap, munmap } from './libc.ts';

const PROT_READ = 1;
/** MAP_SHARED shows what is written later; some files of sysfs can be mapped MAP_PRIVATE only. */
const SHARING = { shared: 1, private: 2 } as const;
const MAP_FAILED = -1;

/** Memory that is a file's, or a map's. */
export interface Mapped {
  readonly bytes: Buffer;
  /** Nothing may use `bytes` from then on. */
  readonly unmap: () => void;
}

/** Maps the beginning of what is open; null with errno set where it cannot be mapped. */
export function mapFile(fd: number, size: number, sharing: keyof typeof SHARING = 'shared'): Mapped | null {
  const address = mmap(null, size, PROT_READ, SHARING[sharing], fd, 0);
  if (address === null || BigInt.asIntN(64, koffi.address(address)) === BigInt(MAP_FAILED)) return null;
  return { bytes: Buffer.from(koffi.view(address, size)), unmap: () => munmap(address, size) };
}
