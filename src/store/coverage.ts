import { isCure } from '../model/cure.ts';
import { describeConcealedTask, describeDisagreement } from '../model/describe.ts';
import type { ConcealedTask, Coverage, CoverageStatus } from '../model/index.ts';
import { type Line, STYLE, type Style, span } from '../terminal/style.ts';
import { fit, wrap } from '../terminal/width.ts';

/** How a source's light looks. */
interface Light {
  readonly glyph: string;
  readonly style: Style;
}

const LIGHT: Readonly<Record<CoverageStatus, Light>> = {
  complete: { glyph: '●', style: STYLE.good },
  partial: { glyph: '◐', style: STYLE.warn },
  unavailable: { glyph: '×', style: STYLE.alert },
  off: { glyph: '○', style: STYLE.dim },
};

/**
 * The light of a source: the shape says as much as the colour. One that this host has not, and that nothing is unknown
 * without, is no alarm.
 */
export function lightOf({ status, missed }: Pick<Coverage, 'status' | 'missed'>): Light {
  return status === 'unavailable' && missed.length === 0 ? LIGHT.off : LIGHT[status];
}

/** The kernel's own view first: it decides what can be hidden at all. The others in the order they run. */
export function inScreenOrder(coverage: readonly Coverage[]): readonly Coverage[] {
  const rank = ({ source }: Coverage): number => (source === 'kernel' ? 0 : 1);
  return coverage.toSorted((a, b) => rank(a) - rank(b));
}

/** Gaps listed per source before "and n more". */
const LISTED_GAPS = 50;

function issueLines(marker: string, issues: Coverage['missed'], width: number, style: Style): Line[] {
  const lines = issues
    .slice(0, LISTED_GAPS)
    .flatMap(({ subject, reason }) =>
      wrap(`${subject}: ${reason}`, Math.max(10, width - 8)).map(
        (piece, index): Line => [span(`     ${index === 0 ? marker : ' '} `, style), span(piece)],
      ),
    );
  if (issues.length > LISTED_GAPS) lines.push([span(`       and ${issues.length - LISTED_GAPS} more`, STYLE.dim)]);
  return lines;
}

function sourceLines(coverage: Coverage, width: number): Line[] {
  const { source, status, seen, missed, notes, durationMs } = coverage;
  const { glyph, style } = lightOf(coverage);
  const gaps = missed.length === 0 ? '' : `, ${missed.length} missed`;
  return [
    [
      span(` ${glyph} `, style),
      span(fit(source, 16), STYLE.bold),
      span(fit(status, 12), style),
      span(`${seen} read${gaps}, ${durationMs.toFixed(1)} ms`, STYLE.dim),
    ],
    ...issueLines('×', missed, width, STYLE.warn),
    ...issueLines('→', notes.filter(isCure), width, STYLE.accent),
    ...issueLines(
      '·',
      notes.filter((note) => !isCure(note)),
      width,
      STYLE.dim,
    ),
  ];
}

function concealedTaskLines(tasks: readonly ConcealedTask[]): Line[] {
  if (tasks.length === 0) return [];
  return [
    [
      span(' ! ', STYLE.alert),
      span(fit('concealed tasks', 16), STYLE.bold),
      span(`${tasks.length} that only one of the two views shows`, STYLE.alert),
    ],
    ...tasks.map(
      (task): Line => [
        span('     × ', STYLE.alert),
        span(describeConcealedTask(task)),
        span(`  uid ${task.uid ?? '?'}, net:[${task.netns ?? '?'}]: ${describeDisagreement(task)}`, STYLE.dim),
      ],
    ),
  ];
}

/** Tasks that one view conceals, and every source: what it read, what it missed and why. */
export function coverageLines(
  coverage: readonly Coverage[],
  concealed: readonly ConcealedTask[],
  width: number,
): readonly Line[] {
  if (coverage.length === 0) return [[span('   no scan has finished yet', STYLE.dim)]];
  return [...concealedTaskLines(concealed), ...inScreenOrder(coverage).flatMap((source) => sourceLines(source, width))];
}
