import type { Coverage, CoverageStatus } from '../model/index.ts';
import { type Line, STYLE, type Style, span } from '../terminal/style.ts';
import { fit, wrap } from '../terminal/width.ts';

/** The light of each status: the shape says as much as the colour. */
export const LIGHT: Readonly<Record<CoverageStatus, { readonly glyph: string; readonly style: Style }>> = {
  complete: { glyph: '●', style: STYLE.good },
  partial: { glyph: '◐', style: STYLE.warn },
  unavailable: { glyph: '○', style: STYLE.alert },
  off: { glyph: '○', style: STYLE.dim },
};

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

/** Every source, what it read, what it missed and why. */
export function coverageLines(coverage: readonly Coverage[], width: number): readonly Line[] {
  if (coverage.length === 0) return [[span('   no scan has finished yet', STYLE.dim)]];
  return coverage.flatMap(({ source, status, seen, missed, notes, durationMs }) => {
    const { glyph, style } = LIGHT[status];
    const gaps = missed.length === 0 ? '' : `, ${missed.length} missed`;
    return [
      [
        span(` ${glyph} `, style),
        span(fit(source, 16), STYLE.bold),
        span(fit(status, 12), style),
        span(`${seen} read${gaps}, ${durationMs.toFixed(1)} ms`, STYLE.dim),
      ],
      ...issueLines('×', missed, width, STYLE.warn),
      ...issueLines('·', notes, width, STYLE.dim),
    ];
  });
}
