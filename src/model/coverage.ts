/** Which of the two independent views of the host a source belongs to. */
export type View = 'userland' | 'kernel';

/**
 * How much of its subject a source could read.
 * - `complete`: everything it looks at was read
 * - `partial`: some subjects were refused or malformed; `missed` names them
 * - `unavailable`: the source as a whole could not be used; `missed` says why
 * - `off`: the user switched it off with `--without`
 */
export type CoverageStatus = 'complete' | 'partial' | 'unavailable' | 'off';

/** Something a source could not read, or something it read that deserves a word. */
export interface Issue {
  /** What it is about: `pid 1`, `/run/netns/stale`, `mount namespace 4026532200`. */
  readonly subject: string;
  /** Why: an errno name such as `EACCES` where there is one, else a short phrase. */
  readonly reason: string;
}

/** What one source saw and what it could not see. Never silent: every source that exists has an entry. */
export interface Coverage {
  readonly source: string;
  readonly view: View;
  readonly status: CoverageStatus;
  /** How many subjects (processes, mounts, descriptors…) were read. */
  readonly seen: number;
  /** Gaps: what is unknown because of this source. Empty when `status` is `complete`. */
  readonly missed: readonly Issue[];
  /** Not gaps, but worth saying: a stale name, a mount laid over `/proc/<pid>`. */
  readonly notes: readonly Issue[];
  readonly durationMs: number;
}
