import { KernelProbe, type ProbeState } from '../collectors/kernel/load.ts';

/** The built probe lies beside the source in a checkout, and beside the bundle in `dist`. */
const OBJECT = new URL(
  import.meta.url.endsWith('.ts') ? '../collectors/kernel/probe.bpf.o' : './probe.bpf.o',
  import.meta.url,
);

/** What lasts from one snapshot to the next: the loaded probe, and what was found out about namespaces. */
export class Session {
  /** Keys of namespaces that were hidden in the last snapshot: still unheld, they need no second look. */
  hidden: ReadonlySet<string> = new Set();
  readonly #object: URL;
  #probe: Promise<ProbeState> | undefined;

  constructor(object: URL = OBJECT) {
    this.#object = object;
  }

  /** The probe; starts loading it at the first call. A probe that did not load is tried once. */
  readonly probe = (): Promise<ProbeState> => {
    this.#probe ??= KernelProbe.load({ object: this.#object });
    return this.#probe;
  };

  /** Unloads the probe. */
  async close(): Promise<void> {
    const state = await this.#probe;
    this.#probe = undefined;
    if (state !== undefined && 'probe' in state) state.probe.close();
  }
}
