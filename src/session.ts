import { GUIDE_PROGRAMS, type Guide, readGuide } from '../collectors/guide.ts';
import { KernelProbe, type Loading, type ProbeState } from '../collectors/kernel/load.ts';
import type { KernelPin } from '../collectors/kernel.ts';
import type { Verdicts } from './correlate/index.ts';
import type { UnheldSince } from './correlate/verdict.ts';
import { BpfError } from './os/bpf.ts';

/** The built probe lies beside the source in a checkout, and beside the bundle in `dist`. */
const OBJECT = new URL(
  import.meta.url.endsWith('.ts') ? '../collectors/kernel/probe.bpf.o' : './probe.bpf.o',
  import.meta.url,
);

export interface SessionOptions {
  /**
   * There are more snapshots to come: what cannot be settled at once is left for the next one, instead of being waited
   * for. Default true.
   */
  readonly lasting?: boolean;
  /** Devices will be asked for. Default true. */
  readonly devices?: boolean;
  /** Userland will be looked at where the kernel's view says that there is something. Default false. */
  readonly guided?: boolean;
}

/** What lasts from one snapshot to the next: the loaded probe, and what was found out about namespaces. */
export class Session {
  readonly lasting: boolean;
  /** Namespaces nobody in userland holds, and since when. */
  unheldSince: UnheldSince = new Map();
  /** Inodes of namespaces that the kernel's list lacked in the last look. */
  unlisted: ReadonlySet<number> = new Set();
  /** What the last look at both views settled. */
  settled: Pick<Verdicts, 'hidden' | 'unlisted'> = { hidden: new Set(), unlisted: new Set() };
  /** What the last deeper look found. */
  deepPins: readonly KernelPin[] = [];
  #probe: Promise<ProbeState> | undefined;
  #loaded: ProbeState | undefined;
  #loading: Loading | undefined;
  readonly #devices: boolean;
  readonly #guided: boolean;

  constructor({ lasting = true, devices = true, guided = false }: SessionOptions = {}) {
    this.lasting = lasting;
    this.#devices = devices;
    this.#guided = guided;
  }

  /** What the kernel's view says of where userland is to look; null where it does not. Starts loading the probe as well. */
  async takeGuide(): Promise<Guide | null> {
    void this.probe();
    const programs = await this.#loading?.first;
    if (programs == null) return null;
    try {
      return readGuide(programs, this.#loading?.tasks);
    } catch (error) {
      if (error instanceof BpfError) return null;
      throw error;
    } finally {
      programs.close();
    }
  }

  /** The probe; starts loading it at the first call. A probe that did not load is tried once. */
  readonly probe = (): Promise<ProbeState> => {
    if (this.#probe === undefined) {
      const first = this.#guided ? GUIDE_PROGRAMS : [];
      this.#loading = KernelProbe.begin({ object: OBJECT, linked: true, devices: this.#devices, first });
      this.#probe = this.#loading.probe.then((state) => {
        this.#loaded = state;
        return state;
      });
    }
    return this.#probe;
  };

  /** Unloads the probe. */
  async close(): Promise<void> {
    await this.#probe;
    // Whoever took a guide has closed them already.
    (await this.#loading?.first)?.close();
    this.unload();
  }

  /** Unloads the probe if it is loaded: for a thread that has no time to wait. */
  unload(): void {
    if (this.#loaded !== undefined && 'probe' in this.#loaded) this.#loaded.probe.close();
    this.#loaded = undefined;
    this.#probe = undefined;
  }
}
