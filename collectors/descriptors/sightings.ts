import type { Holder } from '../../src/model/index.ts';

/** Which namespace it is, as far as can be told. */
export interface NamespaceReference {
  /**
   * The namespace; null when it is proven to exist and its number cannot be learned. Sightings with the same
   * `unknown` are of the same namespace.
   */
  readonly ino: number | null;
  readonly unknown?: string;
  /** `net_cookie` of a namespace known by that alone. */
  readonly cookie?: string;
}

/** One descriptor, or something like it, that pins a namespace. */
export interface DescriptorSighting extends NamespaceReference {
  readonly holder: Holder;
}

/** A descriptor of a mount namespace: it may be all that keeps that mount namespace, and the mounts in it, alive. */
export interface MountNamespaceDescriptor {
  readonly ino: number;
  readonly pid: number;
  readonly fd: number;
  /** Only for a descriptor in a thread's private table. */
  readonly tid?: number;
}
