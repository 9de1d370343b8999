import type { SafeText } from './text.ts';

export const PLAN_SCHEMA = 'nsleuth/plan/1';

/** How much an action, or a step of it, takes away. `destructive` cannot be undone by another action. */
export type Risk = 'reversible' | 'destructive';

/** Capabilities (capabilities(7)) that steps may need. */
export type Capability = 'CAP_KILL' | 'CAP_NET_ADMIN' | 'CAP_SYS_ADMIN' | 'CAP_SYS_CHROOT' | 'CAP_SYS_PTRACE';

/** A network namespace as a plan names it: `cookie` tells it from every other, `ino` alone may be another's by now. */
export interface Target {
  /** What the screen and the store call it (`namespaceKey`). */
  readonly key: string;
  readonly ino: number;
  readonly cookie: string | null;
  /** `net:[4026532177] blue` */
  readonly label: SafeText;
}

/** A process as a plan names it: its pid and when it started, in clock ticks after boot. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
  readonly comm: SafeText;
  readonly user: SafeText | null;
}

/** A socket as a plan names it. */
export interface SocketIdentity {
  readonly family: 'inet' | 'inet6';
  readonly protocol: 'tcp' | 'udp';
  /** The kernel's own number of it, never reused; decimal. */
  readonly cookie: string;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly ifindex: number;
  readonly state: string;
}

/** What every step says of itself. */
interface StepText {
  /** Number in the plan, from 1. */
  readonly id: number;
  /** What it acts on. */
  readonly subject: SafeText;
  /** What it does, and what is lost by it. */
  readonly effect: SafeText;
  readonly risk: Risk;
  /** Why it stands where it stands; empty where the order does not matter. */
  readonly why: string;
  /** What it needs, beyond what looking needs. */
  readonly needs: readonly Capability[];
  /** The namespace it acts in; of `create` the one to be made. */
  readonly namespace: Target;
}

/** Ends processes: SIGTERM, a while later SIGKILL. */
export interface StopStep extends StepText {
  readonly kind: 'stop';
  readonly processes: readonly ProcessIdentity[];
  /**
   * - `namespace`: everything in the namespace, also what is started in it meanwhile
   * - `named`: these processes and no others, wherever they are
   */
  readonly scope: 'namespace' | 'named';
  /** Who lives in the namespace and is left alone all the same, by pid. */
  readonly except: readonly number[];
  /** Freeze first, whatever happens; otherwise only where processes appear faster than they end. */
  readonly freeze: boolean;
  /** How long SIGTERM may take, in milliseconds; 0 kills at once. */
  readonly graceMs: number;
}

/** A mount namespace in which something is mounted at a path. */
export interface MountPlace {
  /** Inode of the mount namespace; null for that of nsleuth itself where it may not be told. */
  readonly mountNamespace: number | null;
  /**
   * The mounts, one over the other or one below what is mounted over the directory: where `/run` is shared, as systemd
   * has it, `ip netns add` makes two, which go together.
   */
  readonly mountIds: readonly number[];
  /** Processes that live in it. */
  readonly seenBy: readonly number[];
}

/** One path, in every mount namespace where the namespace is mounted there. */
interface Mounted {
  readonly path: SafeText;
  readonly rawPath?: string;
  readonly places: readonly MountPlace[];
}

/** Removes the bind mounts of the namespace at one path. */
export interface UnmountStep extends StepText, Mounted {
  readonly kind: 'unmount';
  /** Detach them though they are busy (MNT_DETACH). */
  readonly lazy: boolean;
}

/** Removes the empty file that a name in `/run/netns` was mounted on. */
export interface RemoveNameStep extends StepText, Mounted {
  readonly kind: 'remove-name';
}

/** Moves one device to another namespace. */
export interface MoveDeviceStep extends StepText {
  readonly kind: 'move-device';
  readonly to: Target;
  readonly ifindex: number;
  /** Device name as bytes, one character each. */
  readonly name: string;
  /** What it is called there. */
  readonly newName: string;
}

/** Sets one device up or down. */
export interface SetLinkStep extends StepText {
  readonly kind: 'set-link';
  readonly ifindex: number;
  readonly name: string;
  readonly up: boolean;
}

/** Closes sockets from outside (SOCK_DESTROY, sock_diag(7), Linux 4.5). */
export interface CloseSocketsStep extends StepText {
  readonly kind: 'close-sockets';
  readonly sockets: readonly SocketIdentity[];
}

/** Makes a namespace with a name. */
export interface CreateStep extends StepText {
  readonly kind: 'create';
  readonly name: string;
}

/** Gives a namespace a name in `/run/netns`. */
export interface BindNameStep extends StepText {
  readonly kind: 'bind-name';
  readonly name: string;
}

/** One thing an action does. */
export type Step =
  | StopStep
  | UnmountStep
  | RemoveNameStep
  | MoveDeviceStep
  | SetLinkStep
  | CloseSocketsStep
  | CreateStep
  | BindNameStep;

export type StepKind = Step['kind'];

/** Something that stands near and is left alone. */
export interface Spared {
  readonly subject: SafeText;
  readonly why: SafeText;
}

