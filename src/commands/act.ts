import { Actor } from '../act/actor.ts';
import { asCommand } from '../actions/lifecycle/as-command.ts';
import type { Finder, Lifecycle } from '../actions/lifecycle/lifecycle.ts';
import { CommandError, EXIT } from '../errors.ts';
import { confirmationOf, isConfirmed } from '../model/confirm.ts';
import { namespaceKey, type Snapshot } from '../model/index.ts';
import type { ActionOptions, ActionRequest, Outcome, Plan, PlanReport, StepResult } from '../model/plan.ts';
import { outcomeLines, type PlanLine, planLines, resultLines } from '../model/plan-text.ts';
import { SystemError } from '../os/errors.ts';
import { toJson } from '../report/json.ts';
import { type CommandOptions, collectOptions, procError, type Streams } from './command.ts';
import { theNamespace } from './select.ts';

/** What every command that changes the host takes. */
export interface ActOptions extends CommandOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly readOnly?: boolean;
  /** An action's own options, by their names. */
  readonly [option: string]: unknown;
}

/** `--read-only`: nothing may be changed. */
export function refuseReadOnly({ readOnly }: Pick<ActOptions, 'readOnly'>, id: string): void {
  if (!readOnly) return;
  throw new CommandError('ERR_READ_ONLY', `${id} changes the host, and --read-only forbids that`, EXIT.notPermitted);
}

function finderIn(snapshot: Snapshot): Finder {
  return {
    namespace: (selector) => namespaceKey(theNamespace(snapshot, selector)),
    named: (selector) => (theNamespace(snapshot, selector).names.includes(selector) ? { oldName: selector } : {}),
  };
}

/** `--grace` is `grace` among the parsed options, `--no-x` would be `x`. */
function optionName(flags: string): string {
  const [name = ''] = flags.replace(/^--/, '').split(' ');
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** What the command line asks for, once it is known which namespaces there are. */
function requestOf(
  { id, command }: Lifecycle,
  args: readonly (string | readonly string[])[],
  options: ActOptions,
): (snapshot: Snapshot) => ActionRequest {
  const read = (found: Finder): ActionOptions =>
    Object.assign(
      {},
      ...command.options.map((option) => {
        const value = options[optionName(option.flags)];
        return value === undefined ? {} : option.read(value as string | boolean | readonly string[], found);
      }),
    );
  return (snapshot) => {
    const found = finderIn(snapshot);
    const { targets, options: named } = command.read(args, found);
    return { action: id, targets, options: { ...named, ...read(found) } };
  };
}

function textOf(lines: readonly PlanLine[]): string {
  return lines.map(({ text }) => `${text}\n`).join('');
}

/** Asks on the terminal. @returns null when it was closed. */
async function ask(prompt: string): Promise<string | null> {
  // Loaded only here: a table is printed sooner than this module is there.
  const { createInterface } = process.getBuiltinModule('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<null>((resolve) => terminal.once('close', () => resolve(null)));
  // Ctrl-C at the prompt ends it like any other time.
  terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return await Promise.race([terminal.question(`${prompt} `), closed]);
  } finally {
    terminal.close();
  }
}

/** @throws CommandError unless the plan is confirmed. */
async function confirm(plan: Plan, { yes }: ActOptions): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new CommandError(
      'ERR_NOT_CONFIRMED',
      'there is no terminal to confirm it on: --yes does it without, --dry-run only shows it',
      EXIT.usage,
    );
  }
  const confirmation = confirmationOf(plan);
  const answer = await ask(confirmation.prompt);
  if (answer === null || !isConfirmed(confirmation, answer)) {
    throw new CommandError('ERR_NOT_CONFIRMED', 'not confirmed; nothing was done');
  }
}

function exitCode({ results, verification }: Outcome): number {
  if (results.some(({ status }) => status === 'denied')) return EXIT.notPermitted;
  const failed = results.some(({ status }) => status !== 'done' && status !== 'nothing');
  return failed || verification?.checks.some(({ holds }) => holds === false) ? EXIT.failed : EXIT.done;
}

/** Signals that ask it to end. SIGHUP: the terminal is gone. */
const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Carries it out; a signal ends it after the steps at hand.
 *
 * @returns also the signal that ended it, which is passed on when all is told.
 */
async function perform(
  actor: Actor,
  plan: Plan,
  json: boolean,
  { out, err }: Streams,
): Promise<{ readonly outcome: Outcome; readonly signal: NodeJS.Signals }> {
  const interrupt = new AbortController();
  let signal: NodeJS.Signals = 'SIGINT';
  const onSignal = (received: NodeJS.Signals): void => {
    err('nsleuth: interrupted: it ends after the steps at hand\n');
    signal = received;
    interrupt.abort();
  };
  for (const each of INTERRUPTS) process.on(each, onSignal);
  const stepOf = new Map(plan.steps.map((step) => [step.id, step]));
  const say = json ? err : out;
  try {
    const listener = {
      progress: () => {},
      result: (result: StepResult) =>
        say(textOf(resultLines(result, stepOf.get(result.step), plan.targets.length > 1))),
    };
    return { outcome: await actor.perform(plan, listener, interrupt.signal), signal };
  } finally {
    for (const each of INTERRUPTS) process.off(each, onSignal);
  }
}

/** A lifecycle command: shows the plan, has it confirmed, carries it out, and says what came of it. */
export async function act(
  row: Lifecycle,
  args: readonly (string | readonly string[])[],
  options: ActOptions,
  streams: Streams,
): Promise<number> {
  const { out, err } = streams;
  const { dryRun = false, json = false } = options;
  if (!dryRun) refuseReadOnly(options, row.id);
  const actor = new Actor(collectOptions(options));
  try {
    const plan = await actor.plan(row.id, requestOf(row, args, options));
    const offer = (index: number): string => {
      const offered = plan.offers[index];
      return offered === undefined ? '' : asCommand(offered.request);
    };
    const text = textOf(planLines(plan, offer));
    if (dryRun || plan.steps.length === 0) {
      out(json ? toJson({ plan } satisfies PlanReport) : text);
      return EXIT.done;
    }
    if (!json || !options.yes) err(`${text}\n`);
    await confirm(plan, options);
    const { outcome, signal } = await perform(actor, plan, json, streams);
    out(
      json
        ? toJson({ plan, outcome } satisfies PlanReport)
        : textOf(outcomeLines(outcome, (index) => asCommandAt(outcome, index))),
    );
    if (outcome.interrupted) {
      // What was told is to arrive before the signal does.
      await new Promise((resolve) => process.stdout.write('', resolve));
      process.kill(process.pid, signal);
      return EXIT.failed;
    }
    return exitCode(outcome);
  } catch (error) {
    throw error instanceof SystemError ? procError(options.proc, error) : error;
  } finally {
    await actor.close();
  }
}

function asCommandAt({ verification }: Outcome, index: number): string {
  const offered = verification?.offers[index];
  return offered === undefined ? '' : asCommand(offered.request);
}
