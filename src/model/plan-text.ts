import type { Check, Expectation, Outcome, Plan, SocketIdentity, Step, StepResult } from './plan.ts';
import type { SafeText } from './text.ts';

/** A line of a plan or of what came of it, and how much it deserves the eye. */
export interface PlanLine {
  readonly text: SafeText;
  readonly tone: 'title' | 'plain' | 'dim' | 'good' | 'warn' | 'alert';
}

function endpoint(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port || '*'}`;
}

/** `tcp 10.0.0.1:33982 → 10.0.0.2:80 (fin-wait-1)` */
export function describeSocket(socket: SocketIdentity): SafeText {
  const { protocol, localAddress, localPort, remoteAddress, remotePort, state } = socket;
  return `${protocol} ${endpoint(localAddress, localPort)} → ${endpoint(remoteAddress, remotePort)} (${state})`;
}

/** Pids named in a sentence before "and n more". */
const EXCEPTED = 3;

function exceptFor(pids: readonly number[]): string {
  if (pids.length === 0) return '';
  const more = pids.length > EXCEPTED ? ` and ${pids.length - EXCEPTED} more` : '';
  return `, but for pid ${pids.slice(0, EXCEPTED).join(', ')}${more}`;
}

/** What should be true, as a sentence. */
export function describeExpectation(expectation: Expectation): SafeText {
  switch (expectation.kind) {
    case 'gone':
      return `${expectation.namespace.label} is gone`;
    case 'empty':
      return `no process lives in ${expectation.namespace.label}${exceptFor(expectation.except)}`;
    case 'ended':
      return `pid ${expectation.process.pid} ${expectation.process.comm} has ended`;
    case 'unmounted':
      return `${expectation.path} is not mounted any more`;
    case 'device':
      return `${expectation.name} is in ${expectation.namespace.label}`;
    case 'link':
      return `${expectation.name} in ${expectation.namespace.label} is ${expectation.up ? 'up' : 'down'}`;
    case 'closed':
      return expectation.sockets.length === 1 && expectation.sockets[0] !== undefined
        ? `${describeSocket(expectation.sockets[0])} is closed`
        : `${expectation.sockets.length} sockets of ${expectation.namespace.label} are closed`;
    case 'named':
      return `${expectation.namespace?.label ?? 'a new namespace'} is called ${expectation.name}`;
    case 'unnamed':
      return `no namespace is called ${expectation.name}`;
  }
}

/** What a step does, in a word. */
const VERB: Readonly<Record<Step['kind'], string>> = {
  stop: 'stop',
  unmount: 'unmount',
  'remove-name': 'remove',
  'move-device': 'move',
  'set-link': 'set',
  'close-sockets': 'close',
  create: 'create',
  'bind-name': 'name',
};

/** Processes or sockets listed under a step before "and n more". */
const LISTED = 8;

/** What a step acts on where it is more than one thing. */
function itemsOf(step: Step): readonly SafeText[] {
  switch (step.kind) {
    case 'stop':
      return step.processes.map(({ pid, comm, user }) => `pid ${pid} ${comm}${user === null ? '' : ` (${user})`}`);
    case 'close-sockets':
      return step.sockets.map(describeSocket);
    default:
      return [];
  }
}

/** Where what belongs to a step stands, below its subject. */
const REMARK = ' '.repeat(15);

/** One step. @param said what was said of earlier ones: the same is not said of the next two hundred. */
function stepLines(step: Step, said: Set<string>): PlanLine[] {
  const { id, kind, subject, effect, why, risk } = step;
  const items = itemsOf(step);
  const more = items.length > LISTED ? [`and ${items.length - LISTED} more`] : [];
  const remark = (text: string): PlanLine => ({ text: `${REMARK}${text}`, tone: 'dim' });
  const once = (text: string): PlanLine[] => {
    const key = `${kind} ${text}`;
    if (text === '' || said.has(key)) return [];
    said.add(key);
    return [remark(text)];
  };
  return [
    {
      text: ` ${String(id).padStart(3)}  ${VERB[kind].padEnd(8)} ${subject}`,
      tone: risk === 'destructive' ? 'warn' : 'plain',
    },
    ...once(effect),
    ...[...items.slice(0, LISTED), ...more].map((item) => remark(`· ${item}`)),
    ...once(why),
  ];
}

const NOTHING_LISTED: readonly PlanLine[] = [];

/** All steps, those of one namespace together under its name where there are several. */
function stepsLines({ steps, targets }: Plan): PlanLine[] {
  const said = new Set<string>();
  let under: string | undefined = targets.length > 1 ? '' : undefined;
  return steps.flatMap((step) => {
    const { key, label } = step.namespace;
    const heading: PlanLine[] = under === undefined || under === key ? [] : [{ text: ` ${label}`, tone: 'plain' }];
    if (under !== undefined) under = key;
    return [...heading, ...stepLines(step, said)];
  });
}

/** In which order it is done, where that is not simply the one of the lines. */
function orderLines({ steps, targets }: Plan): readonly PlanLine[] {
  if (targets.length < 2 || steps.length < 2) return NOTHING_LISTED;
  return [{ text: '  the steps of one namespace in this order, the namespaces side by side', tone: 'dim' }];
}

function section(title: string, lines: readonly PlanLine[]): readonly PlanLine[] {
  return lines.length === 0 ? NOTHING_LISTED : [{ text: '', tone: 'plain' }, { text: title, tone: 'title' }, ...lines];
}

/** A plan as lines, in full. `offer` says how an offer is taken up. */
export function planLines(plan: Plan, offer: (index: number) => string): readonly PlanLine[] {
  return [
    { text: plan.title, tone: 'title' },
    ...plan.warnings.map((text): PlanLine => ({ text: `  ! ${text}`, tone: 'alert' })),
    ...(plan.steps.length === 0 ? [{ text: '  there is nothing to do', tone: 'plain' as const }] : []),
    ...stepsLines(plan),
    ...orderLines(plan),
    ...section(
      'Not touched',
      plan.untouched.map(({ subject, why }): PlanLine => ({ text: `  ${subject}: ${why}`, tone: 'plain' })),
    ),
    ...section(
      'Afterwards',
      plan.expectations.map(
        (expectation): PlanLine => ({ text: `  ${describeExpectation(expectation)}`, tone: 'plain' }),
      ),
    ),
    ...section(
      'It could also',
      plan.offers.map(({ text }, index): PlanLine => ({ text: `  ${text}: ${offer(index)}`, tone: 'plain' })),
    ),
  ];
}

const STATUS: Readonly<Record<StepResult['status'], { glyph: string; tone: PlanLine['tone'] }>> = {
  done: { glyph: '✓', tone: 'good' },
  nothing: { glyph: '·', tone: 'dim' },
  changed: { glyph: '✗', tone: 'alert' },
  denied: { glyph: '✗', tone: 'alert' },
  failed: { glyph: '✗', tone: 'alert' },
  skipped: { glyph: '–', tone: 'dim' },
};

/** What came of one step, in a line, and what was done of it where it did not go well. */
export function resultLines(result: StepResult, step: Step | undefined, several: boolean): readonly PlanLine[] {
  const { glyph, tone } = STATUS[result.status];
  const where = several && step !== undefined ? ` of ${step.namespace.label}` : '';
  const what = step === undefined ? '' : `${VERB[step.kind].padEnd(8)} ${step.subject}${where}: `;
  const head: PlanLine = { text: ` ${glyph} ${String(result.step).padStart(3)}  ${what}${result.message}`, tone };
  const failed = tone === 'alert';
  return [
    head,
    ...result.details.map((text): PlanLine => ({ text: `               ${text}`, tone: failed ? 'plain' : 'dim' })),
  ];
}

function checkLine({ text, holds, seen }: Check): PlanLine {
  if (holds === true) return { text: ` ✓ ${text}`, tone: 'good' };
  return holds === null
    ? { text: ` ? ${text}: ${seen}`, tone: 'warn' }
    : { text: ` ✗ not so: ${text}: ${seen}`, tone: 'alert' };
}

/** What came of a plan as a whole: why it stopped, what is so now, and what could be done next. */
export function outcomeLines(outcome: Outcome, offer: (index: number) => string): readonly PlanLine[] {
  const { stopped, verification } = outcome;
  const why: PlanLine[] = stopped === null ? [] : [{ text: `stopped: ${stopped}`, tone: 'alert' }];
  if (verification === null) return [...why, { text: 'nothing was done', tone: 'plain' }];
  return [
    ...why,
    ...section('Looked again', verification.checks.map(checkLine)),
    ...section(
      'Next',
      verification.offers.map(({ text }, index): PlanLine => ({ text: `  ${text}: ${offer(index)}`, tone: 'plain' })),
    ),
  ];
}
