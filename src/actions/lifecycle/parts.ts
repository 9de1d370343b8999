/** What the plans of several actions are made of. Pure. */
import { CommandError, EXIT } from '../../errors.ts';
import { type Namespace, namespaceKey, type Snapshot } from '../../model/index.ts';
import {
  type ActionRequest,
  type Expectation,
  type Offer,
  PLAN_SCHEMA,
  type Plan,
  type Spared,
  type Step,
  type Target,
} from '../../model/plan.ts';
import type { PlanFacts } from './lifecycle.ts';

type Draft<S> = S extends Step ? Omit<S, 'id'> : never;

/** A step that has no number yet. */
export type StepDraft = Draft<Step>;

/** What a plan has to say about one namespace. */
export interface Part {
  readonly steps: readonly StepDraft[];
  readonly untouched?: readonly Spared[];
  readonly warnings?: readonly string[];
  readonly expectations?: readonly Expectation[];
  readonly offers?: readonly Offer[];
}

/** Several parts, one after the other. */
export function join(...parts: readonly Part[]): Required<Part> {
  return {
    steps: parts.flatMap(({ steps }) => steps),
    untouched: parts.flatMap(({ untouched = [] }) => untouched),
    warnings: parts.flatMap(({ warnings = [] }) => warnings),
    expectations: parts.flatMap(({ expectations = [] }) => expectations),
    offers: parts.flatMap(({ offers = [] }) => offers),
  };
}

/** `net:[4026532177] blue` */
export function labelOf(ns: Namespace): string {
  const name = ns.names[0] ?? (ns.initial ? 'init' : undefined);
  const number = `net:[${ns.ino ?? '?'}]`;
  return name === undefined ? number : `${number} ${name}`;
}

/**
 * A namespace as a plan names it.
 *
 * @throws CommandError for one that has no number: there is nothing to know it again by.
 */
export function targetOf(ns: Namespace): Target {
  if (ns.ino === null) {
    throw new CommandError('ERR_NO_NUMBER', 'nothing can be done about a namespace whose number nobody knows');
  }
  return { key: namespaceKey(ns), ino: ns.ino, cookie: ns.cookie, label: labelOf(ns) };
}

/** A namespace of the snapshot by its key. @throws CommandError when it is gone. */
export function namespaceOf(key: string, { namespaces }: Pick<Snapshot, 'namespaces'>): Namespace {
  const ns = namespaces.find((each) => namespaceKey(each) === key);
  if (ns === undefined) throw new CommandError('ERR_GONE', `the namespace ${key} is gone`);
  return ns;
}

/** The namespaces of a request. */
export function targetsOf({ targets }: ActionRequest, { snapshot }: PlanFacts): readonly Namespace[] {
  return [...new Set(targets)].map((key) => namespaceOf(key, snapshot));
}

/** What makes a namespace one that is not to be harmed; null for any other. */
export function protectedAs(ns: Namespace, { self }: PlanFacts): string | null {
  if (ns.initial) return 'the initial network namespace';
  return ns.ino !== null && ns.ino === self.netns ? 'the one nsleuth runs in' : null;
}

/** @throws CommandError for the host's own namespace and the one nsleuth runs in. */
export function protect(ns: Namespace, facts: PlanFacts, what: string): void {
  const which = protectedAs(ns, facts);
  if (which === null) return;
  throw new CommandError('ERR_PROTECTED', `${labelOf(ns)} is ${which}: ${what}`, EXIT.failed);
}

/** @throws CommandError for what nobody could read: with what is missing to read it, if anything is. */
export function notRead(what: string, { self }: PlanFacts): never {
  if (self.capabilities.includes('CAP_SYS_ADMIN')) {
    throw new CommandError('ERR_NOT_READ', `${what} could not be read; nsleuth doctor says why`);
  }
  throw new CommandError(
    'ERR_NOT_PERMITTED',
    `not permitted to read ${what}: it takes CAP_SYS_ADMIN; run nsleuth as root`,
    EXIT.notPermitted,
  );
}

/** How many of something, in words. */
export function count(number: number, one: string, several = `${one}s`): string {
  return `${number} ${number === 1 ? one : several}`;
}

/** Namespaces named in a title before "and n more". */
const TITLED = 3;

/** The namespaces of a plan in a few words. */
export function nameTargets(targets: readonly Target[]): string {
  const named = targets.slice(0, TITLED).map(({ label }) => label);
  return targets.length > TITLED ? `${named.join(', ')} and ${targets.length - TITLED} more` : named.join(', ');
}

/** Puts a plan together: numbers its steps, and says how much is at stake. */
export function makePlan(
  title: string,
  targets: readonly Target[],
  request: ActionRequest,
  { snapshot, self }: PlanFacts,
  ...parts: readonly Part[]
): Plan {
  const { steps, untouched, warnings, expectations, offers } = join(...parts);
  const lacking = [...new Set(steps.flatMap(({ needs }) => needs))].filter((each) => !self.capabilities.includes(each));
  if (lacking.length > 0) {
    const what = `${title}: it takes ${lacking.join(', ')}`;
    throw new CommandError(
      'ERR_NOT_PERMITTED',
      `not permitted to ${what[0]?.toLowerCase()}${what.slice(1)}; run nsleuth as root`,
      EXIT.notPermitted,
    );
  }
  return {
    schema: PLAN_SCHEMA,
    request,
    title,
    targets,
    steps: steps.map((step, index) => ({ ...step, id: index + 1 })),
    risk: steps.some(({ risk }) => risk === 'destructive') ? 'destructive' : 'reversible',
    untouched,
    warnings,
    expectations,
    offers,
    madeFrom: snapshot.takenAt,
  };
}