/** What should be true when the plan is done. */
export type Expectation =
  | { readonly kind: 'gone'; readonly namespace: Target }
  /** `except`: who is left alone there, by pid. */
  | { readonly kind: 'empty'; readonly namespace: Target; readonly except: readonly number[] }
  | { readonly kind: 'ended'; readonly process: ProcessIdentity }
  | {
      readonly kind: 'unmounted';
      readonly namespace: Target;
      readonly path: SafeText;
      readonly mountIds: readonly number[];
    }
  | { readonly kind: 'device'; readonly namespace: Target; readonly name: SafeText }
  | {
      readonly kind: 'link';
      readonly namespace: Target;
      readonly ifindex: number;
      readonly name: SafeText;
      readonly up: boolean;
    }
  | { readonly kind: 'closed'; readonly namespace: Target; readonly sockets: readonly SocketIdentity[] }
  /** `namespace` null: one that is made by the plan. */
  | { readonly kind: 'named'; readonly namespace: Target | null; readonly name: string }
  | { readonly kind: 'unnamed'; readonly name: string };

/** Another action, or the same one with other options, that would do what this plan leaves. */
export interface Offer {
  readonly text: SafeText;
  readonly request: ActionRequest;
}

export type ActionId =
  | 'kill'
  | 'unmount'
  | 'reclaim'
  | 'move-device'
  | 'close-sockets'
  | 'release'
  | 'create'
  | 'name'
  | 'rename'
  | 'set-link';

/** What is asked of an action; every action has its own use for some of these. */
export interface ActionOptions {
  /** Processes by pid, instead of all. */
  readonly pids?: readonly number[];
  /** Also processes that descend from those and moved to other namespaces. */
  readonly descendants?: boolean;
  readonly freeze?: boolean;
  /** Milliseconds SIGTERM may take; 0 for SIGKILL at once. Default 5000. */
  readonly graceMs?: number;
  readonly lazy?: boolean;
  /** Paths of mounts, instead of all. */
  readonly paths?: readonly string[];
  /** Device names. */
  readonly devices?: readonly string[];
  /** All devices that can be moved, not the physical ones only. */
  readonly all?: boolean;
  /** Key of the namespace that devices are moved to; the initial one when left out. */
  readonly to?: string;
  /** New name: of a device, of a namespace. */
  readonly name?: string;
  /** The name to give up, where a namespace has several. */
  readonly oldName?: string;
  readonly link?: 'up' | 'down';
  /** Cookies of sockets, instead of those no process has open. */
  readonly sockets?: readonly string[];
  /** Terms of a filter over sockets, instead. */
  readonly filter?: string;
}

/** An action that is wanted: what `plan` makes a plan of. */
export interface ActionRequest {
  readonly action: ActionId;
  /** Keys of namespaces (`namespaceKey`); none for `create`. */
  readonly targets: readonly string[];
  readonly options: ActionOptions;
}

/** What an action would do, in order, before anything is done. */
export interface Plan {
  readonly schema: typeof PLAN_SCHEMA;
  readonly request: ActionRequest;
  readonly title: SafeText;
  readonly targets: readonly Target[];
  readonly steps: readonly Step[];
  /** The highest of its steps'. */
  readonly risk: Risk;
  readonly untouched: readonly Spared[];
  /** What deserves a word before it is confirmed. */
  readonly warnings: readonly SafeText[];
  readonly expectations: readonly Expectation[];
  readonly offers: readonly Offer[];
  /** When the snapshot was taken that it is made from, ISO 8601. */
  readonly madeFrom: string;
}

/**
 * What came of a step.
 * - `done`: it did what it says
 * - `nothing`: there was nothing left to do
 * - `changed`: what it was to act on is another by now: nothing was done, and the plan stops
 * - `denied`: not permitted; `capability` would give it
 * - `failed`: the kernel refused, or it took too long
 * - `skipped`: an earlier step stopped the plan, or this namespace's part of it
 */
export type StepStatus = 'done' | 'nothing' | 'changed' | 'denied' | 'failed' | 'skipped';

export interface StepResult {
  readonly step: number;
  readonly status: StepStatus;
  /** What happened, in a few words. */
  readonly message: SafeText;
  /** What was done of it, one thing a line; also where it failed halfway. */
  readonly details: readonly SafeText[];
  readonly capability?: Capability;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
}

/** Whether one expectation holds; null where that could not be seen. */
export interface Check {
  readonly text: SafeText;
  readonly holds: boolean | null;
  /** What was seen instead; empty where it holds. */
  readonly seen: SafeText;
}

/** A fresh look at what a plan was to achieve. */
export interface Verification {
  /** When it was looked, ISO 8601. */
  readonly at: string;
  readonly checks: readonly Check[];
  /** What would bring what is still missing. */
  readonly offers: readonly Offer[];
}

/** What came of a plan. */
export interface Outcome {
  readonly results: readonly StepResult[];
  /** Why it ended before its last step; null when it did not. */
  readonly stopped: SafeText | null;
  readonly interrupted: boolean;
  /** Null where nothing could be looked at. */
  readonly verification: Verification | null;
}

/** What `--json` prints of an action. */
export interface PlanReport {
  readonly plan: Plan;
  /** Absent where nothing was done: `--dry-run`, or there was nothing to do. */
  readonly outcome?: Outcome;
}
