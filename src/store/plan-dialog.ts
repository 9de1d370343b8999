import { confirmationOf } from '../model/confirm.ts';
import type { Plan, Step, StepResult } from '../model/plan.ts';
import { outcomeLines, type PlanLine, planLines, resultLines } from '../model/plan-text.ts';
import { wrap } from '../terminal/width.ts';
import type { Dialog, PlanPhase } from './state.ts';

/** Offers that have a key. */
const DIGITS = 9;

/** A step of a plan, or what came of one; and where what belongs to it stands. */
const NUMBERED = /^ +(?:\S +)?\d+ {2}/;
const REMARK = ' '.repeat(15);

/** The key that takes an offer up. */
function offerKey(index: number): string {
  return index < DIGITS ? `press ${index + 1}` : 'on the command line';
}

function plain(text: string, tone: PlanLine['tone'] = 'plain'): PlanLine {
  return { text, tone };
}

function progressLines({ steps, targets }: Plan, results: readonly StepResult[]): PlanLine[] {
  const byId = new Map<number, Step>(steps.map((step) => [step.id, step]));
  return results.flatMap((result) => resultLines(result, byId.get(result.step), targets.length > 1));
}

function doingLines({ plan, doing, stopping, results }: Extract<PlanPhase, { is: 'running' }>): PlanLine[] {
  const step = plan.steps.find(({ id }) => id === doing?.step);
  const now = step === undefined ? 'beginning' : `${step.subject}${doing?.detail ? `: ${doing.detail}` : ''}`;
  const over = results.length === plan.steps.length ? 'looking what came of it' : now;
  return [plain(` … ${results.length} of ${plan.steps.length} done; ${over}`, stopping ? 'warn' : 'plain')];
}

function phaseLines(phase: PlanPhase): readonly PlanLine[] {
  switch (phase.is) {
    case 'planning':
      return [plain('looking at the host…', 'dim')];
    case 'refused':
      return [plain(phase.message, 'alert')];
    case 'ready': {
      const { plan } = phase;
      const lines = planLines(plan, offerKey);
      if (plan.steps.length === 0) return lines;
      const { words } = confirmationOf(plan);
      const undoing =
        words.length === 0 ? 'y does it' : `cannot be undone: y, and then ${words.join(' or ')} typed, does it`;
      const [title, ...rest] = lines;
      const size = plan.steps.length === 1 ? '1 step' : `${plan.steps.length} steps`;
      return [...(title === undefined ? [] : [title]), plain(`${size}; ${undoing}`, 'title'), ...rest];
    }
    case 'running':
      return [plain(phase.plan.title, 'title'), ...progressLines(phase.plan, phase.results), ...doingLines(phase)];
    case 'done':
      return [
        plain(phase.plan.title, 'title'),
        ...progressLines(phase.plan, phase.results),
        ...outcomeLines(phase.outcome, offerKey),
      ];
  }
}

let last: { phase: PlanPhase; width: number; lines: readonly PlanLine[] } | undefined;

/** What the dialog of a plan says, broken to `width` cells. The last one is remembered: a frame asks several times. */
export function planDialogLines({ phase }: Extract<Dialog, { kind: 'plan' }>, width: number): readonly PlanLine[] {
  if (last?.phase !== phase || last.width !== width) {
    const lines = phaseLines(phase).flatMap(({ text, tone }) => {
      const indent = /^ */.exec(text)?.[0] ?? '';
      // What goes on below a numbered line stands where its own remarks do.
      const hanging = NUMBERED.test(text) ? REMARK : `${indent}  `;
      const [first = '', ...rest] = wrap(text.slice(indent.length), Math.max(20, width - 2 - hanging.length));
      return [`${indent}${first}`, ...rest.map((piece) => `${hanging}${piece}`)].map((line) => ({ text: line, tone }));
    });
    last = { phase, width, lines };
  }
  return last.lines;
}
